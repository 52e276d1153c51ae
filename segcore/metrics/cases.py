"""What a doctor asks of a case: how well it overlaps, millilitres, what was missed.

A class that neither truth nor prediction has scores NaN and is left out of means; one
that only one of them has scores a Dice of 0.
"""

import numpy as np
from scipy.ndimage import label as connected

from segcore.errors import InputError
from segcore.metrics.semantic import ConfusionMatrix
from segcore.metrics.surface import (
    average_surface_distance,
    hausdorff_distance,
    surface_dice,
)

TOUCHING = np.ones((3, 3, 3), int)  # voxels that share a corner are one tumour


def dice_per_case(predictions, labels, num_classes=2, ignore_index=255):
    """Dice of each class in each case, `[cases, num_classes]`.

    `predictions` and `labels` run over cases, each of class ids `[H, W]` or
    `[D, H, W]`. Not the same as the Dice of all cases' voxels together, where a large
    tumour outweighs ten small ones. Raises `InputError` as `ConfusionMatrix` does.
    """
    rows = []
    for prediction, truth in zip(predictions, labels, strict=True):
        matrix = ConfusionMatrix(num_classes, ignore_index)
        matrix.update(prediction, truth)
        rows.append(matrix.dice())
    return np.array(rows).reshape(-1, num_classes)


def score_case(prediction, label, spacing, tolerance=2.0):
    """The report of one mask, `[D, H, W]`, 0 outside: a dict of numbers.

    `dice`; `volume_ml`, the truth's, and `volume_error_ml`, too much being positive;
    `hausdorff_95_mm`, `surface_distance_mm` and `surface_dice` at `tolerance` mm (see
    `segcore.metrics.surface`). `spacing` is the voxel's size along each axis in mm.
    """
    prediction, label = (np.asarray(mask).astype(bool) for mask in (prediction, label))
    away = hausdorff_distance(prediction, label, 95, spacing)
    millilitre = float(np.prod(spacing)) / 1000
    true, said = int(label.sum()), int(prediction.sum())
    both = int((prediction & label).sum())
    return {
        "dice": 2 * both / (true + said) if true + said else float("nan"),
        "volume_ml": true * millilitre,
        "volume_error_ml": (said - true) * millilitre,
        "hausdorff_95_mm": away,
        "surface_distance_mm": average_surface_distance(prediction, label, spacing),
        "surface_dice": surface_dice(prediction, label, tolerance, spacing),
    }


def find_lesions(prediction, label, spacing, share=0.5):
    """Tumours found and missed: `(lesions, false_alarms)`, two lists of dicts.

    A lesion is a connected piece of the truth `[D, H, W]`, by faces, edges or corners.
    It counts as found if at least `share` of its voxels are predicted; a false alarm is
    a connected piece of the prediction that touches no voxel of the truth. Each has
    `volume_ml` and `diameter_mm`, of the ball of that volume; a lesion also `covered`,
    the share of it that is predicted, and `found`. One prediction over everything would
    find all: read Dice beside it.
    """
    prediction, label = (np.asarray(mask).astype(bool) for mask in (prediction, label))
    if prediction.shape != label.shape or label.ndim != 3:
        raise InputError(
            f"The prediction is {prediction.shape} and the label {label.shape}; compare"
            " volumes [D, H, W] of one size."
        )
    if not 0 < share <= 1:
        raise InputError(f"share is above 0 and at most 1, not {share}.")
    lesions = [
        {**size, "covered": hit, "found": hit >= share}
        for size, hit in _pieces(label, prediction, spacing)
    ]
    pieces = _pieces(prediction, label, spacing)
    return lesions, [size for size, hit in pieces if hit == 0]


def _pieces(mask, other, spacing):
    """Of each connected piece of a mask: its size, and the share within the other."""
    numbers, count = connected(mask, TOUCHING)
    voxels = np.bincount(numbers.ravel(), minlength=count + 1)[1:]
    hits = np.bincount(numbers[other], minlength=count + 1)[1:]
    volumes = voxels * float(np.prod(spacing)) / 1000
    return [
        (
            {
                "volume_ml": float(volume),
                "diameter_mm": float((6000 * volume / np.pi) ** (1 / 3)),
            },
            float(hit / all_),
        )
        for volume, hit, all_ in zip(volumes, hits, voxels)
    ]
