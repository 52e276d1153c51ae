"""Lesson 18's experiments over three seeds; writes results/lesson_18_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_18_seeds.py

Runs the page's own functions and settings. `runs` holds all eight networks on the
scenes at equal steps; `equal_time` some of them again, each with as many steps as fit
into the time of the slowest network's; `other_lr` four with a larger learning rate;
`worlds` some networks on thin lines and on look-alike discs. `drawn` holds what the
eight networks of seed 0 drew on two test scenes, as runs of class ids. Names of parts
(all but `runs` and `equal_time`, which belong together) as arguments measure only
these anew and keep the rest of the file.
"""

import sys
import time

import record

from segcore import inference, results
from segcore.models import MODELS, count_multiply_adds, count_parameters

SEEDS = range(3)


class Experiment:
    """The page's functions, and what was measured with them."""

    def __init__(self, page):
        self.page, self.settings = page, page.SETTINGS
        self.found = {"runs": [], "equal_time": [], "other_lr": [], "worlds": []}
        self.found["drawn"] = {}

    def run(self, part, arm, seed, world="scenes", **options):
        """Trains and measures one network; returns it and the seconds it took."""
        steps = self.settings.worlds[world]["steps"]
        options = {"steps": steps, **options}
        began = time.process_time()
        model = self.page.train_network(arm, seed, world, **options)
        seconds = round(time.process_time() - began, 1)
        entry = {"arm": arm, "seed": seed, **options, "cpu_seconds": seconds}
        if part == "worlds":
            entry["world"] = world
        entry |= self.page.scores(model, world)
        if world == "lookalike":
            entry["discs_right"] = self.page.named_discs(model)
        self.found[part].append(entry)
        print(entry, flush=True)
        return model, seconds

    def runs(self, seed):
        test, seconds = self.page.load_world("scenes", "test"), {}
        for arm, options in self.settings.networks.items():
            model, seconds[arm] = self.run("runs", arm, seed)
            entry = self.found["runs"][-1]
            entry["parameters"] = count_parameters(model)
            entry["multiply_adds"] = count_multiply_adds(
                MODELS[arm],
                test.num_classes,
                self.settings.worlds["scenes"]["size"],
                width=self.settings.width,
                **options,
            )
            if seed == 0:
                masks = (
                    inference.predict(model, test[i]["image"])
                    for i in self.settings.drawn
                )
                self.found["drawn"][arm] = [self.page.run_lengths(m) for m in masks]
        steps = self.settings.worlds["scenes"]["steps"]
        for arm in self.settings.equal_time:
            more = round(steps * max(seconds.values()) / seconds[arm])
            self.run("equal_time", arm, seed, steps=more)

    def other_lr(self, seed):
        for arm in self.settings.in_all_worlds:
            self.run("other_lr", arm, seed, lr=self.settings.other_lr)

    def worlds(self, seed):
        for world in ("thin", "lookalike"):
            for arm in self.settings.in_all_worlds:
                self.run("worlds", arm, seed, world)

    def write(self):
        record.write(
            "Eight networks on 50 test scenes of 96 x 96, boundary 2 pixels; some of"
            " them with equal time, with another learning rate, on thin lines, and on"
            " look-alike discs in scenes of 256 x 64",
            settings=vars(self.settings),
            **self.found,
        )


def main(*names):
    experiment = Experiment(record.lesson("18"))
    if names:
        kept = results.load("lesson_18_seeds")
        for part in experiment.found:
            if part not in names:
                experiment.found[part] = kept[part]
    for seed in SEEDS:
        for part in names or ("runs", "other_lr", "worlds"):
            getattr(experiment, part)(seed)
        experiment.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
