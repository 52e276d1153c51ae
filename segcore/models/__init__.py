"""The networks, one plain function each: `name(num_classes, in_channels=3, width=1.0)`.

Every network maps `[N, C, H, W]` float32 to a dict with `"out"`, logits
`[N, num_classes, H, W]`.
"""

from segcore.models.cost import count_multiply_adds, count_parameters
from segcore.models.deeplab_v1 import deeplabv1
from segcore.models.deeplab_v2 import deeplabv2
from segcore.models.deeplab_v3 import deeplabv3
from segcore.models.fcn import fcn8s, fcn16s, fcn32s
from segcore.models.gcn import gcn
from segcore.models.ginet import ginet
from segcore.models.glore import glore
from segcore.models.pspnet import pspnet
from segcore.models.unet import unet

MODELS = {
    "fcn32s": fcn32s,
    "fcn16s": fcn16s,
    "fcn8s": fcn8s,
    "unet": unet,
    "pspnet": pspnet,
    "deeplabv1": deeplabv1,
    "deeplabv2": deeplabv2,
    "deeplabv3": deeplabv3,
    "gcn": gcn,
    "glore": glore,
    "ginet": ginet,
}

__all__ = ["MODELS", "count_multiply_adds", "count_parameters", *MODELS]
