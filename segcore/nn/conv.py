"""Convolution, normalisation and activation in the order the papers use."""

import paddle
from paddle import nn

from segcore.errors import InputError


def conv_block(
    in_channels, out_channels, kernel_size=3, padding=1, norm=None, stride=1, dilation=1
):
    """Convolution, then batch norm if `norm="batch"`, then ReLU, as a list of layers.

    The convolution has a bias only where no batch norm follows: the norm's own shift
    would make it redundant.
    """
    if isinstance(padding, str):
        raise InputError(
            f"padding={padding!r}: give a number of pixels, because with a word Paddle"
            ' may set the dilation back to 1 ("same" does, silently).'
        )
    layers = [
        nn.Conv2D(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            weight_attr=nn.initializer.KaimingNormal(),
            bias_attr=False if norm else None,
        )
    ]
    if norm == "batch":
        layers.append(nn.BatchNorm2D(out_channels))
    layers.append(nn.ReLU())
    return layers


class ConvBNReLU(nn.Sequential):
    """Convolution without bias, batch norm, ReLU: `[N, in, H, W]` to `[N, out, H, W]`.

    The padding is the one that keeps the size at any dilation, dilation * (k - 1) / 2;
    a stride s leaves one pixel of s, the size rounded up. An even kernel, which has no
    such padding, raises `InputError`. Source: Ioffe and Szegedy 2015, section 3.2.
    """

    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, dilation=1):
        if kernel_size % 2 == 0:
            raise InputError(
                f"kernel_size={kernel_size}: only an odd kernel can keep the size."
            )
        padding = dilation * (kernel_size - 1) // 2
        super().__init__(
            *conv_block(
                in_channels,
                out_channels,
                kernel_size,
                padding,
                "batch",
                stride,
                dilation,
            )
        )


class Branches(nn.Layer):
    """Layers that all read the same `[N, C, H, W]`; their outputs are merged.

    `merge` is `"concat"`, along the channels, or `"sum"`.
    """

    def __init__(self, *layers, merge="concat"):
        super().__init__()
        if merge not in ("concat", "sum"):
            raise InputError(f'merge is "concat" or "sum", not {merge!r}.')
        self.layers, self.merge = nn.LayerList(layers), merge

    def forward(self, x):
        maps = [layer(x) for layer in self.layers]
        return paddle.concat(maps, axis=1) if self.merge == "concat" else sum(maps)
