"""Plausible wrong answers to the exercises of lesson 06."""

import numpy as np
import paddle
from paddle import nn


def _field(layers):
    field, jump = 1, 1
    for kernel, stride, dilation in layers:
        field += dilation * (kernel - 1) * jump
        jump *= stride
    return field, jump


def jump_forgotten(layers, count, pixels):
    field, _ = _field(layers)
    return max(1, -(-(pixels - field) // (2 * count)))


def rounded_down(layers, count, pixels):
    field, jump = _field(layers)
    return max(1, (pixels - field) // (2 * count * jump))


def one_side_only(layers, count, pixels):
    field, jump = _field(layers)
    return max(1, -(-(pixels - field) // (count * jump)))


def below_one(layers, count, pixels):
    field, jump = _field(layers)
    return -(-(pixels - field) // (2 * count * jump))


def one_layer_only(layers, count, pixels):
    field, jump = _field(layers)
    return max(1, -(-(pixels - field) // (2 * jump)))


def not_a_whole_number(layers, count, pixels):
    field, jump = _field(layers)
    return max(1, (pixels - field) / (2 * count * jump))


def own_dilation_forgotten(layers, count, pixels):
    return one_side_only([(k, s, 1) for k, s, _ in layers], 2 * count, pixels)


def says_a_word(layers, count, pixels):
    return "six"


def rates_forgotten(layers, output_stride):
    new, product = [], 1
    for kernel, stride, dilation in layers:
        if product * stride <= output_stride:
            product *= stride
            new.append((kernel, stride, dilation))
        else:
            new.append((kernel, 1, dilation))
    return new


def own_rate_too(layers, output_stride):
    """The layer that loses its stride is dilated as well."""
    new, product, rate = [], 1, 1
    for kernel, stride, dilation in layers:
        if product * stride <= output_stride:
            product *= stride
        else:
            rate *= stride
            stride = 1
        new.append((kernel, stride, dilation * rate))
    return new


def old_rate_lost(layers, output_stride):
    new, product, rate = [], 1, 1
    for kernel, stride, _ in layers:
        if product * stride <= output_stride:
            product *= stride
            new.append((kernel, stride, rate))
        else:
            new.append((kernel, 1, rate))
            rate *= stride
    return new


def rates_added(layers, output_stride):
    new, product, rate = [], 1, 1
    for kernel, stride, dilation in layers:
        if product * stride <= output_stride:
            product *= stride
            new.append((kernel, stride, dilation * rate))
        else:
            new.append((kernel, 1, dilation * rate))
            rate += stride - 1
    return new


def all_strides_out(layers, output_stride):
    new, rate = [], 1
    for kernel, stride, dilation in layers:
        new.append((kernel, 1, dilation * rate))
        rate *= stride
    return new


def one_stride_too_few(layers, output_stride):
    new, product, rate = [], 1, 1
    for kernel, stride, dilation in layers:
        if product * stride < output_stride:
            product *= stride
            new.append((kernel, stride, dilation * rate))
        else:
            new.append((kernel, 1, dilation * rate))
            rate *= stride
    return new


def unchanged(layers, output_stride):
    return layers


def returns_none(layers, output_stride):
    return None


def pairs(layers, output_stride):
    return [(kernel, dilation) for kernel, _, dilation in layers]


def _stack(channels, rates, padding, kernel=5, relu=True):
    layers = []
    for rate in rates:
        layers.append(
            nn.Conv2D(channels, channels, kernel, padding=padding(rate), dilation=rate)
        )
        if relu:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def still_same(channels, rates):
    return _stack(channels, rates, lambda rate: "same")


def padding_is_the_rate(channels, rates):
    return _stack(channels, rates, lambda rate: rate)


def padding_not_multiplied(channels, rates):
    return _stack(channels, rates, lambda rate: 2)


def rate_left_out(channels, rates):
    return _stack(channels, [1] * len(rates), lambda rate: 2)


def three_by_three(channels, rates):
    return _stack(channels, rates, lambda rate: rate, kernel=3)


def without_relu(channels, rates):
    return _stack(channels, rates, lambda rate: 2 * rate, relu=False)


def one_relu_at_the_end(channels, rates):
    """All linear up to the last ReLU: as good as a single convolution."""
    return nn.Sequential(
        _stack(channels, rates, lambda rate: 2 * rate, relu=False), nn.ReLU()
    )


def no_relu_at_the_end(channels, rates):
    return _stack(channels, rates, lambda rate: 2 * rate)[:-1]


def one_relu_left_out(channels, rates):
    layers = [*_stack(channels, rates, lambda rate: 2 * rate)]
    return nn.Sequential(*(layers[:1] + layers[2:] if len(rates) > 1 else layers))


def relu_before_each(channels, rates):
    layers = []
    for rate in rates:
        layers.append(nn.ReLU())
        layers.append(nn.Conv2D(channels, channels, 5, padding=2 * rate, dilation=rate))
    return nn.Sequential(*layers)


def another_activation(channels, rates):
    layers = [
        nn.LeakyReLU(0.2) if isinstance(layer, nn.ReLU) else layer
        for layer in _stack(channels, rates, lambda rate: 2 * rate)
    ]
    return nn.Sequential(*layers, nn.ReLU())


class Functional(nn.Layer):
    """The stack as a layer of its own, registered from the last to the first."""

    def __init__(self, channels, rates):
        super().__init__()
        self.convolutions = nn.LayerList(
            nn.Conv2D(channels, channels, 5, padding=2 * rate, dilation=rate)
            for rate in reversed(rates)
        )

    def forward(self, x):
        for convolution in reversed(list(self.convolutions)):
            x = nn.functional.relu(convolution(x))
        return x


def unpacked(channels, rates):
    return _stack(channels, rates, lambda rate: (2 * rate, 2 * rate))


def a_plain_list(channels, rates):
    return [nn.Conv2D(channels, channels, 5, padding=2 * r, dilation=r) for r in rates]


WRONG = {
    "06.1": [
        jump_forgotten,
        rounded_down,
        one_side_only,
        below_one,
        one_layer_only,
        not_a_whole_number,
        own_dilation_forgotten,
        says_a_word,
        6,
    ],
    "06.2": [
        (1, 2, 3),
        (4, 4, 4),
        (2, 4, 8),
        (1, 2, 9),
        (1, 4, 6),
        (10,),
        (0, 5, 5),
        range(1, 6, 2),  # no holes, but 19 pixels
        range(3),
        (1.5, 3, 7),
        np.array([2, 3, 5]),
        "1, 3, 7",
        7,
        None,
    ],
    "06.3": [
        rates_forgotten,
        own_rate_too,
        old_rate_lost,
        rates_added,
        all_strides_out,
        one_stride_too_few,
        unchanged,
        returns_none,
        pairs,
    ],
    "06.4": [
        still_same,
        padding_is_the_rate,
        padding_not_multiplied,
        rate_left_out,
        three_by_three,
        without_relu,
        one_relu_at_the_end,
        no_relu_at_the_end,
        one_relu_left_out,
        relu_before_each,
        another_activation,
        a_plain_list,
    ],
}

ALSO_RIGHT = {
    "06.2": [
        [7, 3, 1],
        (1, 3, 9),
        np.array([1, 2, 7]),
        paddle.to_tensor([1, 3, 6]),
        {1, 3, 7},
    ],
    "06.4": [Functional, unpacked],
}
