"""Large kernels from narrow ones, and the refinement of borders that goes with them."""

from paddle import nn

from segcore.errors import InputError
from segcore.nn.conv import Branches


class GlobalConvolution(Branches):
    """Global convolution, `[N, in, H, W]` to `[N, out, H, W]`, field k x k.

    A column of k and then a row of k, plus a row and then a column, with biases and no
    nonlinearity: a k x k convolution whose kernels are sums of outer products, for
    O(k) weights. An even k raises `InputError`.
    Source: Large Kernel Matters (Peng et al. 2017), section 3.1 and figure 2 (B).
    """

    def __init__(self, in_channels, out_channels, kernel_size):
        k = kernel_size
        if k % 2 == 0:
            raise InputError(f"kernel_size={k}: only an odd kernel can keep the size.")

        def narrow(before, height, width):
            # No ReLU follows, so it is 1 / N, not 2 / N, that keeps the scale.
            start = nn.initializer.Normal(0.0, (before * k) ** -0.5)
            return nn.Conv2D(
                before,
                out_channels,
                (height, width),
                padding=(height // 2, width // 2),
                weight_attr=start,
            )

        def column(before):
            return narrow(before, k, 1)

        def row(before):
            return narrow(before, 1, k)

        super().__init__(
            nn.Sequential(column(in_channels), row(out_channels)),
            nn.Sequential(row(in_channels), column(out_channels)),
            merge="sum",
        )


class BoundaryRefinement(Branches):
    """Scores `[N, K, H, W]` plus what two 3x3 convolutions want changed in them.

    At the start that is nothing.
    Source: Peng et al. 2017, section 3.2 and figure 2 (C).
    """

    def __init__(self, channels):
        super().__init__(
            nn.Sequential(
                nn.Conv2D(channels, channels, 3, padding=1),
                nn.ReLU(),
                nn.Conv2D(
                    channels,
                    channels,
                    3,
                    padding=1,
                    weight_attr=nn.initializer.Constant(0.0),
                ),
            ),
            nn.Identity(),
            merge="sum",
        )
