"""Lesson 07's experiments over five seeds; writes results/lesson_07_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_07_seeds.py

Runs the page's own functions and settings, about 20 minutes. For each seed an FCN-8s is
trained from scratch and lends its backbone to FCN-32s, 16s and 8s and to FCN-8s in
stages; `runs` holds these, that start and an FCN-32s from scratch. `floors` holds their
floors (seed 0), `context` the networks on look-alike discs and their floors, `masks`
what the networks of seed 0 draw on one test scene, as PNG in base64.
"""

import base64
import io
import time

import record
from PIL import Image

from segcore import inference
from segcore.floors import FLOORS

SEEDS = range(5)
SCENE = 2
FROM_SCRATCH = ("fcn8s, from scratch", "fcn32s, from scratch")


def png(mask):
    """Class ids as a PNG in base64."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def main():
    page = record.lesson("07")
    runs, floors, context, masks = [], [], [], {}

    def arm(name, seed, rows, start=None):
        began = time.process_time()
        model, losses = page.train_arm(name, seed, start)
        row = {"arm": name, "seed": seed, **page.scores(model)}
        row["loss"] = [round(loss, 4) for loss in losses]
        row["cpu_seconds"] = round(time.process_time() - began)
        rows.append(row)
        print(row, flush=True)
        if seed == 0:
            scene = page.scenes("test")[SCENE]["image"]
            masks[name] = png(inference.predict(model, scene))
        return model

    def discs(name, seed):
        model = page.train_context(name, seed)
        row = {"arm": name, "seed": seed, "right": page.named_discs(model)}
        row["right, strip swapped"] = page.named_discs(model, swap=True)
        context.append(row)
        print(row, flush=True)

    def write():
        record.write(
            "FCN-32s, 16s and 8s on 50 test scenes of 128 x 128, boundary 3 pixels;"
            " context: look-alike discs named rightly, mean of the two names",
            runs,
            vars(page.SETTINGS),
            floors=floors,
            context=context,
            scene=SCENE,
            masks=masks,
        )

    for seed in SEEDS:
        start = arm(FROM_SCRATCH[0], seed, runs)
        for name in (*page.ARMS, "fcn8s, in stages"):
            arm(name, seed, runs, start)
        for name in ("fcn8s", "pool3"):
            discs(name, seed)
        arm(FROM_SCRATCH[1], seed, runs)
        if seed == 0:
            for name in FLOORS:
                arm(name, seed, floors)
                discs(name, seed)
        write()


if __name__ == "__main__":
    main()
