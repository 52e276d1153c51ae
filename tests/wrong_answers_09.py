"""Plausible wrong answers to the exercises of lesson 09."""

import paddle
from paddle import nn

from segcore.nn import upsample


def both_down(length, bins):
    return [(i * length // bins, (i + 1) * length // bins) for i in range(bins)]


def rounded(length, bins):
    return [
        (round(i * length / bins), round((i + 1) * length / bins)) for i in range(bins)
    ]


def equal_fields(length, bins):
    side = -(-length // bins)
    return [(i * side, (i + 1) * side) for i in range(bins)]


def end_included(length, bins):
    return [(i * length // bins, -(-(i + 1) * length // bins) - 1) for i in range(bins)]


def edges_only(length, bins):
    return [i * length // bins for i in range(bins + 1)]


def in_words(*_):
    return "rounded down, rounded up"


def no_norm(channels, bins):
    return len(bins) * channels * (channels // len(bins)) if bins else 0


def with_bias(channels, bins):
    each = channels // len(bins) if bins else 0
    return len(bins) * (channels * each + 3 * each)


def running_statistics_too(channels, bins):
    each = channels // len(bins) if bins else 0
    return len(bins) * (channels * each + 4 * each)


def a_weight_for_each_field(channels, bins):
    each = channels // len(bins) if bins else 0
    return sum(b * b * channels * each + 2 * each for b in bins)


def no_bins_forgotten(channels, bins):
    each = channels // len(bins)
    return len(bins) * (channels * each + 2 * each)


def without_rounding(channels, bins):
    return channels * channels + 2 * channels if bins else 0


class Pyramid(nn.Layer):
    """The friend's pyramid, with each mistake or without it."""

    def __init__(self, channels, bins, pool, listed, stacked, mode="bilinear"):
        super().__init__()
        each = channels // len(bins)
        levels = [
            nn.Sequential(pool(size), nn.Conv2D(channels, each, 1)) for size in bins
        ]
        self.levels = levels if listed else nn.LayerList(levels)
        self.stacked, self.mode = stacked, mode

    def forward(self, x):
        large = [
            upsample(level(x), x.shape[2:], mode=self.mode) for level in self.levels
        ]
        maps = {"first": [x, *large], "last": [*large, x], "no": large}
        return paddle.concat(maps[self.stacked], axis=1)


def still_listed(channels, bins):
    return Pyramid(channels, bins, nn.AdaptiveAvgPool2D, True, "first")


def still_largest(channels, bins):
    return Pyramid(channels, bins, nn.AdaptiveMaxPool2D, False, "first")


def still_without_map(channels, bins):
    return Pyramid(channels, bins, nn.AdaptiveAvgPool2D, False, "no")


def map_last(channels, bins):
    return Pyramid(channels, bins, nn.AdaptiveAvgPool2D, False, "last")


def nearest(channels, bins):
    return Pyramid(channels, bins, nn.AdaptiveAvgPool2D, False, "first", "nearest")


def bins_turned_round(channels, bins):
    return Pyramid(channels, bins[::-1], nn.AdaptiveAvgPool2D, False, "first")


def the_class_itself(channels, bins):
    return Pyramid


def four_each(layers, output_stride):
    step, ratio = 1, 1
    for _, stride in layers:
        step *= stride
        ratio *= stride**2 if step > output_stride else 1
    return ratio


def no_square(layers, output_stride):
    old = new = 0
    step = kept = 1
    for weights, stride in layers:
        step *= stride
        kept = min(step, output_stride)
        old += weights / step
        new += weights / kept
    return new / old


def before_the_stride(layers, output_stride):
    old = new = 0
    step = 1
    for weights, stride in layers:
        old += weights / step**2
        new += weights / min(step, output_stride) ** 2
        step *= stride
    return new / old


def turned_over(layers, output_stride):
    old = new = 0
    step = 1
    for weights, stride in layers:
        step *= stride
        old += weights / step**2
        new += weights / min(step, output_stride) ** 2
    return old / new


def nothing_changes(layers, output_stride):
    return 1


WRONG = {
    "09.1": [
        both_down,
        rounded,
        equal_fields,
        end_included,
        edges_only,
        in_words,
        None,
    ],
    "09.2": [
        no_norm,
        with_bias,
        running_statistics_too,
        a_weight_for_each_field,
        no_bins_forgotten,
        without_rounding,
        in_words,
    ],
    "09.3": [
        still_listed,
        still_largest,
        still_without_map,
        map_last,
        nearest,
        bins_turned_round,
        the_class_itself,
        in_words,
    ],
    "09.4": [
        four_each,
        no_square,
        before_the_stride,
        turned_over,
        nothing_changes,
        in_words,
        lambda layers, output_stride: None,
    ],
}
