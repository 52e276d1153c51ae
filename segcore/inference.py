"""From a trained network and an image of any size to class ids."""

import numpy as np
import paddle
import paddle.nn.functional as F

from segcore.data.transforms import resize_image, to_array
from segcore.errors import InputError
from segcore.metrics import ConfusionMatrix
from segcore.progress import bar

MODES = ("whole", "sliding", "multiscale")


def predict(model, image, mode="whole", size=None, window=(256, 256), overlap=0.5):
    """Class ids, uint8 `[H, W]`, of an image, uint8 `[H, W, 3]`.

    `"whole"` shows the network the image at once, `"sliding"` windows that overlap by a
    share `overlap`, their probabilities averaged, `"multiscale"` the image at three
    scales and mirrored. With `size` the image is first resized to it, and the
    probabilities back: give the size at which the network was trained.
    """
    return (
        probabilities(model, image, mode, size, window, overlap).argmax(0).astype("u1")
    )


def probabilities(
    model, image, mode="whole", size=None, window=(256, 256), overlap=0.5
):
    """Class probabilities, float32 `[K, H, W]`; arguments as for `predict`."""
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(
            f"predict takes a uint8 image [H, W, 3], not {image.dtype} {image.shape}."
        )
    if mode not in MODES:
        raise InputError(f"mode is one of {', '.join(MODES)}, not {mode!r}.")
    model.eval()
    array = to_array(resize_image(image, size) if size else image)[None]
    with paddle.no_grad():
        if mode == "whole":
            result = _softmax(model, array)
        elif mode == "sliding":
            result = _sliding(model, array, window, overlap)
        else:
            result = _multiscale(model, array)
    if result.shape[1:] != image.shape[:2]:
        result = _resized(result[None], image.shape[:2])[0].numpy()
    return result


def evaluate(model, dataset, mode="whole", size=None, progress=False):
    """The network's `ConfusionMatrix` on a data set, one over all its images."""
    matrix = ConfusionMatrix(dataset.num_classes)
    line = bar(len(dataset), "evaluating", disable=not progress)
    for index in range(len(dataset)):
        sample = dataset[index]
        matrix.update(predict(model, sample["image"], mode, size), sample["mask"])
        line.update()
    line.close()
    return matrix


def _softmax(model, array):
    """Probabilities `[K, H, W]` for one array `[1, 3, H, W]`, padded if it must be."""
    height, width = array.shape[2:]
    below, right = max(0, 32 - height), max(0, 32 - width)
    array = np.pad(array, ((0, 0), (0, 0), (0, below), (0, right)), mode="edge")
    if hasattr(model, "input_size"):
        array = _mirror(array, model.input_size(*array.shape[2:]))
    logits = model(paddle.to_tensor(array))["out"]
    return F.softmax(logits, axis=1)[0].numpy()[:, :height, :width]


def _mirror(array, size):
    """The array amid its own mirror images, so that the output covers all of it."""
    missing = [want - have for want, have in zip(size, array.shape[2:])]
    if not any(missing):
        return array
    # The network's output lies 92 pixels in; what is too much is cut off at the end.
    before = [92 if m else 0 for m in missing]
    edges = [(b, m - b) for b, m in zip(before, missing)]
    return np.pad(array, ((0, 0), (0, 0), *edges), mode="reflect")


def _sliding(model, array, window, overlap):
    if not 0 <= overlap < 1:
        raise InputError(f"overlap is a share from 0 up to below 1, not {overlap}.")
    if getattr(model, "padding", None) == "valid":
        return _overlap_tile(model, array, window)
    height, width = array.shape[2:]
    window = [min(w, side) for w, side in zip(window, (height, width))]
    steps = [max(1, int(w * (1 - overlap))) for w in window]
    total, count = 0, np.zeros((height, width), np.float32)
    for top in _starts(height, window[0], steps[0]):
        for left in _starts(width, window[1], steps[1]):
            place = np.s_[:, top : top + window[0], left : left + window[1]]
            part = _softmax(model, array[(slice(None), *place)])
            if isinstance(total, int):
                total = np.zeros((len(part), height, width), np.float32)
            total[place] += part
            count[place[1:]] += 1
    return total / count


def _overlap_tile(model, array, window):
    """The whole image's probabilities, from tiles of at most `window` pixels.

    U-Net without padding sees 92 pixels beyond its output on each side. Each tile is
    given them from the image itself, mirrored only beyond its edge, so nothing shows
    where tiles meet. Tiles begin at multiples of 16, or the poolings would group other
    pixels. Source: U-Net (Ronneberger et al. 2015), section 2, figure 2.
    """
    height, width = array.shape[2:]
    wide = _mirror(array, model.input_size(height, width))
    room = [side - 184 for side in wide.shape[2:]]  # 4 + 16k, as every output
    tile = [min(side, max(20, (w - 4) // 16 * 16 + 4)) for w, side in zip(window, room)]
    if tile == room:
        return _softmax(model, array)
    total = None
    for top in _starts(room[0], tile[0], tile[0] - 4):
        for left in _starts(room[1], tile[1], tile[1] - 4):
            part = wide[:, :, top : top + tile[0] + 184, left : left + tile[1] + 184]
            logits = model(paddle.to_tensor(np.ascontiguousarray(part)))["out"]
            if total is None:
                total = np.empty((logits.shape[1], *room), np.float32)
            total[:, top : top + tile[0], left : left + tile[1]] = F.softmax(
                logits, axis=1
            )[0].numpy()
    return total[:, :height, :width]


def _starts(side, window, step):
    """Where windows begin: every `step`, the last one flush with the edge."""
    return sorted({*range(0, side - window, step), side - window})


def _multiscale(model, array, scales=(0.75, 1.0, 1.25)):
    size = array.shape[2:]
    total = 0
    for scale in scales:
        scaled = _resized(
            array, [max(32, round(side * scale)) for side in size]
        ).numpy()
        for mirrored in (False, True):
            part = _softmax(model, scaled[..., ::-1].copy() if mirrored else scaled)
            part = part[..., ::-1].copy() if mirrored else part
            total = total + _resized(part[None], size)[0].numpy()
    return total / (2 * len(scales))


def _resized(array, size):
    array = paddle.to_tensor(array)
    return F.interpolate(array, list(size), mode="bilinear", align_corners=False)
