"""U-Net with and without skips on real images from nothing, three seeds, on a CPU.

    SEGCORE_DATA=... python experiments/unet_real.py isbi2012
    SEGCORE_DATA=... python experiments/unet_real.py nuclei

writes results/unet_isbi2012.json and results/unet_nuclei.json. Everything but the skips
is held. The floor is what one class everywhere scores.
"""

import sys
import time

import paddle
import record

from segcore import data, inference, losses, training
from segcore.data.transforms import Augment
from segcore.metrics import BoundaryIoU
from segcore.models import count_parameters, unet

ARMS = {"with skips": True, "without skips": False}
SEEDS = (0, 1, 2)
SETTINGS = {
    "width": 0.125,
    "steps": {"isbi2012": 300, "nuclei": 200},
    "batch_size": 8,
    "lr": 3e-3,
    "crop": [128, 128],
    "scale": [0.8, 1.25],
    "class_weights": "square root of median frequency",
}
# The held-out part that is measured, once, at the end of each run.
PART = {"isbi2012": "val", "nuclei": "test"}


def run(name, arm, seed, train, held_out):
    """One training and what it scores."""
    paddle.seed(seed)
    model = unet(train.num_classes, width=SETTINGS["width"], skips=ARMS[arm])
    began = time.perf_counter()
    training.fit(
        model,
        train,
        steps=SETTINGS["steps"][name],
        batch_size=SETTINGS["batch_size"],
        lr=SETTINGS["lr"],
        augment=Augment(crop=SETTINGS["crop"], scale=tuple(SETTINGS["scale"])),
        class_weights=losses.balance_weights(data.class_pixels(train)),
        seed=seed,
        progress=False,
    )
    seconds = time.perf_counter() - began
    edge = BoundaryIoU(train.num_classes)
    matrix = inference.evaluate(model, held_out)
    for sample in held_out:
        edge.update(inference.predict(model, sample["image"]), sample["mask"])
    return {
        "arm": arm,
        "seed": seed,
        "iou": dict(zip(train.classes, matrix.iou().round(4).tolist())),
        "mean_iou": round(matrix.mean_iou(), 4),
        "boundary_iou": round(edge.mean_iou(), 4),
        "pixel_accuracy": round(matrix.pixel_accuracy(), 4),
        "parameters": count_parameters(model),
        "seconds": round(seconds),
    }


def main(name):
    train = data.load(name, "train")
    held_out = data.load(name, PART[name])
    pixels = data.class_pixels(held_out)
    runs = []
    for seed in SEEDS:
        for arm in ARMS:
            runs.append(run(name, arm, seed, train, held_out))
            print(runs[-1], flush=True)
    record.write(
        f"U-Net on {name}, trained on {len(train)} images and measured on the"
        f" {len(held_out)} of {PART[name]}",
        runs,
        SETTINGS,
        name=f"unet_{name}",
        floor={
            "pixel_accuracy": round(float(pixels.max() / pixels.sum()), 4),
            "mean_iou": round(float(pixels.max() / pixels.sum()) / len(pixels), 4),
            "what": f"every pixel {train.classes[int(pixels.argmax())]}",
        },
    )


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PART:
        sys.exit(f"Name one of {', '.join(PART)}.")
    main(sys.argv[1])
