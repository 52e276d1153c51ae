"""The experiments of lesson 08 over five seeds; writes results/lesson_08_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_08_seeds.py

Every run is the page's own code. The settings were chosen with seeds 0 and 1.
"""

import record

SEEDS = range(5)
IMAGES = (1, 10, 30, 100)


def lines(page, seed):
    """Experiments A and B: three ways to hand maps across, and two checks of A."""
    for arm, skips in (("concatenated", True), ("added", "add"), ("none", False)):
        model = page.train_lines(skips, seed)
        yield "lines", arm, {"line_iou": page.line_iou(model)}
    model = page.train_lines(False, seed, steps=4 * page.SETTINGS.steps)
    yield "lines", "none, 4 x the steps", {"line_iou": page.line_iou(model)}
    for arm, skips in (("concatenated", True), ("none", False)):
        yield "by heart", arm, {"line_iou": page.learn_by_heart(skips, seed)}


def scenes(page, seed):
    """Experiment C: few images, and U-Net without skips on scenes."""
    for name in ("unet", "fcn8s"):
        for images in IMAGES:
            model = page.train_few(name, images, seed)
            yield "scenes", name, {"images": images, **page.scene_scores(model)}
    model = page.train_few("unet without skips", 100, seed)
    scores = {"images": 100, **page.scene_scores(model)}
    yield "scenes", "unet without skips", scores


def cells(page, seed):
    """Experiment D: what weighs more in the loss on touching cells."""
    for weighting in ("none", "class", "border"):
        yield "cells", weighting, page.cell_scores(page.train_cells(weighting, seed))


def main():
    page, runs = record.lesson("08"), []
    for seed in SEEDS:
        for part in (lines, cells, scenes):
            for experiment, arm, scores in part(page, seed):
                rounded = {k: round(float(v), 4) for k, v in scores.items()}
                if "images" in scores:
                    rounded["images"] = scores["images"]
                runs.append(
                    {"experiment": experiment, "arm": arm, "seed": seed, **rounded}
                )
                print(runs[-1], flush=True)
    record.write(
        "Lesson 08: skips, number of images and loss weights on synthetic images",
        runs,
        vars(page.SETTINGS),
    )


if __name__ == "__main__":
    main()
