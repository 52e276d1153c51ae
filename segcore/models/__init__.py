"""The networks, one plain function each: `name(num_classes, in_channels=3, width=1.0)`.

Every network maps `[N, C, H, W]` float32 to a dict with `"out"`, logits
`[N, num_classes, H, W]`.
"""

from segcore.models.fcn import fcn8s, fcn16s, fcn32s
from segcore.models.unet import unet

__all__ = ["MODELS", "count_parameters", "fcn8s", "fcn16s", "fcn32s", "unet"]

MODELS = {"fcn32s": fcn32s, "fcn16s": fcn16s, "fcn8s": fcn8s, "unet": unet}


def count_parameters(model):
    """Number of trainable values: weights, biases and norms, not running statistics."""
    return sum(int(p.size) for p in model.parameters() if p.trainable)
