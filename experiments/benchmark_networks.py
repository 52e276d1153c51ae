"""Time and memory of every semantic network at lesson width, each in its own process.

    OMP_NUM_THREADS=1 python experiments/benchmark_networks.py

writes results/benchmark_networks.json. The networks are those of camvid_networks.py.
`step_ms` is a training step of 8 images, `image_ms` one image in evaluation, medians of
five, in seconds of the processor; `memory_mib` is by how much the largest memory during
a training step lies above that of the network and its input.
"""

import json
import resource
import statistics
import subprocess
import sys
import time

import paddle
import record
from camvid_networks import SETTINGS

from segcore.models import MODELS
from segcore.tasks import task_of

SIZE = (96, 128)
BATCH, CLASSES, REPEATS = 8, 11, 5


def largest_mib():
    """The largest memory of this process so far, MiB (Linux counts KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(name):
    """Times and memory of one network, in this process."""
    paddle.seed(0)
    options = SETTINGS["networks"][name]
    model = MODELS[name](CLASSES, width=SETTINGS["width"], **options)
    optimizer = paddle.optimizer.AdamW(1e-3, parameters=model.parameters())
    x = paddle.randn([BATCH, 3, *SIZE])
    label = paddle.randint(0, CLASSES, [BATCH, *SIZE]).numpy()
    batch = {"label": label, "name": [name] * BATCH}

    def step():
        loss = task_of(model).loss(model(x), batch)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()

    before = largest_mib()
    step()
    memory = largest_mib() - before
    steps = [timed(step) for _ in range(REPEATS)]
    model.eval()
    with paddle.no_grad():
        model(x[:1])
        images = [timed(lambda: model(x[:1])) for _ in range(REPEATS)]
    return {
        "arm": name,
        "step_ms": round(1000 * statistics.median(steps)),
        "image_ms": round(1000 * statistics.median(images), 1),
        "memory_mib": round(memory),
    }


def timed(call):
    began = time.process_time()
    call()
    return time.process_time() - began


def main():
    runs = []
    for name in SETTINGS["networks"]:
        command = [sys.executable, __file__, name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
        print(runs[-1], flush=True)
    settings = {"size": SIZE, "batch_size": BATCH, "width": SETTINGS["width"]}
    settings["networks"] = SETTINGS["networks"]
    record.write("Time and memory of the networks at lesson width", runs, settings)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
    else:
        main()
