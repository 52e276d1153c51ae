"""Lesson 12's experiments over several seeds; writes results/lesson_12_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_12_seeds.py [PART[:SEED] ...]

Runs the page's own functions and settings. What is named is measured and the rest of
the file is kept; without a name all parts are measured. `scenes`: v3 trained at output
stride 16 and tested there and at 8 (every rate doubled; those of ASPP forgotten), and
v3 without image pooling. `discs`: the share of look-alike discs named rightly.
`floors`: those of scenes and discs. (The discs were measured two days before the rest.)
"""

import json
import sys
import time

import record

PARTS = {"floors": [0], "scenes": range(5), "discs": range(5)}
WHAT = (
    "DeepLab v3 trained at output stride 16: mean IoU, that of the objects, and"
    " boundary IoU (2 pixels) on 50 test scenes, tested at 16 and 8; discs: share of"
    " look-alike discs named rightly, and with the strip's colour swapped"
)


def save(page, part, entries):
    """Puts entries into the file, in place of those of the same arm and seed."""
    path = record.RESULTS / "lesson_12_seeds.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    parts = {name: kept.get(name, []) for name in ("runs", "discs", "floors")}
    key = ["world", "arm", "seed"]
    new = [[entry.get(k) for k in key] for entry in entries]
    old = [e for e in parts[part] if [e.get(k) for k in key] not in new]
    parts[part] = sorted(old + entries, key=lambda entry: entry["seed"])
    record.write(WHAT, parts.pop("runs"), vars(page.SETTINGS), **parts)
    for entry in entries:
        print(entry, flush=True)


def scenes(page, seed):
    """v3 on scenes, at both strides, and without image pooling."""
    entries = []
    for arm in ("v3", "no pooling"):
        began = time.process_time()
        model = page.train_scenes(seed, pooling=arm == "v3")
        found = {f"{arm}, 16": page.scores(model)}
        seconds = round(time.process_time() - began)
        if arm == "v3":
            for name, stride in (("v3, 8", 8), ("v3, 8, ASPP's rates forgotten", 16)):
                rates = page.rates_at(page.SETTINGS.size, stride)
                found[name] = page.scores(page.at_stride_8(model, rates))
        for name, values in found.items():
            row = {"arm": name, "seed": seed, **values, "cpu_seconds": seconds}
            entries.append(row)
    return entries


def discs(page, seed):
    """Look-alike discs: a short-sighted body with or without image pooling, v3's."""
    entries = []
    for body, pooling in (("short", True), ("short", False), ("deep", False)):
        model = page.train_discs(body, pooling, seed)
        entries.append(
            {
                "arm": f"{body}, {'with' if pooling else 'without'} pooling",
                "seed": seed,
                "discs_right": page.named_discs(model),
                "discs_right_swapped": page.named_discs(model, swap=True),
            }
        )
    return entries


def floors(page, seed):
    """The floors of both worlds, with the steps of their arms."""
    entries = []
    for world, found in (
        ("scenes", page.scene_floors(seed)),
        ("discs", page.disc_floors(seed)),
    ):
        for arm, values in found.items():
            entries.append({"world": world, "arm": arm, "seed": seed, **values})
    return entries


def main():
    page = record.lesson("12")
    for asked in sys.argv[1:] or PARTS:
        part, _, one = asked.partition(":")
        for seed in [int(one)] if one else PARTS[part]:
            if part == "floors":
                save(page, part, floors(page, seed))
            elif part == "discs":
                save(page, part, discs(page, seed))
            else:
                save(page, "runs", scenes(page, seed))


if __name__ == "__main__":
    main()
