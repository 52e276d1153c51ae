"""A fully connected conditional random field, as after DeepLab v1 and v2.

Krähenbühl and Koltun, NeurIPS 2011. Every pixel talks to every other: those that are
near, and those that are near and of like colour, ask for the same label. The sums over
all pairs are Gaussian filters, which is what makes them cheap.
"""

from itertools import product

import numpy as np
from scipy.ndimage import correlate1d, gaussian_filter, gaussian_filter1d
from scipy.sparse import csr_array

from segcore.errors import InputError


def dense_crf(
    probabilities,
    image,
    steps=10,
    position_weight=3.0,
    position_sigma=3.0,
    colour_weight=10.0,
    colour_reach=80.0,
    colour_sigma=13.0,
):
    """Class probabilities `[K, H, W]` after mean-field inference in a dense CRF.

    `image` is uint8 `[H, W, 3]`. Two Gaussian kernels tie pixels together: one of
    position (`position_sigma`, pixels), one of position and colour (`colour_reach`,
    pixels, and `colour_sigma`, grey levels); labels that differ cost the kernel's
    value, whatever they are (Potts). The defaults are for images of 300 to 500 pixels.
    Raises `InputError` where sizes do not match or a sigma is not above 0. Sources:
    Krähenbühl and Koltun 2011, algorithm 1; DeepLab v1 (Chen et al. 2015), section 4.2.
    """
    probabilities, image = np.asarray(probabilities, np.float32), np.asarray(image)
    if image.ndim != 3 or probabilities.shape[1:] != image.shape[:2]:
        raise InputError(
            f"The probabilities are {probabilities.shape} and the image {image.shape};"
            " they must be [K, H, W] and [H, W, 3] of one size."
        )
    if min(position_sigma, colour_reach, colour_sigma) <= 0:
        raise InputError("Every sigma of the CRF must be above 0.")
    near = PositionKernel(image.shape[:2], position_sigma)
    alike = ColourKernel(image, colour_reach, colour_sigma)
    unary = np.log(np.maximum(probabilities, 1e-6))
    q = probabilities
    for _ in range(steps):
        # With Potts costs, what speaks for a label is the weight of those who have it.
        votes = position_weight * near.sum_over_others(q)
        votes += colour_weight * alike.sum_over_others(q)
        q = _softmax(unary + votes)
    return q


class _Kernel:
    """Sums `[K, H, W]` of a map's values at all other pixels, weighted by a kernel.

    Divided by the square root of both pixels' total weight, so that a pixel amid many
    of its kind does not shout down one with few. `own` is the kernel of a pixel with
    itself, which does not count.
    """

    def normalise(self, own):
        self.own = own
        total = self.blur(np.ones((1, *self.size), np.float32))[0] - own
        # A pixel like no other hears nothing, rather than rounding errors.
        self.scale = 1 / np.sqrt(np.maximum(total, 1e-3))

    def sum_over_others(self, values):
        values = values * self.scale
        return (self.blur(values) - self.own * values) * self.scale


class PositionKernel(_Kernel):
    """exp(-|p - q|^2 / 2 sigma^2) of places p and q in pixels."""

    def __init__(self, size, sigma):
        self.size, self.sigma = size, sigma
        spike = np.zeros(2 * (int(4 * sigma) + 1) + 1)
        spike[len(spike) // 2] = 1
        # scipy's weights add up to 1; the kernel is 1 at its centre.
        self.peak = gaussian_filter1d(spike, sigma, mode="constant").max() ** 2
        self.normalise(own=1.0)

    def blur(self, values):
        sigmas = (0, self.sigma, self.sigma)
        return gaussian_filter(values, sigmas, mode="constant") / self.peak


class ColourKernel(_Kernel):
    """exp(-|p - q|^2 / 2 reach^2 - |I_p - I_q|^2 / 2 sigma^2), places p and colours I.

    Taken on two coarse grids half a cell apart, whose errors all but cancel.
    """

    def __init__(self, image, reach, sigma):
        self.size = image.shape[:2]
        y, x = np.mgrid[: self.size[0], : self.size[1]]
        places = np.stack([y / reach, x / reach], axis=-1)
        places = np.concatenate([places, image / sigma], axis=-1).reshape(-1, 5)
        places -= places.min(axis=0)
        self.grids = [_Grid(places), _Grid(places + 0.5)]
        self.normalise(own=self._mean([g.own for g in self.grids])[0])

    def blur(self, values):
        flat = values.reshape(len(values), -1)
        return self._mean([grid.blur(flat) for grid in self.grids])

    def _mean(self, parts):
        return (sum(parts) / len(parts)).reshape(-1, *self.size)


class _Grid:
    """exp(-|f - g|^2 / 2) for features f, g, `[pixels, 5]`, on cells one unit wide.

    Each pixel is shared out over the corners of its cell, the grid is blurred along
    each axis, and the pixel reads its corners: the bilateral grid (Paris and Durand
    2006), in all three colours.
    """

    def __init__(self, features):
        low = features.astype(int)
        share = features - low
        self.cells = low.max(axis=0) + 2
        rows, columns, weights = [], [], []
        for corner in product((0, 1), repeat=features.shape[1]):
            rows.append(np.arange(len(features)))
            columns.append(np.ravel_multi_index((low + corner).T, self.cells))
            weights.append(np.where(corner, share, 1 - share).prod(axis=1))
        entries = [np.concatenate(part) for part in (weights, rows, columns)]
        shape = (len(features), int(self.cells.prod()))
        self.read = csr_array((entries[0], tuple(entries[1:])), shape, dtype=np.float32)

        # Sharing out and reading are each a blur by a tent, of variance 1/6 on average;
        # the grid's own blur is what is missing from 1.
        self.taps = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (1 - 1 / 3)))
        self.taps *= np.sqrt(2 * np.pi) / self.taps.sum()  # the kernel's own sum
        centre, beside = self.taps[3], self.taps[4]
        own = centre * (share**2 + (1 - share) ** 2) + 2 * beside * share * (1 - share)
        self.own = own.prod(axis=1)  # what a pixel's value adds to its own sum

    def blur(self, values):
        """Sums `[K, pixels]` over all pixels."""
        out = np.empty_like(values)
        for k, row in enumerate(values):
            grid = (self.read.T @ row).reshape(self.cells)
            for axis in range(grid.ndim):
                grid = correlate1d(grid, self.taps, axis, mode="constant")
            out[k] = self.read @ grid.ravel()
        return out


def _softmax(logits):
    shifted = np.exp(logits - logits.max(axis=0))
    return shifted / shifted.sum(axis=0)
