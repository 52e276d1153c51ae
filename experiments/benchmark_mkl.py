"""What MKL_DEBUG_CPU_TYPE=5 is worth on this processor: one training step, timed.

    python experiments/benchmark_mkl.py

times a U-Net step in fresh processes with and without the variable, alternating, and
writes results/benchmark_mkl.json.
"""

import datetime
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 3
STEP = """
import time, segcore, paddle
from segcore import losses
from segcore.models import unet
paddle.seed(0)
model = unet(11, width=0.25)
optimizer = paddle.optimizer.AdamW(1e-3, parameters=model.parameters())
x, y = paddle.randn([4, 3, 112, 144]), paddle.randint(0, 11, [4, 112, 144])
times = []
for _ in range(8):
    began = time.perf_counter()
    losses.cross_entropy(model(x)["out"], y).backward()
    optimizer.step()
    optimizer.clear_grad()
    times.append(time.perf_counter() - began)
print(sorted(times[2:])[3])
"""


def seconds(value):
    """Median seconds a step with `MKL_DEBUG_CPU_TYPE` set to `value`."""
    env = {**os.environ, "MKL_DEBUG_CPU_TYPE": value}
    command = [sys.executable, "-c", STEP]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main():
    from segcore import provenance

    # Any value but 5 leaves MKL its own choice.
    pairs = [(seconds("0"), seconds("5")) for _ in range(ROUNDS)]
    own, told = (statistics.median(column) for column in zip(*pairs))
    result = {
        "what": "seconds a training step, U-Net width 0.25, batch 4 of 112 x 144",
        "command": "python experiments/benchmark_mkl.py",
        "mkl_as_it_is": round(own, 3),
        "MKL_DEBUG_CPU_TYPE=5": round(told, 3),
        "times_faster": round(own / told, 2),
        "rounds": [[round(a, 3), round(b, 3)] for a, b in pairs],
        "versions": provenance.versions(),
        "cpu": provenance.processor(),
        "date": datetime.date.today().isoformat(),
    }
    (ROOT / "results/benchmark_mkl.json").write_text(
        json.dumps(result, indent=1) + "\n"
    )
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
