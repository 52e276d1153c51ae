"""The dense CRF against the sums over all pairs of pixels, written out."""

import numpy as np
import pytest
import skimage.data

from segcore.crf import ColourKernel, PositionKernel, dense_crf
from segcore.data.transforms import resize_image
from segcore.errors import InputError

SIZE = (40, 48)
KERNELS = {"defaults": (80.0, 13.0), "near": (15.0, 20.0), "grey": (10.0, 40.0)}


@pytest.fixture(scope="module")
def image():
    """Return a small picture with flat parts and edges."""
    return resize_image(skimage.data.astronaut()[:320, 60:444], SIZE)


@pytest.fixture(scope="module")
def guess():
    """Return noisy probabilities of three classes: a left, a right and none."""
    rng = np.random.default_rng(0)
    q = 0.3 * rng.dirichlet(np.ones(3), SIZE).transpose(2, 0, 1)
    q[0, :, :20] += 0.5
    q[1, :, 20:] += 0.4
    return q / q.sum(axis=0)


def pairs(features):
    """exp(-|f - g|^2 / 2) between all pixels, none with itself, both normalised."""
    flat = features.reshape(-1, features.shape[-1])
    square = (flat**2).sum(axis=1)
    distance = square[:, None] + square[None] - 2 * flat @ flat.T
    kernel = np.exp(-np.maximum(distance, 0) / 2)
    np.fill_diagonal(kernel, 0)
    total = np.maximum(kernel.sum(axis=1), 1e-3)
    return kernel / np.sqrt(total[:, None] * total[None])


def position(sigma):
    return np.stack(np.mgrid[: SIZE[0], : SIZE[1]], axis=-1) / sigma


def position_and_colour(image, reach, sigma):
    return np.concatenate([position(reach), image / sigma], axis=-1)


def test_the_kernel_of_position_is_the_sum_over_all_pairs():
    values = np.random.default_rng(1).random((2, *SIZE)).astype(np.float32)
    exact = values.reshape(2, -1) @ pairs(position(3.0))
    found = PositionKernel(SIZE, 3.0).sum_over_others(values)
    np.testing.assert_allclose(found.reshape(2, -1), exact, atol=5e-4)


@pytest.mark.parametrize("name", KERNELS)
def test_the_kernel_of_colour_is_near_the_sum_over_all_pairs(image, name):
    """It is an approximation: 1 % on the mean of what a pixel hears."""
    values = np.random.default_rng(1).random((2, *SIZE)).astype(np.float32)
    exact = values.reshape(2, -1) @ pairs(position_and_colour(image, *KERNELS[name]))
    found = ColourKernel(image, *KERNELS[name]).sum_over_others(values).reshape(2, -1)
    assert np.abs(found - exact).mean() < 0.01 * exact.mean()
    assert np.corrcoef(found.ravel(), exact.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("name", KERNELS)
def test_mean_field_is_that_of_the_sums_written_out(image, guess, name):
    reach, sigma = KERNELS[name]
    near, alike = pairs(position(3.0)), pairs(position_and_colour(image, reach, sigma))
    unary = np.log(guess.reshape(3, -1))
    q = guess.reshape(3, -1)
    for _ in range(10):
        logits = unary + 3 * q @ near + 10 * q @ alike
        q = np.exp(logits - logits.max(axis=0))
        q /= q.sum(axis=0)
    found = dense_crf(guess, image, colour_reach=reach, colour_sigma=sigma)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)
    found = found.reshape(3, -1)
    assert (found.argmax(axis=0) == q.argmax(axis=0)).mean() > 0.99
    assert np.abs(found - q).mean() < 0.002


def test_a_sharp_edge_in_colour_draws_the_border():
    """Two flat halves, probabilities that are off by five columns and noisy."""
    image = np.zeros((*SIZE, 3), np.uint8)
    image[:, 24:] = 200
    right = np.full(SIZE, 0.2)
    right[:, 29:] = 0.9
    right += np.random.default_rng(2).uniform(-0.15, 0.1, SIZE)
    guess = np.stack([1 - right, right])
    truth = np.arange(SIZE[1]) >= 24
    before = (guess.argmax(axis=0) == truth).mean()
    after = (dense_crf(guess, image).argmax(axis=0) == truth).mean()
    assert before < 0.92
    assert after == 1


def test_without_weights_or_steps_nothing_changes(image, guess):
    for options in ({"steps": 0}, {"position_weight": 0, "colour_weight": 0}):
        found = dense_crf(guess, image, **options)
        np.testing.assert_allclose(found, guess, atol=1e-6)


def test_a_pixel_of_a_colour_of_its_own_keeps_its_class(guess):
    image = np.full((*SIZE, 3), 100, np.uint8)
    image[5, 5] = (250, 0, 250)
    found = dense_crf(guess, image, position_weight=0, colour_sigma=8.0)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, 5, 5], guess[:, 5, 5], atol=0.05)


def test_what_does_not_fit_is_refused(image, guess):
    with pytest.raises(InputError, match=r"\(3, 40, 48\) and the image \(48, 40, 3\)"):
        dense_crf(guess, image.transpose(1, 0, 2))
    with pytest.raises(InputError, match="above 0"):
        dense_crf(guess, image, colour_sigma=0)
