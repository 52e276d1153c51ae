"""COCO's AP against pycocotools, F1 and TP / (TP + FP + FN) against brute force."""

import contextlib
import io
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from segcore.errors import InputError
from segcore.metrics import AveragePrecision

SIDE = 120  # room for COCO's large instances
CLASSES = 3


def block(top, left, height, width, side=SIDE):
    mask = np.zeros((side, side), bool)
    mask[max(top, 0) : top + height, max(left, 0) : left + width] = True
    return mask


def stacked(masks, side=SIDE):
    return np.array(masks, bool).reshape(-1, side, side)


def random_image(rng):
    """`(masks, scores, classes), (masks, classes), crowd`, with ties of every kind."""
    true, classes, said, said_classes = [], [], [], []
    for _ in range(rng.integers(0, 7)):
        # Sides of 32 and 96 give areas on the very borders of COCO's ranges.
        height, width = rng.choice([3, 8, 15, 32, 32, 50, 96, 110], 2)
        top, left = (
            rng.integers(0, SIDE - height + 1),
            rng.integers(0, SIDE - width + 1),
        )
        true.append(block(top, left, height, width))
        classes.append(rng.integers(CLASSES))
        for _ in range(rng.integers(0, 4)):
            move = rng.integers(-3, 4, 4) * (rng.random() < 0.7) * (1 + height // 16)
            said.append(block(*(np.array([top, left, height, width]) + move)))
            said_classes.append(classes[-1] if rng.random() < 0.8 else 0)
    for _ in range(rng.integers(0, 3)):
        said.append(block(*rng.integers(0, 90, 2), *rng.integers(0, 30, 2)))
        said_classes.append(rng.integers(CLASSES))
    if rng.random() < 0.05:  # more than COCO looks at
        for _ in range(120):
            said.append(block(*rng.integers(0, 100, 2), 9, 9))
            said_classes.append(1)
    scores = rng.integers(1, 8, len(said)) / 8
    crowd = rng.random(len(true)) < 0.2
    prediction = stacked(said), scores, np.array(said_classes, int)
    return prediction, (stacked(true), np.array(classes, int)), crowd


def coco(images, name):
    """The images' truth (0) or prediction in COCO's form."""
    annotations = []
    for number, ((masks, scores, classes), (true, true_classes), crowd) in enumerate(
        images, 1
    ):
        if name == "truth":
            masks, classes, scores = true, true_classes, np.ones(len(true))
        else:
            crowd = np.zeros(len(masks))
        for mask, k, score, group in zip(masks, classes, scores, crowd):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(k) + 1,
                    "segmentation": rle.encode(np.asfortranarray(mask, np.uint8)),
                    "area": int(mask.sum()),
                    "iscrowd": int(group),
                    "score": float(score),
                }
            )
    found = COCO()
    found.dataset = {
        "images": [
            {"id": i + 1, "height": SIDE, "width": SIDE} for i in range(len(images))
        ],
        "categories": [{"id": k + 1, "name": str(k)} for k in range(CLASSES)],
        "annotations": annotations,
    }
    found.createIndex()
    return found


