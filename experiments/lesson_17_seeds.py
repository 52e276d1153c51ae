"""The experiments of lesson 17 over five seeds; writes results/lesson_17_seeds.json.

    python experiments/lesson_17_seeds.py                  all, then write
    python experiments/lesson_17_seeds.py seed-0 others-0  only these parts
    python experiments/lesson_17_seeds.py write            what is there

with OMP_NUM_THREADS=1. Every run is the page's own code. Each seed has its own
patients: 24 to train on, 12 to measure. A finished run is kept in a temporary folder,
and a script that was stopped goes on where it stopped. Settings were chosen on
validation patients of seed 2000.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import record

from segcore.metrics import hausdorff_distance

SEEDS = range(5)
KEPT = Path(tempfile.gettempdir()) / "lesson_17_seeds"


def short_run(page, seed, loss="cross entropy", neighbours=True):
    """One of the shorter trainings, and its scores."""
    model = page.one_stage(seed, page.SETTINGS.short, loss, neighbours)
    test = page.patients("test", seed, neighbours=neighbours)
    return page.scores(page.predict_cases(model, test), test.cases)


def jobs(page, seed):
    """Each run of one seed: experiment, arm, and what gives its scores."""

    def two_stages():
        networks = page.two_stages(seed, page.SETTINGS.short)
        cases = page.patients("test", seed).cases
        said = [page.predict_two_stages(*networks, case) for case in cases]
        return page.scores(said, cases)

    yield "page", None, lambda: long_run(page, seed)
    yield "short", "2.5-D, cross entropy", lambda: short_run(page, seed)
    yield "short", "two stages", two_stages


def long_run(page, seed):
    """The page's own training, its clean-up step by step, and the other scanner."""
    model = page.one_stage(seed, page.SETTINGS.steps)
    for scanner in ("A", "B"):
        test = page.patients("test", seed, scanner=scanner)
        said = page.predict_cases(model, test)
        steps = {f"scanner {scanner}": said}
        if scanner == "A":
            steps["largest piece"] = [page.keep_largest(one) for one in said]
            steps["holes filled"] = [page.fill_holes(one) for one in said]
        for name, predictions in steps.items():
            away = [
                hausdorff_distance(p > 0, c.mask() > 0, 95, c.spacing)
                for p, c in zip(predictions, test.cases)
            ]
            scores = page.scores(predictions, test.cases)
            yield name, {**scores, "liver_hd95": np.mean(away)}


def other_jobs(page, seed):
    """The arms of one seed that differ in input or loss."""
    for arm, options in (
        ("2-D", {"neighbours": False}),
        ("sum", {"loss": "sum"}),
        ("soft Dice", {"loss": "soft Dice"}),
    ):
        yield "short", arm, lambda options=options: short_run(page, seed, **options)


def floor_jobs(page, seed):
    """The floors of one seed: grey alone, grey and place."""
    train, test = (page.patients(part, seed) for part in ("train", "test"))

    def both(place):
        dice = [page.floor_dice(train, test, k, place, seed) for k in (1, 2)]
        return {"liver": dice[0], "tumour": dice[1]}

    yield "floor", "grey", lambda: both(False)
    yield "floor", "grey and place", lambda: both(True)


def finished(part):
    """The runs of a part that were kept."""
    path = KEPT / f"{part}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def keep(part, experiment, arm, seed, scores):
    """Add one run to its part's file."""
    run = {"experiment": experiment, "arm": arm, "seed": seed}
    run |= {key: round(float(value), 4) for key, value in scores.items()}
    with (KEPT / f"{part}.jsonl").open("a") as file:
        file.write(json.dumps(run) + "\n")
    print(run, flush=True)


def run_part(page, part):
    """All runs of one kind and seed that were not kept yet."""
    KEPT.mkdir(exist_ok=True)
    done = {(run["experiment"], run["arm"]) for run in finished(part)}
    kind, seed = part.split("-")
    for experiment, arm, measure in KINDS[kind](page, int(seed)):
        if experiment == "page":
            if ("page", "scanner B") not in done:
                for name, scores in list(measure()):
                    keep(part, experiment, name, int(seed), scores)
        elif (experiment, arm) not in done:
            keep(part, experiment, arm, int(seed), measure())


KINDS = {"seed": jobs, "others": other_jobs, "floors": floor_jobs}


def main(*parts):
    page = record.lesson("17")
    everything = [f"{kind}-{seed}" for kind in KINDS for seed in SEEDS]
    for part in parts or everything:
        if part != "write":
            run_part(page, part)
    if not parts or "write" in parts:
        runs = [run for part in everything for run in finished(part)]
        what = "Lesson 17: liver and tumours of the phantom, five seeds"
        record.write(what, runs, {**vars(page.SETTINGS), "lr": 1e-2, "power": 0.35})


if __name__ == "__main__":
    main(*sys.argv[1:])
