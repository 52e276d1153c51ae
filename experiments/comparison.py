"""Lesson 18's comparison on CamVid at equal processor time; goes on where it stopped.

    SEGCORE_DATA=... OMP_NUM_THREADS=1 python experiments/comparison.py

Four stages, in this order; each finished run is written to results/comparison.json at
once, and what is there is not run again. Started twice, two processes share the work:
a run is claimed by a locked file, and the lock falls with its process.

`speed`: seconds a step of each arm. `rates`: each arm with each learning rate for a
minute, without the drive 0006R0, measured on it. `runs`: each arm with its best rate
for 2 and then 8 minutes, three seeds. `longer`: the best three arms for 24 minutes.
The arms are those of the page. A minute is one of the processor's, by the seconds a
step takes; the schedule needs the number of steps.
"""

import contextlib
import fcntl
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import paddle
import record

from segcore import data, inference, losses, training
from segcore.data.transforms import Augment
from segcore.metrics import BoundaryIoU, ConfusionMatrix
from segcore.models import count_parameters

NAME = "comparison"
SEEDS = range(3)
BUDGETS = (2, 8)  # minutes
LONGER = 24
LEFT_OUT = "0006R0"  # a drive of the training part only
RATES = (1e-3, 3e-3, 1e-2)
SETTINGS = {
    "width": 0.25,
    "size": [176, 232],
    "crop": [144, 192],
    "scale": [0.75, 1.5],
    "batch_size": 8,
    "weight_decay": 1e-2,
    "rare_crops": 0.3,
    "class_weights": "square root of median frequency",
    "dropout": 0,
    "auxiliary loss": "none",
    "minutes to choose the rate": 1,
}


class Kept:
    """Samples of a data set, read once: reading is not what is compared."""

    def __init__(self, dataset, names=lambda name: True):
        kept = [i for i in range(len(dataset)) if names(dataset.name(i))]
        self.samples = [dataset[i] for i in kept]
        self.classes, self.num_classes = dataset.classes, dataset.num_classes

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]

    def mask(self, index):
        return self.samples[index]["mask"]


def train(page, arm, dataset, steps, lr, seed):
    """A network trained for a number of steps, and the processor's seconds it took."""
    paddle.seed(seed)
    model = page.build(arm, dataset.num_classes, SETTINGS["width"])
    pixels = data.class_pixels(dataset)
    augment = Augment(
        crop=SETTINGS["crop"],
        scale=tuple(SETTINGS["scale"]),
        rare=tuple(int(k) for k in pixels.argsort()[:5]),
        rare_share=SETTINGS["rare_crops"],
    )
    began = time.process_time()
    history = training.fit(
        model,
        dataset,
        steps=steps,
        batch_size=SETTINGS["batch_size"],
        lr=lr,
        weight_decay=SETTINGS["weight_decay"],
        augment=augment,
        class_weights=losses.balance_weights(pixels),
        seed=seed,
        progress=False,
    )
    seconds = time.process_time() - began
    return model, round(seconds, 1), round(float(history["loss"].iloc[-1]), 3)


def measure(model, samples):
    """Scores on images at their own size, all of them and by drive."""
    matrices, edge = {}, BoundaryIoU(11, 4)
    for sample in samples:
        said = inference.predict(model, sample["image"], size=tuple(SETTINGS["size"]))
        drive = sample["name"].split("/")[-1].split("_")[0]
        matrix = matrices.setdefault(drive, ConfusionMatrix(11))
        matrix.update(said, sample["mask"])
        edge.update(said, sample["mask"])
    whole = ConfusionMatrix(11)
    whole.matrix = sum(matrix.matrix for matrix in matrices.values())
    return {
        "mean_iou": round(whole.mean_iou(), 4),
        "boundary_iou": round(edge.mean_iou(), 4),
        "pixel_accuracy": round(whole.pixel_accuracy(), 4),
        "iou": whole.iou().round(4).tolist(),
        "by_drive": {k: round(m.mean_iou(), 4) for k, m in matrices.items()},
    }


