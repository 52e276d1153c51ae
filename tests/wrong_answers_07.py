"""Plausible wrong answers to the exercises of lesson 07."""

import numpy as np
import paddle.nn.functional as F


def no_transpose(kernels):
    return kernels.reshape(-1, len(kernels))


def transposed_too_late(kernels):
    return kernels.reshape(len(kernels), -1)


def channels_last(kernels):
    return kernels.transpose(0, 2, 3, 1).reshape(len(kernels), -1).T


def turned(kernels):
    return kernels[:, :, ::-1, ::-1].reshape(len(kernels), -1).T


def in_words(_):
    return "reshape and transpose"


def _grid(layers, half=1):
    step, centre = 1, 0.0
    for kernel, stride, padding in layers:
        centre += ((kernel - half) / 2 - padding) * step
        step *= stride
    return step, centre


def sign_of_crop(layers):
    step, centre = _grid(layers)
    return centre - (step - 0.5)


def half_pixel(layers):
    step, centre = _grid(layers)
    return step - centre


def whole_kernel(layers):
    step, centre = _grid(layers, half=0)
    return step - 0.5 - centre


def padding_only(layers):
    return sum(padding for _, _, padding in layers)


def stride_too_early(layers):
    step, centre = 1, 0.0
    for kernel, stride, padding in layers:
        step *= stride
        centre += ((kernel - 1) / 2 - padding) * step
    return step - 0.5 - centre


def always_the_papers(_):
    return 19


def labels_bilinear(logits, labels):
    small = labels.unsqueeze(1).astype("float32")
    small = F.interpolate(small, size=logits.shape[2:], mode="bilinear").squeeze(1)
    small = small.round().astype("int64").clip(0, logits.shape[1] - 1)
    return F.cross_entropy(logits, small, axis=1)


def labels_nearest(logits, labels):
    small = labels.unsqueeze(1).astype("float32")
    small = F.interpolate(small, size=logits.shape[2:], mode="nearest").squeeze(1)
    return F.cross_entropy(logits, small.astype("int64"), axis=1, ignore_index=255)


def logits_nearest(logits, labels):
    large = F.interpolate(logits, size=labels.shape[1:], mode="nearest")
    return F.cross_entropy(large, labels, axis=1, ignore_index=255)


def corners_aligned(logits, labels):
    large = F.interpolate(
        logits, size=labels.shape[1:], mode="bilinear", align_corners=True
    )
    return F.cross_entropy(large, labels, axis=1, ignore_index=255)


def ignored_as_zero(logits, labels):
    large = F.interpolate(logits, size=labels.shape[1:], mode="bilinear")
    return F.cross_entropy(large, labels * (labels != 255).astype("int64"), axis=1)


def loss_of_each_pixel(logits, labels):
    large = F.interpolate(logits, size=labels.shape[1:], mode="bilinear")
    return F.cross_entropy(
        large, labels, axis=1, ignore_index=255, reduction="none"
    ).numpy()


def _fcn(classes, skips, bias=1, kernels=(64, 32, 16), pairs=2, small=4):
    channels = [4096, 512, 256][: skips + 1]
    sides = [small] * skips + [kernels[skips]]
    scores = sum((c + bias) * classes for c in channels)
    return 134_260_544 + scores + sum(k * k for k in sides) * classes**pairs


def no_bias(classes, skips):
    return _fcn(classes, skips, bias=0)


def one_kernel_a_class(classes, skips):
    return _fcn(classes, skips, pairs=1)


def kernels_as_strides(classes, skips):
    return _fcn(classes, skips, kernels=(32, 16, 8), small=2)


def upscores_forgotten(classes, skips):
    return 134_260_544 + 4097 * classes + sum([513, 257][:skips]) * classes


def by_einsum(kernels):
    outputs = kernels.shape[0]
    return np.einsum("mcij->cijm", kernels).reshape(-1, outputs)


def last_first(layers):
    steps = np.cumprod([1, *[stride for _, stride, _ in layers]])
    moves = [(k - 1) / 2 - p for k, _, p in layers]
    return steps[-1] - 0.5 - np.dot(moves, steps[:-1])


def by_interpolate(logits, labels):
    size = labels.shape[1:]
    large = F.interpolate(logits, size, mode="bilinear", align_corners=False)
    rows = large.transpose([0, 2, 3, 1]).reshape([-1, logits.shape[1]])
    return F.cross_entropy(rows, labels.flatten(), ignore_index=255)


def one_by_one(classes, skips):
    total = 134_260_544 + 4097 * classes + (64 // 2**skips) ** 2 * classes**2
    for channels in (512, 256)[:skips]:
        total += (channels + 1) * classes + 16 * classes**2
    return float(total)


ALSO_RIGHT = {
    "07.1": [by_einsum],
    "07.2": [last_first],
    "07.3": [by_interpolate],
    "07.4": [one_by_one],
}

WRONG = {
    "07.1": [no_transpose, transposed_too_late, channels_last, turned, in_words, None],
    "07.2": [
        sign_of_crop,
        half_pixel,
        whole_kernel,
        padding_only,
        stride_too_early,
        always_the_papers,
        in_words,
    ],
    "07.3": [
        labels_bilinear,
        labels_nearest,
        logits_nearest,
        corners_aligned,
        ignored_as_zero,
        loss_of_each_pixel,
        lambda logits, labels: None,
    ],
    "07.4": [
        no_bias,
        one_kernel_a_class,
        kernels_as_strides,
        upscores_forgotten,
        lambda classes, skips: "134 million",
    ],
}
