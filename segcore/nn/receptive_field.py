"""How far a network sees: by arithmetic on its layers, and by gradient."""

import math

import numpy as np
import paddle
from paddle import nn

from segcore.errors import InputError
from segcore.nn.conv import Branches

POINTWISE = (nn.BatchNorm2D, nn.SyncBatchNorm, nn.Dropout, nn.Dropout2D, nn.Identity)
ACTIVATIONS = "paddle.nn.layer.activation"


def receptive_field(model):
    """Side in pixels of the square of input that one output value can depend on.

    By formula: a layer with kernel k, stride s and dilation d widens the field by
    d(k-1) steps of the pixels it reads, and makes the steps s times longer. Parallel
    branches (`segcore.nn.Branches`) give the square that holds them all. The longer
    side if the two differ; `math.inf` after a mean over the image. Reads
    `nn.Sequential` of convolutions, poolings, batch norms and activations; another
    layer raises `InputError`. Source: Araujo et al. 2019, section 2.
    """
    return max(high - low + 1 for _, low, high in reach(model))


def reach(model):
    """For height and width: the stride, and the first and last input pixel read.

    Output pixel i reads the input from i * stride + first to i * stride + last.
    """
    return [_reach(model, axis, (1, 0, 0)) for axis in (0, 1)]


def effective_receptive_field(model, size, images=16, seed=0):
    """How much the central output depends on each pixel, `[H, W]`, the largest 1.

    The mean over random `images` of the absolute gradient of the middle pixel of the
    output, in evaluation mode. `size` is the input's side, or `(H, W)`. Where the
    result is above 0 lies the measured receptive field; where it is large, the
    effective one. Source: Luo et al. 2016, section 3.
    """
    height, width = (size, size) if isinstance(size, int) else size
    first = next(x for x in model.sublayers() if isinstance(x, nn.Conv2D))
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width))
    modes = [(layer, layer.training) for layer in model.sublayers(include_self=True)]
    model.eval()
    try:
        for _ in range(images):
            image = rng.standard_normal((1, first._in_channels, height, width))
            image = paddle.to_tensor(image.astype(np.float32), stop_gradient=False)
            out = model(image)
            out = out["out"] if isinstance(out, dict) else out
            middle = out[:, :, out.shape[2] // 2, out.shape[3] // 2].sum()
            gradient = paddle.grad(middle, image)[0]
            total += gradient.abs().sum(axis=[0, 1]).numpy().astype(float)
    finally:
        for layer, training in modes:
            layer.training = training
    if not total.max() > 0:
        raise InputError(
            "The middle output depends on no input pixel: every gradient is 0."
        )
    return total / total.max()


def _reach(layer, axis, state):
    """`state` is (stride, first, last) before the layer; returns it after."""
    stride, low, high = state
    if isinstance(layer, Branches):
        ends = [_reach(branch, axis, state) for branch in layer.layers]
        if len({end[0] for end in ends}) > 1:
            raise InputError("The branches of one layer differ in their stride.")
        return ends[0][0], min(end[1] for end in ends), max(end[2] for end in ends)
    if isinstance(layer, nn.AdaptiveAvgPool2D) and layer._output_size in (1, (1, 1)):
        return stride, -math.inf, math.inf
    if isinstance(layer, nn.Sequential):
        for inner in layer:
            state = _reach(inner, axis, state)
        return state
    if isinstance(layer, POINTWISE) or type(layer).__module__ == ACTIVATIONS:
        return state
    if type(layer) is nn.Conv2D:
        kernel, step, dilation = (
            values[axis]
            for values in (layer._kernel_size, layer._stride, layer._dilation)
        )
        if layer._padding_algorithm == "SAME":
            if dilation > 1:
                raise InputError(
                    f'A convolution has dilation {dilation} and padding="same", which'
                    " in Paddle sets the dilation back to 1 without a word: give"
                    " padding = dilation * (kernel - 1) / 2 instead."
                )
            before = (kernel - 1) // 2
        else:
            before = _pair(layer._updated_padding)[axis]
    elif isinstance(layer, (nn.MaxPool2D, nn.AvgPool2D)):
        kernel = _pair(layer.ksize)[axis]
        step = kernel if layer.stride is None else _pair(layer.stride)[axis]
        before, dilation = _pair(layer.padding)[axis], 1
    else:
        raise InputError(
            f"{type(layer).__name__} has no rule for its receptive field. Put the"
            " layers up to it into nn.Sequential and nn.Branches, or measure with"
            " effective_receptive_field."
        )
    low -= before * stride
    high += (dilation * (kernel - 1) - before) * stride
    return stride * step, low, high


def _pair(value):
    """A number for both axes, or a list of two or four, as (height, width)."""
    if isinstance(value, int):
        return value, value
    return (value[0], value[2]) if len(value) == 4 else tuple(value)
