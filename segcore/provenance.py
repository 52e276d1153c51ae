"""What a result depends on: versions, processor, device, command."""

import contextlib
import os
import platform
import shlex
import sys
from pathlib import Path

import numpy as np

from segcore import __version__


def versions():
    """Versions of Python and the packages, and the device that Paddle computes on."""
    import paddle  # seconds: not before it is needed

    return {
        "segcore": __version__,
        "paddle": paddle.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "device": paddle.device.get_device(),
    }


def processor():
    """The processor's name and its number of cores."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if "model name" in line]
        name = names[0] if names else name
    return f"{name}, {os.cpu_count()} cores"


def command():
    """The command that runs now, as it would be typed."""
    name = Path(sys.argv[0]).name
    start = "-m segcore" if name == "__main__.py" else name
    return f"python {start} {shlex.join(sys.argv[1:])}".strip()
