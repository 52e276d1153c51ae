"""Objects through a video: region J, contour F, and what time does to them."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import distance_transform_edt

from segcore.errors import InputError


def region_similarity(prediction, truth):
    """J: the IoU of an object's masks; 1 where both are empty.

    Bool `[H, W]`, which gives a number, or `[T, H, W]`, which gives one a frame, `[T]`.
    Raises `InputError`. Source: Perazzi et al. 2016, section 4.
    """
    prediction, truth = _checked(prediction, truth)
    both = (prediction & truth).sum(axis=(-2, -1))
    either = (prediction | truth).sum(axis=(-2, -1))
    return np.where(either, both / np.maximum(either, 1), 1.0)[()]


def contour_accuracy(prediction, truth, tolerance=0.008):
    """F: F1 of two masks' contours, each pixel of which is right if the other is near.

    Near is `tolerance` times the image's diagonal, rounded up to whole pixels. 1 where
    both masks have no contour, 0 where one has none. Shapes as for `region_similarity`.
    Raises `InputError`. Source: Perazzi et al. 2016, section 4, and DAVIS' code, which
    widens each contour by a disc in place of an assignment of pixel to pixel.
    """
    prediction, truth = _checked(prediction, truth)
    if prediction.ndim == 3:
        return np.array(
            [contour_accuracy(p, t, tolerance) for p, t in zip(prediction, truth)]
        )
    near = np.ceil(tolerance * np.hypot(*prediction.shape))
    said, true = _contour(prediction), _contour(truth)
    if not (said.any() and true.any()):
        return float(said.any() == true.any())
    precision = (distance_transform_edt(~true)[said] <= near).mean()
    recall = (distance_transform_edt(~said)[true] <= near).mean()
    return float(2 * precision * recall / max(precision + recall, 1e-12))


class OverTime(NamedTuple):
    """A measure's mean, its share of frames over .5, its loss from first to last."""

    mean: float
    recall: float
    decay: float


def over_time(values):
    """`OverTime(mean, recall, decay)` of one number a frame, `[T]`, as DAVIS has it.

    The quarters share their first and last frames. Hand in only frames that count:
    DAVIS leaves out the first, whose mask is given, and the last. Raises `InputError`.
    Source: Perazzi et al. 2016, section 4.
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise InputError(
            f"The values over time are {list(values.shape)}; give one finite number a"
            " frame, for one frame at least."
        )
    # Halves are rounded up.
    ends = np.floor(np.linspace(1, len(values), 5) + 0.5 + 1e-10).astype(int)
    first, last = values[: ends[1]], values[ends[3] - 1 :]
    return OverTime(
        float(values.mean()),
        float((values > 0.5).mean()),
        float(first.mean() - last.mean()),
    )


def _checked(*masks):
    masks = [np.asarray(mask) for mask in masks]
    for name, mask in zip(("prediction", "truth"), masks):
        if mask.dtype != bool or mask.ndim not in (2, 3):
            raise InputError(
                f"The {name} is {mask.dtype} {list(mask.shape)}; give the mask of one"
                " object, bool [H, W] or [T, H, W], such as `ids == 1`."
            )
    if masks[0].shape != masks[1].shape:
        raise InputError(
            f"The prediction is {masks[0].shape} and the truth {masks[1].shape};"
            " compare them at one size."
        )
    return masks


def _contour(mask):
    """Pixels that differ from the one to their right, below, or below to the right."""
    wide = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    return (mask ^ wide[:-1, 1:]) | (mask ^ wide[1:, :-1]) | (mask ^ wide[1:, 1:])
