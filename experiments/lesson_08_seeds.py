"""The experiments of lesson 08 over five seeds; writes results/lesson_08_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_08_seeds.py          all, then write
    OMP_NUM_THREADS=1 python experiments/lesson_08_seeds.py 0 floors only these parts

Every run is the page's own code. Each finished run is kept in a temporary folder, and a
script that was stopped goes on where it stopped. Settings were chosen with seed 100 on
the validation part; what is measured here is the test part.
"""

import json
import sys
import tempfile
from pathlib import Path

import record

from segcore.floors import FLOORS

SEEDS = range(5)
IMAGES = (200,)
KEPT = Path(tempfile.gettempdir()) / "lesson_08_seeds"


def jobs(page, seed):
    """Each run of one seed: experiment, arm, more to note, and what to call."""

    def lines(images=60, skips=True, elastic=0.0):
        model = page.small_unet(seed, skips=skips)
        lr = page.LINE_RATE[skips]
        page.train_lines(model, seed, images, lr=lr, elastic=elastic)
        return {"line_iou": page.line_iou(model)}

    for weighting in ("none", "class", "border"):
        yield (
            "cells",
            weighting,
            {},
            lambda w=weighting: page.cell_scores(
                page.train_cells(page.small_unet(seed), seed, w)
            ),
        )
    for arm, weighted in (("no weights", False), ("border weights", True)):
        yield (
            "nuclei",
            arm,
            {},
            lambda w=weighted: page.cell_scores(
                page.train_nuclei(page.small_unet(seed), seed, w), page.Half("right")
            ),
        )
    for images in IMAGES:
        for arm, build in page.SCENE_ARMS.items():
            yield (
                "scenes",
                arm,
                {"images": images},
                lambda i=images, build=build: page.scene_scores(
                    page.train_scenes(page.seeded(build, seed), seed, i)
                ),
            )
    for arm, skips in (("joined", True), ("added", "add"), ("none", False)):
        yield "lines", arm, {}, lambda skips=skips: lines(skips=skips)
    for images in (2,):
        for arm, elastic in (("not bent", 0.0), ("bent", page.BENDING)):
            more = {"images": images}
            yield "bend", arm, more, lambda i=images, e=elastic: lines(i, elastic=e)


def floor_jobs(page):
    """The floors of each experiment, with its own images, steps and measure."""
    scores = {
        "lines": lambda m: page.line_iou(page.train_lines(m, 0)),
        "cells": lambda m: page.cell_scores(page.train_cells(m, 0, "border")),
        "nuclei": lambda m: page.cell_scores(
            page.train_nuclei(m, 0), page.Half("right")
        ),
    }
    for name, score in scores.items():
        yield name, {}, 2, score
    for images in (2,):
        yield (
            "bend",
            {"images": images},
            2,
            lambda m, i=images: page.line_iou(page.train_lines(m, 0, i)),
        )
    for images in IMAGES:
        yield (
            "scenes",
            {"images": images},
            6,
            lambda m, i=images: page.scene_scores(page.train_scenes(m, 0, i)),
        )


def finished(part):
    """The runs of a part that were kept."""
    path = KEPT / f"{part}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def keep(part, run, scores):
    """Add one run to its part's file."""
    if not isinstance(scores, dict):
        scores = {"line_iou": scores}
    run = {**run, **{key: round(float(value), 4) for key, value in scores.items()}}
    with (KEPT / f"{part}.jsonl").open("a") as file:
        file.write(json.dumps(run) + "\n")
    print(run, flush=True)


def run_part(page, part):
    """All runs of one seed, or the floors, that were not kept yet."""
    KEPT.mkdir(exist_ok=True)
    keys = ("experiment", "arm", "images")
    done = {tuple(run.get(key) for key in keys) for run in finished(part)}
    if part == "floors":
        for name, more, classes, score in floor_jobs(page):
            kind = f"{name}, floor"
            for arm, build in FLOORS.items():
                if (kind, arm, more.get("images")) not in done:
                    model = page.seeded(lambda seed, b=build, k=classes: b(k), 0)
                    run = {"experiment": kind, "arm": arm, "seed": 0, **more}
                    keep(part, run, score(model))
        return
    for name, arm, more, measure in jobs(page, int(part)):
        if (name, arm, more.get("images")) not in done:
            run = {"experiment": name, "arm": arm, "seed": int(part), **more}
            keep(part, run, measure())


def main(*parts):
    page = record.lesson("08")
    everything = [*map(str, SEEDS), "floors"]
    for part in parts or everything:
        run_part(page, part)
    if not parts:
        write(page, [run for part in everything for run in finished(part)])


def write(page, runs):
    """Write results/lesson_08_seeds.json."""
    steps = {
        "line_steps": page.LINE_STEPS,
        "line_rate": {str(skips): lr for skips, lr in page.LINE_RATE.items()},
        "bending": page.BENDING,
        "nuclei_steps": page.NUCLEI_STEPS,
        "scene_steps": page.SCENE_STEPS,
        "scene_crop": page.SCENE_CROP,
        "scene_batch": page.SCENE_BATCH,
    }
    what = "Lesson 08: skips, bending, the way up and loss weights"
    record.write(what, runs, {**vars(page.SETTINGS), **steps})


if __name__ == "__main__":
    main(*sys.argv[1:])
