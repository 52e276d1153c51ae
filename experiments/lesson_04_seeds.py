"""Lesson 04's runs over five seeds; writes results/lesson_04_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_04_seeds.py

Runs the page's own functions and settings. `runs` holds the page's training and the
same with the mask not mirrored; `longer` the page's with three times the steps;
`floors` and `test_floors` what the silliest rivals reach with the page's steps, mean
IoU on validation and on test pictures. The settings were chosen with seed 100.
"""

import numpy as np
import record

from segcore import data, inference
from segcore.floors import FLOORS


def main():
    page = record.lesson("04")
    test = data.load("shapes", "test")
    runs, longer, floors, test_floors = [], [], {}, {}

    def measure(model, history):
        val, on_test = (inference.evaluate(model, part) for part in (page.VAL, test))
        sure = [inference.probabilities(model, s["image"]).max(0) for s in page.VAL]
        return {
            "train_loss": round(float(history["train loss"].iloc[-1]), 3),
            "val_pixel_accuracy": round(val.pixel_accuracy(), 3),
            "val_mean_iou": round(val.mean_iou(), 3),
            "confidence": round(float(np.mean(sure)), 3),
            "test_mean_iou": round(on_test.mean_iou(), 3),
            "test_iou": dict(zip(test.classes, on_test.iou().round(3).tolist())),
        }

    for name, build in FLOORS.items():
        model, _ = page.train_loop(lambda seed, build=build: build(6))
        floors[name] = round(inference.evaluate(model, page.VAL).mean_iou(), 3)
        test_floors[name] = round(inference.evaluate(model, test).mean_iou(), 3)
        print(name, floors[name], test_floors[name], flush=True)
    for seed in range(5):
        arms = {"as on the page": page.augment, "mask not mirrored": page.careless}
        for arm, augment in arms.items():
            found = measure(*page.train_loop(augment=augment, seed=seed))
            runs.append({"arm": arm, "seed": seed, **found})
            print(runs[-1], flush=True)
    for seed in range(2):
        found = measure(*page.train_loop(steps=3 * page.SETTINGS.steps, seed=seed))
        longer.append({"arm": "three times the steps", "seed": seed, **found})
        print(longer[-1], flush=True)
    record.write(
        "FCN-8s on scenes of 96 x 96, 25 validation and 50 test pictures: the loop of"
        " lesson 04, and the same with the mask not mirrored with its image",
        runs,
        vars(page.SETTINGS),
        longer=longer,
        floors=floors,
        test_floors=test_floors,
    )


if __name__ == "__main__":
    main()
