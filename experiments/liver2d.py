"""U-Net on real slices of liver CT, and what a split by slice flatters; on a CPU.

    python experiments/liver2d.py           all, then write
    python experiments/liver2d.py leak 0    only these runs
    python experiments/liver2d.py write     what is there

with SEGCORE_DATA and OMP_NUM_THREADS=1; writes results/liver2d.json. *main*: two
seeds on the given parts, measured on the 24 test cases. *leak*: five seeds, each with
parts drawn anew, by case and by slice, of the same numbers; everything else is held.
The floor is the best band of grey. A finished run is kept in a temporary folder and
not made again.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import paddle
import record
from scipy import ndimage

from segcore import data, inference, training
from segcore.data.transforms import Augment
from segcore.metrics import dice_per_case
from segcore.models import count_parameters, unet

KEPT = Path(tempfile.gettempdir()) / "liver2d"
SEEDS = {"main": (0, 1), "leak": (0, 1, 2, 3, 4)}
SETTINGS = {
    "width": 0.125,
    "lr": 1e-2,
    "main": {"size": [128, 128], "steps": 700, "batch_size": 4, "scale": [0.85, 1.15]},
    "leak": {"size": [64, 64], "steps": 400, "batch_size": 8, "scale": [1.0, 1.0]},
    "jitter": 0.1,
}


def fitted(experiment, seed, train):
    """A network trained on slices that are read once."""
    settings = SETTINGS[experiment]
    augment = {"jitter": SETTINGS["jitter"], "flip": False}
    if settings["scale"] != [1.0, 1.0]:
        augment |= {"scale": tuple(settings["scale"]), "crop": tuple(settings["size"])}
    paddle.seed(seed)
    model = unet(2, width=SETTINGS["width"], dropout=0)
    training.fit(
        model,
        InMemory(train),
        steps=settings["steps"],
        batch_size=settings["batch_size"],
        lr=SETTINGS["lr"],
        augment=Augment(**augment),
        seed=seed,
        progress=False,
    )
    return model


class InMemory(list):
    """The samples of a data set, each read once."""

    def __init__(self, dataset):
        super().__init__(dataset)
        self.num_classes = dataset.num_classes


def largest_piece(mask):
    """The largest connected piece of a mask `[H, W]`, its holes filled."""
    pieces, _ = ndimage.label(mask)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return ndimage.binary_fill_holes(pieces == sizes.argmax()) if mask.any() else mask


def scores(predictions, test):
    """Dice by case, by slice and pooled, and the spread over cases."""
    truths = [test.mask(index) for index in range(len(test))]
    names = [test.case(index) for index in range(len(test))]
    cases = sorted(set(names))

    def of_case(masks, case):
        return np.stack([m for m, name in zip(masks, names) if name == case])

    by_case = dice_per_case(
        [of_case(predictions, case) for case in cases],
        [of_case(truths, case) for case in cases],
    )[:, 1]
    by_slice = dice_per_case(predictions, truths)[:, 1]
    said, true = np.stack(predictions) == 1, np.stack(truths) == 1
    return {
        "by_case": by_case.mean(),
        "spread_over_cases": by_case.std(ddof=1),
        "worst_case": by_case.min(),
        "by_slice": np.nanmean(by_slice),
        "pooled": 2 * (said & true).sum() / (said.sum() + true.sum()),
        "cases": len(cases),
        "slices": len(truths),
    }


def predicted(model, test, size):
    """A mask of each slice, at the slice's own size."""
    return [inference.predict(model, sample["image"], size=size) for sample in test]


def measure(experiment, arm, seed):
    """One training and what it scores: `{arm: scores}`."""
    size = tuple(SETTINGS[experiment]["size"])
    options = {} if experiment == "main" else {"split_by": arm, "seed": seed}
    train = data.load("liver2d", "train", size=size, **options)
    test = data.load("liver2d", "test", **options)
    model = fitted(experiment, seed, train)
    said = predicted(model, test, size)
    found = {arm: scores(said, test)}
    if experiment == "main":
        found["largest piece"] = scores([largest_piece(one) for one in said], test)
    else:
        of = [{s["case"] for s in part} for part in (train, test)]
        found[arm]["cases_in_both"] = len(of[0] & of[1])
    return found


def floor():
    """Dice of the best band of grey, chosen on the training part."""

    def counts(part):
        total = np.zeros((2, 256), np.int64)
        for sample in data.load("liver2d", part):
            for k in (0, 1):
                grey = sample["image"][..., 0][sample["mask"] == k]
                total[k] += np.bincount(grey, minlength=256)
        return total

    total = np.cumsum(np.pad(counts("train"), ((0, 0), (1, 0))), axis=1)
    bands = [(a, b) for a in range(256) for b in range(a + 1, 257)]

    def dice(band):
        inside = total[:, band[1]] - total[:, band[0]]
        return 2 * inside[1] / (inside.sum() + total[1, -1])

    low, high = max(bands, key=dice)
    test = data.load("liver2d", "test")
    said = [
        ((s["image"][..., 0] >= low) & (s["image"][..., 0] < high)).astype(np.uint8)
        for s in test
    ]
    return {"grey_from": low, "grey_below": high, **scores(said, test)}


def rounded(values):
    return {k: round(float(v), 4) if v != int(v) else int(v) for k, v in values.items()}


def kept():
    path = KEPT / "runs.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def main(*words):
    KEPT.mkdir(exist_ok=True)
    (KEPT / "runs.jsonl").touch()
    for experiment, seeds in SEEDS.items():
        arms = ("case",) if experiment == "main" else ("case", "slice")
        for seed in seeds:
            asked = not words or words == (experiment, str(seed))
            for arm in arms if asked else ():
                key = {"experiment": experiment, "arm": arm, "seed": seed}
                if any(key.items() <= run.items() for run in kept()):
                    continue
                began = time.process_time()
                for name, found in measure(experiment, arm, seed).items():
                    run = {**key, "arm": name, **rounded(found)}
                    run["cpu_seconds"] = round(time.process_time() - began)
                    with (KEPT / "runs.jsonl").open("a") as file:
                        file.write(json.dumps(run) + "\n")
                    print(run, flush=True)
    if words in ((), ("write",)):
        what = "U-Net on slices of liver CT: Dice by case, and a split by slice"
        parameters = count_parameters(unet(2, width=SETTINGS["width"]))
        settings = {**SETTINGS, "parameters": parameters}
        record.write(what, kept(), settings, name="liver2d", floor=rounded(floor()))


if __name__ == "__main__":
    main(*sys.argv[1:])
