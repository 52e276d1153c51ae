"""Convolution, normalisation and activation in the order the papers use."""

from paddle import nn


def conv_block(in_channels, out_channels, kernel_size=3, padding=1, norm=None):
    """Convolution, then batch norm if `norm="batch"`, then ReLU, as a list of layers.

    The convolution has a bias only where no batch norm follows: the norm's own shift
    would make it redundant.
    """
    layers = [
        nn.Conv2D(
            in_channels,
            out_channels,
            kernel_size,
            padding=padding,
            weight_attr=nn.initializer.KaimingNormal(),
            bias_attr=False if norm else None,
        )
    ]
    if norm == "batch":
        layers.append(nn.BatchNorm2D(out_channels))
    layers.append(nn.ReLU())
    return layers
