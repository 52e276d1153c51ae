"""What more threads are worth to a training step on a CPU.

    python experiments/benchmark_threads.py

times a U-Net step in fresh processes, in turns, with 1, 2, 4, ... threads up to the
number of cores: by MKL_NUM_THREADS, as segcore does, and by OMP_NUM_THREADS, of which
Paddle warns. Writes results/benchmark_threads.json.
"""

import os
import statistics
import subprocess
import sys

import record
from benchmark_mkl import STEP

ROUNDS = 3


def seconds(variable, threads):
    """Median seconds a step with so many threads."""
    env = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    env[variable] = str(threads)
    command = [sys.executable, "-c", STEP]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return round(float(done.stdout), 3)


def main():
    cores = os.cpu_count()
    counts = sorted({*(2**k for k in range(8) if 2**k <= cores), cores})
    ways = [
        (variable, count)
        for count in counts
        for variable in ("MKL_NUM_THREADS", "OMP_NUM_THREADS")
    ]
    turns = [[seconds(*way) for way in ways] for _ in range(ROUNDS)]
    runs = [
        {
            "arm": f"{way[0]}={way[1]}",
            "step_s": statistics.median(times),
            "turns": times,
        }
        for way, times in zip(ways, map(list, zip(*turns)))
    ]
    record.write(
        "Seconds a training step, U-Net width 0.25, batch 4 of 112 x 144, by threads",
        runs,
        {"rounds": ROUNDS},
    )


if __name__ == "__main__":
    main()
