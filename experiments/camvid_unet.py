"""CamVid on a CPU from nothing: trains, reads the test split once, keeps the numbers.

    SEGCORE_DATA=... python experiments/camvid_unet.py

runs the two commands that the README shows and writes results/camvid_unet_cpu.json.
The settings were chosen on the validation split; results/README.md tells how.
"""

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from segcore import provenance

ROOT = Path(__file__).resolve().parent.parent
TRAIN = (
    "train --model unet --width 0.25 --data camvid --size 88 116 --crop 72 96"
    " --scale 0.82 1.15 --balance --lr 0.003 --steps 1600 --device cpu"
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, help="folder for the run (default: a new one)"
    )
    parser.add_argument(
        "--results", type=Path, default=ROOT / "results/camvid_unet_cpu.json"
    )
    options = parser.parse_args()
    run = options.out or Path(tempfile.mkdtemp(prefix="camvid_unet_"))
    train = [*TRAIN.split(), "--seed", str(options.seed)]
    began = time.perf_counter()
    _segcore([*train, "--out", str(run)])
    seconds = time.perf_counter() - began
    _segcore(["evaluate", str(run), "--mode", "multiscale", "--device", "cpu"])

    settings = json.loads((run / "settings.json").read_text())
    test = json.loads((run / "evaluate_test_multiscale.json").read_text())
    history = (run / "history.csv").read_text().splitlines()
    result = {
        "what": "U-Net on CamVid, 11 classes, test split at 480 x 360, from nothing",
        **{key: test[key] for key in ("images", "mean_iou", "pixel_accuracy", "iou")},
        "mode": test["mode"],
        "command": f"python -m segcore {' '.join(train)} --out RUN",
        "train_seconds": round(seconds),
        "seed": options.seed,
        "versions": settings["versions"],
        "cpu": provenance.processor(),
        "date": datetime.date.today().isoformat(),
        "history": [line.split(",") for line in history],
    }
    options.results.write_text(json.dumps(result, indent=1) + "\n")
    print(f"Mean IoU {test['mean_iou']:.4f}; wrote {options.results.name}.")


def _segcore(arguments):
    if subprocess.run([sys.executable, "-m", "segcore", *arguments]).returncode:
        raise SystemExit("The command above failed.")


if __name__ == "__main__":
    main()
