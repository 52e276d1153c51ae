"""Checks of the exercises of lesson 18, comparing architectures."""

from itertools import product

import numpy as np

from segcore.exercises import Wrong

CASES = [(3, 3), (0, 3), (5, 5), (4, 5), (1, 5), (7, 8), (2, 4), (1, 1)]  # ahead, seeds


def exercise_1(worth_having):
    """The networks that no other one beats in every respect."""
    rng = np.random.default_rng(18)
    small = {
        "an expensive and bad one": [[1, 1], [2, 2]],
        "each best at something": [[1, 3], [2, 2], [3, 1]],
        "a tie in one measure": [[1, 2], [1, 3]],
        "equal twins": [[1, 1], [1, 1], [2, 0]],
        "three measures": [[1, 9, 5], [2, 8, 5], [3, 9, 4], [2, 9, 6], [1, 9, 6]],
    }
    cases = list(small.items())
    cases += [(f"{n} networks", rng.integers(0, 6, (n, 3)).tolist()) for n in (7, 30)]
    for what, prices in cases:
        found = _places(worth_having([list(row) for row in prices]), len(prices))
        expected = [i for i in range(len(prices)) if not _beaten(prices, i)]
        extra = sorted(set(found) - set(expected))
        lost = sorted(set(expected) - set(found))
        said = f"For {what}, {prices}, " if len(prices) < 8 else f"For {what}, "
        if extra:
            raise Wrong(
                said + f"you keep place {extra[0]}, which another one beats: nowhere"
                " worse, and somewhere better."
            )
        if lost:
            raise Wrong(
                said + f"you drop place {lost[0]}, although no other one is at least as"
                " good in every measure and better in one."
            )
    return "What is left is a choice, and no longer arithmetic."


def exercise_2(gain):
    """The mean over the seeds that both arms have, paired."""
    cases = {
        "the same three seeds": ({0: 0.5, 1: 0.6, 2: 0.4}, {0: 0.4, 1: 0.7, 2: 0.2}),
        "one arm with more seeds": (
            {0: 0.5, 1: 0.6, 2: 0.4, 3: 0.9, 4: 0.95},
            {0: 0.4, 1: 0.7, 2: 0.2},
        ),
        "seeds in another order": ({2: 0.3, 0: 0.8}, {0: 0.5, 1: 0.1, 2: 0.6}),
    }
    for what, (new, old) in cases.items():
        runs = [{"arm": "new", "seed": s, "mean_iou": v} for s, v in new.items()]
        runs += [{"arm": "old", "seed": s, "mean_iou": v} for s, v in old.items()]
        runs.append({"arm": "other", "seed": 0, "mean_iou": 0.99})
        both = sorted(set(new) & set(old))
        expected = np.mean([new[s] - old[s] for s in both])
        found = _number(gain([dict(run) for run in runs], "new", "old"))
        if not np.isclose(found, expected, atol=1e-6):
            uneven = np.isclose(found, max(new.values()) - np.mean(list(old.values())))
            hint = (
                " You still treat the two sides differently."
                if uneven
                else " Which runs may be compared with which?"
            )
            raise Wrong(
                f"With {what} ({new} and {old}) the gain is {expected:+.2f}; you have"
                f" {found:+.2f}.{hint}"
            )
    return "Both sides get the same treatment, seed by seed."


def exercise_3(work):
    """Multiply-adds of a chain of convolutions."""
    cases = {
        "one 3 x 3": ([(3, 8, 3, 1, 1)], (10, 12)),
        "one 3 x 3 with stride 2": ([(3, 8, 3, 2, 1)], (10, 12)),
        "an odd size with stride 2": ([(2, 4, 3, 2, 1)], (9, 7)),
        "a dilated 3 x 3": ([(4, 4, 3, 1, 6)], (12, 12)),
        "a 1 x 1 after a stride": ([(3, 8, 7, 2, 1), (8, 32, 1, 1, 1)], (32, 32)),
        "a chain": (
            [(3, 16, 3, 2, 1), (16, 16, 3, 1, 2), (16, 32, 3, 2, 1), (32, 6, 1, 1, 1)],
            (33, 48),
        ),
    }
    for what, (layers, size) in cases.items():
        found = _number(work([tuple(layer) for layer in layers], tuple(size)))
        expected = _work(layers, size)
        if found != expected:
            raise Wrong(
                f"For {what}, {layers} on {size[0]} x {size[1]} pixels, there are"
                f" {expected:,} multiply-adds; you have {found:,.0f}. Every weight of a"
                " layer is used once for each place of its output."
            )
    return "Dilation is free here; what costs is the map that was kept large."


def exercise_4(luck):
    """The two-sided sign test."""
    for ahead, seeds in CASES:
        found = _number(luck(ahead, seeds))
        expected = _luck(ahead, seeds)
        if not np.isclose(found, expected, atol=1e-6):
            raise Wrong(
                f"Ahead in {ahead} of {seeds}: by luck at least so one-sided, either"
                f" way, with probability {expected:.4f}; you have {found:.4f}."
            )
    return "Three seeds cannot show a small difference, whatever they say."


def _beaten(prices, place):
    mine = prices[place]
    return any(
        all(a <= b for a, b in zip(row, mine)) and any(a < b for a, b in zip(row, mine))
        for row in prices
    )


def _work(layers, size):
    (height, width), total = size, 0
    for before, after, kernel, stride, _ in layers:
        height, width = -(-height // stride), -(-width // stride)
        total += before * after * kernel**2 * height * width
    return total


def _luck(ahead, seeds):
    return sum(
        0.5**seeds
        for signs in product((0, 1), repeat=seeds)
        if abs(2 * sum(signs) - seeds) >= abs(2 * ahead - seeds)
    )


def _places(answer, count):
    """The places of an answer as integers; a mask of truth values will do as well."""
    try:
        places = np.asarray(answer if isinstance(answer, np.ndarray) else list(answer))
    except TypeError:
        raise Wrong(
            f"Return a list of places (0, 1, ...), not {type(answer).__name__}."
        ) from None
    if places.dtype == bool and places.shape == (count,):
        places = np.flatnonzero(places)
    if places.size == 0:
        return []
    if places.ndim != 1 or places.dtype.kind not in "iuf":
        raise Wrong("Return a list of places: 0 for the first network, 1 for the next.")
    if (places != places.round()).any() or places.min() < 0 or places.max() >= count:
        raise Wrong(f"Places are whole numbers from 0 to {count - 1}, not {places}.")
    return [int(place) for place in places]


def _number(value):
    try:
        value = np.asarray(value, float)
    except (TypeError, ValueError):
        raise Wrong(f"Return one number, not {type(value).__name__}.") from None
    if value.size != 1 or not np.isfinite(value).all():
        raise Wrong("Return one number; yours is none, or there are several.")
    return float(value.reshape(()))