def pycocotools(images):
    """AP by (IoU, area) and class, from pycocotools."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(coco(images, "truth"), coco(images, "prediction"), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    values = evaluation.eval["precision"][
        ..., 2
    ]  # IoU, recall, class, area; 100 at most
    values = np.where(values < 0, np.nan, values)
    areas = evaluation.params.areaRngLbl
    by_class = {
        (iou, area): values[where, :, :, areas.index(area)].mean(axis=(0, 1))
        for iou, where in ((None, slice(None)), (0.5, [0]), (0.75, [5]))
        for area in areas
    }
    return by_class, evaluation.stats[:6]


def filled(images, **options):
    metric = AveragePrecision(CLASSES, **options)
    for image in images:
        metric.update(*image)
    return metric


def test_equals_pycocotools_on_100_random_cases():
    rng = np.random.default_rng(0)
    seen = np.zeros(6)
    for _ in range(100):
        images = [random_image(rng) for _ in range(rng.integers(1, 5))]
        metric = filled(images)
        by_class, stats = pycocotools(images)
        for (iou, area), expected in by_class.items():
            found = metric.average_precision(iou, area)
            np.testing.assert_allclose(
                found, expected, atol=1e-9, err_msg=f"{iou}{area}"
            )
        asked = [(None, "all"), (0.5, "all"), (0.75, "all")]
        asked += [(None, area) for area in ("small", "medium", "large")]
        means = [metric.mean_average_precision(*ask) for ask in asked]
        np.testing.assert_allclose(np.nan_to_num(means, nan=-1), stats, atol=1e-9)
        seen += (stats > 0) & (stats < 1)
    # The cases ask something: in each range many a value lies between the extremes.
    assert (seen > 20).all(), seen


def test_of_equal_ious_the_last_is_taken_as_in_pycocotools():
    # The first prediction fits both true masks alike, the second fits the last better.
    true = stacked([block(0, 0, 8, 10), block(0, 2, 8, 10)])
    said = stacked([block(0, 1, 8, 10), block(0, 2, 8, 11)])
    for order in ([0, 1], [1, 0]):
        images = [((said, np.array([0.9, 0.8]), [0, 0]), (true[order], [0, 0]), [0, 0])]
        found = filled(images).mean_average_precision()
        assert found == pytest.approx(pycocotools(images)[1][0])
        assert (
            found
            != filled(
                [(*images[0][:1], (true[order[::-1]], [0, 0]))]
            ).mean_average_precision()
        )


def test_by_hand():
    # Two of three found, the worse scored of them behind an error.
    true = stacked([block(0, 0, 10, 10), block(20, 20, 10, 10), block(60, 60, 10, 10)])
    said = stacked([block(0, 0, 10, 10), block(90, 90, 10, 10), block(20, 20, 10, 6)])
    metric = AveragePrecision(1)
    metric.update((said, [0.9, 0.8, 0.7], [0, 0, 0]), (true, [0, 0, 0]))
    # Precision 1 at recalls 0 to .33 (34 of 101), 2/3 at .34 to .66 (33), then 0.
    ap50 = (34 + 33 * 2 / 3) / 101
    assert metric.average_precision(0.5)[0] == pytest.approx(ap50)
    # The third has an IoU of .6, and so counts at .5, .55 and .6.
    expected = (3 * ap50 + 7 * 34 / 101) / 10
    assert metric.mean_average_precision() == pytest.approx(expected)
    assert metric.counts().tolist() == [[2], [1], [1]]
    assert metric.f1() == pytest.approx(4 / 6)
    assert metric.detection_accuracy() == pytest.approx(2 / 4)
    assert metric.f1(min_score=0.85) == pytest.approx(2 / 4)
    assert metric.f1(iou=0.75) == pytest.approx(2 / 6)


def test_the_measures_rank_two_methods_differently():
    true = stacked([block(0, 0, 10, 10), block(20, 20, 10, 10)])
    errors = [block(60, 60 + 5 * i, 4, 4) for i in range(4)]
    many, few = AveragePrecision(1), AveragePrecision(1)
    many.update(([*true, *errors], [0.9, 0.8, *4 * [0.1]], 6 * [0]), (true, [0, 0]))
    few.update((true[:1], [0.9], [0]), (true, [0, 0]))
    assert many.mean_average_precision() == 1 > few.mean_average_precision()
    assert many.f1() < few.f1() and many.detection_accuracy() < few.detection_accuracy()


def test_an_id_map_says_the_same_as_its_masks():
    rng = np.random.default_rng(1)
    images, maps = [], []
    for _ in range(4):
        both = []
        for blur in (0, 4):
            ids = np.zeros((SIDE, SIDE), np.uint16)
            for i, (top, left) in enumerate([(5, 5), (8, 60), (55, 9), (70, 70)]):
                top, left = rng.integers(0, blur + 1, 2) + (top, left)
                ids[top : top + 40, left : left + 30] = i + 1
            both.append((ids, ids == np.arange(1, 5)[:, None, None]))
        scores, classes = rng.random(4), rng.integers(0, CLASSES, 4)
        maps.append(((both[0][0], scores, classes), (both[1][0], classes)))
        images.append(((both[0][1], scores, classes), (both[1][1], classes)))
    one, other = filled(maps), filled(images)
    expected = other.average_precision()
    assert 0 < np.nanmean(expected) < 1
    np.testing.assert_array_equal(one.average_precision(), expected)
    np.testing.assert_array_equal(one.counts(0.7), other.counts(0.7))


def test_an_id_without_a_pixel_is_no_instance():
    ids = np.zeros((8, 8), np.uint16)
    ids[:4], ids[4:] = 1, 3
    crowd = [False, False, True]
    metric = AveragePrecision(2)
    metric.update((ids, [0.5, 0.9, 0.7], [0, 1, 0]), (ids, [0, 1, 0]), crowd)
    assert metric.counts().tolist() == [[1, 0], [0, 0], [0, 0]]
    np.testing.assert_array_equal(metric.average_precision(), [1, np.nan])


def test_a_limit_on_detections():
    true = stacked([block(0, 0, 10, 10), block(20, 20, 10, 10)])
    metric = AveragePrecision(1, max_detections=1)
    metric.update((true, [0.5, 0.6], [0, 0]), (true, [0, 0]))
    assert metric.average_precision(0.5)[0] == pytest.approx(51 / 101)


def most_pairs(good):
    """Most ones of a matrix with no two in a row or column, tried one by one."""
    rows, columns = good.shape
    if rows > columns:
        good, rows, columns = good.T, columns, rows
    return max(
        sum(good[i, j] for i, j in enumerate(chosen))
        for chosen in itertools.permutations(range(columns), rows)
    )


def test_counts_equal_brute_force():
    rng = np.random.default_rng(2)
    greedy_would_differ = 0
    for _ in range(150):
        n, m = rng.integers(0, 5, 2)
        truth = stacked([block(0, 0, *rng.integers(4, 9, 2), 10) for _ in range(m)], 10)
        said = stacked([block(0, 0, *rng.integers(4, 9, 2), 10) for _ in range(n)], 10)
        scores, iou = rng.random(n), rng.choice([0.5, 0.6, 0.75])
        metric = AveragePrecision(1)
        metric.update((said, scores, np.zeros(n, int)), (truth, np.zeros(m, int)))
        keep = said[scores >= 0.2]
        table = np.array(
            [[(p & t).sum() / (p | t).sum() >= iou for t in truth] for p in keep]
        ).reshape(len(keep), m)
        tp = most_pairs(table) if table.size else 0
        counts = [tp, len(keep) - tp, m - tp]
        assert metric.counts(iou, 0.2)[:, 0].tolist() == counts
        whole = tp + counts[1] / 2 + counts[2] / 2
        np.testing.assert_allclose(metric.f1(iou, 0.2), tp / whole if whole else np.nan)
        np.testing.assert_allclose(
            metric.detection_accuracy(iou, 0.2),
            tp / sum(counts) if sum(counts) else np.nan,
        )
        free = table.copy()
        for row in free:
            if row.any():
                free[:, row.argmax()] = False
                greedy_would_differ -= 1
        greedy_would_differ += tp
    assert greedy_would_differ > 0


def test_what_lies_in_a_crowd_is_no_error():
    crowd, alone = block(0, 0, 60, 60), block(80, 80, 10, 10)
    said = stacked([block(5, 5, 9, 9), block(55, 55, 10, 10), alone])
    metric = AveragePrecision(2)
    metric.update(
        (said, [0.9, 0.8, 0.7], [1, 1, 1]),
        (stacked([crowd, alone]), [1, 1]),
        [True, False],
    )
    # The second lies in the crowd by a quarter only.
    assert metric.counts()[:, 1].tolist() == [1, 1, 0]
    assert metric.average_precision(0.5)[1] == pytest.approx(0.5)


def test_nothing_to_count_is_not_a_number():
    nothing = np.zeros((0, 8, 8), bool)
    metric = AveragePrecision(2)
    metric.update((nothing, [], []), (nothing, []))
    assert np.isnan(metric.average_precision()).all()
    assert np.isnan([metric.f1(), metric.detection_accuracy()]).all()
    metric.update((np.ones((1, 8, 8), bool), [0.5], [1]), (nothing, []))
    assert np.isnan(metric.mean_average_precision())
    assert metric.f1() == metric.detection_accuracy() == 0


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_bounds_and_invariance(seed):
    rng = np.random.default_rng(seed)
    (masks, scores, classes), (true, true_classes), _ = random_image(rng)
    scores = rng.permutation(len(scores)) / 7  # no ties: there the order may matter
    p, t = rng.permutation(len(masks)), rng.permutation(len(true))
    metric, turned, mixed = (AveragePrecision(CLASSES) for _ in range(3))
    metric.update((masks, scores, classes), (true, true_classes))
    # Of the scores the order counts alone; that of the list, and sides, count nothing.
    other = masks[p].transpose(0, 2, 1), np.exp(scores[p]), classes[p]
    turned.update(other, (true.transpose(0, 2, 1), true_classes))
    mixed.update(other, (true[t].transpose(0, 2, 1), true_classes[t]))
    np.testing.assert_array_equal(
        metric.average_precision(), turned.average_precision()
    )
    np.testing.assert_array_equal(metric.counts(), mixed.counts())
    values = metric.average_precision()
    inside = values[~np.isnan(values)]
    assert ((inside >= 0) & (inside <= 1)).all()
    f1, accuracy = metric.f1(), metric.detection_accuracy()
    if not np.isnan(f1):
        assert accuracy == pytest.approx(f1 / (2 - f1))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_the_truth_is_perfect(seed):
    _, (true, classes), _ = random_image(np.random.default_rng(seed))
    metric = AveragePrecision(CLASSES)
    metric.update((true, np.full(len(true), 0.5), classes), (true, classes))
    values = metric.average_precision()
    there = np.isin(range(CLASSES), classes)
    np.testing.assert_array_equal(values, np.where(there, 1, np.nan))
    assert not len(true) or metric.f1() == metric.detection_accuracy() == 1


MASK = np.ones((1, 4, 4), bool)
IDS = np.ones((4, 4), np.uint16)


@pytest.mark.parametrize(
    ("prediction", "truth", "crowd", "message"),
    [
        ((MASK, [1], [0]), (MASK[:, :3], [0]), None, "at one size"),
        ((MASK.astype(np.uint8), [1], [0]), (MASK, [0]), None, r"uint8 \[1, 4, 4\]"),
        ((MASK[0], [1], [0]), (MASK, [0]), None, r"bool \[4, 4\]"),
        ((MASK * 0.7, [1], [0]), (MASK, [0]), None, "float64"),
        ((MASK, [1, 1], [0]), (MASK, [0]), None, "one number for each of 1"),
        ((MASK, ["high"], [0]), (MASK, [0]), None, "`scores` is"),
        ((MASK, [np.nan], [0]), (MASK, [0]), None, "nan or inf"),
        ((MASK, [1], [0, 1]), (MASK, [0]), None, "1 masks and 2 classes"),
        ((MASK, [1], [2]), (MASK, [0]), None, "class 2, but classes are 0..1"),
        ((MASK, [1], [0]), (MASK, [-1]), None, "truth holds an instance of class -1"),
        ((MASK, [1], [0.0]), (MASK, [0]), None, "whole number for each instance"),
        ((IDS * 2, [1], [0]), (MASK, [0]), None, "holds 2, but its 1 instances"),
        ((IDS, [1], [0]), (-IDS.astype(int), [0]), None, "truth holds -1"),
        ((IDS, [1], [0]), (IDS, [0]), [True, False], "`crowd` is bool"),
    ],
)
def test_bad_input_raises(prediction, truth, crowd, message):
    metric = AveragePrecision(2)
    with pytest.raises(InputError, match=message):
        metric.update(prediction, truth, crowd)
    assert not metric.counts().any()


def test_an_unknown_area_raises():
    with pytest.raises(InputError, match="all, small, medium, large"):
        AveragePrecision(2).average_precision(area="tiny")
