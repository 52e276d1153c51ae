"""One switch between a lesson's minute on a CPU and the paper's scale on a GPU."""

import os
from types import SimpleNamespace

from segcore.errors import InputError


def choose_scale(default="lesson", **scales):
    """The settings named by `SEGCORE_SCALE`, or else by `default`, as an object.

    `choose_scale("lesson", lesson=dict(steps=100), full=dict(steps=30000)).steps`
    """
    name = os.environ.get("SEGCORE_SCALE") or default
    if name not in scales:
        raise InputError(
            f"There is no scale {name!r}; this page knows {' and '.join(scales)}."
            " Set SEGCORE_SCALE to one of them."
        )
    return SimpleNamespace(name=name, **scales[name])
