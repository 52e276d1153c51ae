"""Lesson 07's experiments over five seeds; writes results/lesson_07_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_07_seeds.py

Runs the page's own functions and settings. `runs` holds FCN-32s, 16s and 8s from
nothing, FCN-32s with three times the steps, and FCN-16s that goes on from the FCN-32s;
`context` holds the two networks on look-alike discs.
"""

import time

import record

SEEDS = range(5)


def main():
    page = record.lesson("07")
    steps = page.SETTINGS.steps
    runs, context = [], []

    def note(arm, seed, model, began):
        seconds = round(time.process_time() - began)
        runs.append({"arm": arm, "seed": seed, **page.scores(model)})
        runs[-1]["cpu_seconds"] = seconds
        print(runs[-1], flush=True)

    for seed in SEEDS:
        for arm in ("fcn32s", "fcn16s", "fcn8s"):
            began = time.process_time()
            model = page.train_stage(arm, seed)
            note(arm, seed, model, began)
            if arm == "fcn32s":
                coarse = model
        began = time.process_time()
        model = page.train_stage("fcn32s", seed, steps=3 * steps)
        note("fcn32s, 3 x steps", seed, model, began)
        began = time.process_time()
        model = page.train_stage("fcn16s", seed, coarse, page.SETTINGS.more_steps)
        note("fcn16s after fcn32s", seed, model, began)
        for arm in ("fcn8s", "pool3"):
            model = page.train_lookalike(arm, seed)
            entry = {
                "arm": arm,
                "seed": seed,
                "discs_right": page.named_discs(model),
                "discs_right_swapped": page.named_discs(model, swap=True),
            }
            context.append(entry)
            print(entry, flush=True)
    record.write(
        "FCN-32s, 16s and 8s on 50 test scenes of 96 x 96, boundary 2 pixels; context:"
        " share of look-alike discs named rightly, and with the strip's colour swapped",
        runs,
        vars(page.SETTINGS),
        context=context,
    )


if __name__ == "__main__":
    main()
