"""Lesson 10's experiments over five seeds; writes results/lesson_10_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_10_seeds.py

Runs the page's own functions and settings. `runs` holds MSc, LargeFOV and the floors:
alone, after the CRF, and MSc after the CRF on the plain picture, too (`view`); `choice`
the CRF's settings tried on validation scenes with the network of another seed. If KEEP
names a folder, finished parts lie there and are not run again.
"""

import json
import os
import time
from pathlib import Path

import record

from segcore.floors import FLOORS

REACHES, SIGMAS, SCENES = (10.0, 20.0, 40.0), (20.0, 30.0), 8
SEEDS = {"MSc": range(5), "LargeFOV": range(3), **{name: [0] for name in FLOORS}}

page = record.lesson("10")


def run(arm, seed):
    """One network, or one floor, trained with the page's steps, in each view."""
    began = time.process_time()
    if arm in FLOORS:
        page.paddle.seed(seed)
        model = FLOORS[arm](6)
        page.fit(model, seed)
    else:
        model = page.train_arm(arm, seed)
    seconds = round(time.process_time() - began)
    rows = []
    for view in list(page.VIEWS)[: 3 if arm == "MSc" else 2]:
        found = page.scores(model, page.VIEWS[view])
        rows.append({"arm": arm, "seed": seed, "view": view, **found})
        print(rows[-1], flush=True)
    rows[0]["cpu_seconds"] = seconds
    return rows


def choice(arm, seed):
    """What each setting of the CRF gives on validation scenes, behind one network."""
    model = page.train_arm(arm, seed)
    rows = [{"seed": seed, **page.scores(model, split="val", scenes=SCENES)}]
    for reach in REACHES:
        for sigma in SIGMAS:
            tried = {"colour_reach": reach, "colour_sigma": sigma}
            crf = {**page.SETTINGS.crf, **tried}
            image = page.VIEWS["CRF"]
            found = page.scores(model, image, crf, split="val", scenes=SCENES)
            rows.append({"seed": seed, **tried, **found})
            print(rows[-1], flush=True)
    return rows


def kept_or_run(function, arm, seed):
    """The rows of one part, from the folder KEEP if they lie there."""
    folder = os.environ.get("KEEP")
    path = Path(folder or ".") / f"{function.__name__}-{arm}-{seed}.json"
    if folder and path.exists():
        return json.loads(path.read_text())
    rows = function(arm, seed)
    if folder:
        path.write_text(json.dumps(rows))
    return rows


def main():
    runs = []
    for arm, seeds in SEEDS.items():
        for seed in seeds:
            runs += kept_or_run(run, arm, seed)
    record.write(
        "DeepLab v1 and floors on 20 test scenes of 97 x 97, boundary 2 pixels, alone"
        " and after the dense CRF; choice: settings of the CRF on validation scenes",
        runs,
        vars(page.SETTINGS),
        choice=kept_or_run(choice, "MSc", 100),
    )


if __name__ == "__main__":
    main()
