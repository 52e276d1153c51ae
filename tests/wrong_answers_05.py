"""Plausible wrong answers to the exercises of lesson 05."""

import numpy as np


def not_turned(x, kernel, stride, padding):
    spread = np.zeros((len(x) - 1) * stride + 1)
    spread[::stride] = x
    wide = np.pad(spread, len(kernel) - 1 - padding)
    return np.correlate(wide, kernel, "valid")


def padding_as_typed(x, kernel, stride, padding):
    spread = np.zeros((len(x) - 1) * stride + 1)
    spread[::stride] = x
    return np.correlate(np.pad(spread, padding), kernel[::-1], "valid")


def no_zeros_between(x, kernel, stride, padding):
    wide = np.pad(x, len(kernel) - 1 - padding)
    return np.correlate(wide, kernel[::-1], "valid")


def repeats_instead_of_zeros(x, kernel, stride, padding):
    spread = np.repeat(x, stride)[: (len(x) - 1) * stride + 1]
    wide = np.pad(spread, len(kernel) - 1 - padding)
    return np.correlate(wide, kernel[::-1], "valid")


def convolves_with_the_stride(x, kernel, stride, padding):
    wide = np.pad(x, len(kernel) - 1 - padding)
    return np.correlate(wide, kernel[::-1], "valid")[::stride]


def forgets_the_padding(x, kernel, stride, padding):
    spread = np.zeros((len(x) - 1) * stride + 1)
    spread[::stride] = x
    return np.convolve(spread, kernel)


def at(place, row):
    left = np.floor(place).astype(int)
    right = np.minimum(left + 1, len(row) - 1)
    return (1 - place + left) * row[left] + (place - left) * row[right]


def as_handed_in(row, new):
    return at(np.arange(new) * len(row) / new, row)


def corners_aligned(row, new):
    return at(np.arange(new) * (len(row) - 1) / max(new - 1, 1), row)


def without_the_clip(row, new):
    return at((np.arange(new) + 0.5) * len(row) / new - 0.5, row)


def half_not_taken_off(row, new):
    place = (np.arange(new) + 0.5) * len(row) / new
    return at(np.clip(place, 0, len(row) - 1), row)


def nearest_only(row, new):
    return row[((np.arange(new) + 0.5) * len(row) / new).astype(int)]


def zeros_outside(row, new):
    place = (np.arange(new) + 0.5) * len(row) / new - 0.5
    weights = np.maximum(1 - np.abs(place[:, None] - np.arange(len(row))), 0)
    return weights @ row


def text(row, new):
    return "the same as before"


with_a_zero_row = np.zeros((4, 4))
with_a_zero_row[:3, :3] = 1
negative = np.ones((5, 5)) - 2 * np.eye(5)
tent_of_stride_two = np.outer([0.25, 0.75, 0.75, 0.25], [0.25, 0.75, 0.75, 0.25])

WRONG = {
    "05.1": [
        (32, 32, 0),
        (64, 32, 0),
        (63, 32, 16),
        (64, 32, 15),
        (48, 32, 8),
        (112, 56, 112),
        (64.5, 32, 16),
        ("64", "32", "16"),
        (None, 32, 16),
        64,
        "64, 32, 16",
    ],
    "05.2": [
        not_turned,
        padding_as_typed,
        no_zeros_between,
        repeats_instead_of_zeros,
        convolves_with_the_stride,
        forgets_the_padding,
        None,
    ],
    "05.3": [
        as_handed_in,
        corners_aligned,
        without_the_clip,
        half_not_taken_off,
        nearest_only,
        zeros_outside,
        text,
    ],
    "05.4": [
        np.ones((5, 5)),
        np.ones((6, 6)),
        np.ones((3, 3)),
        np.ones((4, 4)),
        tent_of_stride_two,
        with_a_zero_row,
        negative,
        np.ones(5),
        np.zeros((5, 5)),
        "the tent",
    ],
}


def by_convolve(x, kernel, stride, padding):
    spread = np.zeros((len(x) - 1) * stride + 1)
    spread[::stride] = x
    whole = np.convolve(spread, kernel)
    return whole[padding : len(whole) - padding]


def by_interp(row, new):
    place = (np.arange(new) + 0.5) * len(row) / new - 0.5
    return np.interp(place, np.arange(len(row)), row)


ALSO_RIGHT = {
    "05.1": [(60, 30, 8), [64.0, 32, 16], np.array([96, 32, 32])],
    "05.2": [by_convolve],
    "05.3": [by_interp],
    "05.4": [
        np.outer([1, 2, 2, 1], [1, 2, 2, 1]),
        [[1, 2, 3, 2, 1]] * np.c_[[1, 2, 3, 2, 1]],
    ],
}
