"""Checks of the exercises of lesson 09, PSPNet."""

import math

import numpy as np
import paddle
from paddle import nn

from segcore.exercises import Wrong, as_array, as_number
from segcore.nn import upsample


def exercise_1(bin_edges):
    """The fields of adaptive pooling along a line."""
    for length, bins in [(6, 3), (7, 2), (7, 3), (13, 6), (60, 6), (5, 6), (9, 1)]:
        found = as_array(bin_edges(length, bins))
        if found.shape != (bins, 2):
            raise Wrong(
                f"For {length} places and {bins} bins return {bins} pairs, shape"
                f" {(bins, 2)}; yours have shape {found.shape}."
            )
        expected = [
            (math.floor(i * length / bins), math.ceil((i + 1) * length / bins))
            for i in range(bins)
        ]
        if (found != expected).any():
            wrong = int(np.argwhere((found != expected).any(axis=1))[0, 0])
            raise Wrong(
                f"With {length} places and {bins} bins, field {wrong} is not"
                f" ({found[wrong, 0]:g}, {found[wrong, 1]:g}). Which way is a beginning"
                " rounded, and which way an end?"
            )
    return "No field is empty, and every place is in one at least."


def exercise_2(pyramid_parameters):
    """Trainable values of a pyramid."""
    cases = [
        (2048, (1, 2, 3, 6)),
        (512, (1,)),
        (64, (1, 2)),
        (2048, ()),
        (100, (1, 2, 4)),
        (2048, (1, 2, 3, 4, 6, 8, 12, 16)),
    ]
    for channels, bins in cases:
        found = as_number(pyramid_parameters(channels, bins))
        each = channels // len(bins) if bins else 0
        expected = len(bins) * each * (channels + 2)
        if found != expected:
            apart = found - expected
            raise Wrong(
                f"With {channels} channels and bins {bins} it is {expected:,}; you are"
                f" {abs(apart):,.0f} {'above' if apart > 0 else 'below'}. Count the"
                " convolutions and the norms apart, and compare."
            )
    return "The grids have no weights; the convolutions behind them have."


def exercise_3(repaired):
    """Pyramid pooling without the friend's three mistakes."""
    paddle.seed(0)
    for channels, bins, size in [(8, (1, 2, 3, 6), (12, 15)), (6, (1, 3), (7, 7))]:
        layer = repaired(channels, bins)
        if not isinstance(layer, nn.Layer):
            raise Wrong(f"Return a layer, an nn.Layer, not {type(layer).__name__}.")
        each = channels // len(bins)
        weights = sum(int(p.size) for p in layer.parameters() if p.trainable)
        if weights == 0:
            raise Wrong("The layer has no parameters, so an optimizer gets none.")
        if weights != len(bins) * each * (channels + 1):
            raise Wrong(
                f"For {channels} channels and bins {bins} the layer should have"
                f" {len(bins) * each * (channels + 1)} parameters: a 1 x 1 convolution"
                f" with bias for each bin. Yours has {weights}."
            )
        x = paddle.randn([2, channels, *size])
        found = as_array(layer(x))
        wanted = (2, channels + each * len(bins), *size)
        if found.shape != wanted:
            raise Wrong(
                f"The output for {channels} channels and bins {bins} should have shape"
                f" {wanted}; yours has {found.shape}. What belongs into the stack?"
            )
        if not np.allclose(found[:, :channels], x.numpy(), atol=1e-5):
            raise Wrong("The first channels of the stack should be the map itself.")
        found = found[:, channels:]
        if not np.allclose(found, _context(layer, bins, x, "avg"), atol=1e-4):
            if np.allclose(found, _context(layer, bins, x, "max"), atol=1e-4):
                raise Wrong(
                    "Two are mended; but a field still gives its largest value."
                )
            raise Wrong(
                "Shapes and parameters are right, the values are not: each level is"
                " the average over its grid, its 1 x 1 convolution, interpolated"
                " bilinearly (align_corners=False), in the order of the bins."
            )
    return "None of the three raised an error: count and compare."


def exercise_4(work_ratio):
    """Multiply-adds at a smaller output stride, over those of the original."""
    resnet = [(9408, 4), (2e5, 1), (1.2e6, 2), (7e6, 2), (1.5e7, 2), (1.9e7, 1)]
    cases = [
        ([(9, 2), (9, 2), (9, 2)], 4, "three layers of stride 2, output stride 4"),
        ([(9, 1), (9, 2)], 2, "strides that stay as they are"),
        ([(5, 2), (7, 1), (11, 2), (13, 2)], 2, "four layers, output stride 2"),
        ([(4, 2), (8, 2)], 1, "all strides taken out"),
        (resnet, 8, "a ResNet at output stride 8"),
        (resnet, 16, "a ResNet at output stride 16"),
    ]
    for layers, output_stride, what in cases:
        found = as_number(work_ratio(list(layers), output_stride))
        expected = _ratio(layers, output_stride)
        if not np.isclose(found, expected, rtol=1e-4):
            raise Wrong(
                f"For {what} the ratio is {expected:.3f}; you have {found:.3f}. How"
                " many output places has a layer for each pixel, before and after?"
            )
    return (
        "A stride that goes makes its own layer and all later ones four times as dear."
    )


def _context(layer, bins, x, kind):
    """What the levels should give, by the layer's own convolutions in their order."""
    convolutions = [c for c in layer.sublayers() if isinstance(c, nn.Conv2D)]
    if len(convolutions) != len(bins):
        raise Wrong(
            f"The layer should have {len(bins)} convolutions, one for each bin."
        )
    pool = nn.AdaptiveAvgPool2D if kind == "avg" else nn.AdaptiveMaxPool2D
    large = [
        upsample(convolution(pool(size)(x)), x.shape[2:])
        for size, convolution in zip(bins, convolutions)
    ]
    return paddle.concat(large, axis=1).numpy()


def _ratio(layers, output_stride):
    old, new, step, kept = 0.0, 0.0, 1, 1
    for weights, stride in layers:
        step *= stride
        kept *= stride if kept * stride <= output_stride else 1
        old += weights / step**2
        new += weights / kept**2
    return new / old
