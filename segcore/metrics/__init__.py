"""Measures of how well a segmentation agrees with the truth."""

from segcore.metrics.semantic import ConfusionMatrix

__all__ = ["ConfusionMatrix"]
