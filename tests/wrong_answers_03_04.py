"""Plausible wrong answers to the exercises of lessons 03 and 04."""

import numpy as np
import paddle
from paddle import nn

from segcore.data.transforms import jitter, to_array
from segcore.metrics import ConfusionMatrix


def recall_for_iou(matrix):
    return np.diag(matrix) / np.maximum(matrix.sum(axis=1), 1)


def union_counts_overlap_twice(matrix):
    union = matrix.sum(axis=1) + matrix.sum(axis=0)
    return np.diag(matrix) / union


def absent_is_zero(matrix):
    union = matrix.sum(axis=1) + matrix.sum(axis=0) - np.diag(matrix)
    return np.diag(matrix) / np.maximum(union, 1)


def invented_is_left_out(matrix):
    union = matrix.sum(axis=1) + matrix.sum(axis=0) - np.diag(matrix)
    iou = np.diag(matrix) / np.maximum(union, 1)
    return np.where(matrix.sum(axis=1) > 0, iou, np.nan)


def warns_of_zero_over_zero(matrix):
    hit = np.diag(matrix)
    return hit / (matrix.sum(axis=1) + matrix.sum(axis=0) - hit)


def quiet_by_errstate(matrix):
    """Right, in another way than the solution's."""
    with np.errstate(invalid="ignore"):
        return warns_of_zero_over_zero(matrix)


def absent_classes_count_zero(predictions, truths, num_classes):
    matrix = ConfusionMatrix(num_classes)
    for prediction, truth in zip(predictions, truths):
        matrix.update(prediction, truth)
    return np.nan_to_num(matrix.iou()).mean()


def all_pixels_at_once(predictions, truths, num_classes):
    """Right, in another way than the solution's."""
    matrix = ConfusionMatrix(num_classes)
    matrix.update(np.concatenate(predictions), np.concatenate(truths))
    return np.nanmean(matrix.iou())


def mean_over_images(predictions, truths, num_classes):
    scores = []
    for prediction, truth in zip(predictions, truths):
        matrix = ConfusionMatrix(num_classes)
        matrix.update(prediction, truth)
        scores.append(matrix.mean_iou())
    return np.mean(scores)


def accuracy_for_mean_iou(predictions, truths, num_classes):
    matrix = ConfusionMatrix(num_classes)
    for prediction, truth in zip(predictions, truths):
        matrix.update(prediction, truth)
    return matrix.pixel_accuracy()


def only_the_last_image(predictions, truths, num_classes):
    for prediction, truth in zip(predictions, truths):
        matrix = ConfusionMatrix(num_classes)
        matrix.update(prediction, truth)
    return matrix.mean_iou()


def global_dice(cases):
    matrix = ConfusionMatrix(2)
    for prediction, truth in cases:
        matrix.update(prediction, truth)
    return matrix.dice()[1]


def empty_case_is_zero(cases):
    scores = []
    for prediction, truth in cases:
        matrix = ConfusionMatrix(2)
        matrix.update(prediction, truth)
        scores.append(matrix.dice()[1])
    return np.mean(np.nan_to_num(scores))


def empty_case_is_one(cases):
    scores = []
    for prediction, truth in cases:
        matrix = ConfusionMatrix(2)
        matrix.update(prediction, truth)
        scores.append(matrix.dice()[1])
    return np.mean(np.nan_to_num(scores, nan=1))


def only_cases_with_a_tumour(cases):
    scores = []
    for prediction, truth in cases:
        if truth.any():
            matrix = ConfusionMatrix(2)
            matrix.update(prediction, truth)
            scores.append(matrix.dice()[1])
    return np.mean(scores)


def iou_for_dice(cases):
    scores = []
    for prediction, truth in cases:
        matrix = ConfusionMatrix(2)
        matrix.update(prediction, truth)
        scores.append(matrix.iou()[1])
    return np.nanmean(scores)


TRUTH = np.zeros((10, 10), int)
TRUTH[4:6, 3:6] = 1
BLANK = np.zeros((10, 10), int)
FULL = np.ones((10, 10), int)
LARGE = np.pad(np.ones((4, 3), int), ((3, 3), (3, 4)))  # the truth and six more
LARGE[6, 6] = 1


def floor_counts_ignored(masks, num_classes):
    """Takes 255 for a class and so for the most frequent."""
    counts = np.bincount(np.concatenate([m.ravel() for m in masks]))
    matrix = ConfusionMatrix(num_classes)
    for mask in masks:
        common = min(int(counts.argmax()), num_classes - 1)
        matrix.update(np.full_like(mask, common), mask)
    return matrix.pixel_accuracy(), matrix.mean_iou()


