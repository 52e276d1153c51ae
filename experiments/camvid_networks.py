"""Every semantic network at lesson width on CamVid from nothing, three seeds, on a CPU.

    SEGCORE_DATA=... OMP_NUM_THREADS=1 python experiments/camvid_networks.py

writes results/camvid_networks.json. Only the network changes: width, steps, images,
augmentation and learning rate are held. Every convolution has batch norm, VGG16's too,
because without it those networks learn little from nothing (results/fcn_camvid.json).
Dilations are the papers', scaled to maps of 9 x 12 in place of 33 x 33 to 60 x 60.
Measured are the validation images and, once at the end, the 233 test images.
"""

import time

import paddle
import record

from segcore import data, inference, losses, training
from segcore.data.transforms import Augment
from segcore.metrics import BoundaryIoU, ConfusionMatrix
from segcore.models import MODELS, count_multiply_adds, count_parameters

SEEDS = (0, 1, 2)
SETTINGS = {
    "width": 0.25,
    "size": [88, 116],
    "crop": [72, 96],
    "scale": [0.82, 1.15],
    "steps": 300,
    "batch_size": 8,
    "lr": 3e-3,
    "class_weights": "square root of median frequency",
    "rare_crops": 0.3,
    "networks": {
        "fcn32s": {"pad": 1, "norm": "batch"},
        "fcn16s": {"pad": 1, "norm": "batch"},
        "fcn8s": {"pad": 1, "norm": "batch"},
        "unet": {},
        "pspnet": {"backbone": "resnet50"},
        "deeplabv1": {"rate": 4, "norm": "batch"},
        "deeplabv2": {"rates": [2, 4, 6, 8], "backbone": "resnet50"},
        "deeplabv3": {
            "output_stride": 8,
            "rates": [2, 4, 6],
            "backbone": "resnet50",
        },
    },
}


def train(name, seed, dataset, settings=SETTINGS):
    """A network trained on `dataset`, and the processor's seconds that it took."""
    paddle.seed(seed)
    model = MODELS[name](
        dataset.num_classes, width=settings["width"], **settings["networks"][name]
    )
    pixels = data.class_pixels(dataset)
    began = time.process_time()
    training.fit(
        model,
        dataset,
        steps=settings["steps"],
        batch_size=settings["batch_size"],
        lr=settings["lr"],
        augment=Augment(
            crop=settings["crop"],
            scale=tuple(settings["scale"]),
            rare=tuple(int(k) for k in pixels.argsort()[:5]),
            rare_share=settings["rare_crops"],
        ),
        class_weights=losses.balance_weights(pixels),
        seed=seed,
        progress=False,
    )
    return model, round(time.process_time() - began)


def measure(model, dataset, size):
    """Mean IoU, boundary IoU (4 pixels), pixel accuracy and IoU by class."""
    matrix = ConfusionMatrix(dataset.num_classes)
    edge = BoundaryIoU(dataset.num_classes, 4)
    for sample in dataset:
        said = inference.predict(model, sample["image"], size=tuple(size))
        matrix.update(said, sample["mask"])
        edge.update(said, sample["mask"])
    return {
        "mean_iou": round(matrix.mean_iou(), 4),
        "boundary_iou": round(edge.mean_iou(), 4),
        "pixel_accuracy": round(matrix.pixel_accuracy(), 4),
        "iou": dict(zip(dataset.classes, matrix.iou().round(4).tolist())),
    }


def run(name, seed, train_set, val, test):
    """One training and what it scores."""
    model, seconds = train(name, seed, train_set)
    size, options = SETTINGS["size"], SETTINGS["networks"][name]
    return {
        "arm": name,
        "seed": seed,
        **measure(model, test, size),
        "val_mean_iou": measure(model, val, size)["mean_iou"],
        "parameters": count_parameters(model),
        "multiply_adds": count_multiply_adds(
            MODELS[name], test.num_classes, size, width=SETTINGS["width"], **options
        ),
        "cpu_seconds": seconds,
    }


def main():
    train_set = data.load("camvid", "train", size=tuple(SETTINGS["size"]))
    val, test = data.load("camvid", "val"), data.load("camvid", "test")
    pixels = data.class_pixels(test)
    share = float(pixels.max() / pixels.sum())
    runs = []
    for seed in SEEDS:
        for name in SETTINGS["networks"]:
            runs.append(run(name, seed, train_set, val, test))
            print({k: v for k, v in runs[-1].items() if k != "iou"}, flush=True)
            record.write(
                "Every semantic network on CamVid, 11 classes, 233 test images at"
                " 480 x 360, boundary 4 pixels",
                runs,
                SETTINGS,
                floor={
                    "pixel_accuracy": round(share, 4),
                    "mean_iou": round(share / len(pixels), 4),
                    "what": f"every pixel {test.classes[int(pixels.argmax())]}",
                },
            )


if __name__ == "__main__":
    main()
