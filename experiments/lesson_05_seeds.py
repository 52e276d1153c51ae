"""Lesson 05's experiment on the checkerboard over eight seeds; one file in results/.

    OMP_NUM_THREADS=1 python experiments/lesson_05_seeds.py

Runs the page's own functions. `runs` holds the page's arms, larger kernels and two
controls at the page's settings; `less_noise`, `longer` and `slower` the page's arms at
other settings, three seeds each; `floors` what simple rivals reach on the page's task.
"""

import paddle
import record
from paddle import nn

from segcore.floors import floors

SEEDS, FEW = range(8), range(3)
MORE = ["kernel 7", "kernel 8", "kernel 2, wide", "kernel 4, even start"]
OTHER = {
    "less_noise": {"noise": 0.1},
    "longer": {"steps": 1080},
    "slower": {"steps": 1080, "rate": 1.5e-3},
}
COLUMNS = ("flat", "ramp", "IoU")


class Logits(nn.Layer):
    """A floor that returns its logits bare, as the page's networks do."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        """Return the map of logits."""
        return self.model(x)["out"]


def main():
    page = record.lesson("05")

    def runs(arms, seeds, **options):
        noise = {"noise": options["noise"]} if "noise" in options else {}
        for arm in arms:
            for seed in seeds:
                paddle.seed(seed)
                model = page.train(page.network(arm), seed, **options)
                found = page.measure(model, **noise)
                numbers = {name: round(float(found[name]), 4) for name in COLUMNS}
                yield {"arm": arm, "seed": seed, **numbers}

    def iou(model):
        return round(float(page.on_discs(Logits(model))[0]), 4)

    found = {"runs": list(runs([*page.ARMS, *MORE], SEEDS))}
    for name, options in OTHER.items():
        found[name] = list(runs(page.ARMS, FEW, **options))
    found["floors"] = []
    for seed in FEW:

        def train(model, seed=seed):
            page.train(Logits(model), seed)

        for name, score in floors(1, train, iou, in_channels=1, seed=seed).items():
            found["floors"].append({"floor": name, "seed": seed, "IoU": score})
    settings = {"steps": page.STEPS, "noise": page.NOISE, "rate": page.RATE}
    record.write(
        "Pattern with a period of 4 pixels that trained networks show on flat grey and"
        " on ramps, in % of the gap between the logits of disc and ground; IoU of the"
        " discs on 64 test images",
        found.pop("runs"),
        {**settings, "channels": page.CHANNELS, "other": OTHER},
        **found,
    )


if __name__ == "__main__":
    main()
