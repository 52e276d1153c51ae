"""Automatic checks of the lessons' exercises, one file a lesson.

In a lesson, `exercises.check("03.1", answer)` prints one line: not answered yet, right,
or what differs. Behind it stands `exercise_1(answer)` in `lesson_03.py`, which raises
`Wrong` with a hint and returns the sentence to print when the answer is right.
"""

import importlib

import numpy as np


class Wrong(Exception):
    """The answer is not right; the message is a hint that does not give it away."""


def as_array(values):
    """An answer as a float array; raises `Wrong` for what holds no numbers."""
    try:
        return np.asarray(values, float)
    except (TypeError, ValueError):
        raise Wrong(
            f"Return numbers in an array or a tensor, not {type(values).__name__}."
        ) from None


def as_number(value):
    """An answer as one float; raises `Wrong` for several, or none."""
    value = as_array(value)
    if value.size != 1:
        raise Wrong(f"Return one number, not values of shape {value.shape}.")
    return float(value.reshape(()))


def check(name, answer):
    """Prints the verdict on `answer` to exercise `name`, such as "03.1"."""
    print(f"Exercise {name}: {verdict(name, answer)[1]}")


def verdict(name, answer):
    """`(state, sentence)`, the state one of "open", "right" and "wrong"."""
    lesson, number = name.split(".")
    module = importlib.import_module(f"segcore.exercises.lesson_{lesson}")
    judge = getattr(module, f"exercise_{number}")
    if answer is ... or (
        isinstance(answer, dict) and answer and all(x is ... for x in answer.values())
    ):
        return "open", "not answered yet."
    try:
        return "right", f"right. {judge(_not_open(answer))}"
    except Wrong as hint:
        return "wrong", f"not yet. {hint}"
    except _Open:
        return "open", "not answered yet."
    except Exception as error:
        return (
            "wrong",
            f"not yet. Your code stopped with {type(error).__name__}: {error}",
        )


class _Open(BaseException):
    """An answer that still returns `...`."""


def _not_open(answer):
    """A function wrapped so that a stub, which returns `...`, counts as unanswered."""
    if not callable(answer):
        return answer

    def wrapped(*args, **options):
        result = answer(*args, **options)
        if result is ...:
            raise _Open
        return result

    return wrapped
