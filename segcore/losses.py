"""Losses on logits `[N, K, H, W]` and labels `[N, H, W]`."""

import numpy as np
import paddle
import paddle.nn.functional as F


def cross_entropy(logits, labels, weight=None, ignore_index=255):
    """Mean cross entropy over the pixels that are not ignored, in nats.

    `weight`, `[K]`, is one factor a class; the mean is weighted then. A batch in which
    every pixel is ignored costs 0.
    """
    counted = (labels != ignore_index).astype(logits.dtype)
    if weight is not None:
        # Ignored pixels look up class 0; `counted` takes them out again.
        lookup = paddle.where(labels == ignore_index, paddle.zeros_like(labels), labels)
        counted = counted * paddle.gather(weight, lookup.flatten()).reshape(
            labels.shape
        )
    each = F.cross_entropy(
        logits, labels, axis=1, reduction="none", ignore_index=ignore_index
    ).reshape(labels.shape)
    return (each * counted).sum() / counted.sum().clip(min=1e-6)


def balance_weights(pixels, power=0.5):
    """One weight a class from pixel counts: `(median share / share) ** power`.

    Power 1 is median frequency balancing (Eigen and Fergus 2015, section 6.2.1; SegNet
    uses it on CamVid). A class that never occurs gets weight 1.
    """
    pixels = np.asarray(pixels, np.float64)
    share = pixels / max(pixels.sum(), 1)
    there = share > 0
    weights = np.ones(len(share), np.float32)
    weights[there] = (np.median(share[there]) / share[there]) ** power
    return weights
