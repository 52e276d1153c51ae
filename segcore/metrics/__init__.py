"""Measures of how well a segmentation agrees with the truth."""

from segcore.metrics.cases import dice_per_case, find_lesions, score_case
from segcore.metrics.instance import AveragePrecision
from segcore.metrics.panoptic import PanopticQuality
from segcore.metrics.semantic import BoundaryIoU, ConfusionMatrix
from segcore.metrics.surface import (
    average_surface_distance,
    hausdorff_distance,
    surface_dice,
)
from segcore.metrics.video import contour_accuracy, over_time, region_similarity

__all__ = [
    "AveragePrecision",
    "BoundaryIoU",
    "ConfusionMatrix",
    "PanopticQuality",
    "average_surface_distance",
    "contour_accuracy",
    "dice_per_case",
    "find_lesions",
    "hausdorff_distance",
    "over_time",
    "region_similarity",
    "score_case",
    "surface_dice",
]
