"""Plausible wrong answers to the exercises of lesson 12."""

import numpy as np
from paddle import nn


def negative_squared(size, rate):
    return (size - 2 * rate) ** 2 / size**2


def one_side_only(size, rate):
    return max(0, size - rate) ** 2 / size**2


def a_line(size, rate):
    return max(0, size - 2 * rate) / size


def a_count(size, rate):
    return max(0, size - 2 * rate) ** 2


def in_words(size, rate):
    return "two fifths"


def grid_not_multiplied(output_stride, grid, rates):
    return list(grid), [rate * 16 // output_stride for rate in rates]


def aspp_as_it_stands(output_stride, grid, rates):
    return [32 // output_stride * unit for unit in grid], list(rates)


def both_from_16(output_stride, grid, rates):
    return [[16 * r // output_stride for r in given] for given in (grid, rates)]


def first_block_keeps(output_stride, grid, rates):
    stage = 32 // output_stride
    layer4 = [max(1, stage // 2) * grid[0], *(stage * unit for unit in grid[1:])]
    return layer4, [rate * 16 // output_stride for rate in rates]


def upside_down(output_stride, grid, rates):
    stage = output_stride / 32
    return [stage * g for g in grid], [r * output_stride / 16 for r in rates]


def only_layer4(output_stride, grid, rates):
    return [32 // output_stride * unit for unit in grid]


def words_for_rates(output_stride, grid, rates):
    return "doubled", "doubled"


def _convolutions(channels, rates, padding=None):
    return [
        nn.Conv2D(channels, channels, 3, padding=padding or rate, dilation=rate)
        for rate in rates
    ]


def plain_list(channels, rates):
    return _convolutions(channels, rates)


def same_padding(channels, rates):
    return nn.LayerList(_convolutions(channels, rates, "same"))


def padding_1(channels, rates):
    return nn.LayerList(_convolutions(channels, rates, 1))


def in_a_row(channels, rates):
    return nn.Sequential(*_convolutions(channels, rates)[::-1])


def without_bias(channels, rates):
    return nn.LayerList(
        nn.Conv2D(channels, channels, 3, padding=r, dilation=r, bias_attr=False)
        for r in rates
    )


def _image_level(x, weight, pool=np.mean, axis=(2, 3), relu=True):
    pooled = np.broadcast_to(pool(x, axis=axis, keepdims=True)[:, :, 0, 0], x.shape[:2])
    values = pooled @ weight.T
    values = np.maximum(values, 0) if relu else values
    return values[:, :, None, None] * np.ones(x.shape[2:])


def maximum(x, weight):
    return _image_level(x, weight, np.max)


def over_the_batch(x, weight):
    return _image_level(x, weight, axis=(0, 2, 3))


def no_relu(x, weight):
    return _image_level(x, weight, relu=False)


def the_sum(x, weight):
    return _image_level(x, weight, np.sum)


def relu_first(x, weight):
    each = np.maximum(np.einsum("mc,nchw->nmhw", weight, x), 0)
    return np.broadcast_to(each.mean(axis=(2, 3), keepdims=True), each.shape)


def not_spread(x, weight):
    return np.maximum(x.mean(axis=(2, 3)) @ weight.T, 0)


WRONG = {
    "12.1": [negative_squared, one_side_only, a_line, a_count, in_words],
    "12.2": [
        grid_not_multiplied,
        aspp_as_it_stands,
        both_from_16,
        first_block_keeps,
        upside_down,
        only_layer4,
        words_for_rates,
        lambda *_: None,
    ],
    "12.3": [
        plain_list,
        same_padding,
        padding_1,
        in_a_row,
        without_bias,
        lambda channels, rates: None,
        lambda channels, rates: "LayerList",
    ],
    "12.4": [
        maximum,
        over_the_batch,
        no_relu,
        the_sum,
        relu_first,
        not_spread,
        lambda x, weight: "the mean",
        None,
    ],
}
