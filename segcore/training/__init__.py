"""Training: `fit`, its checkpoints, and the scale at which a lesson runs."""

from segcore.training.checkpoint import load_weights, save_weights
from segcore.training.fit import fit
from segcore.training.scale import choose_scale

__all__ = ["choose_scale", "fit", "load_weights", "save_weights"]
