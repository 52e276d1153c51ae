"""Lesson 07's experiments over five seeds; writes results/lesson_07_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_07_seeds.py

Runs the page's own functions and settings, about 20 minutes, and goes on where it
stopped. For each seed an FCN-8s is trained from scratch and lends its backbone to
FCN-32s, 16s and 8s, and for three seeds to FCN-8s in stages. `runs` holds all these,
`floors` their floors (seed 0), `context` the networks on look-alike discs and their
floors, `masks` what the networks of seed 0 draw on one test scene, as PNG in base64.
"""

import base64
import io
import json
import time

import record
from PIL import Image

from segcore import inference
from segcore.floors import FLOORS

SEEDS, STAGED_SEEDS = range(5), range(3)
SCENE = 2
START, STAGED = "fcn8s, from scratch", "fcn8s, in stages"


def png(mask):
    """Class ids as a PNG in base64."""
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def main():
    page = record.lesson("07")
    runs, floors, context, masks = [], [], [], {}
    path = record.RESULTS / "lesson_07_seeds.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if kept.get("settings") == vars(page.SETTINGS):
        runs, floors = kept["runs"], kept["floors"]
        context, masks = kept["context"], kept["masks"]

    def done(name, seed, rows):
        return any((r["arm"], r["seed"]) == (name, seed) for r in rows)

    def arm(name, seed, rows, start=None):
        began = time.process_time()
        model, losses = page.train_arm(name, seed, start)
        row = {"arm": name, "seed": seed, **page.scores(model)}
        row["loss"] = [round(loss, 4) for loss in losses]
        row["cpu_seconds"] = round(time.process_time() - began)
        if not done(name, seed, rows):
            rows.append(row)
        print(row, flush=True)
        if seed == 0:
            scene = page.scenes("test")[SCENE]["image"]
            masks[name] = png(inference.predict(model, scene))
        write()
        return model

    def discs(name, seed):
        model = page.train_context(name, seed)
        row = {"arm": name, "seed": seed, "right": page.named_discs(model)}
        row["right, strip swapped"] = page.named_discs(model, swap=True)
        context.append(row)
        print(row, flush=True)
        write()

    def write():
        record.write(
            "FCN-32s, 16s and 8s on 50 test scenes of 192 x 192, boundary 5 pixels;"
            " context: look-alike discs named rightly, mean of the two names",
            runs,
            vars(page.SETTINGS),
            floors=floors,
            context=context,
            scene=SCENE,
            masks=masks,
        )

    for seed in SEEDS:
        names = [START, *page.ARMS]
        names += [STAGED] if seed in STAGED_SEEDS else []
        names = [name for name in names if not done(name, seed, runs)]
        start = arm(START, seed, runs) if names else None
        for name in names:
            if name != START:
                arm(name, seed, runs, start)
        for name in ("fcn8s", "pool3"):
            if not done(name, seed, context):
                discs(name, seed)
    for name in FLOORS:
        if not done(name, 0, floors):
            arm(name, 0, floors)
        if not done(name, 0, context):
            discs(name, 0)


if __name__ == "__main__":
    main()
