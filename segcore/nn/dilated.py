"""Dilated (atrous) convolution, seen as an ordinary one."""

import paddle


def dilate_kernel(weight, dilation):
    """The kernel `[out, in, k, k]` with `dilation - 1` zeros between its taps.

    An ordinary convolution with the result, whose side is k + (k-1)(dilation-1), is the
    dilated convolution with `weight`. To compute it so is a waste: the zeros are
    multiplied. Source: Yu and Koltun 2016, section 2.
    """
    out, channels, height, width = weight.shape
    d = dilation
    dilated = paddle.zeros(
        [out, channels, d * (height - 1) + 1, d * (width - 1) + 1], weight.dtype
    )
    dilated[:, :, ::d, ::d] = weight
    return dilated
