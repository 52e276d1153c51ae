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


def _let_paddle_use_the_cores():
    """Paddle's CPU build takes one thread unless told before it is first imported.

    What more are worth: `results/benchmark_threads.json`. What the user has set stays.
    The variable is that of MKL: of OMP_NUM_THREADS Paddle warns, and on several
    devices it hurts.
    """
    if "OMP_NUM_THREADS" in os.environ:
        return
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    # More than 8 were not measured, and a container may show cores it must not use.
    os.environ.setdefault("MKL_NUM_THREADS", str(min(8, cores)))


_let_mkl_use_avx2_on_amd()
_let_paddle_use_the_cores()

# Paddle looks for a compiler cache on import; nobody here compiles anything.
warnings.filterwarnings("ignore", message="No ccache found")
# Batch norm says on every first training step what its documentation says.
warnings.filterwarnings("ignore", message="When training, we now always track")
