"""Lesson 09's experiments over several seeds; writes two files in results/.

    OMP_NUM_THREADS=1 python experiments/lesson_09_seeds.py

Runs the page's own functions and settings. In lesson_09_seeds.json `runs` holds the
arms on tall look-alike scenes, within those of the pyramid `levels` (what zeroing or
exchanging one level does to the names), `edits` (what other strips do) and the share of
disc pixels named rightly at each `step`; `long` the plain network trained for longer;
`scenes` the arms on ordinary scenes; `floors` the floors of both. lesson_09_short.json
has the arms of the network cut off at `layer2`. If KEEP names a folder, finished runs
lie there and are not run again; with words such as `tall` behind the command only those
kinds are run.
"""

import json
import os
import sys
import time
from pathlib import Path

import record

from segcore.floors import FLOORS

SEEDS = range(5)
LONG_SEEDS = [0]
SCENES = 12  # for what is measured many times, each with its twin
PYRAMID = "bins 1, 2, 3, 6"

page = record.lesson("09")
settings = page.SETTINGS
tall = page.load_discs(settings.tall)
square = page.load_discs(settings.square)


def run_tall(arm, seed):
    if arm != PYRAMID:
        model, _ = page.tall_arm(seed, page.ARMS[arm])
        return page.disc_scores(model, tall)
    model, row = watched(page.ARMS[arm], seed, settings.steps)
    return {**row, **inside(model, tall)}


def inside(model, scenes):
    return {
        "levels": page.levels_exchanged(model, scenes[: 2 * SCENES]),
        "edits": page.other_strips(model, scenes[: 2 * SCENES]),
    }


def run_long(arm, seed):
    return watched(page.ARMS[arm], seed, settings.long_steps)[1]


def watched(bins, seed, steps):
    watch = page.Pairs(tall[:SCENES])
    model, history = page.tall_arm(seed, bins, steps, watch)
    row = page.disc_scores(model, tall)
    row["step"] = history["step"].tolist()
    row["share"] = history["val_pixel_accuracy"].round(4).tolist()
    return model, row


def run_short(arm, seed):
    model = page.short_arm(seed, page.ARMS[arm])
    row = page.disc_scores(model, square)
    return {**row, **inside(model, square)} if arm == PYRAMID else row


def run_scenes(arm, seed):
    return page.scene_scores(page.scene_arm(seed, **page.SCENE_ARMS[arm]))


def floor_tall(arm, seed):
    train = page.data.load("shapes", "train", hard="lookalike", size=settings.tall)
    page.paddle.seed(seed)
    model = FLOORS[arm](train.num_classes)
    page.fit(model, train, seed)
    return page.disc_scores(model, tall)


def floor_scenes(arm, seed):
    train = page.data.load("shapes", "train")
    page.paddle.seed(seed)
    model = FLOORS[arm](train.num_classes)
    page.fit(model, train, seed, settings.scene_steps)
    return page.scene_scores(model)


KINDS = {
    "tall": (run_tall, page.ARMS, SEEDS),
    "cut": (run_short, ["plain", PYRAMID, "bin 6"], SEEDS),
    "long": (run_long, ["plain"], LONG_SEEDS),
    "scenes": (run_scenes, page.SCENE_ARMS, SEEDS),
    "floor_tall": (floor_tall, FLOORS, [0]),
    "floor_scenes": (floor_scenes, FLOORS, [0]),
}


def kept_or_run(kind, function, arm, seed):
    """The row of one run, from the folder KEEP if it lies there."""
    folder = os.environ.get("KEEP")
    path = Path(folder or ".") / f"{kind}-{arm}-{seed}.json"
    if folder and path.exists():
        return json.loads(path.read_text())
    began = time.process_time()
    row = {"arm": arm, "seed": seed, **function(arm, seed)}
    row["cpu_seconds"] = round(time.process_time() - began)
    print(kind, row, flush=True)
    if folder:
        path.write_text(json.dumps(row))
    return row


def main():
    wanted = sys.argv[1:] or KINDS
    found = {}
    for kind in wanted:
        function, arms, seeds = KINDS[kind]
        found[kind] = [
            kept_or_run(kind, function, arm, seed) for seed in seeds for arm in arms
        ]
    if len(found) < len(KINDS):
        return
    record.write(
        "PSPNet with and without its bins on 50 test scenes: look-alike discs in tall"
        " scenes, and ordinary scenes of 96 x 96",
        found["tall"],
        vars(settings),
        long=found["long"],
        scenes=found["scenes"],
        floors={"tall": found["floor_tall"], "scenes": found["floor_scenes"]},
    )
    record.write(
        "PSPNet cut off at layer2, on 50 square test scenes of look-alike discs",
        found["cut"],
        vars(settings),
        name="lesson_09_short",
    )


if __name__ == "__main__":
    main()
