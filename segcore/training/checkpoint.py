"""Weights and the state of a run, as safetensors files: plain numbers, no code.

Every file is written beside its place and then moved there, so that a run killed at
any moment leaves the previous checkpoint whole.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import paddle
from safetensors import safe_open
from safetensors.numpy import save

from segcore import files
from segcore.errors import InputError
from segcore.files import short

LAST, PREVIOUS, BEST = (f"{n}.safetensors" for n in ("last", "previous", "best"))


@dataclass
class Progress:
    """How far a run has come: what a state holds beside its numbers.

    `loss_sum` and `losses` make the mean loss of the row that comes next, `steps` is
    the end for which the learning rate was planned, `tensors` the number of arrays.
    """

    step: int = 0
    steps: int = 1
    best: float = -1.0
    rows: list = field(default_factory=list)
    loss_sum: float = 0.0
    losses: int = 0
    seconds: float = 0.0
    tensors: int = 0

    @classmethod
    def read(cls, notes):
        """Progress out of a file's notes; raises `ValueError` if they are not it."""
        usual = asdict(cls())
        if not isinstance(notes, dict) or notes.keys() != usual.keys():
            raise ValueError("its notes are not those of a run")
        for key, value in usual.items():
            kind = (int, float) if isinstance(value, float) else type(value)
            if not isinstance(notes[key], kind) or isinstance(notes[key], bool):
                raise ValueError(f"its {key} is {str(notes[key])[:40]!r}")
        numbers = [notes[key] for key in usual if key != "rows"]
        rows = notes["rows"]
        if not all(isinstance(row, dict) and "step" in row for row in rows):
            raise ValueError("its history is damaged")
        numbers += [value for row in rows for value in row.values()]
        counts = (notes["step"], notes["steps"], notes["losses"])
        # A score may be NaN: not defined.
        sound = all(type(n) in (int, float) and not n < -1 for n in numbers)
        if not sound or min(counts) < 0:
            raise ValueError("its notes hold values that are not possible")
        return cls(**notes)


def save_weights(model, path):
    """Writes parameters and batch-norm statistics."""
    _write(path, _weights(model), {})


def load_weights(model, path):
    """Reads what `save_weights` wrote; `InputError` if it is of another network."""
    arrays, _ = _read(path)
    _check(model, arrays, path)
    _put(model, arrays)


def finite(model):
    """Whether every parameter and statistic is a number."""
    return _all_finite(_weights(model))


def save_state(folder, model, optimizer, progress):
    """Writes all that a run needs to go on, and keeps the state before it.

    Returns False, and writes nothing, where a value is not a number any more.
    """
    arrays = {f"model/{k}": v for k, v in _weights(model).items()}
    moments = _by_order(model, optimizer)
    arrays |= {f"optimizer/{name}": value for name, value in moments.items()}
    if not _all_finite(arrays):
        return False
    last, previous = Path(folder) / LAST, Path(folder) / PREVIOUS
    progress.tensors = len(arrays)
    _write(last, arrays, asdict(progress), keep=previous)
    return True


def load_state(folder, model, optimizer):
    """Reads the last state into network and optimizer; `(progress, remark)`.

    Where the last one is damaged or missing it takes the one before, and the remark,
    otherwise empty, says so. Raises `InputError` if neither can be read.
    """
    last, previous = Path(folder) / LAST, Path(folder) / PREVIOUS
    try:
        return _load_state(last, model, optimizer), ""
    except InputError as error:
        if not os.path.lexists(previous):
            raise
        progress = _load_state(previous, model, optimizer)
        # Out of the way, or the next save would keep it.
        if last.is_symlink() or last.is_file():
            os.replace(last, last.with_name("damaged.safetensors"))
        return (
            progress,
            f"{error} Going on from the state before, step {progress.step}.",
        )


def _load_state(path, model, optimizer):
    arrays, notes = _read(path)
    part = {"model": {}, "optimizer": {}}
    for key, value in arrays.items():
        owner, _, name = key.partition("/")
        part.setdefault(owner, {})[name] = value
    _check(model, part["model"], path)
    try:
        progress = Progress.read(notes)
        if progress.tensors != len(arrays):
            raise ValueError(
                f"{len(arrays)} of its {progress.tensors} arrays are there"
            )
        state = _optimizer_state(model, part["optimizer"])
        if progress.step and not state:
            raise ValueError("the optimizer's numbers are missing")
    except ValueError as error:
        raise _unreadable(path, error) from None
    _put(model, part["model"])
    optimizer.set_state_dict(state)
    return progress


def _optimizer_state(model, arrays):
    """AdamW's four tensors of each parameter that has learned."""
    state = {}
    for index, parameter in enumerate(model.parameters()):
        if parameter.stop_gradient or f"{index}:_moment1_0" not in arrays:
            continue  # one that had no gradient yet has none of them
        for name in ("moment1", "moment2", "beta1_pow_acc", "beta2_pow_acc"):
            value = arrays.get(f"{index}:_{name}_0")
            wanted = parameter.shape if name.startswith("moment") else [1]
            if value is None or list(value.shape) != wanted:
                raise ValueError(
                    f"the optimizer's {name} of parameter {index} is amiss"
                )
            if value.dtype != np.float32:
                raise ValueError(f"the optimizer's numbers are {value.dtype}")
            state[f"{parameter.name}_{name}_0"] = paddle.to_tensor(value)
    return state


def _by_order(model, optimizer):
    """The optimizer's tensors keyed by the parameter's place, not by its name.

    Paddle counts names up within a process, so a network built twice has other names
    and its optimizer state, keyed by them, would silently not load.
    """
    state = optimizer.state_dict()
    return {
        f"{index}:{key[len(parameter.name) :]}": value.numpy()
        for index, parameter in enumerate(model.parameters())
        for key, value in state.items()
        if key.startswith(parameter.name + "_") and isinstance(value, paddle.Tensor)
    }


def _weights(model):
    return {name: value.numpy() for name, value in model.state_dict().items()}


def _all_finite(arrays):
    return all(bool(np.isfinite(value).all()) for value in arrays.values())


def _check(model, arrays, path):
    """Raises `InputError` unless the arrays are numbers for this network."""
    wanted = {name: list(value.shape) for name, value in model.state_dict().items()}
    found = {name: list(value.shape) for name, value in arrays.items()}
    if wanted != found:
        odd = next(
            name for name in [*wanted, *found] if wanted.get(name) != found.get(name)
        )
        raise InputError(
            f"{short(path)}: these are the weights of another network:"
            f" {odd} has shape {found.get(odd, 'none')} here and"
            f" {wanted.get(odd, 'none')} in the network."
            " Build it with the same model, classes and width."
        )
    for name, value in arrays.items():
        if value.dtype != np.float32:
            raise _unreadable(path, f"{name} is {value.dtype}, not float32")
        if not np.isfinite(value).all():
            raise _unreadable(path, f"{name} holds values that are not numbers")


def _put(model, arrays):
    model.set_state_dict({name: paddle.to_tensor(v) for name, v in arrays.items()})


def _write(path, arrays, notes, keep=None):
    arrays = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    files.write(path, save(arrays, metadata={"notes": json.dumps(notes)}), keep)


def _read(path):
    path = files.regular(path)
    # The format's reader may raise anything on a file that a stranger made.
    try:
        with safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return arrays, json.loads((file.metadata() or {}).get("notes", "{}"))
    except Exception as error:
        raise _unreadable(path, error) from None


def _unreadable(path, why):
    return InputError(
        f"{short(path)}: this checkpoint cannot be read ({why})."
        " Use another one, or train again."
    )
