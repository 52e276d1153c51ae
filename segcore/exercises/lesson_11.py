"""Checks of the exercises of lesson 11, DeepLab v2 and ASPP."""

import numpy as np
import paddle
import paddle.nn.functional as F

from segcore.exercises import Wrong, as_array, as_number


def exercise_1(merged):
    """Side and taps of the one kernel that a sum of rates is."""
    cases = [
        ((6, 12, 18, 24), 49, 33),
        ((1,), 3, 9),
        ((1, 2, 3), 7, 25),
        ((4, 4, 4, 4), 9, 9),
        ((2, 7, 2), 15, 17),
        ((5, 1), 11, 17),
    ]
    for rates, side, taps in cases:
        found = as_array(merged(list(rates)))
        if found.shape != (2,):
            raise Wrong(f"Return two numbers, the side and the taps, not {found!r}.")
        if found[0] != side:
            raise Wrong(
                f"The merged kernel of the rates {rates} is {side} places wide; you"
                f" have {found[0]:g}. From the first tap to the last, both counted."
            )
        if found[1] != taps:
            told = (
                " What happens where two branches have the same rate?"
                if len(set(rates)) < len(rates)
                else " Which taps fall on one place?"
            )
            raise Wrong(
                f"With the rates {rates} it has {taps} places in use; you have"
                f" {found[1]:g}.{told}"
            )
    return "Eight new places for each new rate, and one for the centre."


def exercise_2(branch):
    """A dilated convolution that keeps the size, and its rate."""
    rng = np.random.default_rng(2)
    for kernel, rate, size in [(3, 1, (9, 9)), (3, 6, (21, 17)), (5, 3, (16, 20))]:
        x = paddle.to_tensor(rng.standard_normal((2, 3, *size)).astype("float32"))
        shape = (4, 3, kernel, kernel)
        weight = paddle.to_tensor(rng.standard_normal(shape).astype("float32"))
        found = as_array(branch(x, weight, rate))
        told = f"For a {kernel} x {kernel} kernel at rate {rate} on a map {size}"
        if found.shape != (2, 4, *size):
            raise Wrong(
                f"{told} the output must be [2, 4, {size[0]}, {size[1]}]; yours has"
                f" shape {list(found.shape)}."
            )
        right, undilated = (
            F.conv2d(x, weight, padding=r * (kernel // 2), dilation=r).numpy()
            for r in (rate, 1)
        )
        if np.allclose(found, right, atol=1e-3):
            continue
        if np.allclose(found, undilated, atol=1e-3):
            raise Wrong(f"{told} your output is that of rate 1. The bug is still in.")
        raise Wrong(f"{told} the size is right and the values are not.")
    return "A number of pixels, never a word."


def exercise_3(fuse):
    """Score maps of several sizes, fused by the maximum at the largest size."""
    rng = np.random.default_rng(5)
    cases = [
        [(4, 5), (6, 8), (8, 10)],
        [(8, 8), (4, 4)],
        [(7, 9)],
        [(3, 3), (5, 7), (4, 4)],
    ]
    for sizes in cases:
        maps = [
            paddle.to_tensor(rng.standard_normal((2, 3, *size)).astype("float32"))
            for size in sizes
        ]
        largest = max(sizes)
        found = as_array(fuse([m.clone() for m in maps]))
        told = f"For maps of the sizes {sizes}"
        if found.shape != (2, 3, *largest):
            raise Wrong(
                f"{told} return scores [2, 3, {largest[0]}, {largest[1]}]; yours have"
                f" shape {list(found.shape)}."
            )
        if np.allclose(found, _fused(maps, largest), atol=1e-3):
            continue
        if np.allclose(found, _fused(maps, largest, merge="sum"), atol=1e-3):
            raise Wrong(f"{told} you have the sum of the scales.")
        if np.allclose(found, _fused(maps, largest, merge="mean"), atol=1e-3):
            raise Wrong(f"{told} you have the mean of the scales.")
        if np.allclose(found, _fused(maps, largest, align_corners=True), atol=1e-3):
            raise Wrong(f"{told} you are near: this is align_corners=True.")
        if np.allclose(found, _fused(maps, largest, mode="nearest"), atol=1e-3):
            raise Wrong(f"{told} the maps are enlarged, but not bilinearly.")
        raise Wrong(f"{told} the shape is right and the scores are not.")
    return "The loudest scale counts, for each class and place."


def exercise_4(share_on_padding):
    """The share of the nine taps that read padding, over a whole map."""
    for height, width, rate in [
        (41, 41, 24),
        (9, 9, 1),
        (16, 16, 6),
        (12, 30, 5),
        (30, 12, 15),
        (10, 10, 10),
        (7, 7, 24),
    ]:
        found = as_number(share_on_padding(height, width, rate))
        along = [1 - 2 * min(rate, n) / (3 * n) for n in (height, width)]
        expected = 1 - along[0] * along[1]
        if np.isclose(found, expected, atol=1e-4):
            continue
        told = f"On a map of {height} x {width} at rate {rate} the share is"
        if np.isclose(found, 1 - expected, atol=1e-4):
            raise Wrong(f"{told} {expected:.3f}; yours is the share on the map.")
        hint = "Rows and columns: a tap counts only if both are on the map."
        if rate >= min(height, width):
            hint = "No line can miss more often than it has places."
        elif height != width:
            hint = "Rows and columns differ here."
        raise Wrong(f"{told} {expected:.3f}; you have {found:.3f}. {hint}")
    return "Eight of nine: more can never miss, because the centre never does."


def _fused(maps, size, merge="max", mode="bilinear", align_corners=False):
    options = {"align_corners": align_corners} if mode == "bilinear" else {}
    large = paddle.stack(
        [F.interpolate(m, list(size), mode=mode, **options) for m in maps]
    )
    return getattr(large, merge)(axis=0).numpy()
