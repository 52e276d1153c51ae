"""Lesson 12's experiments over five seeds; writes results/lesson_12_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_12_seeds.py

Runs the page's own functions and settings. `runs` holds the networks trained at output
stride 16 and tested there and at 8 (every rate doubled, those of ASPP forgotten, every
rate forgotten; aligned corners, and half pixels), without image pooling, and the
cascade; and, for three seeds, v3 with twice the steps. `places` holds the share of
right classes at the places of the finer map, `discs` that of look-alike discs that
were named rightly.
"""

import time

import record

SEEDS = range(5)


def main():
    page = record.lesson("12")
    steps = page.SETTINGS.steps
    runs, discs, places = [], [], []

    def note(arm, seed, values, began):
        entry = {"arm": arm, "seed": seed, **values}
        entry["cpu_seconds"] = round(time.process_time() - began)
        runs.append(entry)
        print(entry, flush=True)

    for seed in SEEDS:
        for arm in ("v3", "half pixels", "no pooling", "cascade"):
            began = time.process_time()
            model = page.train_scenes(arm, seed)
            note(f"{arm}, 16", seed, page.scores(model, arm), began)
            if arm in ("v3", "half pixels"):
                began = time.process_time()
                finer = page.at_stride_8(model, arm)
                note(f"{arm}, 8", seed, page.scores(finer, arm), began)
            if arm == "v3":
                places.append({"arm": "v3", "seed": seed, **page.at_places(model)})
                print(places[-1], flush=True)
                began = time.process_time()
                finer = page.at_stride_8(model, arm, factor=1)
                note("8, ASPP's rates forgotten", seed, page.scores(finer), began)
                began = time.process_time()
                finer = page.stride_out_only(model)
                note("8, every rate forgotten", seed, page.scores(finer), began)
        if seed < 3:
            began = time.process_time()
            model = page.train_scenes("v3", seed, steps=2 * steps)
            note("2 x steps, 16", seed, page.scores(model), began)
            began = time.process_time()
            note("2 x steps, 8", seed, page.scores(page.at_stride_8(model)), began)
            places.append({"arm": "2 x steps", "seed": seed, **page.at_places(model)})
            print(places[-1], flush=True)
        for body, pooling in (("short", True), ("short", False), ("deep", False)):
            model = page.train_discs(body, pooling, seed)
            entry = {
                "arm": f"{body}, {'with' if pooling else 'without'} pooling",
                "seed": seed,
                "discs_right": page.named_discs(model),
                "discs_right_swapped": page.named_discs(model, swap=True),
            }
            discs.append(entry)
            print(entry, flush=True)
    record.write(
        "DeepLab v3 trained at output stride 16: mean IoU and boundary IoU (2 pixels)"
        " on 50 test scenes, tested at 16 and 8; discs: share of look-alike discs named"
        " rightly, and with the strip's colour swapped",
        runs,
        vars(page.SETTINGS),
        discs=discs,
        places=places,
    )


if __name__ == "__main__":
    main()
