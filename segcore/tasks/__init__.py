"""What a network's outputs mean: target, loss, decoding, metric; one task a file.

`fit`, `evaluate` and `predict` ask the task, and know no network by name. A network
says which task is its own by an attribute `task`; without one it is `"semantic"`.
"""

from segcore.tasks.semantic import Semantic

TASKS = {"semantic": Semantic}


def task_of(model):
    """The task of a network."""
    return TASKS[getattr(model, "task", "semantic")]()


__all__ = ["TASKS", "Semantic", "task_of"]
