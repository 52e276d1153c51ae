"""Lesson 18's experiments over three seeds; writes results/lesson_18_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_18_seeds.py

Runs the page's own functions and settings. `runs` holds all eight networks on the
scenes at equal steps; `equal_time` some of them again, each with as many steps as fit
into the time of the slowest network's; `worlds` some networks on thin lines and on
look-alike discs. `drawn` holds what the eight networks of seed 0 drew on two test
scenes, as runs of class ids.
"""

import time

import record

from segcore import inference
from segcore.models import MODELS, count_multiply_adds, count_parameters

SEEDS = range(3)


def main():
    page = record.lesson("18")
    settings = page.SETTINGS
    test = page.load_world("scenes", "test")
    steps = settings.worlds["scenes"]["steps"]
    runs, equal_time, worlds, drawn = [], [], [], {}

    def run(arm, seed, where, world="scenes", steps=steps):
        began = time.process_time()
        model = page.train_network(arm, seed, world, steps)
        seconds = round(time.process_time() - began, 1)
        entry = {"arm": arm, "seed": seed, "steps": steps, "cpu_seconds": seconds}
        if where is worlds:
            entry["world"] = world
        where.append({**entry, **page.scores(model, world)})
        if world == "lookalike":
            where[-1]["discs_right"] = page.named_discs(model)
        print(where[-1], flush=True)
        return model, seconds

    for seed in SEEDS:
        seconds = {}
        for arm in settings.networks:
            model, seconds[arm] = run(arm, seed, runs)
            runs[-1]["parameters"] = count_parameters(model)
            runs[-1]["multiply_adds"] = count_multiply_adds(
                MODELS[arm],
                test.num_classes,
                settings.worlds["scenes"]["size"],
                width=settings.width,
                **settings.networks[arm],
            )
            if seed == 0:
                drawn[arm] = [
                    page.run_lengths(inference.predict(model, test[i]["image"]))
                    for i in settings.drawn
                ]
        for arm in settings.equal_time:
            more = round(steps * max(seconds.values()) / seconds[arm])
            run(arm, seed, equal_time, steps=more)
        for world in ("thin", "lookalike"):
            for arm in settings.in_all_worlds:
                run(arm, seed, worlds, world, settings.worlds[world]["steps"])
        write(settings, runs, equal_time, worlds, drawn)


def write(settings, runs, equal_time, worlds, drawn):
    """All that was measured so far."""
    record.write(
        "Eight networks on 50 test scenes of 96 x 96, boundary 2 pixels, and some of"
        " them with equal time, on thin lines and on look-alike discs of 256 x 64",
        runs,
        vars(settings),
        equal_time=equal_time,
        worlds=worlds,
        drawn=drawn,
    )


if __name__ == "__main__":
    main()
