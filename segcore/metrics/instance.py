"""Instance segmentation: COCO's average precision, and what others call by its name."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array

from segcore.errors import InputError
from segcore.metrics.semantic import _mean

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # of IoU
RECALLS = np.linspace(0, 1, 101)
# Least and most pixels, both included.
AREAS = {
    "all": (0, 1e10),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e10),
}


class AveragePrecision:
    """Average precision (AP) of scored masks, and two measures that rank nothing.

    Feed it a whole data set with `update`, then ask. A prediction and a true instance
    of another class are never a pair. Three measures go by the name of AP, or near it:

    - `average_precision` is COCO's. The predictions of all images are ranked by score,
      and precision is averaged over 101 recalls. In each image the predictions, best
      score first, take the best true instance that is left (greedy), `max_detections`
      of a class at most. A crowd need not be found, and what lies in one is no mistake.
      Source: Lin et al. 2014 and the code of `pycocotools`.
    - `detection_accuracy`, TP / (TP + FP + FN), is the AP of StarDist, Schmidt et al.
      2018, section 3. The 2018 Data Science Bowl took its mean over images and IoUs.
    - `f1`, 2 TP / (2 TP + FP + FN), as in Caicedo et al. 2019.

    The last two count each prediction of at least `min_score` alike, pool the counts of
    images and classes, and pair by the best assignment, as StarDist's code does.
    """

    def __init__(self, num_classes, max_detections=100):
        self.num_classes, self.max_detections = num_classes, max_detections
        self._cases = [[] for _ in range(num_classes)]

    def update(self, prediction, truth, crowd=None):
        """Adds an image: (masks, scores, classes) predicted, (masks, classes) true.

        Masks are bool `[n, H, W]`, or an id map `[H, W]` where 0 is no instance and
        i + 1 the one of `classes[i]`; an id without a pixel is left out. `crowd`, bool
        `[n]`, marks true masks that stand for a group. Raises `InputError` for unequal
        sizes and lengths, and for classes, ids and scores that can be none.
        """
        masks, scores, classes = prediction
        said = _Instances.of("prediction", masks, classes, self.num_classes)
        true = _Instances.of("truth", *truth, self.num_classes)
        if said.size != true.size:
            raise InputError(
                f"The predicted masks are {said.size} and the true ones {true.size};"
                " compare them at one size."
            )
        scores = _one_each("scores", scores, said, "iuf")
        if not np.isfinite(scores).all():
            raise InputError("A score is nan or inf; scores are finite numbers.")
        crowd = np.zeros(len(true.there)) if crowd is None else crowd
        crowd = _one_each("crowd", crowd, true, "biuf") != 0

        both = (said.pixels @ true.pixels.T).toarray()
        # A crowd may be found in part: there the prediction's own area is the whole.
        either = said.areas[:, None] + np.where(crowd, 0, true.areas - both)
        iou = both / np.maximum(either, 1)
        ranking = np.argsort(-scores, kind="stable")
        for k in np.union1d(said.classes, true.classes):
            mine, theirs = ranking[said.classes[ranking] == k], true.classes == k
            self._cases[k].append(
                _Case(
                    iou[mine][:, theirs],
                    scores[mine],
                    said.areas[mine],
                    true.areas[theirs],
                    crowd[theirs],
                )
            )

    def average_precision(self, iou=None, area="all"):
        """COCO's AP of each class, `[num_classes]`; NaN for a class without truth.

        Pairs need an IoU of at least `iou`: .5 gives AP50, and None the mean over .5,
        .55, ... .95. `area` is "all", "small" (up to 32 x 32 pixels), "medium" or
        "large" (from 96 x 96), by the pixels of a mask; other instances are ignored.
        """
        if area not in AREAS:
            raise InputError(f"There is no area {area!r}; area is {', '.join(AREAS)}.")
        thresholds = THRESHOLDS if iou is None else np.array([float(iou)])
        return np.array(
            [self._of_class(cases, thresholds, AREAS[area]) for cases in self._cases]
        )

    def mean_average_precision(self, iou=None, area="all"):
        """Mean of `average_precision()` over the classes that have a true instance."""
        return _mean(self.average_precision(iou, area))

    def counts(self, iou=0.5, min_score=-np.inf):
        """TP, FP and FN of each class, int64 `[3, num_classes]`.

        The assignment with the most pairs of an IoU of at least `iou`, and of such the
        one with the largest sum of IoU.
        """
        total = np.zeros((3, self.num_classes), np.int64)
        for k, cases in enumerate(self._cases):
            for case in cases:
                total[:, k] += case.counts(iou, min_score)
        return total

    def f1(self, iou=0.5, min_score=-np.inf):
        """2 TP / (2 TP + FP + FN) over all classes; NaN with nothing to count."""
        tp, fp, fn = self.counts(iou, min_score).sum(axis=1)
        return float(2 * tp / (2 * tp + fp + fn)) if tp + fp + fn else float("nan")

    def detection_accuracy(self, iou=0.5, min_score=-np.inf):
        """TP / (TP + FP + FN) over all classes; NaN with nothing to count."""
        tp, fp, fn = self.counts(iou, min_score).sum(axis=1)
        return float(tp / (tp + fp + fn)) if tp + fp + fn else float("nan")

    def _of_class(self, cases, thresholds, area):
        matches = [case.greedy(thresholds, area, self.max_detections) for case in cases]
        total = sum(match.total for match in matches)
        if not total:
            return np.nan
        scores, hits, errors = (
            np.concatenate(parts, axis=-1) for parts in list(zip(*matches))[:3]
        )
        ranking = np.argsort(-scores, kind="stable")
        hits = hits[:, ranking].cumsum(axis=1)
        errors = errors[:, ranking].cumsum(axis=1)
        precision = hits / np.maximum(hits + errors, 1)
        # At each recall the best precision that is had there or further on; beyond the
        # last, none.
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        precision = np.pad(precision, ((0, 0), (0, 1)))
        return np.mean(
            [
                p[np.searchsorted(recall, RECALLS)]
                for p, recall in zip(precision, hits / total)
            ]
        )


class _Instances(NamedTuple):
    """The instances of one image; `there` tells which of those listed are left."""

    pixels: csr_array  # [n, H W]: row i is 1 where instance i lies
    areas: np.ndarray
    classes: np.ndarray
    there: np.ndarray
    size: tuple

    @classmethod
    def of(cls, name, masks, classes, num_classes):
        masks, classes = np.asarray(masks), np.asarray(classes)
        if classes.ndim != 1 or (classes.dtype.kind not in "iu" and len(classes)):
            raise InputError(
                f"The classes of the {name} are {classes.dtype} {list(classes.shape)};"
                " give one whole number for each instance."
            )
        bad = classes[(classes < 0) | (classes >= num_classes)]
        if len(bad):
            raise InputError(
                f"The {name} holds an instance of class {bad[0]}, but classes are"
                f" 0..{num_classes - 1}."
            )
        count, size = len(classes), masks.shape[-2:]
        if masks.ndim == 2 and masks.dtype.kind in "iu":
            pixel = np.flatnonzero(masks)
            row = masks.ravel()[pixel].astype(np.int64) - 1
            bad = row[(row < 0) | (row >= count)]
            if len(bad):
                raise InputError(
                    f"The id map of the {name} holds {bad[0] + 1}, but its"
                    f" {count} instances have the ids 1 to {count}."
                )
        elif masks.ndim == 3 and masks.dtype == bool:
            if len(masks) != count:
                raise InputError(
                    f"The {name} has {len(masks)} masks and {count} classes; give one"
                    " class for each mask."
                )
            row, pixel = np.nonzero(masks.reshape(count, size[0] * size[1]))
        else:
            raise InputError(
                f"The masks of the {name} are {masks.dtype} {list(masks.shape)}; give"
                " bool [n, H, W], or an id map of whole numbers [H, W]."
            )
        areas = np.bincount(row, minlength=count)
        there = areas > 0 if masks.ndim == 2 else np.ones(count, bool)
        pixels = csr_array(
            (np.ones(len(row), np.int64), (row, pixel)),
            shape=(count, size[0] * size[1]),
        )[np.flatnonzero(there)]
        return cls(pixels, areas[there], classes[there].astype(np.int64), there, size)


def _one_each(what, values, instances, kinds):
    values = np.asarray(values)
    if values.shape != instances.there.shape or (
        values.dtype.kind not in kinds and len(values)
    ):
        raise InputError(
            f"`{what}` is {values.dtype} {list(values.shape)}; give one number for each"
            f" of {len(instances.there)} instances."
        )
    return values.astype(float)[instances.there]


class _Match(NamedTuple):
    """What became of one image's predictions of a class at each threshold."""

    scores: np.ndarray  # [n]
    hits: np.ndarray  # [thresholds, n]
    errors: np.ndarray  # [thresholds, n]; what is neither hit nor error is ignored
    total: int  # of true instances that count


