"""What a network costs: its parameters and its multiply-adds."""

import numpy as np
import paddle
from paddle import nn

WEIGHTED = (nn.Conv2D, nn.Conv2DTranspose, nn.Linear)


def count_parameters(model):
    """Number of trainable values: weights, biases and norms, not running statistics."""
    return sum(int(p.size) for p in model.parameters() if p.trainable)


def count_multiply_adds(build, num_classes, size, in_channels=3, **options):
    """Multiply-adds of one image `[in_channels, *size]` in the layers with weights.

    `build` is a function of `MODELS`. The sizes of the maps are those of a network of
    1/64 of the width, which runs in no time, and the weights those of the network
    asked for, of which only the shapes are made.
    """
    width = options.pop("width", 1.0)
    thin = build(num_classes, in_channels, width=1 / 64, **options)
    with paddle.LazyGuard():
        full = build(num_classes, in_channels, width=width, **options)
    thin.eval()
    places, hooks = {}, []
    for name, layer in thin.named_sublayers():
        if isinstance(layer, WEIGHTED):

            def note(layer, inputs, output, name=name):
                # A transposed convolution paints its kernel once for each input.
                moved = inputs[0] if isinstance(layer, nn.Conv2DTranspose) else output
                places.setdefault(name, []).append(int(np.prod(moved.shape[2:])))

            hooks.append(layer.register_forward_post_hook(note))
    with paddle.no_grad():
        thin(paddle.zeros([1, in_channels, *size]))
    for hook in hooks:
        hook.remove()
    weights = {
        name: layer.weight for name, layer in full.named_sublayers() if name in places
    }
    return sum(
        int(np.prod(weights[name].shape)) * sum(calls) for name, calls in places.items()
    )
