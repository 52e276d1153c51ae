"""Measures of how well a segmentation agrees with the truth."""

from segcore.metrics.semantic import BoundaryIoU, ConfusionMatrix, hausdorff_distance

__all__ = ["BoundaryIoU", "ConfusionMatrix", "hausdorff_distance"]