class Comparison:
    """The stages, and what is known so far."""

    def __init__(self):
        self.page = record.lesson("18")
        self.arms = [*self.page.HEADS, *self.page.BUNDLES]
        self.floors = ["commonest class", "colour and position"]
        size = tuple(SETTINGS["size"])
        self.train = Kept(data.load("camvid", "train", size=size))
        self.found = {"speed": {}, "rates": [], "runs": []}
        self.locks = Path(tempfile.gettempdir()) / f"segcore-{NAME}"
        self.locks.mkdir(exist_ok=True)
        self.read()

    def read(self):
        path = record.RESULTS / f"{NAME}.json"
        if path.exists():
            before = json.loads(path.read_text())
            self.found = {key: before[key] for key in self.found}

    @contextlib.contextmanager
    def lock(self, name, wait=True):
        """Whether this process holds the lock of that name inside the block."""
        with open(self.locks / name, "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True

    def add(self, part, run):
        """Keeps a finished run beside what another process wrote in the meantime."""
        print({k: v for k, v in run.items() if k != "iou"}, flush=True)
        with self.lock("write"):
            self.read()
            self.found[part].append(run)
            self.write()

    def all_of(self, part, todo, keys, run):
        """Runs what is still to do, if no other process does, until all of it is."""
        while True:
            self.read()
            done = {tuple(r[key] for key in keys) for r in self.found[part]}
            left = [what for what in todo if what not in done]
            if not left:
                return
            for what in left:
                name = "-".join(map(str, what)).replace(" ", "_")
                with self.lock(f"{part}-{name}", wait=False) as mine:
                    self.read()
                    done = {tuple(r[key] for key in keys) for r in self.found[part]}
                    if mine and what not in done:
                        self.add(part, run(*what))
            time.sleep(5)

    def write(self):
        parts = dict(self.found)
        record.write(
            "One encoder with four heads, and three published bundles, on CamVid at"
            " equal processor time: 233 test images at 480 x 360, 11 classes, boundary"
            " 4 pixels",
            parts.pop("runs"),
            SETTINGS,
            name=NAME,
            classes=self.train.classes,
            **parts,
        )

    def speed(self):
        """Seconds of one step of each arm: the median of turns taken one by one."""
        with self.lock("speed"):
            self.read()
            if self.found["speed"]:
                return
            turns = {arm: [] for arm in [*self.arms, *self.floors]}
            for turn in range(3):
                for arm, seconds in turns.items():
                    _, few, _ = train(self.page, arm, self.train, 2, 1e-3, turn)
                    _, more, _ = train(self.page, arm, self.train, 8, 1e-3, turn)
                    seconds.append((more - few) / 6)
            self.found["speed"] = {
                arm: round(statistics.median(took), 4) for arm, took in turns.items()
            }
            print(self.found["speed"], flush=True)
            self.write()

    def steps(self, arm, minutes):
        return max(1, round(60 * minutes / self.found["speed"][arm]))

    def rates(self):
        """Each arm with each rate, without a drive that measures it."""
        size = tuple(SETTINGS["size"])
        rest = data.load("camvid", "train", size=size)
        kept = Kept(rest, lambda name: LEFT_OUT not in name)
        held = Kept(data.load("camvid", "train"), lambda name: LEFT_OUT in name)
        held.samples = held.samples[::3]

        def run(arm, lr):
            steps = self.steps(arm, SETTINGS["minutes to choose the rate"])
            model, seconds, loss = train(self.page, arm, kept, steps, lr, 100)
            found = {"arm": arm, "lr": lr, "steps": steps, "cpu_seconds": seconds}
            found |= {"loss": loss, **measure(model, held)}
            found.pop("by_drive")
            return found

        todo = [(arm, lr) for arm in [*self.arms, self.floors[1]] for lr in RATES]
        todo.append((self.floors[0], RATES[0]))  # whatever the rate, it is one class
        self.all_of("rates", todo, ("arm", "lr"), run)

    def best_rate(self, arm):
        tried = [run for run in self.found["rates"] if run["arm"] == arm]
        return max(tried, key=lambda run: run["mean_iou"])["lr"]

    def run(self, arm, minutes, seed):
        steps, lr = self.steps(arm, minutes), self.best_rate(arm)
        model, seconds, loss = train(self.page, arm, self.train, steps, lr, seed)
        run = {"arm": arm, "minutes": minutes, "seed": seed, "lr": lr, "steps": steps}
        run |= {"cpu_seconds": seconds, "loss": loss}
        run |= measure(model, data.load("camvid", "test"))
        return run | {"parameters": count_parameters(model)}

    def runs(self):
        todo = []
        for minutes in BUDGETS:
            todo += [(arm, minutes, seed) for seed in SEEDS for arm in self.arms]
            # The commonest class is the same at any budget.
            floors = self.floors if minutes == BUDGETS[0] else self.floors[1:]
            todo += [(arm, minutes, 0) for arm in floors]
        self.all_of("runs", todo, ("arm", "minutes", "seed"), self.run)

    def longer(self):
        """The three best arms of the last budget, by their mean over the seeds."""
        scores = {arm: [] for arm in self.arms}
        for run in self.found["runs"]:
            if run["minutes"] == BUDGETS[-1]:
                scores.get(run["arm"], []).append(run["mean_iou"])
        best = sorted(scores, key=lambda arm: -np.mean(scores[arm]))[:3]
        todo = [(arm, LONGER, seed) for seed in SEEDS for arm in best]
        self.all_of("runs", todo, ("arm", "minutes", "seed"), self.run)


def main():
    comparison = Comparison()
    for stage in ("speed", "rates", "runs", "longer"):
        getattr(comparison, stage)()


if __name__ == "__main__":
    main()
