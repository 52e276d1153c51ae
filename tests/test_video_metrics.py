"""J and F by hand and by brute force, and what is read off them over time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segcore.errors import InputError
from segcore.metrics import contour_accuracy, over_time, region_similarity

MASKS = arrays(bool, (9, 11))


def blob(rng, shape=(60, 80)):
    y, x = np.indices(shape)
    (cy, cx), (ry, rx) = rng.random(2) * shape, rng.random(2) * 20 + 3
    return ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1


def contour_by_hand(mask):
    """Pixels of which not all of the 2 x 2 to the right and below are as they are."""
    found = set()
    for y, x in np.ndindex(mask.shape):
        window = mask[y : y + 2, x : x + 2]
        if not (window == mask[y, x]).all():
            found.add((y, x))
    return found


def f_by_hand(prediction, truth, near):
    said, true = contour_by_hand(prediction), contour_by_hand(truth)
    if not said or not true:
        return float(said == true)

    def share(of, other):
        return np.mean(
            [
                any((y - v) ** 2 + (x - u) ** 2 <= near**2 for v, u in other)
                for y, x in of
            ]
        )

    p, r = share(said, true), share(true, said)
    return 2 * p * r / (p + r) if p + r else 0


def test_j_by_hand():
    truth, said = np.zeros((2, 3, 4), bool), np.zeros((2, 3, 4), bool)
    truth[0, :2], said[0, 1:] = True, True
    np.testing.assert_allclose(region_similarity(said, truth), [4 / 12, 1])
    assert region_similarity(said[0], truth[0]) == pytest.approx(1 / 3)
    assert region_similarity(said[0], truth[1]) == 0


@settings(deadline=None)
@given(MASKS, MASKS)
def test_j_equals_brute_force(prediction, truth):
    said = set(map(tuple, np.argwhere(prediction)))
    true = set(map(tuple, np.argwhere(truth)))
    expected = len(said & true) / len(said | true) if said | true else 1
    assert region_similarity(prediction, truth) == pytest.approx(expected)


@settings(deadline=None)
@given(MASKS, MASKS, st.sampled_from([0.05, 0.1, 0.2]))
def test_f_equals_brute_force(prediction, truth, tolerance):
    near = np.ceil(tolerance * np.sqrt(9**2 + 11**2))
    expected = f_by_hand(prediction, truth, near)
    assert contour_accuracy(prediction, truth, tolerance) == pytest.approx(expected)


def test_f_equals_brute_force_on_blobs():
    rng = np.random.default_rng(0)
    values = []
    for _ in range(20):
        truth = blob(rng)
        said = np.roll(truth, rng.integers(-4, 5, 2), (0, 1)) ^ (rng.random() < 0.2)
        values.append(contour_accuracy(said, truth))
        # .008 of a diagonal of 100 pixels is rounded up to one pixel.
        assert values[-1] == pytest.approx(f_by_hand(said, truth, 1))
    assert np.std(values) > 0


def test_f_forgives_up_to_the_tolerance_only():
    truth = np.zeros((300, 400), bool)  # the diagonal is 500, so four pixels
    truth[100:200, 100:200] = True
    assert contour_accuracy(np.roll(truth, 4, axis=1), truth) == 1
    assert contour_accuracy(np.roll(truth, 5, axis=1), truth) < 0.6


def test_no_contour():
    nothing, everything = np.zeros((9, 9), bool), np.ones((9, 9), bool)
    square = nothing.copy()
    square[3:6, 3:6] = True
    assert (
        contour_accuracy(nothing, nothing) == contour_accuracy(nothing, everything) == 1
    )
    assert contour_accuracy(square, nothing) == contour_accuracy(nothing, square) == 0


@settings(deadline=None)
@given(arrays(bool, (3, 9, 11)), arrays(bool, (3, 9, 11)))
def test_bounds_symmetry_and_frames(prediction, truth):
    for measure in (region_similarity, contour_accuracy):
        values = measure(prediction, truth)
        assert ((values >= 0) & (values <= 1)).all()
        np.testing.assert_allclose(values, measure(truth, prediction))
        alone = [measure(p, t) for p, t in zip(prediction, truth)]
        np.testing.assert_allclose(values, alone)
        np.testing.assert_array_equal(measure(truth, truth), 1)


def test_over_time_by_hand():
    values = np.array([1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    # Quarters end at frames 1, 3, 5, 6 and 8, counted from 1: 2.75 and 6.25 rounded.
    found = over_time(values)
    assert found.mean == pytest.approx(0.65)
    assert found.recall == pytest.approx(5 / 8)
    assert found.decay == pytest.approx(0.9 - 0.4)
    assert over_time([0.7]) == (0.7, 1, 0)


def quarters_of_davis(values):
    """First and last quarter as DAVIS' code has them."""
    ends = np.round(np.linspace(1, len(values), 5) + 1e-10).astype(int) - 1
    return values[ends[0] : ends[1] + 1], values[ends[3] : ends[4] + 1]


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 40, 99, 300])
def test_decay_for_any_length(length):
    values = np.random.default_rng(length).random(length)
    first, last = quarters_of_davis(values)
    assert over_time(values).decay == pytest.approx(first.mean() - last.mean())
    assert over_time(np.linspace(1, 0.5, 60)).decay > 0.3
    assert over_time(np.full(length, 0.6)) == pytest.approx((0.6, 1, 0))


@pytest.mark.parametrize("measure", [region_similarity, contour_accuracy])
@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        (np.ones((4, 5), bool), "at one size"),
        (np.ones((4, 4), np.uint8), "uint8"),
        (np.ones((4, 4)), "float64"),
        (np.ones((2, 2, 4, 4), bool), r"\[2, 2, 4, 4\]"),
    ],
)
def test_bad_masks_raise(measure, prediction, message):
    with pytest.raises(InputError, match=message):
        measure(prediction, np.ones((4, 4), bool))


@pytest.mark.parametrize("values", [[], [[0.5]], [0.5, np.nan]])
def test_bad_values_raise(values):
    with pytest.raises(InputError, match="one finite number a frame"):
        over_time(values)
