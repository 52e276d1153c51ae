"""Ways to make a feature map larger."""

import numpy as np
import paddle

from segcore.errors import InputError


def upsample(x, size=None, scale_factor=None, mode="bilinear", align_corners=False):
    """`[N, C, H, W]` resized to `size = (height, width)`, or by a whole factor.

    `mode` is `"bilinear"` or `"nearest"`. With `align_corners=False` pixels are small
    squares and the outer borders of both grids coincide; with `True` they are points,
    and the centres of the corner pixels coincide. Rows and columns are resized one
    after the other, each by one matrix product. The values are those of
    `paddle.nn.functional.interpolate`.
    """
    size = _output_size(x, size, scale_factor)
    if mode not in ("bilinear", "nearest"):
        raise InputError(f'mode is "bilinear" or "nearest", not {mode!r}.')
    rows, columns = (
        nearest_matrix(old, new)
        if mode == "nearest"
        else bilinear_matrix(old, new, align_corners)
        for old, new in zip(x.shape[2:], size)
    )
    rows, columns = (paddle.to_tensor(m).astype(x.dtype) for m in (rows, columns))
    return paddle.matmul(paddle.matmul(rows, x), columns, transpose_y=True)


def nearest_matrix(old, new):
    """Weights `[new, old]`, a single 1 a row: pixel i is copied from i * old / new."""
    # Paddle rounds the ratio to float32 and then cuts off: at 26 to 22, for one, exact
    # arithmetic would name another pixel.
    source = np.arange(new, dtype=np.float32) * (np.float32(old) / np.float32(new))
    return np.eye(old, dtype=np.float32)[source.astype(int)]


def bilinear_matrix(old, new, align_corners=False):
    """Weights `[new, old]` of linear interpolation from `old` pixels to `new`."""
    target = np.arange(new)
    if new == 1:  # Paddle takes the first pixel, here as with align_corners
        place = np.zeros(1)
    elif align_corners:
        place = target * ((old - 1) / (new - 1))
    else:  # centres lie at .5, and beyond the outer ones the border value goes on
        place = np.clip((target + 0.5) * (old / new) - 0.5, 0, old - 1)
    left = np.minimum(place.astype(int), old - 1)
    share = place - left
    matrix = np.zeros((new, old), np.float32)
    matrix[target, left] = 1 - share
    matrix[target, np.minimum(left + 1, old - 1)] += share
    return matrix


def bilinear_kernel(channels, stride):
    """The kernel of a transposed convolution that interpolates, `[C, C, k, k]`.

    k is 2 * stride, less 1 where the stride is odd; every channel goes to itself. With
    padding (k - stride) / 2 the result is `upsample(x, scale_factor=stride)` wherever
    the kernel does not reach over the border. Source: FCN (Long et al. 2015), section
    3.3, where this is the start of the learned upsampling.
    """
    side = 2 * stride - stride % 2
    tent = 1 - np.abs(np.arange(side) - (side - 1) / 2) / stride
    kernel = np.zeros((channels, channels, side, side), np.float32)
    kernel[range(channels), range(channels)] = np.outer(tent, tent)
    return paddle.to_tensor(kernel)


def max_unpool(x, indices, size):
    """Every value of `[N, C, h, w]` back at its place in zeros `[N, C, *size]`.

    `indices` are those that `paddle.nn.functional.max_pool2d(..., return_mask=True)`
    gives: row * width + column of each maximum. One outside of `size` raises
    `InputError`. Source: Zeiler and Fergus 2014, section 2.1.
    """
    n, c = x.shape[:2]
    height, width = size
    if int(indices.max()) >= height * width or int(indices.min()) < 0:
        raise InputError(
            f"An index is {int(indices.max())}, but {height} x {width} pixels end at"
            f" {height * width - 1}: give the size of the map before pooling."
        )
    flat = paddle.zeros([n, c, height * width], x.dtype)
    places = indices.astype("int64").reshape([n, c, -1])
    flat = paddle.put_along_axis(flat, places, x.reshape([n, c, -1]), axis=2)
    return flat.reshape([n, c, height, width])


def _output_size(x, size, scale_factor):
    if (size is None) == (scale_factor is None):
        raise InputError("Give either size=(height, width) or scale_factor.")
    if size is None:
        size = [side * scale_factor for side in x.shape[2:]]
    size = list(size)
    if any(side != int(side) or side < 1 for side in size):
        raise InputError(
            f"The new size is {size[0]} x {size[1]}: it must be whole pixels, at least"
            " 1 x 1. Give size=(height, width) instead of a factor that is not whole."
        )
    return [int(side) for side in size]
