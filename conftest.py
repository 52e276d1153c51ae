"""Tests run in one process a core, so each takes one thread; lessons inherit it."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"
