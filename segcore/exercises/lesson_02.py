"""Checks of lesson 02, Images and masks."""

import numpy as np

from segcore.data import shapes
from segcore.exercises import Wrong
from segcore.plotting import colour_mask


def exercise_1(to_ids):
    """`to_ids(picture, colours)`: class ids of a coloured mask, 255 for others."""
    # The last two colours share two channels each with the first.
    colours = [(10, 20, 30), (200, 20, 30), (10, 20, 90)]
    want = np.array([[0, 1, 2, 2], [1, 1, 0, 255]], np.uint8)
    picture = colour_mask(want, colours)
    got = np.asarray(to_ids(picture.copy(), colours))
    _same_shape(got, want)
    if (got == 255).sum() > 1:
        raise Wrong("Pixels of a known colour became 255.")
    if got[1, 3] != 255:
        raise Wrong(f"A white pixel is none of the classes, but it became {got[1, 3]}.")
    if not np.array_equal(got, want):
        y, x = np.argwhere(got != want)[0]
        raise Wrong(
            f"The colour {tuple(map(int, picture[y, x]))} is class {want[y, x]} but"
            f" became {got[y, x]}. Do all three channels have to agree?"
        )
    world = shapes.load("train")
    mask = world.mask(0)
    if not np.array_equal(
        to_ids(colour_mask(mask, world.colours), world.colours), mask
    ):
        raise Wrong(
            "The small example is right, but a mask of the shapes world is not."
        )
    return "The ids of the small example and of a whole scene came back."


def exercise_2(augment):
    """`augment(image, mask, rng)`: flips and shifts both; padding becomes 255."""
    # Each pixel of the image says where it came from; 0 is what padding adds.
    height, width = 30, 50
    rows, columns = np.mgrid[1 : height + 1, 1 : width + 1]
    image = np.stack([rows, columns, rows], axis=-1).astype(np.uint8)
    truth = np.random.default_rng(0).integers(0, 6, (height, width)).astype(np.uint8)
    flips, places = set(), set()
    for seed in range(40):
        moved, mask = augment(image.copy(), truth.copy(), np.random.default_rng(seed))
        moved, mask = np.asarray(moved), np.asarray(mask)
        if moved.shape != image.shape or mask.shape != truth.shape:
            raise Wrong(
                f"The image is {moved.shape} and the mask {mask.shape}; they should"
                f" keep {image.shape} and {truth.shape}."
            )
        padded = moved[..., 0] == 0
        there = moved[~padded].astype(int) - 1
        agree = (mask[~padded] == truth[there[:, 0], there[:, 1]]).mean()
        if agree < 1:
            raise Wrong(
                f"Image and mask part company: only {agree:.0%} of the pixels have"
                " their own label. Is there one coin, and one window, for both?"
            )
        if (mask[padded] != 255).any():
            raise Wrong(
                f"What padding adds is labelled {mask[padded][0]}, a class. Which"
                " label does not count?"
            )
        middle = moved[height // 2, :, 1].astype(int)
        flips.add(bool(np.diff(middle[middle > 0]).mean() < 0))
        places.add((int(moved[height // 2, 25, 0]), int(moved[15, width // 2, 1])))
    if flips != {False, True}:
        raise Wrong("The flip is lost: about half of the samples should be mirrored.")
    if len(places) < 10:
        raise Wrong("The shift is lost: samples should lie at different places.")
    return "Over 40 seeds each pixel keeps its own label, and padding is 255."


def exercise_3(ignore_borders):
    """`ignore_borders(mask)`: 255 where one of four neighbours has another class."""
    small = np.zeros((5, 6), np.uint8)
    small[2:4, 3:] = 1
    for mask in (small, shapes.load("train").mask(0)):
        kept = mask.copy()
        got = np.asarray(ignore_borders(mask))
        if not np.array_equal(mask, kept):
            raise Wrong("Your function changes the mask that it was given.")
        _same_shape(got, mask)
        padded = np.pad(mask, 1, mode="edge")
        neighbours = [
            padded[1 + y : 1 + y + mask.shape[0], 1 + x : 1 + x + mask.shape[1]]
            for y, x in ((-1, 0), (1, 0), (0, -1), (0, 1))
        ]
        border = np.any([mask != neighbour for neighbour in neighbours], axis=0)
        if (got[border] != 255).any():
            y, x = np.argwhere(border & (got != 255))[0]
            raise Wrong(
                f"Row {y}, column {x} has a neighbour of another class, but is not 255."
                " Both sides of a border count."
            )
        if (got[~border] != mask[~border]).any():
            y, x = np.argwhere(~border & (got != mask))[0]
            raise Wrong(
                f"Row {y}, column {x} has four neighbours of its own class (or is at"
                f" the edge of the picture), but became {got[y, x]}."
            )
    return "A small mask and a whole scene have their borders ignored."


def _same_shape(got, want):
    if got.shape != want.shape:
        raise Wrong(f"The result has the shape {got.shape}, not {want.shape}.")