class _Case(NamedTuple):
    """The instances of one class in one image, predictions by falling score."""

    iou: np.ndarray  # [predicted, true]; with a crowd, the share of the prediction
    scores: np.ndarray
    areas: np.ndarray
    true_areas: np.ndarray
    crowd: np.ndarray

    def greedy(self, thresholds, area, most):
        """COCO's matching; of equal IoUs it takes the last, as `pycocotools` does."""
        iou, count = self.iou[:most], len(self.true_areas)
        ignored = self.crowd | _outside(self.true_areas, area)
        free = np.ones((len(thresholds), count), bool)
        partner = np.full((len(thresholds), len(iou)), -1)
        for i, row in enumerate(iou if count else ()):
            can = free & (row >= thresholds[:, None])
            # An ignored instance is taken only where no other can be.
            can &= ~(ignored & (can & ~ignored).any(axis=1, keepdims=True))
            best = count - 1 - np.where(can, row, -1)[:, ::-1].argmax(axis=1)
            found = can.any(axis=1)
            partner[found, i] = best[found]
            free[found, best[found]] = self.crowd[best[found]]
        hit = partner >= 0
        # The last entry is for -1, a prediction without a partner.
        skip = np.append(ignored, False)[partner]
        skip |= ~hit & _outside(self.areas[:most], area)
        return _Match(self.scores[:most], hit & ~skip, ~hit & ~skip, (~ignored).sum())

    def counts(self, iou, min_score):
        """TP, FP and FN by the best assignment; what lies in a crowd is no FP."""
        every = self.iou[self.scores >= min_score]
        single = every[:, ~self.crowd]
        good = single >= iou
        # All IoUs together weigh less than one pair.
        weight = good + single / (2 * max(single.shape) + 1)
        i, j = linear_sum_assignment(weight, maximize=True)
        i = i[good[i, j]]
        alone = np.delete(every[:, self.crowd], i, axis=0)
        excused = (alone >= iou).any(axis=1).sum()
        return np.array([len(i), len(alone) - excused, single.shape[1] - len(i)])


def _outside(areas, area):
    return (areas < area[0]) | (areas > area[1])
