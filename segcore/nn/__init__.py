"""Building blocks, one idea a file."""

from segcore.nn.conv import conv_block
from segcore.nn.upsample import UpConv

__all__ = ["UpConv", "conv_block"]
