"""Semantic segmentation: everything is read off one confusion matrix."""

import numpy as np
from scipy.ndimage import minimum_filter

from segcore.errors import InputError


class ConfusionMatrix:
    """Counts of pixels by true class (row) and predicted class (column).

    Feed it a whole data set with `update`, then ask. Pixels whose truth is
    `ignore_index` are left out. The rates of Long et al. 2015, section 5.
    """

    def __init__(self, num_classes, ignore_index=255):
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self.matrix = np.zeros((num_classes, num_classes), np.int64)

    def update(self, prediction, label):
        """Adds class ids `prediction` and `label` of equal shape, `[H, W]` or more.

        Raises `InputError` for unequal shapes and for values that are no class.
        """
        prediction, label = np.asarray(prediction), np.asarray(label)
        if prediction.shape != label.shape:
            raise InputError(
                f"The prediction is {prediction.shape} and the label {label.shape};"
                " compare them at one size."
            )
        for name, values in (("prediction", prediction), ("label", label)):
            if values.dtype.kind not in "iub":
                raise InputError(
                    f"The {name} holds {values.dtype} values, not whole class ids; take"
                    " the argmax of logits first."
                )
        counted = label != self.ignore_index
        prediction, label = prediction[counted], label[counted]
        for name, values in (("prediction", prediction), ("label", label)):
            bad = (values < 0) | (values >= self.num_classes)
            if bad.any():
                raise InputError(
                    f"The {name} holds {values[bad][0]}, but classes are"
                    f" 0..{self.num_classes - 1}"
                    + (f" or {self.ignore_index}." if name == "label" else ".")
                )
        cell = label.astype(np.int64) * self.num_classes + prediction
        counts = np.bincount(cell, minlength=self.num_classes**2)
        self.matrix += counts.reshape(self.matrix.shape)

    def pixel_accuracy(self):
        """Share of counted pixels that are right; NaN if none was counted."""
        return float(_ratio(np.trace(self.matrix), self.matrix.sum()))

    def class_accuracy(self):
        """Share of each class's pixels that were found (recall), `[num_classes]`."""
        return _ratio(np.diag(self.matrix), self.matrix.sum(axis=1))

    def iou(self):
        """Intersection over union of each class; NaN where neither side has it."""
        hit = np.diag(self.matrix)
        return _ratio(hit, self.matrix.sum(axis=0) + self.matrix.sum(axis=1) - hit)

    def mean_iou(self):
        """Mean of `iou()` over the classes that occur in truth or prediction."""
        return _mean(self.iou())

    def dice(self):
        """Dice of each class, `2 hit / (predicted + true)`; NaN likewise."""
        hit = np.diag(self.matrix)
        return _ratio(2 * hit, self.matrix.sum(axis=0) + self.matrix.sum(axis=1))


def _ratio(part, whole):
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _mean(values):
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")


class BoundaryIoU:
    """IoU of each class along its outlines only, over a whole data set.

    Of truth and prediction only those pixels of a class count that lie within
    `distance` pixels of its outline, so the inside of a large object cannot hide a
    coarse edge. The edges of the image and of ignored pixels are none. Source: Cheng
    et al. 2021, section 4, there for single objects and with the image's edge.
    """

    def __init__(self, num_classes, distance=2, ignore_index=255):
        self.distance, self.ignore_index = distance, ignore_index
        self.both = np.zeros(num_classes, np.int64)
        self.either = np.zeros(num_classes, np.int64)

    def update(self, prediction, label):
        """Adds one image's class ids `prediction` and `label`, `[H, W]`."""
        # Raises for what are no class ids, in the words of the whole-image measure.
        ConfusionMatrix(len(self.both), self.ignore_index).update(prediction, label)
        prediction, label = np.asarray(prediction), np.asarray(label)
        void = label == self.ignore_index
        for k in range(len(self.both)):
            true, said = (self._rim(ids == k, void) for ids in (label, prediction))
            self.both[k] += (true & said).sum()
            self.either[k] += (true | said).sum()

    def iou(self):
        """Boundary IoU of each class; NaN where neither side has an outline."""
        return _ratio(self.both, self.either)

    def mean_iou(self):
        """Mean of `iou()` over the classes that have an outline."""
        return _mean(self.iou())

    def _rim(self, mask, void):
        # Where a class meets ignored pixels there may be an outline or none.
        side = 2 * self.distance + 1
        inner = minimum_filter(mask | void, side, mode="constant", cval=1)
        return mask & ~inner & ~void
