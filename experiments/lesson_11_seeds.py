"""Lesson 11's experiments over five seeds; writes results/lesson_11_seeds.json.

    OMP_NUM_THREADS=1 python experiments/lesson_11_seeds.py

Runs the page's own functions and settings. `runs` holds the mixed rates and four equal
rates on a shallow backbone; the first and the last of them on ResNet-18; the mixed
rates under another schedule, with losses at 1/8, and with three image sizes. The two
ResNets, which cost most, have three seeds.
"""

import time

import record

SEEDS = range(5)


def main():
    page = record.lesson("11")
    mixed = page.SETTINGS.rates
    runs = []

    def note(arm, seed, model, began=None):
        entry = {"arm": arm, "seed": seed, **page.scores(model)}
        if began is not None:
            entry["cpu_seconds"] = round(time.process_time() - began)
        runs.append(entry)
        print(entry, flush=True)
        return entry

    def run(arm, seed, rates=mixed, backbone=None, scales=(1.0,), **options):
        began = time.process_time()
        backbone = backbone or page.SETTINGS.backbone
        model = page.network(rates, seed, backbone, scales)
        page.train(model, seed, **options)
        return model, note(arm, seed, model, began)

    def won(model):
        return {f"won_{name}": x for name, x in page.won_by_half(model).items()}

    for seed in SEEDS:
        for rates in page.ARMS:
            model, _ = run(page.arm(*rates), seed, rates)
            if rates == mixed:
                three = page.network(mixed, seed, scales=page.SCALES)
                three.set_state_dict(model.state_dict())
                three.eval()
                entry = note("three sizes, trained at one", seed, three)
                entry |= won(three)
        model, entry = run("three sizes", seed, scales=page.SCALES)
        entry |= won(model)
        for rates in (mixed, [1] * 4) if seed < 3 else ():
            name = f"resnet18: {page.arm(*rates)}"
            run(name, seed, rates, backbone="resnet18")
        run("in steps", seed, schedule=page.in_steps)
        run("in steps, higher", seed, schedule=page.in_steps_higher)
        run("labels at 1/8", seed, loss_of=page.loss_at_one_eighth)
        run("labels at 1/8, corner", seed, loss_of=page.loss_at_the_corner)
    record.write(
        "DeepLab v2 on 50 test scenes of rimmed discs, 128 x 128: mean IoU of the two"
        " kinds of disc, boundary IoU at 2 pixels, found pixels of discs by size",
        runs,
        vars(page.SETTINGS),
    )


if __name__ == "__main__":
    main()
