"""The experiments of lesson 17 over five seeds; writes results/lesson_17_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_17_seeds.py          all, then write
    OMP_NUM_THREADS=1 python experiments/lesson_17_seeds.py 0 floors only these parts
    OMP_NUM_THREADS=1 python experiments/lesson_17_seeds.py write    what is there

Every run is the page's own code. Each seed has its own patients: 24 to train on, 12 to
measure. A finished run is kept in a temporary folder, and a script that was stopped
goes on where it stopped. Settings were chosen on validation patients of seed 2000.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import record

SEEDS = range(5)
KEPT = Path(tempfile.gettempdir()) / "lesson_17_seeds"


def jobs(page, seed):
    """Each run of one seed: experiment, arm, and what gives its scores."""
    short = page.SETTINGS.short

    def arm(loss="cross entropy", neighbours=True):
        model = page.one_stage(seed, short, loss, neighbours)
        test = page.patients("test", seed, neighbours=neighbours)
        return page.scores(page.predict_cases(model, test), test.cases)

    def two_stages():
        networks = page.two_stages(seed, short)
        cases = page.patients("test", seed).cases
        said = [page.predict_two_stages(*networks, case) for case in cases]
        return page.scores(said, cases)

    yield "page", None, lambda: long_run(page, seed)
    yield "short", "2.5-D, cross entropy", arm
    yield "short", "two stages", two_stages
    yield "short", "2-D", lambda: arm(neighbours=False)
    yield "short", "sum", lambda: arm("sum")
    yield "short", "soft Dice", lambda: arm("soft Dice")


def long_run(page, seed):
    """The page's own training, its clean-up step by step, and the other scanner."""
    model = page.one_stage(seed, page.SETTINGS.steps)
    for scanner in ("A", "B"):
        test = page.patients("test", seed, scanner=scanner)
        said = page.predict_cases(model, test)
        steps = {
            f"scanner {scanner}": said,
            "largest piece": [page.keep_largest(one) for one in said],
            "holes filled": [page.fill_holes(one) for one in said],
        }
        for name, predictions in (
            steps.items() if scanner == "A" else [*steps.items()][:1]
        ):
            away = [
                page.hausdorff_distance(p > 0, c.mask() > 0, 95, c.spacing)
                for p, c in zip(predictions, test.cases)
            ]
            scores = page.scores(predictions, test.cases)
            yield name, {**scores, "liver_hd95": np.mean(away)}


def floor_jobs(page):
    """The floors of each seed: grey alone, grey and place."""
    for seed in SEEDS:
        train, test = (page.patients(part, seed) for part in ("train", "test"))
        for name, place in (("grey", False), ("grey and place", True)):
            yield (
                seed,
                name,
                lambda place=place, train=train, test=test, seed=seed: {
                    "liver": page.floor_dice(train, test, 1, place, seed),
                    "tumour": page.floor_dice(train, test, 2, place, seed),
                },
            )


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
    """All runs of one seed, or the floors, that were not kept yet."""
    KEPT.mkdir(exist_ok=True)
    done = {(r["experiment"], r["arm"], r["seed"]) for r in finished(part)}
    if part == "floors":
        for seed, arm, measure in floor_jobs(page):
            if ("floor", arm, seed) not in done:
                keep(part, "floor", arm, seed, measure())
        return
    for experiment, arm, measure in jobs(page, int(part)):
        began = time.process_time()
        if experiment == "page":
            if ("page", "scanner B", int(part)) not in done:
                for name, scores in list(measure()):
                    keep(part, experiment, name, int(part), scores)
        elif (experiment, arm, int(part)) not in done:
            keep(part, experiment, arm, int(part), measure())
        print(f"{time.process_time() - began:.0f} s of processor time", flush=True)


def main(*parts):
    page = record.lesson("17")
    everything = [*map(str, SEEDS), "floors"]
    for part in [p for p in parts if p != "write"] or (everything if not parts else []):
        run_part(page, part)
    if not parts or "write" in parts:
        runs = [run for part in everything for run in finished(part)]
        what = "Lesson 17: liver and tumours of the phantom, five seeds"
        record.write(what, runs, {**vars(page.SETTINGS), "lr": 1e-2, "power": 0.35})


if __name__ == "__main__":
    main(*sys.argv[1:])
