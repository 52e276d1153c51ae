"""Lesson 09's experiments over five seeds; writes two files in results/.

    OMP_NUM_THREADS=1 python experiments/lesson_09_seeds.py
    OMP_NUM_THREADS=1 python experiments/lesson_09_seeds.py short

Runs the page's own functions and settings. In lesson_09_seeds.json `runs` holds the
arms on tall look-alike scenes, `square` plain network and pyramid on square ones, and
`scenes` these two and one with an auxiliary loss on ordinary ones. With `short`
lesson_09_short.json gets the arms of the network cut off at `layer2`.
"""

import sys
import time

import record

SEEDS = range(5)


def main():
    page = record.lesson("09")
    settings = page.SETTINGS
    tall, square = page.load_discs(settings.tall), page.load_discs(settings.square)
    two = {arm: page.ARMS[arm] for arm in ("plain", "bins 1, 2, 3, 6")}
    ordinary = {
        "size": (96, 96),
        "steps": settings.scene_steps,
        "batch": settings.scene_batch,
        "hard": None,
    }
    near = {"size": settings.square, "steps": settings.square_steps}
    kinds = {
        "runs": (page.ARMS, {}, lambda model: page.disc_scores(model, tall)),
        "square": (two, near, lambda model: page.disc_scores(model, square)),
        "scenes": (page.SCENE_ARMS, ordinary, page.scene_scores),
    }
    short = "short" in sys.argv[1:]
    if short:
        cut = {"size": settings.square, "short": True}
        kinds = {
            "runs": (
                page.SHORT_ARMS,
                cut,
                lambda model: page.disc_scores(model, square),
            )
        }
    found = {kind: [] for kind in kinds}
    for seed in SEEDS:
        for kind, (arms, options, score) in kinds.items():
            for arm, change in arms.items():
                began = time.process_time()
                model = page.train_arm(seed, **change, **options)
                entry = {"arm": arm, "seed": seed, **score(model)}
                entry["cpu_seconds"] = round(time.process_time() - began)
                found[kind].append(entry)
                print(kind, entry, flush=True)
    if short:
        record.write(
            "PSPNet cut off at layer2 on 50 square test scenes of look-alike discs",
            found["runs"],
            vars(settings),
            name="lesson_09_short",
        )
        return
    record.write(
        "PSPNet with and without its bins on 50 test scenes: look-alike discs in tall"
        " scenes (runs) and square ones (square), share named rightly, and with the"
        " strip's colour swapped; and ordinary scenes of 96 x 96 (scenes)",
        found.pop("runs"),
        vars(settings),
        **found,
    )


if __name__ == "__main__":
    main()
