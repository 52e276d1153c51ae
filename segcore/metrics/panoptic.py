"""Panoptic segmentation: how much is found, and how well, in one number."""

from typing import NamedTuple

import numpy as np

from segcore.errors import InputError
from segcore.metrics.semantic import _mean, _ratio


class Quality(NamedTuple):
    """Panoptic, segmentation and recognition quality."""

    pq: float
    sq: float
    rq: float


class PanopticQuality:
    """PQ = SQ x RQ of stuff and things. Source: Kirillov et al. 2019, section 4.

    A predicted and a true segment of one class are a pair if their IoU is over .5; so
    each has one partner at most, and nothing need be chosen. SQ is the mean IoU of the
    pairs, RQ their F1. Pixels that are void in the truth (id 0) are left out of the
    IoU. A crowd is no pair and no miss, and an unpaired prediction is no error if more
    than half of it lies on void or on crowds of its class.
    """

    def __init__(self, num_classes, things=()):
        """`things` are the class ids of things; the others are stuff."""
        self.num_classes = num_classes
        self.things = np.isin(np.arange(num_classes), list(things))
        self.iou = np.zeros(num_classes)  # summed over pairs
        self.tp, self.fp, self.fn = np.zeros((3, num_classes), np.int64)

    def update(self, prediction, truth):
        """Adds one image: `prediction` and `truth` are each (id map, segments).

        An id map is `[H, W]` of whole numbers, 0 for void; `segments` has one dict for
        each id, with `"id"`, `"class_id"` (0..num_classes - 1) and in the truth, for
        a group of things, `"iscrowd"` 1. Raises `InputError` for unequal sizes, and
        where ids and segments do not agree.
        """
        said, classes, _ = self._read("prediction", *prediction)
        true, true_classes, crowd = self._read("truth", *truth)
        if said.shape != true.shape:
            raise InputError(
                f"The predicted id map is {said.shape} and the true one {true.shape};"
                " compare them at one size."
            )
        # Pixels by true (row) and predicted segment (column); the first is void.
        shape = len(true_classes), len(classes)
        both = np.bincount((true * shape[1] + said).ravel(), minlength=np.prod(shape))
        both = both.reshape(shape)
        void, area = both[0], both.sum(axis=0)
        iou = _ratio(both, both.sum(axis=1, keepdims=True) + area - void - both)

        same = true_classes[:, None] == classes
        pair = same & ~crowd[:, None] & (iou > 0.5)
        np.add.at(self.iou, classes[np.nonzero(pair)[1]], iou[pair])
        excused = void + (both * (same & crowd[:, None])).sum(axis=0)
        found, right = pair.any(axis=1), pair.any(axis=0)
        for count, of in (
            (self.tp, classes[right]),
            (self.fp, classes[~right & (excused <= area / 2)]),
            (self.fn, true_classes[~found & ~crowd]),
        ):
            count += np.bincount(of[of >= 0], minlength=self.num_classes)

    def pq(self):
        """PQ of each class, `[num_classes]`; NaN where neither side has it."""
        return _ratio(self.iou, self.tp + self.fp / 2 + self.fn / 2)

    def sq(self):
        """Mean IoU of the pairs of each class; 0 without a pair, NaN as in `pq`."""
        return np.where(
            self.tp + self.fp + self.fn, self.iou / np.maximum(self.tp, 1), np.nan
        )

    def rq(self):
        """F1 of each class, `[num_classes]`; NaN as in `pq`."""
        return _ratio(self.tp, self.tp + self.fp / 2 + self.fn / 2)

    def mean(self, part="all"):
        """`Quality(pq, sq, rq)`, means over the classes that occur.

        `part` is "all", "things" or "stuff". The mean of PQ is not the product of the
        other two.
        """
        parts = {"all": slice(None), "things": self.things, "stuff": ~self.things}
        if part not in parts:
            raise InputError(f"There is no part {part!r}; part is {', '.join(parts)}.")
        return Quality(
            *(_mean(of()[parts[part]]) for of in (self.pq, self.sq, self.rq))
        )

    def _read(self, name, ids, segments):
        """The map with segments numbered from 1, their classes and which are crowds."""
        ids = np.asarray(ids)
        if ids.ndim != 2 or ids.dtype.kind not in "iu":
            raise InputError(
                f"The id map of the {name} is {ids.dtype} {list(ids.shape)}; give whole"
                " numbers [H, W]."
            )
        listed = {_whole(name, segment, "id"): segment for segment in segments}
        if len(listed) < len(segments) or 0 in listed:
            raise InputError(
                f"The {name} lists a segment twice, or with the id 0, which is void."
            )
        found, index = np.unique(ids, return_inverse=True)
        for id_ in {*found.tolist()} - {0} - {*listed}:
            raise InputError(f"The id map of the {name} holds {id_}, not in segments.")
        for id_ in {*listed} - {*found.tolist()}:
            raise InputError(f"The {name} lists segment {id_}, which has no pixel.")
        # Void has no class: another number on either side, so that it never agrees.
        order = found[found != 0].tolist()
        classes = [_whole(name, listed[id_], "class_id") for id_ in order]
        for k in classes:
            if not 0 <= k < self.num_classes:
                raise InputError(
                    f"The {name} holds a segment of class {k}, but classes are"
                    f" 0..{self.num_classes - 1}."
                )
        crowd = [bool(listed[id_].get("iscrowd", 0)) for id_ in order]
        index = index.reshape(ids.shape) + (0 not in found)
        void = -1 if name == "truth" else -2
        return index, np.array([void, *classes]), np.array([name == "truth", *crowd])


def _whole(name, segment, key):
    try:
        value = segment[key]
        if value == int(value):
            return int(value)
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    raise InputError(
        f"A segment of the {name} has no whole number {key!r}; give a dict with 'id'"
        " and 'class_id' for each."
    )
