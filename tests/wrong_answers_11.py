"""Plausible wrong answers to the exercises of lesson 11."""

import numpy as np
import paddle
import paddle.nn.functional as F

from segcore.nn import dilate_kernel, upsample


def every_branch_counts(rates):
    return 2 * max(rates) + 1, 9 * len(rates)


def centre_once_but_rates_twice(rates):
    return 2 * max(rates) + 1, 8 * len(rates) + 1


def side_without_the_centre(rates):
    return 2 * max(rates), 8 * len(set(rates)) + 1


def sides_added(rates):
    return 2 * sum(rates) + 1, 8 * len(set(rates)) + 1


def dense(rates):
    side = 2 * max(rates) + 1
    return side, side * side


def only_the_side(rates):
    return 2 * max(rates) + 1


def in_words(*_):
    return "as many as before"


def by_word(x, weight, rate):
    return F.conv2d(x, weight, padding="same", dilation=rate)


def rate_as_padding(x, weight, rate):
    return F.conv2d(x, weight, padding=rate, dilation=rate)


def no_padding(x, weight, rate):
    return F.conv2d(x, weight, dilation=rate)


def rate_forgotten(x, weight, rate):
    return F.conv2d(x, weight, padding=weight.shape[2] // 2)


def turned(x, weight, rate):
    padding = rate * (weight.shape[2] // 2)
    return F.conv2d(x, weight[:, :, ::-1, ::-1], padding=padding, dilation=rate)


def _large(maps, mode="bilinear", last=False, **options):
    size = max((m.shape[2:] for m in maps), key=lambda side: side[0] * side[1])
    size = maps[-1].shape[2:] if last else size
    return paddle.stack([F.interpolate(m, size, mode=mode, **options) for m in maps])


def summed(maps):
    return _large(maps).sum(axis=0)


def averaged(maps):
    return _large(maps).mean(axis=0)


def corners_aligned(maps):
    return _large(maps, align_corners=True).max(axis=0)


def nearest(maps):
    return _large(maps, mode="nearest").max(axis=0)


def size_of_the_last(maps):
    return _large(maps, last=True).max(axis=0)


def best_class(maps):
    return _large(maps).max(axis=0).argmax(axis=1)


def over_the_classes(maps):
    return _large(maps).max(axis=2)


def no_fusion(maps):
    return _large(maps)[-1]


def one_line(height, width, rate):
    return 2 * min(rate, height) / (3 * height)


def on_the_map(height, width, rate):
    return (1 - 2 * min(rate, height) / (3 * height)) * (
        1 - 2 * min(rate, width) / (3 * width)
    )


def no_minimum(height, width, rate):
    return 1 - (1 - 2 * rate / (3 * height)) * (1 - 2 * rate / (3 * width))


def always_square(height, width, rate):
    return 1 - (1 - 2 * min(rate, height) / (3 * height)) ** 2


def product_of_shares(height, width, rate):
    return (2 * min(rate, height) / (3 * height)) * (2 * min(rate, width) / (3 * width))


def in_percent(height, width, rate):
    return 100 * (1 - on_the_map(height, width, rate))


def counted(rates):
    steps = {r * step for r in rates for step in (-1, 0, 1)}
    used = {(i * r, j * r) for r in rates for i in (-1, 0, 1) for j in (-1, 0, 1)}
    return np.array([max(steps) - min(steps) + 1, len(used)])


def with_zeros(x, weight, rate):
    wide = dilate_kernel(weight, rate)
    return F.conv2d(x, wide, padding=[wide.shape[2] // 2, wide.shape[3] // 2])


def one_by_one(maps):
    size = max(([*m.shape[2:]] for m in maps), key=lambda side: side[0] * side[1])
    fused = upsample(maps[0], size)
    for other in maps[1:]:
        fused = paddle.maximum(fused, upsample(other, size))
    return fused


def tap_by_tap(height, width, rate):
    steps = (-rate, 0, rate)
    rows = [0 <= y + i < height for y in range(height) for i in steps]
    columns = [0 <= x + j < width for x in range(width) for j in steps]
    return 1 - np.outer(rows, columns).mean()


ALSO_RIGHT = {
    "11.1": [counted],
    "11.2": [with_zeros],
    "11.3": [one_by_one],
    "11.4": [tap_by_tap],
}

WRONG = {
    "11.1": [
        every_branch_counts,
        centre_once_but_rates_twice,
        side_without_the_centre,
        sides_added,
        dense,
        only_the_side,
        in_words,
        None,
    ],
    "11.2": [
        by_word,
        rate_as_padding,
        no_padding,
        rate_forgotten,
        turned,
        in_words,
        lambda x, weight, rate: None,
    ],
    "11.3": [
        summed,
        averaged,
        corners_aligned,
        nearest,
        size_of_the_last,
        best_class,
        over_the_classes,
        no_fusion,
        in_words,
    ],
    "11.4": [
        one_line,
        on_the_map,
        no_minimum,
        always_square,
        product_of_shares,
        in_percent,
        in_words,
        "0.63",
    ],
}
