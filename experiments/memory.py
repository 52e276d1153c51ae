"""Memory of predicting one image of 5000 x 4000 pixels, above network and imports.

    OMP_NUM_THREADS=2 python experiments/memory.py

Each mode runs in a process of its own, whose largest memory counts. Writes
results/memory.json.
"""

import json
import resource
import subprocess
import sys
import time

SETTINGS = {"model": "unet", "width": 0.02, "classes": 20, "size": [5000, 4000]}
CASES = {"sliding": ("sliding", None), "whole, resized to 500 x 400": ("whole", 500)}


def largest_mib():
    """The largest memory of this process so far, MiB (Linux counts KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(case):
    """Predicts once; returns memory in MiB and seconds."""
    import numpy as np
    import paddle

    from segcore import inference
    from segcore.models import MODELS

    mode, height = CASES[case]
    size = height and (height, height * 4 // 5)
    paddle.seed(0)
    model = MODELS[SETTINGS["model"]](SETTINGS["classes"], width=SETTINGS["width"])
    inference.predict(model, np.zeros((64, 64, 3), np.uint8))  # what Paddle sets up
    before = largest_mib()
    image = np.random.default_rng(0).integers(0, 256, (*SETTINGS["size"], 3), np.uint8)
    began = time.perf_counter()
    mask = inference.predict(model, image, mode, size)
    assert mask.shape == tuple(SETTINGS["size"])
    seconds = time.perf_counter() - began
    return {
        "arm": case,
        "above_network_mib": round(largest_mib() - before),
        "seconds": round(seconds, 1),
    }


def main():
    import record

    runs = []
    for case in CASES:
        command = [sys.executable, __file__, "--case", case]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
        print(runs[-1], flush=True)
    record.write("Memory of predicting one large image", runs, SETTINGS)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--case"]:
        print(json.dumps(measure(sys.argv[2])))
    else:
        main()
