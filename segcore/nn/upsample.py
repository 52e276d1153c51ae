"""Ways to make a feature map larger."""

import paddle
from paddle import nn


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
