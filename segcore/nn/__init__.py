"""Building blocks, one idea a file."""

from segcore.nn.aspp import ASPP, ImagePooling
from segcore.nn.conv import Branches, ConvBNReLU, conv_block
from segcore.nn.dilated import dilate_kernel
from segcore.nn.graph import GloReUnit, GraphInteraction
from segcore.nn.large_kernel import BoundaryRefinement, GlobalConvolution
from segcore.nn.pyramid import PyramidPooling
from segcore.nn.receptive_field import effective_receptive_field, receptive_field
from segcore.nn.upsample import bilinear_kernel, max_unpool, upsample

__all__ = [
    "ASPP",
    "BoundaryRefinement",
    "Branches",
    "ConvBNReLU",
    "GloReUnit",
    "GlobalConvolution",
    "GraphInteraction",
    "ImagePooling",
    "PyramidPooling",
    "bilinear_kernel",
    "conv_block",
    "dilate_kernel",
    "effective_receptive_field",
    "max_unpool",
    "receptive_field",
    "upsample",
]
