"""What more threads are worth to a training step on a CPU.

    python experiments/benchmark_threads.py

times a U-Net step in fresh processes with OMP_NUM_THREADS at 1, 2, 4, ... up to the
number of cores, in turns, and writes results/benchmark_threads.json.
"""

import os
import statistics
import subprocess
import sys

import record
from benchmark_mkl import STEP

ROUNDS = 3


def seconds(threads):
    """Median seconds a step with so many threads."""
    env = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-c", STEP]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return round(float(done.stdout), 3)


def main():
    cores = os.cpu_count()
    counts = sorted({*(2**k for k in range(8) if 2**k <= cores), cores})
    turns = [[seconds(count) for count in counts] for _ in range(ROUNDS)]
    runs = [
        {"arm": f"{count} threads", "step_s": statistics.median(times), "turns": times}
        for count, times in zip(counts, map(list, zip(*turns)))
    ]
    record.write(
        "Seconds a training step, U-Net width 0.25, batch 4 of 112 x 144, by threads",
        runs,
        {"rounds": ROUNDS},
    )


if __name__ == "__main__":
    main()
