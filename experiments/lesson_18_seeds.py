"""Lesson 18's experiments over three seeds; writes results/lesson_18_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_18_seeds.py

Runs the page's own functions and settings; each finished run is written at once, and
what is there is not run again. `rates` holds each arm with each learning rate, on
validation scenes with a seed of their own; `runs` the arms on test scenes with the
better rate. The floors of these scenes are lesson 04's.
"""

import json
import time

import record

from segcore.models import count_parameters

NAME = "lesson_18_seeds"
SEEDS = range(3)
CHOICE = 100  # the seed of the runs that choose a rate


class Experiment:
    """The page's functions, and what was measured with them."""

    def __init__(self):
        self.page = page = record.lesson("18")
        self.arms = [*page.HEADS, *page.BUNDLES]
        self.found = {"rates": [], "runs": []}
        path = record.RESULTS / f"{NAME}.json"
        if path.exists():
            before = json.loads(path.read_text())
            if before["settings"] == json.loads(json.dumps(vars(page.SETTINGS))):
                self.found = {key: before[key] for key in self.found}

    def run(self, part, arm, seed, lr, split="test"):
        entry = {"arm": arm, "seed": seed, "lr": lr}
        done = [{key: run[key] for key in entry} for run in self.found[part]]
        if entry in done:
            return
        began = time.process_time()
        model = self.page.train_network(arm, seed, lr)
        entry["cpu_seconds"] = round(time.process_time() - began, 1)
        entry |= self.page.scores(model, split)
        entry["parameters"] = count_parameters(model)
        self.found[part].append(entry)
        print(part, {k: v for k, v in entry.items() if k != "iou"}, flush=True)
        self.write()

    def write(self):
        parts = dict(self.found)
        record.write(
            "One encoder with four heads and three published bundles on 50 test scenes"
            " of 96 x 96, boundary 2 pixels",
            parts.pop("runs"),
            vars(self.page.SETTINGS),
            name=NAME,
            **parts,
        )

    def best_rate(self, arm):
        tried = [run for run in self.found["rates"] if run["arm"] == arm]
        return max(tried, key=lambda run: run["mean_iou"])["lr"]

    def main(self):
        rates = self.page.SETTINGS.rates
        for arm in self.arms:
            for lr in rates:
                self.run("rates", arm, CHOICE, lr, split="val")
        for seed in SEEDS:
            for arm in self.arms:
                self.run("runs", arm, seed, self.best_rate(arm))


if __name__ == "__main__":
    Experiment().main()
