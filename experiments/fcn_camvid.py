"""FCN-32s, 16s and 8s at lesson width on CamVid from nothing, three seeds, on a CPU.

    SEGCORE_DATA=... python experiments/fcn_camvid.py

writes results/fcn_camvid.json. Everything but the fusion is held. Measured are the 233
test images at 480 x 360, once at the end of each run; the settings are those chosen for
U-Net, with fewer steps, and were not tuned for FCN but for two short trials
(results/README.md). The floor is what road everywhere scores.
"""

import time

import paddle
import record

from segcore import data, inference, losses, training
from segcore.data.transforms import Augment
from segcore.metrics import BoundaryIoU, ConfusionMatrix
from segcore.models import MODELS, count_parameters

ARMS = ("fcn32s", "fcn16s", "fcn8s")
SEEDS = (0, 1, 2)
SETTINGS = {
    "width": 0.125,
    "pad": 1,
    "size": [120, 160],
    "crop": [96, 128],
    "scale": [0.82, 1.15],
    "steps": 400,
    "batch_size": 8,
    "lr": 3e-3,
    "class_weights": "square root of median frequency",
    "rare_crops": 0.3,
}


def run(arm, seed, train, test):
    """One training and what it scores."""
    paddle.seed(seed)
    model = MODELS[arm](train.num_classes, width=SETTINGS["width"], pad=SETTINGS["pad"])
    pixels = data.class_pixels(train)
    rare = tuple(int(k) for k in pixels.argsort()[:5])
    began = time.perf_counter()
    training.fit(
        model,
        train,
        steps=SETTINGS["steps"],
        batch_size=SETTINGS["batch_size"],
        lr=SETTINGS["lr"],
        augment=Augment(
            crop=SETTINGS["crop"],
            scale=tuple(SETTINGS["scale"]),
            rare=rare,
            rare_share=SETTINGS["rare_crops"],
        ),
        class_weights=losses.balance_weights(pixels),
        seed=seed,
        progress=False,
    )
    seconds = time.perf_counter() - began
    matrix, edge = ConfusionMatrix(test.num_classes), BoundaryIoU(test.num_classes, 4)
    for sample in test:
        said = inference.predict(model, sample["image"], size=tuple(SETTINGS["size"]))
        matrix.update(said, sample["mask"])
        edge.update(said, sample["mask"])
    return {
        "arm": arm,
        "seed": seed,
        "mean_iou": round(matrix.mean_iou(), 4),
        "boundary_iou": round(edge.mean_iou(), 4),
        "pixel_accuracy": round(matrix.pixel_accuracy(), 4),
        "iou": dict(zip(test.classes, matrix.iou().round(4).tolist())),
        "parameters": count_parameters(model),
        "seconds": round(seconds),
    }


def main():
    size = tuple(SETTINGS["size"])
    train, test = data.load("camvid", "train", size=size), data.load("camvid", "test")
    pixels = data.class_pixels(test)
    runs = []
    for seed in SEEDS:
        for arm in ARMS:
            runs.append(run(arm, seed, train, test))
            print(runs[-1], flush=True)
    share = float(pixels.max() / pixels.sum())
    record.write(
        "FCN on CamVid, 11 classes, 233 test images at 480 x 360, boundary 4 pixels",
        runs,
        SETTINGS,
        floor={
            "pixel_accuracy": round(share, 4),
            "mean_iou": round(share / len(pixels), 4),
            "what": f"every pixel {train.classes[int(pixels.argmax())]}",
        },
    )


if __name__ == "__main__":
    main()
