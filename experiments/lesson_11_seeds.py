"""Lesson 11's experiments over five seeds; writes results/lesson_11_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_11_seeds.py [PART ...]

Runs the page's own functions and settings. Without a PART all are measured; with some
only those, and the rest of the file is kept.

arms    the mixed rates and four equal rates on a shallow backbone; the first and the
        last of them on ResNet-18; the mixed rates under another schedule, with losses
        at 1/8, and with three image sizes. The two ResNets, which cost most, have three
        seeds.
dense   a rival: one dense kernel as wide as all rates together
floors  what the silliest rivals reach (`segcore.floors`), two seeds
"""

import datetime
import json
import sys
import time

import record

from segcore.floors import floors

SEEDS, FEW, TWO = range(5), range(3), range(2)
page = record.lesson("11")
MIXED = page.SETTINGS.rates


def measured(arm, seed, model, began=None):
    entry = {"arm": arm, "seed": seed, **page.scores(model)}
    if began is not None:
        entry["cpu_seconds"] = round(time.process_time() - began)
    print(entry, flush=True)
    return entry


def trained(arm, seed, rates=MIXED, backbone=None, scales=(1.0,), dense=False, **how):
    began = time.process_time()
    backbone = backbone or page.SETTINGS.backbone
    model = page.network(rates, seed, backbone, scales)
    if dense:
        model = page.with_dense_head(model)
    page.train(model, seed, **how)
    return model, measured(arm, seed, model, began)


def won(model):
    return {f"won_{name}": x for name, x in page.won_by_half(model).items()}


def arms():
    for seed in SEEDS:
        for rates in page.ARMS:
            model, entry = trained(page.arm(*rates), seed, rates)
            yield entry
            if rates == MIXED:
                three = page.network(MIXED, seed, scales=page.SCALES)
                three.set_state_dict(model.state_dict())
                three.eval()
                yield measured("three sizes, trained at one", seed, three) | won(three)
        model, entry = trained("three sizes", seed, scales=page.SCALES)
        yield entry | won(model)
        for rates in (MIXED, [1] * 4) if seed in FEW else ():
            name = f"resnet18: {page.arm(*rates)}"
            yield trained(name, seed, rates, backbone="resnet18")[1]
        for name, how in (
            ("in steps", {"schedule": page.in_steps}),
            ("in steps, higher", {"schedule": page.in_steps_higher}),
            ("labels at 1/8", {"loss_of": page.loss_at_one_eighth}),
            ("labels at 1/8, corner", {"loss_of": page.loss_at_the_corner}),
        ):
            yield trained(name, seed, **how)[1]


def dense():
    for seed in SEEDS:
        yield trained("dense 13 × 13", seed, dense=True)[1]


def below():
    for seed in TWO:

        def train(model, seed=seed):
            page.train(model, seed)

        for name, score in floors(3, train, page.scores, seed=seed).items():
            print(name, seed, score, flush=True)
            yield {"arm": f"floor: {name}", "seed": seed, **score}


PARTS = {"arms": arms, "dense": dense, "floors": below}


def main(*names):
    file = record.RESULTS / "lesson_11_seeds.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if names else {}
    if unknown := set(names) - set(PARTS):
        sys.exit(f"There is no part {', '.join(unknown)}; take {', '.join(PARTS)}.")
    if kept and kept["settings"] != vars(page.SETTINGS):
        sys.exit("The settings have changed: measure all parts.")
    # The date of each part, since one may be measured without the others.
    dates = kept.get("dates") or ({"arms": kept["date"]} if kept else {})
    parts = {"dense": [], "floors": []}
    parts |= {name: kept[name] for name in parts if name in kept}
    parts["arms"] = kept.get("runs", [])
    for name in names or PARTS:
        parts[name] = list(PARTS[name]())
        dates[name] = datetime.date.today().isoformat()
    record.write(
        "DeepLab v2 on 50 test scenes of rimmed discs, 128 x 128: mean IoU of the two"
        " kinds of disc, boundary IoU at 2 pixels, found pixels of discs by size",
        parts.pop("arms"),
        vars(page.SETTINGS),
        dates=dates,
        **parts,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
