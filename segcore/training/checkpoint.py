"""Weights and the state of a run, as safetensors files: plain numbers, no code.

Every file is written beside its place and then moved there, so that a run killed at
any moment leaves the previous checkpoint whole.
"""

import json
import os
from pathlib import Path

import numpy as np
import paddle
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from segcore.data.pairs import short
from segcore.errors import InputError


def save_weights(model, path):
    """Writes parameters and batch-norm statistics."""
    _write(
        path, {name: value.numpy() for name, value in model.state_dict().items()}, {}
    )


def load_weights(model, path):
    """Reads what `save_weights` wrote; `InputError` if it is of another network."""
    _put(model, _read(path)[0], path)


def save_state(path, model, optimizer, notes):
    """Writes all that a run needs to go on: network, optimizer, and a dict of notes."""
    arrays = {f"model/{k}": v.numpy() for k, v in model.state_dict().items()}
    arrays |= {
        f"optimizer/{k}": v.numpy() for k, v in _by_order(model, optimizer).items()
    }
    _write(path, arrays, notes)


def load_state(path, model, optimizer):
    """Reads what `save_state` wrote into network and optimizer; returns the notes."""
    arrays, notes = _read(path)
    part = {"model": {}, "optimizer": {}}
    for key, value in arrays.items():
        owner, name = key.split("/", 1)
        part[owner][name] = value
    _put(model, part["model"], path)
    names = {str(i): p.name for i, p in enumerate(model.parameters())}
    state = {}
    for key, value in part["optimizer"].items():
        index, accumulator = key.split(":", 1)
        state[names[index] + accumulator] = paddle.to_tensor(value)
    optimizer.set_state_dict(state)
    return notes


def _by_order(model, optimizer):
    """The optimizer's tensors keyed by the parameter's place, not by its name.

    Paddle counts names up within a process, so a network built twice has other names
    and its optimizer state, keyed by them, would silently not load.
    """
    state = optimizer.state_dict()
    return {
        f"{index}:{key[len(parameter.name) :]}": value
        for index, parameter in enumerate(model.parameters())
        for key, value in state.items()
        if key.startswith(parameter.name + "_") and isinstance(value, paddle.Tensor)
    }


def _put(model, arrays, path):
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
    model.set_state_dict({name: paddle.to_tensor(v) for name, v in arrays.items()})


def _write(path, arrays, notes):
    path = Path(path)
    beside = path.with_name(path.name + ".part")
    arrays = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    beside.write_bytes(save(arrays, metadata={"notes": json.dumps(notes)}))
    os.replace(beside, path)


def _read(path):
    try:
        with safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return arrays, json.loads((file.metadata() or {}).get("notes", "{}"))
    except FileNotFoundError:
        raise InputError(f"{short(path)}: there is no such checkpoint.") from None
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{short(path)}: this checkpoint cannot be read ({error})."
            " Use another one, or train again."
        ) from None