def floor_is_background(masks, num_classes):
    matrix = ConfusionMatrix(num_classes)
    for mask in masks:
        matrix.update(np.zeros_like(mask), mask)
    return matrix.pixel_accuracy(), matrix.mean_iou()


def floor_by_image(masks, num_classes):
    scores = []
    for mask in masks:
        matrix = ConfusionMatrix(num_classes)
        common = np.bincount(mask[mask != 255]).argmax()
        matrix.update(np.full_like(mask, common), mask)
        scores.append((matrix.pixel_accuracy(), matrix.mean_iou()))
    return tuple(np.mean(scores, axis=0))


def augmented(model, image):
    model.eval()
    image = jitter(image, np.random.default_rng(), strength=0.9)
    logits = model(paddle.to_tensor(to_array(image)[None]))["out"]
    return logits[0].numpy().argmax(axis=0)


def in_training_mode(model, image):
    logits = model(paddle.to_tensor(to_array(image)[None]))["out"]
    return logits[0].numpy().argmax(axis=0)


def without_argmax(model, image):
    model.eval()
    logits = model(paddle.to_tensor(to_array(image)[None]))["out"]
    return logits[0].numpy().round()


def argmax_over_the_batch(model, image):
    model.eval()
    logits = model(paddle.to_tensor(to_array(image)[None]))["out"]
    return logits.numpy().argmax(axis=0)[0]


def not_normalised(model, image):
    model.eval()
    array = image.transpose(2, 0, 1)[None].astype("float32")
    return model(paddle.to_tensor(array))["out"][0].numpy().argmax(axis=0)


class PlainList(nn.Layer):
    def __init__(self):
        super().__init__()
        self.branches = [nn.Conv2D(3, 4, 1), nn.Conv2D(3, 4, 3, padding=1)]

    def forward(self, x):
        return paddle.concat([branch(x) for branch in self.branches], axis=1)


class OneAfterTheOther(PlainList):
    def __init__(self):
        super().__init__()
        self.branches = nn.Sequential(nn.Conv2D(3, 4, 1), nn.Conv2D(4, 8, 3, padding=1))

    def forward(self, x):
        return self.branches(x)


class OneUnused(PlainList):
    def __init__(self):
        super().__init__()
        self.branches = nn.LayerList(self.branches)

    def forward(self, x):
        return paddle.concat([self.branches[1](x)] * 2, axis=1)


def one_batch(count, batch_size, rng):
    return [list(range(min(batch_size, count)))]


def in_order(count, batch_size, rng):
    order = list(range(count))
    return [order[i : i + batch_size] for i in range(0, count, batch_size)]


def with_repeats(count, batch_size, rng):
    number = -(-count // batch_size)
    return [rng.integers(0, count, batch_size).tolist() for _ in range(number)]


def drops_the_rest(count, batch_size, rng):
    order = rng.permutation(count).tolist()
    return [
        order[i : i + batch_size] for i in range(0, count - batch_size + 1, batch_size)
    ]


WRONG = {
    "03.1": [
        recall_for_iou,
        union_counts_overlap_twice,
        absent_is_zero,
        invented_is_left_out,
        warns_of_zero_over_zero,
    ],
    "03.2": [
        mean_over_images,
        accuracy_for_mean_iou,
        only_the_last_image,
        absent_classes_count_zero,
    ],
    "03.3": [(TRUTH, BLANK), (BLANK, FULL), (BLANK, TRUTH), BLANK],
    "03.4": [
        global_dice,
        empty_case_is_zero,
        empty_case_is_one,
        only_cases_with_a_tumour,
        iou_for_dice,
    ],
    "04.1": [floor_counts_ignored, floor_is_background, floor_by_image],
    "04.2": [
        augmented,
        in_training_mode,
        without_argmax,
        argmax_over_the_batch,
        not_normalised,
    ],
    "04.3": [PlainList, OneAfterTheOther, OneUnused],
    "04.4": [one_batch, in_order, with_repeats, drops_the_rest],
}

# Right answers in another way than the lessons' solutions.
ALSO_RIGHT = {
    "03.1": [quiet_by_errstate],
    "03.2": [all_pixels_at_once],
    "03.3": [np.stack([BLANK, LARGE]), [BLANK.tolist(), LARGE.tolist()]],
}
