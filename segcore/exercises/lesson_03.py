"""Checks of the exercises of lesson 03, metrics."""

import warnings

import numpy as np

from segcore.exercises import Wrong, as_array, as_number
from segcore.metrics import ConfusionMatrix


def exercise_1(iou_by_class):
    """IoU of each class from a confusion matrix."""
    table = np.array([[5, 0, 1], [0, 4, 1], [1, 1, 2]])
    _same_values(
        _quiet(iou_by_class, table),
        [5 / 7, 4 / 6, 2 / 6],
        "For the 4 x 4 example the IoU is 5/7, 4/6 and 2/6",
    )
    skewed = np.array([[90, 10], [0, 5]])
    _same_values(
        _quiet(iou_by_class, skewed),
        [90 / 100, 5 / 15],
        "A class may be predicted more often than it is there: with [[90, 10], [0, 5]]"
        " the two unions are 100 and 15",
    )
    gap = np.array([[3, 0, 1], [0, 0, 0], [0, 0, 0]])
    _same_values(
        _quiet(iou_by_class, gap),
        [3 / 4, np.nan, 0],
        "With [[3, 0, 1], [0, 0, 0], [0, 0, 0]] class 1 is on neither side, so it is"
        " NaN; class 2 was predicted and is never there, so it is 0",
    )
    with warnings.catch_warnings(record=True) as heard, np.errstate(all="warn"):
        warnings.simplefilter("always")
        iou_by_class(gap)
    heard = [one for one in heard if issubclass(one.category, RuntimeWarning)]
    if heard:
        raise Wrong(
            f"The values are right, but a warning is printed: {heard[0].message}."
            " Divide only where the union is not 0."
        )
    return "Absent is NaN, invented is 0, and the rest is overlap over union."


def exercise_2(mean_iou):
    """Mean IoU of a data set from one matrix."""
    rng = np.random.default_rng(3)
    truths = [rng.integers(0, top, (6, 6)) for top in (1, 2, 4)]
    truths[2][0, :3] = 255
    predictions = [np.where(t == 255, 0, t) for t in truths]
    for prediction, errors in zip(predictions, (0, 5, 20)):
        prediction.flat[:errors] = rng.integers(0, 4, errors)
    whole, alone = ConfusionMatrix(4), []
    for prediction, truth in zip(predictions, truths):
        whole.update(prediction, truth)
        one = ConfusionMatrix(4)
        one.update(prediction, truth)
        alone.append(one.mean_iou())
    found = as_number(mean_iou(predictions, truths, 4))
    if np.isclose(found, np.mean(alone)):
        raise Wrong(
            "This is still the mean over images. How many matrices are made, and when"
            " is each of them asked?"
        )
    if np.isclose(found, whole.pixel_accuracy()):
        raise Wrong("This is the pixel accuracy of the data set, not its mean IoU.")
    _same_values(found, whole.mean_iou(), "On three small test images it is")
    found = as_number(_quiet(mean_iou, predictions, truths, 6))
    if np.isclose(found, whole.mean_iou() * 4 / 6):
        raise Wrong(
            "Classes that occur neither in truth nor in prediction are counted as 0;"
            " leave them out of the mean."
        )
    _same_values(
        found,
        whole.mean_iou(),
        "With num_classes=6, two of which occur nowhere, the same images give",
    )
    return "One matrix over the data set, asked once."


def exercise_3(pair):
    """Two predictions that accuracy and IoU rank in opposite order."""
    truth = np.zeros((10, 10), int)
    truth[4:6, 3:6] = 1
    if not isinstance(pair, (tuple, list, np.ndarray)) or len(pair) != 2:
        raise Wrong("Give two predictions, as a pair (a, b).")
    scores = []
    for name, prediction in zip("ab", pair):
        prediction = np.asarray(prediction)
        if prediction.shape != truth.shape:
            raise Wrong(f"{name} has shape {prediction.shape}, the truth (10, 10).")
        if not np.isin(prediction, (0, 1)).all():
            raise Wrong(f"{name} holds values other than 0 and 1.")
        matrix = ConfusionMatrix(2)
        matrix.update(prediction.astype(int), truth)
        scores.append((matrix.pixel_accuracy(), matrix.iou()[1]))
    (accuracy_a, iou_a), (accuracy_b, iou_b) = scores
    told = (
        f"a has accuracy {accuracy_a:.2f} and IoU {iou_a:.2f},"
        f" b has accuracy {accuracy_b:.2f} and IoU {iou_b:.2f}"
    )
    if accuracy_a <= accuracy_b:
        raise Wrong(f"{told}: a must have the higher accuracy.")
    if iou_b <= iou_a:
        raise Wrong(f"{told}: b must have the higher IoU.")
    if iou_b < 0.4:
        raise Wrong(f"{told}: b must reach an IoU of at least 0.40.")
    return f"{told[0].upper()}{told[1:]}."


def exercise_4(dice_per_case):
    """Mean Dice over cases, empty ones left out."""
    full, half, empty = np.ones((2, 4), int), np.zeros((2, 4), int), np.zeros((2, 4))
    half[:, :2] = 1
    empty = empty.astype(int)
    _same_values(
        as_number(_quiet(dice_per_case, [(half, full), (half, half)])),
        (2 / 3 + 1) / 2,
        "Two cases with Dice 2/3 and 1 give",
    )
    small = np.zeros((2, 4), int)
    small[0, 0] = 1
    corner = np.zeros((2, 4), int)
    corner[1, 3] = 1
    _same_values(
        as_number(_quiet(dice_per_case, [(full, full), (corner, small)])),
        0.5,
        "A large case that is perfect and a small one that is missed give",
    )
    _same_values(
        as_number(_quiet(dice_per_case, [(half, full), (empty, empty)])),
        2 / 3,
        "A case with Dice 2/3, and one that is empty in prediction and truth, give",
    )
    _same_values(
        as_number(_quiet(dice_per_case, [(half, half), (small, empty)])),
        0.5,
        "A perfect case, and one where a tumour was invented, give",
    )
    return "Every patient has one vote, except where there was nothing to find or say."


def _quiet(function, *arguments):
    """Calls without NumPy's warnings: the result is judged, not the noise."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function(*arguments)


def _same_values(found, expected, what):
    found, expected = as_array(found), np.asarray(expected, float)
    if found.shape != expected.shape:
        raise Wrong(
            f"Return values of shape {expected.shape}, not of shape {found.shape}."
        )
    if not np.allclose(found, expected, equal_nan=True, atol=1e-6):
        tail = f" {_text(expected)}" if expected.ndim == 0 else ""
        raise Wrong(f"{what}{tail}; you have {_text(found)}.")


def _text(values):
    if values.ndim == 0:
        return f"{float(values):.3f}"
    return "[" + ", ".join(f"{value:.3f}" for value in values.ravel()) + "]"
