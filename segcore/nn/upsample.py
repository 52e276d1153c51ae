"""Ways to make a feature map larger."""

import numpy as np
import paddle
from paddle import nn

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
    if mode == "nearest":
        rows, columns = (
            paddle.to_tensor(np.arange(new) * old // new)
            for old, new in zip(x.shape[2:], size)
        )
        return x.index_select(rows, axis=2).index_select(columns, axis=3)
    rows, columns = (
        paddle.to_tensor(bilinear_matrix(old, new, align_corners)).astype(x.dtype)
        for old, new in zip(x.shape[2:], size)
    )
    return paddle.matmul(paddle.matmul(rows, x), columns, transpose_y=True)


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


class UpConv(nn.Conv2DTranspose):
    """Up-convolution: a transposed convolution with kernel = stride = `scale`.

    `[N, in_channels, H, W]` becomes `[N, out_channels, scale*H, scale*W]`. Each input
    pixel paints its own block and the blocks do not overlap, so the whole operator is
    one matrix product and a reordering of its result. That is how it is computed here:
    the values are those of `paddle.nn.Conv2DTranspose`, several times faster on a CPU.
    Source: U-Net (Ronneberger et al. 2015), section 2, "up-convolution".
    """

    def __init__(self, in_channels, out_channels, scale=2):
        super().__init__(in_channels, out_channels, scale, stride=scale)
        self.scale = scale

    def forward(self, x):
        n, c, h, w = x.shape
        s, out = self.scale, self.weight.shape[1]
        pixels = x.transpose([0, 2, 3, 1]).reshape([-1, c])
        blocks = paddle.matmul(pixels, self.weight.reshape([c, out * s * s]))
        blocks = blocks.reshape([n, h, w, out, s, s]).transpose([0, 3, 1, 4, 2, 5])
        return blocks.reshape([n, out, h * s, w * s]) + self.bias.reshape([1, -1, 1, 1])


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
