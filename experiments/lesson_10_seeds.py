"""Lesson 10's experiments over five seeds; writes results/lesson_10_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_10_seeds.py

Runs the page's own functions and settings. `runs` holds the page's arms, and the first
two after the CRF; `choice` the CRF's settings tried on 8 validation scenes with the
networks of seed 0.
"""

import time

import record

SEEDS = range(5)


def main():
    page = record.lesson("10")
    runs, choice = [], []
    for seed in SEEDS:
        for arm in page.ARMS:
            began = time.process_time()
            model = page.train_arm(arm, seed)
            seconds = round(time.process_time() - began)
            runs.append({"arm": arm, "seed": seed, **page.scores(model)})
            runs[-1]["cpu_seconds"] = seconds
            print(runs[-1], flush=True)
            if arm not in ("LargeFOV", "MSc"):
                continue
            after = page.scores(model, crf=page.SETTINGS.crf)
            runs.append({"arm": f"{arm} + CRF", "seed": seed, **after})
            print(runs[-1], flush=True)
            if seed == 0:
                choice += choose(page, arm, model)
    record.write(
        "DeepLab v1 on 25 test scenes of 96 x 96, boundary 2 pixels, before and after"
        " the dense CRF; choice: settings of the CRF on 8 validation scenes",
        runs,
        vars(page.SETTINGS),
        choice=choice,
    )


def choose(page, arm, model):
    """The settings of the CRF that were tried, and what they gave."""
    tried = []
    for reach in (20.0, 80.0):
        for sigma in (13.0, 20.0, 40.0):
            options = {"colour_reach": reach, "colour_sigma": sigma}
            crf = {**page.SETTINGS.crf, **options}
            found = page.scores(model, crf=crf, split="val", scenes=8)
            tried.append({"arm": arm, **options, **found})
            print(tried[-1], flush=True)
    return tried


if __name__ == "__main__":
    main()
