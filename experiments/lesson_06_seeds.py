"""Lesson 06's experiments on gridding, five seeds; writes results/lesson_06_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_06_seeds.py

Runs the page's own functions. Task "coins": segmentation of a noisy photograph, with
the floors (the pixel alone, a field of 7 pixels), with one more layer of rate 1 before
or after the three of rate 2, and with four times the steps. Task "neighbour": the
colour of a pixel's left neighbour in noise, in crops of a photograph and in blobs.
"""

import record

SEEDS = range(5)
STEPS = 150
COINS = {
    "the pixel alone (floor)": (0, 0, 0),
    "field of 7 pixels (floor)": (1, 1, 1),
    "(2, 2, 2)": (2, 2, 2),
    "(1, 2, 3)": (1, 2, 3),
}
MORE = {
    "(2, 2, 2), then 1": ((2, 2, 2, 1), STEPS),
    "1, then (2, 2, 2)": ((1, 2, 2, 2), STEPS),
    "(2, 2, 2), 4 x steps": ((2, 2, 2), 4 * STEPS),
    "(1, 2, 3), 4 x steps": ((1, 2, 3), 4 * STEPS),
}


def main():
    page = record.lesson("06")
    runs = []

    def note(task, arm, seed, **scores):
        runs.append({"task": task, "arm": arm, "seed": seed, **scores})
        print(runs[-1], flush=True)

    def coins(arm, rates, seed, noise, steps=STEPS):
        _, truth, scores = page.segment_coins(rates, seed, noise, steps)
        note("coins", arm, seed, noise=noise, **page.coin_scores(truth, scores))

    for noise in (1.0, 0.0):
        _, mask = page.coins_and_mask()
        share = float(mask[:, mask.shape[1] // 2 :].mean())
        note("coins", "coins everywhere (floor)", 0, noise=noise, iou=share)
        for arm, rates in COINS.items():
            for seed in SEEDS:
                coins(arm, rates, seed, noise)
    for arm, (rates, steps) in MORE.items():
        for seed in SEEDS:
            coins(arm, rates, seed, 1.0, steps)
    for kind in page.KINDS:
        for seed in SEEDS:
            for rates in ((2, 2, 2), (1, 2, 3)):
                accuracy, floor = page.left_neighbour(kind, rates, seed)
                note(
                    "neighbour",
                    str(rates),
                    seed,
                    kind=kind,
                    score=accuracy,
                    floor=floor,
                )
    record.write(
        "coins: IoU of the coins in the right half of a photograph; where a pixel is"
        " wrong, how often the next pixel and the second next are wrong too;"
        " neighbour: accuracy, and that of the pixel's own colour",
        runs,
        {"steps": STEPS, "noise": "Gaussian, in standard deviations of the picture"},
    )


if __name__ == "__main__":
    main()
