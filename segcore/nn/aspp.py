"""Atrous spatial pyramid pooling: one map read at several dilation rates at once."""

from paddle import nn

from segcore.errors import InputError
from segcore.nn.conv import Branches, ConvBNReLU


class ASPP(nn.Sequential):
    """Atrous spatial pyramid pooling, `[N, in, H, W]` to `[N, out_channels, H, W]`.

    A 1x1 convolution, a dilated 3x3 one for each of `rates`, and the mean over the
    image, `out_channels` each with batch norm; concatenated, then 1x1. `rates` belong
    to an output stride: (6, 12, 18) at 16, twice that at 8.
    Source: DeepLab v3 (Chen et al. 2017), section 3.3 and figure 5.
    """

    def __init__(
        self, in_channels, out_channels=256, rates=(6, 12, 18), image_pooling=True
    ):
        branches = [ConvBNReLU(in_channels, out_channels, 1)]
        branches += [
            ConvBNReLU(in_channels, out_channels, 3, dilation=rate) for rate in rates
        ]
        if image_pooling:
            branches.append(ImagePooling(in_channels, out_channels))
        super().__init__(
            Branches(*branches),
            ConvBNReLU(len(branches) * out_channels, out_channels, 1),
        )


class ImagePooling(nn.Sequential):
    """The mean over the image, a 1x1 convolution, and the result at every pixel.

    Training with one image raises `InputError`: one value a channel has no variance,
    and Paddle hands it on as it is, so that another network is trained than tested.
    Source: DeepLab v3, section 3.3 ("image-level features"), after ParseNet.
    """

    def __init__(self, in_channels, out_channels):
        super().__init__(
            nn.AdaptiveAvgPool2D(1), ConvBNReLU(in_channels, out_channels, 1)
        )

    def forward(self, x):
        if self.training and x.shape[0] == 1:
            raise InputError(
                "Image pooling cannot train on a batch of 1: batch norm would have one"
                " value a channel. Take 2 images or more, or image_pooling=False."
            )
        return super().forward(x).expand([-1, -1, *x.shape[2:]])
