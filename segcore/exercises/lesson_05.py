"""Checks of the exercises of lesson 05, upsampling."""

import numbers

import numpy as np

from segcore.exercises import Wrong, as_array


def exercise_1(layer):
    """A transposed convolution from 7 to 224."""
    if isinstance(layer, np.ndarray):
        layer = layer.tolist()
    if not isinstance(layer, (tuple, list)) or len(layer) != 3:
        raise Wrong("Give three numbers, (kernel, stride, padding).")
    if not all(isinstance(part, (numbers.Real, np.ndarray)) for part in layer):
        raise Wrong("Kernel, stride and padding are whole numbers.")
    kernel, stride, padding = (float(part) for part in layer)
    if any(part != int(part) for part in (kernel, stride, padding)):
        raise Wrong("Kernel, stride and padding are whole numbers.")
    kernel, stride, padding = int(kernel), int(stride), int(padding)
    if kernel < 1 or stride < 1 or padding < 0:
        raise Wrong("Kernel and stride are at least 1, the padding at least 0.")
    size = 6 * stride - 2 * padding + kernel
    if size != 224:
        raise Wrong(f"With these numbers 7 becomes {size}. Section 4 has the formula.")
    if kernel % stride:
        raise Wrong(
            "The size is right, but some pixels have more painters than others: how"
            " must kernel and stride be related for even counts (section 8)?"
        )
    if kernel <= stride:
        raise Wrong("The size is right, but these strokes do not overlap.")
    if padding >= kernel:
        raise Wrong("The size is right, but the padding is as large as the kernel.")
    return f"6 * {stride} - 2 * {padding} + {kernel} = 224."


def exercise_2(gather_row):
    """Transposed convolution of a row."""
    rng = np.random.default_rng(5)
    for size, side, stride, padding in [
        (3, 3, 1, 0),
        (3, 3, 2, 0),
        (4, 3, 2, 1),
        (4, 4, 2, 1),
        (3, 5, 3, 4),
        (5, 2, 3, 0),
        (1, 4, 2, 1),
    ]:
        x = rng.integers(-4, 5, size).astype(float)
        kernel = rng.integers(-4, 5, side).astype(float)
        kernel[[0, -1]] = 1, 3  # no symmetric one
        x[0] = 2
        found = _row(gather_row(x.copy(), kernel.copy(), stride, padding))
        expected = _painted(x, kernel, stride, padding)
        case = f"kernel {side}, stride {stride}, padding {padding}"
        if found.shape != expected.shape:
            raise Wrong(
                f"With {case}, a row of {size} becomes one of {len(expected)};"
                f" yours has shape {found.shape}."
            )
        if not np.allclose(found, expected, atol=1e-5):
            raise Wrong(
                f"With {case}, {_text(x)} and the kernel {_text(kernel)} give"
                f" {_text(expected)}; you have {_text(found)}."
            )
    return "What is gathered is what would have been painted."


def exercise_3(enlarge_row):
    """Linear interpolation with align_corners=False."""
    for row, new, what in [
        ([10, 20, 40], 6, "the row of section 1"),
        ([0, 3, 6], 9, "a factor of 3"),
        ([0, 1, 4, 9, 16], 8, "a factor that is not whole"),
        ([0, 1, 4, 9, 16, 25, 36, 49], 2, "a shorter row"),
        ([1, 2, 4], 3, "a row that keeps its size"),
        ([7], 3, "a row of one"),
    ]:
        row = np.array(row, float)
        found = _row(enlarge_row(row.copy(), new))
        place = np.clip((np.arange(new) + 0.5) * len(row) / new - 0.5, 0, len(row) - 1)
        expected = np.interp(place, np.arange(len(row)), row)
        if found.shape != expected.shape:
            raise Wrong(f"Return {new} values; yours has shape {found.shape}.")
        if not np.allclose(found, expected, atol=1e-4):
            raise Wrong(
                f"For {what}, {_text(row)} should become {_text(expected)}; you have"
                f" {_text(found)}."
            )
    return (
        "Pixels are squares, read at their centres; beyond the ends the border goes on."
    )


def exercise_4(even_kernel):
    """A kernel for stride 3 whose phases have equal sums."""
    kernel = as_array(even_kernel)
    if kernel.ndim == 4 and kernel.shape[:2] == (1, 1):
        kernel = kernel[0, 0]
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1]:
        raise Wrong(f"Give a square array [k, k], not one of shape {kernel.shape}.")
    side = len(kernel)
    if side <= 3 or side % 3 == 0:
        raise Wrong(f"The side is {side}: it must be larger than 3, no multiple of 3.")
    if not np.isfinite(kernel).all() or kernel.min() < 0:
        raise Wrong("No tap may be negative, and all must be finite numbers.")
    outer = (kernel[0], kernel[-1], kernel[:, 0], kernel[:, -1])
    if any(line.max() == 0 for line in outer):
        raise Wrong("An outer row or column is all zero, so this is a smaller kernel.")
    sums = [kernel[i::3, j::3].sum() for i in range(3) for j in range(3)]
    if np.ptp(sums) > 1e-5 * max(sums):
        raise Wrong(
            f"The nine phases of the output of a flat map lie between {min(sums):.3f}"
            f" and {max(sums):.3f}; they must be equal. Which taps fall on one phase?"
        )
    return f"Side {side}, stride 3, and each phase sums to {np.mean(sums):.2f}."


def _painted(x, kernel, stride, padding):
    canvas = np.zeros((len(x) - 1) * stride + len(kernel))
    for i, value in enumerate(x):
        canvas[i * stride : i * stride + len(kernel)] += value * kernel
    return canvas[padding : len(canvas) - padding]


def _row(values):
    values = as_array(values)
    return values[0] if values.ndim == 2 and len(values) == 1 else values


def _text(values):
    return "[" + ", ".join(f"{value:.4g}" for value in values) + "]"
