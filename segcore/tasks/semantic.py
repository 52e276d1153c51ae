"""Semantic segmentation: one class for each pixel."""

import numpy as np
import paddle

from segcore import losses
from segcore.data.transforms import IGNORE, to_array
from segcore.errors import InputError
from segcore.metrics import ConfusionMatrix

AUX_WEIGHT = 0.4  # of an auxiliary head's loss: PSPNet (Zhao et al. 2017), section 4
PRESENCE_WEIGHT = 0.2  # GINet's (Wu et al. 2020), as in PaddleSeg's configuration


class Semantic:
    """Logits `"out"`, `[N, K, H, W]`, against class ids `[N, H, W]`."""

    # Probabilities of windows and scales can be averaged.
    modes = ("whole", "sliding", "multiscale")

    def sample(self, read, augment, rng):
        """A training sample: the arrays of a batch's one place."""
        image, mask = augment(read["image"], read["mask"], rng)
        return {"image": to_array(image), "label": mask.astype(np.int64)}

    def loss(self, outputs, batch, class_weights=None):
        """Cross entropy of `"out"`, plus .4 times that of `"aux"` where there is one.

        Where the network says which classes are there (`"presence"`), .2 times the loss
        of that is added. A network without padding predicts the middle of its input
        only; of the labels that much is taken. `batch["weight"]`, if there, weighs each
        pixel.
        """
        total = 0
        for name, share in (("out", 1), ("aux", AUX_WEIGHT)):
            if name not in outputs:
                continue
            size = outputs[name].shape[2:]
            label, weight = (
                None if key not in batch else paddle.to_tensor(middle(batch[key], size))
                for key in ("label", "weight")
            )
            total = total + share * losses.cross_entropy(
                outputs[name], label, class_weights, pixel_weight=weight
            )
        if "presence" in outputs:
            labels = paddle.to_tensor(batch["label"])
            found = losses.presence_loss(outputs["presence"], labels)
            total = total + PRESENCE_WEIGHT * found
        return total

    def check(self, batch, num_classes):
        """Raises `InputError` for a label that is no class, with the images' names."""
        label = batch["label"]
        wrong = label[((label < 0) | (label >= num_classes)) & (label != IGNORE)]
        if len(wrong):
            # Paddle stops with an IndexError on a CPU and may corrupt memory on a GPU.
            raise InputError(
                f"Label {wrong[0]} in the batch of {', '.join(batch['name'])}, but the"
                f" network has {num_classes} classes: 0..{num_classes - 1}, or 255 for"
                " ignored."
            )

    def decode(self, outputs):
        """Class ids, uint8 `[H, W]`, of class probabilities `[K, H, W]`."""
        return outputs.argmax(0).astype(np.uint8)

    def metric(self, dataset):
        """What `update` fills and `scores` reads."""
        return ConfusionMatrix(dataset.num_classes)

    def update(self, metric, prediction, sample):
        """Counts one image's prediction against its truth."""
        metric.update(prediction, sample["mask"])

    def scores(self, metric):
        """Scores for a row of the history; the best weights have the highest first."""
        return {
            "mean_iou": metric.mean_iou(),
            "pixel_accuracy": metric.pixel_accuracy(),
        }


def middle(array, size):
    """The middle `size = (h, w)` of `[N, H, W]`."""
    (h, w), (height, width) = size, array.shape[1:]
    top, left = (height - h) // 2, (width - w) // 2
    return np.ascontiguousarray(array[:, top : top + h, left : left + w])
