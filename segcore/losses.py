"""Losses on logits `[N, K, H, W]` and labels `[N, H, W]`."""

import numpy as np
import paddle
import paddle.nn.functional as F
from scipy.ndimage import distance_transform_edt, label


def cross_entropy(logits, labels, weight=None, ignore_index=255, pixel_weight=None):
    """Mean cross entropy over the pixels that are not ignored, in nats.

    `weight`, `[K]`, is one factor a class, `pixel_weight`, `[N, H, W]`, one a pixel;
    the mean is weighted then. A batch in which every pixel is ignored costs 0.
    """
    counted = (labels != ignore_index).astype(logits.dtype)
    if pixel_weight is not None:
        counted = counted * pixel_weight
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


def presence_loss(logits, labels):
    """Binary cross entropy of "class k is in the image": `[N, K]` against `[N, H, W]`.

    Source: GINet (Wu et al. 2020), the semantic context loss.
    """
    there = paddle.stack(
        [(labels == k).any(axis=[1, 2]) for k in range(logits.shape[1])], axis=1
    )
    return F.binary_cross_entropy_with_logits(logits, there.astype(logits.dtype))


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


def border_weights(mask, w0=10.0, sigma=5.0):
    """Weights `[H, W]` that press a network to keep touching cells apart.

    Cells are the regions of class 1 in `mask`, connected along rows and columns. A
    background pixel weighs 1 + w0 * exp(-(d1 + d2)**2 / (2 * sigma**2)), with d1 and d2
    its distances in pixels to the nearest and second nearest cell; all others weigh 1.
    Source: U-Net (Ronneberger et al. 2015), section 3, equation 2.
    """
    cells, count = label(mask == 1)
    weights = np.ones(mask.shape, np.float32)
    if count < 2:
        return weights
    distances = np.stack(
        [distance_transform_edt(cells != cell) for cell in range(1, count + 1)]
    )
    nearest, second = np.partition(distances, 1, axis=0)[:2]
    between = mask == 0
    push = w0 * np.exp(-((nearest + second) ** 2) / (2 * sigma**2))
    weights[between] += push[between]
    return weights
