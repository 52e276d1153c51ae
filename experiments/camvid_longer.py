"""One longer run on CamVid from nothing: at most an hour on two cores of a CPU.

    SEGCORE_DATA=... OMP_NUM_THREADS=1 python experiments/camvid_longer.py

writes results/camvid_longer.json. The network is the one that did best on the
validation images in results/camvid_networks.json. It is trained on small images first,
where steps are cheap, and then on images of twice the side. `--leave-out 0006R0` trains
without that drive and measures on it, not on the test images: so settings are chosen.
"""

import argparse
import copy
import time

import paddle
import record
from camvid_networks import SETTINGS as SHORT

from segcore import data, inference, losses, training
from segcore.data.transforms import Augment
from segcore.metrics import ConfusionMatrix
from segcore.models import MODELS, count_parameters

NETWORK = "fcn8s"
SETTINGS = {
    "width": SHORT["width"],
    "options": SHORT["networks"][NETWORK],
    "batch_size": 8,
    "scale": [0.82, 1.15],
    "rare_crops": 0.3,
    "class_weights": "square root of median frequency",
    "stages": [
        {"size": [88, 116], "crop": [72, 96], "steps": 3000, "lr": 3e-3},
        {"size": [176, 232], "crop": [144, 192], "steps": 1100, "lr": 2e-3},
    ],
    "mode": "multiscale",
}


def parts(drive):
    """Training and test images; with a drive, the rest and every other image of it."""
    train, test = data.load("camvid", "train"), data.load("camvid", "test")
    if drive:
        test = copy.copy(train)
        test.pairs = [p for p in train.pairs if p[0].name.startswith(drive)][::2]
        train.pairs = [p for p in train.pairs if not p[0].name.startswith(drive)]
    return train, test


def train(dataset, stages, seed):
    """A network trained through the stages, and the seconds that it took."""
    paddle.seed(seed)
    model = MODELS[NETWORK](
        dataset.num_classes, width=SETTINGS["width"], **SETTINGS["options"]
    )
    pixels = data.class_pixels(dataset)
    began, processor, history = time.perf_counter(), time.process_time(), []
    for number, stage in enumerate(stages):
        images = copy.copy(dataset)
        images.size = tuple(stage["size"])
        rows = training.fit(
            model,
            images,
            steps=stage["steps"],
            batch_size=SETTINGS["batch_size"],
            lr=stage["lr"],
            augment=Augment(
                crop=stage["crop"],
                scale=tuple(SETTINGS["scale"]),
                rare=tuple(int(k) for k in pixels.argsort()[:5]),
                rare_share=SETTINGS["rare_crops"],
            ),
            class_weights=losses.balance_weights(pixels),
            seed=seed + 1000 * number,  # other batches in every stage
        )
        history += [
            {"stage": number, "step": int(step), "loss": round(loss, 4)}
            for step, loss in zip(rows["step"], rows["loss"])
        ]
    seconds = {
        "seconds": round(time.perf_counter() - began),
        "cpu_seconds": round(time.process_time() - processor),
    }
    return model, seconds, history


def measure(model, dataset, size, mode):
    """Scores of all images, predicted from `size` and resized to their own."""
    matrix = ConfusionMatrix(dataset.num_classes)
    for sample in dataset:
        said = inference.predict(model, sample["image"], mode, tuple(size))
        matrix.update(said, sample["mask"])
    return {
        "mean_iou": round(matrix.mean_iou(), 4),
        "pixel_accuracy": round(matrix.pixel_accuracy(), 4),
        "iou": dict(zip(dataset.classes, matrix.iou().round(4).tolist())),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--leave-out", metavar="DRIVE", help="choose settings on it")
    parser.add_argument("--share", type=float, default=1, help="of the steps")
    options = parser.parse_args()
    train_set, test = parts(options.leave_out)
    stages = [
        {**stage, "steps": round(stage["steps"] * options.share)}
        for stage in SETTINGS["stages"]
    ]
    model, seconds, history = train(train_set, stages, options.seed)
    size = stages[-1]["size"]
    if options.leave_out:
        for mode in ("whole", "multiscale"):
            print(mode, seconds, measure(model, test, size, mode), flush=True)
        return
    run = {
        "arm": NETWORK,
        "seed": options.seed,
        **measure(model, test, size, SETTINGS["mode"]),
        "val_mean_iou": measure(
            model, data.load("camvid", "val"), size, SETTINGS["mode"]
        )["mean_iou"],
        "parameters": count_parameters(model),
        **seconds,
    }
    print(run)
    record.write(
        "The best network, trained longer: CamVid, 233 test images at 480 x 360",
        [run],
        SETTINGS,
        history=history,
    )


if __name__ == "__main__":
    main()
