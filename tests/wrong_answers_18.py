"""Plausible wrong answers to the exercises of lesson 18."""

from math import comb

import numpy as np


def best_in_one(prices):
    columns = np.array(prices).argmin(0)
    return sorted(set(columns.tolist()))


def beaten_by_equals(prices):
    return [
        i
        for i, mine in enumerate(prices)
        if not any(
            j != i and all(a <= b for a, b in zip(row, mine))
            for j, row in enumerate(prices)
        )
    ]


def beaten_only_strictly(prices):
    return [
        i
        for i, mine in enumerate(prices)
        if not any(all(a < b for a, b in zip(row, mine)) for row in prices)
    ]


def first_two_measures(prices):
    rows = [row[:2] for row in prices]
    return [
        i
        for i, mine in enumerate(rows)
        if not any(
            all(a <= b for a, b in zip(row, mine)) and row != mine for row in rows
        )
    ]


def more_is_better(prices):
    return [
        i
        for i, mine in enumerate(prices)
        if not any(
            all(a >= b for a, b in zip(row, mine)) and row != mine for row in prices
        )
    ]


def rows_themselves(prices):
    return prices


def all_of_them(prices):
    return range(len(prices))


def in_words(*_):
    return "the best one"


def _values(runs, arm):
    return [r["mean_iou"] for r in runs if r["arm"] == arm]


def as_it_stands(runs, new, old):
    return max(_values(runs, new)) - np.mean(_values(runs, old))


def best_of_both(runs, new, old):
    return max(_values(runs, new)) - max(_values(runs, old))


def unpaired_means(runs, new, old):
    return np.mean(_values(runs, new)) - np.mean(_values(runs, old))


def in_order_of_the_list(runs, new, old):
    pairs = zip(_values(runs, new), _values(runs, old))
    return np.mean([a - b for a, b in pairs])


def other_way_round(runs, new, old):
    ours = {r["seed"]: r["mean_iou"] for r in runs if r["arm"] == new}
    theirs = {r["seed"]: r["mean_iou"] for r in runs if r["arm"] == old}
    return np.mean([theirs[s] - ours[s] for s in set(ours) & set(theirs)])


def one_a_seed(runs, new, old):
    ours = {r["seed"]: r["mean_iou"] for r in runs if r["arm"] == new}
    return [ours[s] for s in ours]


def _work(layers, size, late=False, dilated=False, floor=False, square=True):
    (height, width), total = size, 0
    for before, after, kernel, stride, rate in layers:
        places = height * width
        if floor:
            height, width = height // stride, width // stride
        else:
            height, width = -(-height // stride), -(-width // stride)
        places = places if late else height * width
        side = kernel + (kernel - 1) * (rate - 1) if dilated else kernel
        total += before * after * side ** (2 if square else 1) * places
    return total


def at_the_input(layers, size):
    return _work(layers, size, late=True)


def with_the_holes(layers, size):
    return _work(layers, size, dilated=True)


def rounded_down(layers, size):
    return _work(layers, size, floor=True)


def kernel_not_squared(layers, size):
    return _work(layers, size, square=False)


def parameters_only(layers, size):
    return sum(b * a * k * k for b, a, k, _, _ in layers)


def one_sided(ahead, seeds):
    return sum(comb(seeds, k) for k in range(ahead, seeds + 1)) / 2**seeds


def exactly_so_many(ahead, seeds):
    return comb(seeds, ahead) / 2**seeds


def share_behind(ahead, seeds):
    return 1 - ahead / seeds


def above_one(ahead, seeds):
    return 2 * one_sided(max(ahead, seeds - ahead), seeds)


WRONG = {
    "18.1": [
        best_in_one,
        beaten_by_equals,
        beaten_only_strictly,
        first_two_measures,
        more_is_better,
        rows_themselves,
        all_of_them,
        in_words,
        lambda prices: None,
        None,
    ],
    "18.2": [
        as_it_stands,
        best_of_both,
        unpaired_means,
        in_order_of_the_list,
        other_way_round,
        one_a_seed,
        in_words,
        None,
    ],
    "18.3": [
        at_the_input,
        with_the_holes,
        rounded_down,
        kernel_not_squared,
        parameters_only,
        in_words,
    ],
    "18.4": [
        one_sided,
        exactly_so_many,
        share_behind,
        above_one,
        in_words,
        lambda ahead, seeds: None,
    ],
}
