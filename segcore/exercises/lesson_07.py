"""Checks of the exercises of lesson 07, FCN."""

import numpy as np
import paddle
import paddle.nn.functional as F

from segcore.exercises import Wrong, as_array, as_number

BACKBONE = 134_260_544


def exercise_1(as_linear):
    """A convolution's kernels as the weights of a fully connected layer."""
    rng = np.random.default_rng(7)
    for outputs, channels, side in [(1, 2, 2), (3, 2, 2), (4, 3, 1), (6, 4, 3)]:
        kernels = rng.standard_normal((outputs, channels, side, side))
        found = as_array(as_linear(kernels.copy()))
        wanted = (channels * side * side, outputs)
        if found.shape != wanted:
            raise Wrong(
                f"Kernels {kernels.shape} become weights {wanted}; yours have shape"
                f" {found.shape}."
            )
        window = rng.standard_normal((channels, side, side))
        expected = (kernels * window).sum(axis=(1, 2, 3))
        if not np.allclose(window.ravel() @ found, expected, atol=1e-4):
            raise Wrong(
                f"The shape is right, but with kernels {kernels.shape} the two layers"
                " differ. Column m must hold all weights of output m, in the order in"
                " which flatten writes out the window."
            )
    return "The way back is as short as the way there."


def exercise_2(crop_of):
    """Where the upscored map begins, from pixel centres."""
    vgg = []
    for number, count in enumerate((2, 2, 3, 3, 3)):
        vgg += [(3, 1, 1)] * count + [(2, 2, 0)]
        if number == 0:
            vgg[0] = (3, 1, 100)
    cases = [
        ([(2, 2, 0)], "one 2 x 2 pooling"),
        ([(3, 1, 1), (2, 2, 0)], "a padded 3 x 3 convolution and a pooling"),
        ([(3, 1, 9), (2, 2, 0), (3, 1, 0)], "a border of 9 and a last 3 x 3 unpadded"),
        ([(4, 4, 6), (3, 1, 1), (5, 1, 0)], "a patch of 4 with stride 4 in front"),
        ([(3, 1, 0), (2, 2, 0), (3, 1, 0)], "no border at all (a negative crop)"),
        ([*vgg, (7, 1, 0), (1, 1, 0)], "VGG16 with 100 pixels of padding"),
    ]
    for layers, what in cases:
        found = as_number(crop_of(list(layers)))
        expected = _crop(layers)
        if not np.isclose(found, expected, atol=1e-6):
            near = abs(found - expected) <= 1
            raise Wrong(
                f"For {what} the crop is {expected:g}; you have {found:g}."
                + (" Half a pixel here or there counts." if near else "")
            )
    return "Centres in, crop out: for any backbone without branches."


def exercise_3(loss_at):
    """The loss at the labels' size."""
    rng = np.random.default_rng(3)
    for classes, small, factor in [(3, (4, 5), 8), (5, (6, 6), 2), (4, (7, 9), 1)]:
        logits = rng.standard_normal((2, classes, *small)).astype(np.float32) * 3
        size = [factor * side for side in small]
        labels = rng.integers(0, classes, (2, *size))
        labels[rng.random(labels.shape) < 0.2] = 255
        z, y = paddle.to_tensor(logits), paddle.to_tensor(labels)
        found = as_number(loss_at(z, y))
        expected, rival = _loss(z, y, size, False), _loss(z, y, size, True)
        if not np.isclose(found, expected, rtol=1e-3):
            if factor > 1 and np.isclose(found, rival, rtol=1e-3):
                raise Wrong("Nearly: this is the loss with align_corners=True.")
            if factor > 1 and np.isclose(
                found, _loss(z, y, size, False, "nearest"), rtol=1e-3
            ):
                raise Wrong("The logits are enlarged, but not bilinearly.")
            raise Wrong(
                f"For logits {list(z.shape)} and labels {list(y.shape)}, a fifth of"
                f" them 255, the loss is {expected:.3f}; you have {found:.3f}. What is"
                " resized, and what stays as it is?"
            )
    return "Scores may be interpolated, labels never."


def exercise_4(fcn_parameters):
    """Parameters of an FCN at any number of classes."""
    for classes, skips in [(21, 0), (21, 1), (21, 2), (2, 0), (11, 2), (60, 1)]:
        found = as_number(fcn_parameters(classes, skips))
        expected = _count(classes, skips)
        if found != expected:
            apart = found - expected
            raise Wrong(
                f"With {classes} classes and {skips} skips it is {expected:,}; you are"
                f" {abs(apart):,.0f} {'above' if apart > 0 else 'below'}. Count score"
                " layers and upscore layers apart, and compare."
            )
    return "FCN-8s is the smallest of the three, at 21 classes."


def _crop(layers):
    step, centre = 1, 0.0
    for kernel, stride, padding in layers:
        centre += ((kernel - 1) / 2 - padding) * step
        step *= stride
    return step - 0.5 - centre


def _loss(logits, labels, size, align_corners, mode="bilinear"):
    large = F.interpolate(logits, size, mode=mode, align_corners=align_corners)
    return float(F.cross_entropy(large, labels, axis=1, ignore_index=255))


def _count(classes, skips):
    channels = [4096, 512, 256][: skips + 1]
    sides = [4] * skips + [64 >> skips]
    scores = sum((c + 1) * classes for c in channels)
    return BACKBONE + scores + sum(side**2 for side in sides) * classes**2
