"""Pictures of masks and moving pictures."""

import io

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from segcore import plotting


def test_an_animation_is_one_png_that_ends_as_its_still():
    def draw(step):
        figure = plt.figure(figsize=(1, 0.5), dpi=50)
        figure.patch.set_facecolor((step / 4, 0, 0))
        return figure

    before = plt.get_fignums()
    shown = plotting.animation(draw, range(4), seconds=0.1)
    assert plt.get_fignums() == before
    picture = Image.open(io.BytesIO(shown.data))
    assert picture.format == "PNG" and picture.is_animated
    reds = []
    for frame in range(picture.n_frames):
        picture.seek(frame)
        reds.append(int(np.asarray(picture.convert("RGB"))[0, 0, 0]))
    assert len(set(reds[1:])) == 4 and reds[1:] == sorted(reds[1:])
    assert reds[0] == reds[-1], "the still is the last step"


def test_ignored_pixels_are_white():
    mask = np.array([[0, 1], [255, 1]], np.uint8)
    picture = plotting.colour_mask(mask)
    assert (picture[1, 0] == 255).all()
    assert (picture[0, 1] == plotting.PALETTE[1]).all()
    image = np.full((2, 2, 3), 100, np.uint8)
    blended = plotting.overlay(image, mask, background=0)
    assert (blended[0, 0] == 100).all() and (blended[1, 0] == 100).all()
    assert (blended[0, 1] != 100).any()


def test_arms_shows_every_seed_and_every_floor():
    runs = [
        {"arm": arm, "seed": seed, "score": score + 0.01 * seed}
        for arm, score in (("one", 0.5), ("two", 0.7))
        for seed in range(3)
    ]
    figure = plotting.arms(runs, "score", "mean IoU", {"colour": 0.1})
    axis = figure.axes[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["one", "two"]
    drawn = [line.get_xdata() for line in axis.get_lines()]
    assert [0.5, 0.51, 0.52] in [[round(x, 3) for x in xs] for xs in drawn]
    assert [0.1, 0.1] in [list(xs) for xs in drawn]
    assert figure.legends[0].get_texts()[0].get_text() == "colour 0.10"
