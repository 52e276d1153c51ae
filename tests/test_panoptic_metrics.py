"""Panoptic quality by hand, by brute force, and against public numbers."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segcore.data.coco import read_panoptic
from segcore.errors import InputError
from segcore.metrics import PanopticQuality

SAMPLE = os.path.join(os.environ.get("SEGCORE_DATA", ""), "coco_panoptic_sample")
CLASSES, THINGS = 4, (2, 3)


def segments(*listed):
    """Segments of (id, class) or (id, class, iscrowd)."""
    return [dict(zip(("id", "class_id", "iscrowd"), each)) for each in listed]


def of(*pairs, num_classes=CLASSES):
    metric = PanopticQuality(num_classes, THINGS)
    for prediction, truth in pairs:
        metric.update(prediction, truth)
    return metric


def test_by_hand():
    truth = np.array([[1, 1, 1, 1, 2, 2, 2, 0], [1, 1, 1, 1, 3, 3, 3, 0]])
    said = np.array([[5, 5, 5, 7, 8, 8, 8, 8], [5, 5, 5, 7, 9, 9, 6, 6]])
    metric = of(
        (
            (said, segments((5, 0), (7, 1), (8, 2), (9, 2), (6, 2))),
            (truth, segments((1, 0), (2, 2), (3, 2))),
        )
    )
    # Stuff: 6 of 8 pixels. Things: 3 of 3 (one more lies on void), and 2 of 3. Half of
    # segment 6 lies on void, which does not excuse it.
    assert metric.tp.tolist() == [1, 0, 2, 0]
    assert metric.fp.tolist() == [0, 1, 1, 0]
    assert metric.fn.tolist() == [0, 0, 0, 0]
    np.testing.assert_allclose(metric.sq(), [6 / 8, 0, (1 + 2 / 3) / 2, np.nan])
    np.testing.assert_allclose(metric.rq(), [1, 0, 2 / 2.5, np.nan])
    np.testing.assert_allclose(metric.pq(), [6 / 8, 0, 5 / 6 * 0.8, np.nan])
    assert metric.mean().pq == pytest.approx((6 / 8 + 0 + 2 / 3) / 3)
    assert metric.mean("things") == pytest.approx((2 / 3, 5 / 6, 0.8))
    assert metric.mean("stuff") == pytest.approx((3 / 8, 3 / 8, 1 / 2))


def test_half_is_no_pair():
    truth = np.array([[1, 1, 0, 2]])
    said = np.array([[1, 2, 2, 2]])
    metric = of(
        ((said, segments((1, 2), (2, 3))), (truth, segments((1, 2), (2, 3)))),
    )
    # 1 of 2; and 1 of 2 too, the void left out.
    assert metric.tp.sum() == 0 and metric.fp.sum() == metric.fn.sum() == 2


def random_image(rng, crowds=True):
    """A truth of blocks with void and crowds, and a prediction that differs in part."""
    truth = rng.integers(0, 8, (4, 4)).repeat(3, 0).repeat(4, 1)
    said = np.where(rng.random(truth.shape) < rng.random() * 0.6, 0, truth)
    said = np.roll(said, rng.integers(0, 3), rng.integers(0, 2))
    said = np.where(rng.random(truth.shape) < 0.1, rng.integers(0, 10), said)
    classes = rng.integers(0, CLASSES, 10)
    groups = (rng.random(10) < 0.3) & np.isin(classes, THINGS) & crowds
    changed = np.where(rng.random(10) < 0.2, rng.integers(0, CLASSES, 10), classes)
    number = rng.choice(2**24 - 1, 10, replace=False) + 1
    number[0] = 0
    true = [(number[i], classes[i], int(groups[i])) for i in np.unique(truth) if i]
    found = [(number[i], changed[i]) for i in np.unique(said) if i]
    return (number[said], segments(*found)), (number[truth], segments(*true))


def brute_force(pairs):
    """Sum of IoU, TP, FP, FN by class, straight from the rules."""
    iou, tp, fp, fn = np.zeros((4, CLASSES))
    for (said, listed), (truth, true_listed) in pairs:
        taken = set()
        for segment in true_listed:
            true, k = truth == segment["id"], segment["class_id"]
            if segment["iscrowd"]:
                continue
            for other in listed:
                mask = said == other["id"]
                union = (mask & (truth != 0)) | true
                share = (mask & true).sum() / union.sum()
                if other["class_id"] == k and share > 0.5:
                    iou[k] += share
                    tp[k] += 1
                    taken.add(other["id"])
                    break
            else:
                fn[k] += 1
        for other in listed:
            mask, k = said == other["id"], other["class_id"]
            excused = truth == 0
            for segment in true_listed:
                if segment["iscrowd"] and segment["class_id"] == k:
                    excused = excused | (truth == segment["id"])
            fp[k] += (
                other["id"] not in taken and (mask & excused).sum() <= mask.sum() / 2
            )
    return iou, tp, fp, fn


def test_equals_brute_force_on_100_random_maps():
    rng = np.random.default_rng(0)
    totals, excused = np.zeros(4), 0
    for _ in range(100):
        pairs = [random_image(rng) for _ in range(rng.integers(1, 4))]
        metric = of(*pairs)
        expected = brute_force(pairs)
        found = metric.iou, metric.tp, metric.fp, metric.fn
        np.testing.assert_allclose(found, expected)
        with np.errstate(invalid="ignore"):
            iou, tp, fp, fn = expected
            pq = iou / (tp + fp / 2 + fn / 2)
        np.testing.assert_allclose(metric.pq(), pq)
        np.testing.assert_allclose(metric.mean().pq, pq[~np.isnan(pq)].mean())
        totals += np.sum(expected, axis=1)
        excused += sum(len(p[1]) for p, _ in pairs) - tp.sum() - fp.sum()
    # Every kind of segment was among them.
    assert min(*totals, excused) > 30


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_bounds_and_invariance(seed):
    rng = np.random.default_rng(seed)
    (said, listed), (truth, true_listed) = random_image(rng)
    metric = of(((said, listed), (truth, true_listed)))
    pq, sq, rq = metric.pq(), metric.sq(), metric.rq()
    there = ~np.isnan(pq)
    assert ((pq[there] >= 0) & (pq[there] <= 1)).all()
    np.testing.assert_allclose(pq, sq * rq)
    assert ((sq[there] == 0) | (sq[there] > 0.5)).all()
    # Neither the numbers of the segments nor their order nor the picture's sides count.
    turned = of(
        (
            (2 * said.T + (said.T > 0), [{**s, "id": 2 * s["id"] + 1} for s in listed]),
            (truth.T, true_listed[::-1]),
        )
    )
    np.testing.assert_allclose(turned.pq(), pq)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_truth_is_perfect(seed):
    _, truth = random_image(np.random.default_rng(seed), crowds=False)
    pq = of((truth, truth)).pq()
    classes = [segment["class_id"] for segment in truth[1]]
    there = np.isin(range(CLASSES), classes)
    np.testing.assert_array_equal(pq, np.where(there, 1, np.nan))


@pytest.mark.skipif(
    not os.path.isdir(SAMPLE),
    reason="SEGCORE_DATA names no folder that holds coco_panoptic_sample",
)
@pytest.mark.parametrize(
    ("shift", "public"), [(0, 1), (4, 0.67251), (8, 0.526533), (16, 0.305014)]
)
def test_public_numbers(shift, public):
    truth = read_panoptic(f"{SAMPLE}/sample_data/panoptic_examples.json")
    metric = PanopticQuality(len(truth.classes), truth.things)
    for ids, listed in truth:
        moved = np.zeros_like(ids)
        moved[:, shift:] = ids[:, : ids.shape[1] - shift]
        left = [segment for segment in listed if (moved == segment["id"]).any()]
        metric.update((moved, left), (ids, listed))
    assert np.isfinite(metric.pq()).sum() == 8
    assert metric.mean().pq == pytest.approx(public, abs=5e-7)


IDS = np.array([[0, 1], [1, 2]])
TWO = segments((1, 0), (2, 3))


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        ((IDS[:, :1], TWO[:1]), "at one size"),
        ((IDS / 2, TWO), "float64"),
        ((IDS[None], TWO), r"\[1, 2, 2\]"),
        ((IDS, TWO[:1]), "holds 2, not in segments"),
        ((IDS, [*TWO, *segments((3, 0))]), "segment 3, which has no pixel"),
        ((IDS, [*TWO, *segments((2, 0))]), "twice"),
        ((IDS, [*TWO, *segments((0, 0))]), "0, which is void"),
        ((IDS, segments((1, 0), (2, 4))), r"class 4, but classes are 0\.\.3"),
        ((IDS, segments((1, 0), (2, -1))), "class -1"),
        ((IDS, segments((1, 0), (2, 0.5))), "whole number 'class_id'"),
        ((IDS, [*TWO[:1], {"id": 2, "category_id": 1}]), "whole number 'class_id'"),
        ((IDS, [1, 2]), "whole number 'id'"),
        ((-IDS, TWO), "holds -"),
    ],
)
def test_bad_input_raises(prediction, message):
    metric = PanopticQuality(CLASSES, THINGS)
    with pytest.raises(InputError, match=message):
        metric.update(prediction, (IDS, TWO))
    assert not (metric.tp + metric.fp + metric.fn).any()


def test_bad_truth_is_named():
    with pytest.raises(InputError, match="The id map of the truth holds 2"):
        of(((IDS, TWO), (IDS, TWO[:1])))
    with pytest.raises(InputError, match="all, things, stuff"):
        of().mean("thing")
