"""What the commands share: how they speak, and the device."""

import sys

from segcore.errors import InputError
from segcore.files import printable


def say(text):
    """Prints a line that holds names from files."""
    print(printable(text))


def fail(message):
    """Says in one line what was wrong; returns the exit status."""
    print(f"segcore: {printable(message)}", file=sys.stderr)
    return 2


def out_of_memory(error):
    """Whether Python or Paddle found no room."""
    return isinstance(error, MemoryError) or "ResourceExhausted" in str(error)


def network(name):
    """The function of `MODELS` that builds a network; `InputError` if there is none."""
    from segcore.models import MODELS

    if name not in MODELS:
        raise InputError(
            f"There is no network {name!r}; there are {', '.join(MODELS)}."
        )
    return MODELS[name]


def paddle_on(device):
    """Paddle, set to the device; a GPU that is asked for must be there."""
    import paddle

    gpus = paddle.device.cuda.device_count() if paddle.is_compiled_with_cuda() else 0
    if device == "gpu" and not gpus:
        raise InputError(
            "No GPU answers. Use --device cpu, or install paddlepaddle-gpu on a machine"
            " with an NVIDIA GPU."
        )
    paddle.set_device("gpu" if gpus and device != "cpu" else "cpu")
    return paddle
