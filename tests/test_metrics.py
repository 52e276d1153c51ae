"""The confusion matrix against numbers by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist
from sklearn.metrics import confusion_matrix, f1_score, jaccard_score

from segcore.errors import InputError
from segcore.metrics import BoundaryIoU, ConfusionMatrix, hausdorff_distance

LABEL = np.array([[0, 0, 1, 1], [0, 0, 1, 255]])
PREDICTION = np.array([[0, 1, 1, 1], [0, 0, 0, 2]])


def of(prediction, label, num_classes=3):
    matrix = ConfusionMatrix(num_classes)
    matrix.update(prediction, label)
    return matrix


def test_by_hand():
    matrix = of(PREDICTION, LABEL)
    assert matrix.matrix.tolist() == [[3, 1, 0], [1, 2, 0], [0, 0, 0]]
    assert matrix.pixel_accuracy() == pytest.approx(5 / 7)
    np.testing.assert_allclose(matrix.iou(), [3 / 5, 2 / 4, np.nan])
    assert matrix.mean_iou() == pytest.approx((3 / 5 + 2 / 4) / 2)
    np.testing.assert_allclose(matrix.dice(), [6 / 8, 4 / 6, np.nan])
    np.testing.assert_allclose(matrix.class_accuracy(), [3 / 4, 2 / 3, np.nan])


def test_a_class_predicted_but_never_there_counts_zero():
    matrix = of(np.array([0, 2]), np.array([0, 0]))
    np.testing.assert_array_equal(matrix.iou(), [0.5, np.nan, 0])
    assert matrix.mean_iou() == 0.25


def test_nothing_counted_is_not_a_number():
    matrix = of(np.zeros((2, 2), int), np.full((2, 2), 255))
    assert np.isnan(matrix.mean_iou()) and np.isnan(matrix.pixel_accuracy())


@settings(deadline=None)  # a busy machine is no failure
@given(
    arrays(np.uint8, (6, 7), elements=st.integers(0, 3)),
    arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 1, 2, 3, 255])),
)
def test_equals_scikit_learn(prediction, label):
    matrix = of(prediction, label, 4)
    p, y = prediction[label != 255], label[label != 255]
    if not len(y):
        return
    np.testing.assert_array_equal(
        matrix.matrix, confusion_matrix(y, p, labels=range(4))
    )
    there = sorted({*p.tolist(), *y.tolist()})
    options = {"labels": there, "average": None}
    np.testing.assert_allclose(matrix.iou()[there], jaccard_score(y, p, **options))
    np.testing.assert_allclose(matrix.dice()[there], f1_score(y, p, **options))
    assert matrix.mean_iou() == pytest.approx(jaccard_score(y, p, **options).mean())
    assert np.isnan(np.delete(matrix.iou(), there)).all()


def test_updates_add_up():
    one = of(PREDICTION, LABEL)
    one.update(PREDICTION.T, LABEL.T)
    both = of(np.stack([PREDICTION] * 2), np.stack([LABEL] * 2))
    np.testing.assert_array_equal(one.matrix, both.matrix)


@pytest.mark.parametrize(
    ("prediction", "label", "message"),
    [
        ([[0, 1]], [[0], [1]], "at one size"),
        ([0, 3], [0, 0], "prediction holds 3"),
        ([0, 0], [0, 77], "label holds 77, but classes are 0..2 or 255"),
        ([0, -1], [0, 0], "prediction holds -1"),
        ([0.2, 0.9], [0, 1], "argmax"),
    ],
)
def test_illegal_values_raise(prediction, label, message):
    with pytest.raises(InputError, match=message):
        of(np.array(prediction), np.array(label))


def rim_by_hand(mask, void, distance):
    """Pixels of a mask from which one outside of it is at most `distance` away."""
    mask = mask | void
    rim = np.zeros(mask.shape, bool)
    for y, x in np.argwhere(mask):
        window = mask[
            max(0, y - distance) : y + distance + 1,
            max(0, x - distance) : x + distance + 1,
        ]
        rim[y, x] = not window.all()
    return rim & ~void


@pytest.mark.parametrize("distance", [1, 2, 3])
def test_boundary_iou_by_hand(distance):
    rng = np.random.default_rng(distance)
    measure = BoundaryIoU(3, distance)
    both, either = np.zeros(3), np.zeros(3)
    for _ in range(4):
        # Blobs, not noise: noise is all outline.
        label, prediction = rng.integers(0, 3, (2, 5, 6)).repeat(5, 1).repeat(4, 2)
        label[rng.integers(25), :9] = 255
        measure.update(prediction, label)
        for k in range(3):
            true = rim_by_hand(label == k, label == 255, distance)
            said = rim_by_hand(prediction == k, label == 255, distance)
            both[k] += (true & said).sum()
            either[k] += (true | said).sum()
    np.testing.assert_allclose(measure.iou(), both / either)
    assert measure.mean_iou() == pytest.approx((both / either).mean())


def test_boundary_iou_sees_the_edge_and_not_the_inside():
    truth = np.zeros((40, 40), int)
    truth[8:32, 8:32] = 1
    fat = np.zeros((40, 40), int)
    fat[6:34, 6:34] = 1
    hole = truth.copy()
    hole[18:22, 18:22] = 0
    scores = {}
    for name, prediction in (("fat", fat), ("hole", hole), ("right", truth)):
        plain, edge = ConfusionMatrix(2), BoundaryIoU(2)
        plain.update(prediction, truth)
        edge.update(prediction, truth)
        scores[name] = plain.iou()[1], edge.iou()[1]
    assert scores["right"] == (1, 1)
    assert scores["fat"][0] > 0.7 and scores["fat"][1] == 0
    assert np.isnan(BoundaryIoU(2).mean_iou())
    with pytest.raises(InputError, match="classes are"):
        BoundaryIoU(2).update(truth + 1, truth)


def outline_by_hand(mask):
    """The pixels of a mask with one of four neighbours outside, as rows of `[y, x]`."""
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.argwhere(mask & ~inner)


@pytest.mark.parametrize("spacing", [None, (2.5, 0.7)])
@pytest.mark.parametrize("percentile", [50, 95, 100])
def test_hausdorff_distance_by_hand(percentile, spacing):
    rng = np.random.default_rng(percentile)
    for _ in range(10):
        one, other = (rng.random((2, 5, 6)) < 0.4).repeat(4, 1).repeat(3, 2)
        one[0, 0] = other[-1, -1] = True  # neither is empty
        ends = [outline_by_hand(mask) * (spacing or (1, 1)) for mask in (one, other)]
        away = cdist(*ends)
        want = max(np.percentile(away.min(axis), percentile) for axis in (0, 1))
        found = hausdorff_distance(one, other, percentile, spacing)
        assert found == pytest.approx(want)
        assert found == hausdorff_distance(other, one, percentile, spacing)


def test_hausdorff_distance_of_squares_and_of_nothing():
    truth = np.zeros((40, 40), int)
    truth[10:30, 10:30] = 1
    speck = truth.copy()
    speck[0, 0] = 1
    assert hausdorff_distance(np.roll(truth, 3, axis=1), truth) == 3
    assert hausdorff_distance(truth, truth) == 0
    assert hausdorff_distance(speck, truth, 100) == pytest.approx(200**0.5)
    assert hausdorff_distance(speck, truth) == 0
    empty = np.zeros_like(truth)
    assert hausdorff_distance(empty, truth) == np.inf
    assert np.isnan(hausdorff_distance(empty, empty))
    with pytest.raises(InputError, match="at one size"):
        hausdorff_distance(truth, truth[1:])
    volume = np.stack([empty, truth, empty])
    moved = np.roll(volume, 1, axis=0)
    assert hausdorff_distance(moved, volume, 100, spacing=(5, 1, 1)) == 5
