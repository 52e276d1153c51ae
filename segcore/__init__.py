"""Networks, data, metrics and training for *Image Segmentation with PaddlePaddle*."""

import os
import pathlib
import warnings

# Before Paddle: 2.6 brings a zlib of its own, and Pillow's PNG reader, if it is loaded
# later, fails with it.
import PIL.Image  # noqa: F401

__version__ = "0.1.0"


def _let_mkl_use_avx2_on_amd():
    """Paddle's bundled MKL falls back to slow code on AMD unless told the CPU's type.

    A training step takes half the time then (`results/benchmark_mkl.json`). It has to
    be said before Paddle is first imported.
    """
    try:
        cpu = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return
    if "AuthenticAMD" in cpu and "avx2" in cpu:
        os.environ.setdefault("MKL_DEBUG_CPU_TYPE", "5")


_let_mkl_use_avx2_on_amd()

# Paddle looks for a compiler cache on import; nobody here compiles anything.
warnings.filterwarnings("ignore", message="No ccache found")
# Batch norm says on every first training step what its documentation says.
warnings.filterwarnings("ignore", message="When training, we now always track")
