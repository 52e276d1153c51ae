"""Prediction of whole images, in windows, at several scales."""

import tracemalloc

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from segcore import inference, plotting
from segcore.data.transforms import to_array
from segcore.errors import InputError
from segcore.models import unet

RNG = np.random.default_rng(0)


def picture(*size):
    return RNG.integers(0, 255, (*size, 3)).astype(np.uint8)


class ByColour(paddle.nn.Layer):
    """A network without context: each pixel's class is its strongest channel."""

    def forward(self, x):
        return {"out": 50 * x}


@pytest.mark.parametrize("mode", inference.MODES)
@pytest.mark.parametrize("size", [(5, 9), (32, 32), (100, 131)])
def test_the_result_has_the_images_size(mode, size):
    paddle.seed(0)
    for padding in ("same", "valid"):
        model = unet(4, width=0.02, padding=padding)
        mask = inference.predict(model, picture(*size), mode, window=(64, 64))
        assert mask.shape == size and mask.dtype == np.uint8 and mask.max() < 4


def test_modes_agree_where_context_does_not_matter():
    image = picture(70, 90)
    whole = inference.predict(ByColour(), image)
    for options in ({"window": (32, 48)}, {"window": (40, 40), "overlap": 0.0}):
        sliding = inference.predict(ByColour(), image, "sliding", **options)
        np.testing.assert_array_equal(whole, sliding)
    smooth = np.zeros((64, 64, 3), np.uint8)
    smooth[:, :32, 0], smooth[:, 32:, 2] = 250, 250
    whole, several = (
        inference.predict(ByColour(), smooth, mode) for mode in ("whole", "multiscale")
    )
    assert (whole == several).mean() > 0.95


@pytest.mark.parametrize("tile", [36, 64, 100])
def test_tiles_of_the_valid_unet_are_seamless(tile):
    """U-Net's overlap-tile strategy: exactly the untiled result."""
    paddle.seed(0)
    model = unet(3, width=1 / 16, padding="valid")
    image = picture(150, 133)
    whole = inference.probabilities(model, image)
    tiled = inference.probabilities(model, image, "sliding", window=(tile, tile))
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    # The test sees a seam where there is one: the padded variant has them.
    padded = unet(3, width=1 / 16)
    whole = inference.probabilities(padded, image)
    tiled = inference.probabilities(padded, image, "sliding", window=(tile, tile))
    assert np.abs(tiled - whole).max() > 1e-3


def test_probabilities_of_a_large_image_are_never_held_at_once():
    class Many(paddle.nn.Layer):
        def forward(self, x):
            return {"out": paddle.concat([x] * 32, axis=1)}

    image = picture(900, 700)
    whole = 96 * 900 * 700 * 4  # bytes of all probabilities
    for options in ({"mode": "sliding"}, {"mode": "whole", "size": (90, 70)}):
        tracemalloc.start()
        mask = inference.predict(Many(), image, window=(128, 128), **options)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert mask.shape == (900, 700) and peak < whole / 2, options


def test_a_band_is_enlarged_as_interpolate_enlarges(monkeypatch):
    monkeypatch.setattr(inference, "BAND", 99)
    small = RNG.normal(size=(3, 7, 9)).astype(np.float32)
    for size in ((40, 31), (7, 20), (5, 4)):
        bands = list(inference._enlarged(small, size))
        expected = F.interpolate(paddle.to_tensor(small[None]), size, mode="bilinear")
        np.testing.assert_allclose(np.concatenate(bands, 1), expected[0], atol=1e-5)
        assert len(bands) > 1 or size == (5, 4)


def test_weights_that_are_no_numbers_predict_nothing():
    model = unet(3, width=0.02)
    model.classifier.bias.set_value(paddle.full([3], float("nan")))
    with pytest.raises(InputError, match="weights are spoilt"):
        inference.predict(model, picture(40, 40))


def test_windows_cover_everything_once_or_more():
    for side, window, step in ((100, 32, 16), (33, 32, 7), (32, 32, 16), (97, 40, 40)):
        starts = inference._starts(side, window, step)
        covered = np.zeros(side)
        for start in starts:
            assert start >= 0 and start + window <= side
            covered[start : start + window] += 1
        assert covered.min() >= 1


def test_probabilities_sum_to_one_at_any_working_size():
    paddle.seed(0)
    model = unet(3, width=0.02)
    for size in (None, (48, 64)):
        found = inference.probabilities(model, picture(60, 50), size=size)
        assert found.shape == (3, 60, 50)
        np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)


def test_valid_unet_sees_the_same_through_mirrors():
    """Where no mirrored pixel is seen, `predict` gives the bare network's output."""
    paddle.seed(0)
    model = unet(3, width=0.02, padding="valid")
    model.eval()  # it has dropout
    image = picture(240, 240)
    # predict puts 92 mirrored pixels before the image; a tile from pixel 4 on starts
    # at 96 = 6 * 16 there, so its pooling windows fall on the same pixels.
    tile = to_array(image[4:208, 4:208])[None]
    bare = F.softmax(model(paddle.to_tensor(tile))["out"], axis=1)[0].numpy()
    found = inference.probabilities(model, image)
    np.testing.assert_allclose(found[:, 96:116, 96:116], bare, atol=1e-5)


@pytest.mark.parametrize(
    "bad", [np.zeros((5, 5)), np.zeros((5, 5, 3)), np.zeros((5, 5, 4), np.uint8)]
)
def test_what_is_no_image_is_refused(bad):
    with pytest.raises(InputError, match="uint8 image"):
        inference.predict(ByColour(), bad)


def test_wrong_modes_are_refused():
    with pytest.raises(InputError, match="mode is one of"):
        inference.predict(ByColour(), picture(40, 40), "half")
    with pytest.raises(InputError, match="overlap"):
        inference.predict(ByColour(), picture(40, 40), "sliding", overlap=1.0)


def test_colours_and_overlays():
    mask = np.array([[0, 1], [2, 255]], np.uint8)
    coloured = plotting.colour_mask(mask)
    assert coloured.shape == (2, 2, 3)
    np.testing.assert_array_equal(coloured[1, 1], plotting.IGNORED)
    assert len({tuple(c) for c in plotting.colours(24)}) == 24
    image = np.full((2, 2, 3), 100, np.uint8)
    laid = plotting.overlay(image, mask, background=0)
    np.testing.assert_array_equal(laid[0, 0], image[0, 0])
    np.testing.assert_array_equal(laid[1, 1], image[1, 1])
    assert (laid[0, 1] != image[0, 1]).any()
