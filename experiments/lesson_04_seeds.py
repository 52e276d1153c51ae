"""Lesson 04's training runs over several seeds; writes results/lesson_04_seeds.json.

python experiments/lesson_04_seeds.py [number of seeds]

Three arms, each the lesson's settings with one change: as in the lesson; the mask not
mirrored with its image; no class weights.
"""

import datetime
import json
import platform
import sys
import time
from functools import partial
from pathlib import Path

import segcore  # isort: skip - before Paddle, which it prepares
import numpy as np
import paddle

from segcore import data, inference, losses, training
from segcore.data import transforms
from segcore.models import unet

SETTINGS = {
    "steps": 120,
    "batch_size": 8,
    "lr": 1e-2,
    "eval_every": 15,
    "progress": False,
}
OUT = Path(__file__).resolve().parent.parent / "results/lesson_04_seeds.json"


def augment(image, mask, rng, mirror_mask=True):
    """The lesson's augmentation."""
    image, mask = transforms.random_crop(image, mask, (48, 48), rng)
    if rng.random() < 0.5:
        image = image[:, ::-1]
        if mirror_mask:
            mask = mask[:, ::-1]
    return transforms.jitter(image, rng), mask


def main(seeds):
    train = data.load("shapes", "train", length=100)
    val = data.load("shapes", "val", length=25)
    weights = losses.balance_weights(data.class_pixels(train))
    careless = partial(augment, mirror_mask=False)
    arms = {
        "as in the lesson": {"class_weights": weights, "augment": augment},
        "mask not mirrored": {"class_weights": weights, "augment": careless},
        "no class weights": {"augment": augment},
    }
    began, runs = time.perf_counter(), []
    for seed in range(seeds):
        for arm, change in arms.items():
            paddle.seed(seed)
            model = unet(6, width=0.125)
            history = training.fit(model, train, val, seed=seed, **SETTINGS, **change)
            matrix = inference.evaluate(model, val)
            sure = [inference.probabilities(model, s["image"]).max(0) for s in val]
            run = {
                "arm": arm,
                "seed": seed,
                "first_loss": round(float(history["loss"].iloc[0]), 3),
                "last_loss": round(float(history["loss"].iloc[-1]), 3),
                "val_pixel_accuracy": round(matrix.pixel_accuracy(), 3),
                "val_mean_iou": round(matrix.mean_iou(), 3),
                "val_iou": dict(zip(val.classes, matrix.iou().round(3).tolist())),
                "val_mean_top_probability": round(float(np.mean(sure)), 3),
            }
            runs.append(run)
            print(run, flush=True)
    about = {
        "command": f"python experiments/lesson_04_seeds.py {seeds}",
        "date": datetime.date.today().isoformat(),
        "device": f"{paddle.device.get_device()}, {platform.machine()}",
        "versions": {
            "segcore": segcore.__version__,
            "paddle": paddle.__version__,
            "python": platform.python_version(),
        },
        "settings": {k: v for k, v in SETTINGS.items() if k != "progress"},
        "seconds": round(time.perf_counter() - began),
    }
    OUT.write_text(json.dumps({**about, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
