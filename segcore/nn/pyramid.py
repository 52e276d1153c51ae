"""Pyramid pooling: what is there, told to every pixel at several coarsenesses."""

import paddle
from paddle import nn

from segcore.errors import InputError
from segcore.nn.conv import ConvBNReLU
from segcore.nn.upsample import upsample


class PyramidPooling(nn.Layer):
    """Pyramid pooling, `[N, C, H, W]` to about twice the channels, `[N, 2C, H, W]`.

    For each of `bins` the map is averaged over a grid of bin x bin fields, a 1x1
    convolution with batch norm takes it to C / len(bins) channels, and it is resized to
    H x W, `align_corners` as for `upsample`; all stand beside the map itself. Training
    with one image raises `InputError` where a bin is 1: batch norm would have one value
    a channel.
    Source: PSPNet (Zhao et al. 2017), section 3.2 and figure 3.
    """

    def __init__(self, in_channels, bins=(1, 2, 3, 6), align_corners=False):
        super().__init__()
        self.bins, self.align_corners = tuple(bins), align_corners
        each = max(1, in_channels // len(self.bins)) if self.bins else 0
        self.out_channels = in_channels + each * len(self.bins)
        self.levels = nn.LayerList(
            nn.Sequential(nn.AdaptiveAvgPool2D(size), ConvBNReLU(in_channels, each, 1))
            for size in self.bins
        )

    def forward(self, x):
        if self.training and x.shape[0] == 1 and 1 in self.bins:
            raise InputError(
                "Pyramid pooling cannot train on a batch of 1: batch norm would have"
                " one value a channel in bin 1. Take 2 images or more, or leave bin 1"
                " out."
            )
        pooled = [
            upsample(level(x), x.shape[2:], align_corners=self.align_corners)
            for level in self.levels
        ]
        return paddle.concat([x, *pooled], axis=1)
