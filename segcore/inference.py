"""From a trained network and an image of any size to class ids."""

import numpy as np
import paddle
import paddle.nn.functional as F

from segcore.data.transforms import resize_image, to_array
from segcore.data.volumes import slice_image
from segcore.errors import InputError
from segcore.nn.upsample import bilinear_matrix
from segcore.progress import bar
from segcore.tasks import task_of

MODES = ("whole", "sliding", "multiscale")
SCALES = (0.75, 1.0, 1.25)
BAND = 2**22  # probabilities that are enlarged at once: 16 MiB


def predict(model, image, mode="whole", size=None, window=(256, 256), overlap=0.5):
    """Class ids, uint8 `[H, W]`, of an image, uint8 `[H, W, 3]`.

    `"whole"` shows the network the image at once, `"sliding"` windows that overlap by a
    share `overlap`, their probabilities averaged, `"multiscale"` the image at three
    scales and mirrored. With `size` the image is first resized to it, and the
    probabilities back: give the size at which the network was trained. Probabilities
    of a large image are never held all at once.
    """
    task = task_of(model)
    parts = _bands(model, image, mode, size, window, overlap)
    return np.concatenate([task.decode(part) for part in parts])


def probabilities(
    model, image, mode="whole", size=None, window=(256, 256), overlap=0.5
):
    """Class probabilities, float32 `[K, H, W]`; arguments as for `predict`."""
    parts = _bands(model, image, mode, size, window, overlap)
    return np.concatenate(list(parts), axis=1)


def predict_volume(
    model, volume, mode="whole", size=None, neighbours=True, progress=False
):
    """Class ids, uint8 `[D, H, W]`, of a windowed volume, uint8 `[D, H, W]`.

    Slice by slice, with its neighbours as channels unless `neighbours=False`.
    """
    line = bar(len(volume), "slices", disable=not progress)
    said = np.empty(volume.shape, np.uint8)
    for k in range(len(volume)):
        said[k] = predict(model, slice_image(volume, k, neighbours), mode, size)
        line.update()
    line.close()
    return said


def evaluate(model, dataset, mode="whole", size=None, progress=False):
    """The network's metric on a data set: one `ConfusionMatrix` over all its images."""
    task = task_of(model)
    metric = task.metric(dataset)
    line = bar(len(dataset), "evaluating", disable=not progress)
    for index in range(len(dataset)):
        sample = dataset[index]
        task.update(metric, predict(model, sample["image"], mode, size), sample)
        line.update()
    line.close()
    return metric


def _bands(model, image, mode, size, window, overlap):
    """Probabilities `[K, h, W]` of the image's rows, from the top down."""
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(
            f"predict takes a uint8 image [H, W, 3], not {image.dtype} {image.shape}."
        )
    if not image.size:
        raise InputError(f"predict takes an image with pixels, not {image.shape}.")
    modes = task_of(model).modes
    if mode not in modes:
        raise InputError(f"mode is one of {', '.join(modes)}, not {mode!r}.")
    if not 0 <= overlap < 1:
        raise InputError(f"overlap is a share from 0 up to below 1, not {overlap}.")
    if min(window) < 1:
        raise InputError(f"window is a height and a width above 0, not {window}.")
    model.eval()
    seen = resize_image(image, size) if size else image
    with paddle.no_grad():
        if mode == "multiscale":
            parts = [_multiscale(model, seen)]
        else:
            parts = _windows(
                model, seen, window if mode == "sliding" else None, overlap
            )
        if seen.shape == image.shape:
            yield from parts
        else:
            small = np.concatenate(list(parts), axis=1)
            yield from _enlarged(small, image.shape[:2])


def _windows(model, image, window, overlap=0.5):
    """Probabilities of finished rows, the mean of all windows (None: one for all).

    A network without padding predicts the inside of what it sees, less `margin` pixels
    a side. Each window is given them from the image itself, mirrored only beyond its
    edge, so nothing shows where windows meet; they begin at multiples of its `stride`,
    or its poolings would group other pixels. Source: U-Net (Ronneberger et al. 2015),
    section 2, figure 2.
    """
    size = image.shape[:2]
    margin = getattr(model, "margin", 0)
    image = _bordered(model, image, margin)
    canvas = [side - 2 * margin for side in image.shape[:2]]
    tile = [min(wanted, side) for wanted, side in zip(window or canvas, canvas)]
    steps = [max(1, int(side * (1 - overlap))) for side in tile]
    if margin:
        stride = model.stride
        tile = [min(max(a, 2 * stride), b) for a, b in zip(tile, canvas)]
        tile = [_output_side(model, side, margin) for side in tile]
        steps = [max(stride, side // stride * stride) for side in tile]
    tops, lefts = (_starts(*sides) for sides in zip(canvas, tile, steps))
    total, count = 0, np.zeros((tile[0], canvas[1]), np.float32)
    for top, following in zip(tops, [*tops[1:], canvas[0]]):
        for left in lefts:
            rows = slice(top, top + tile[0] + 2 * margin)
            columns = slice(left, left + tile[1] + 2 * margin)
            part = _softmax(model, to_array(image[rows, columns]))
            if isinstance(total, int):
                total = np.zeros((len(part), *count.shape), np.float32)
            total[:, :, left : left + tile[1]] += part
            count[:, left : left + tile[1]] += 1
        # Windows further down do not reach the rows above them.
        done = following - top
        yield (total[:, :done] / count[:done])[:, : size[0] - top, : size[1]]
        for array in (total, count):
            array[..., : tile[0] - done, :] = array[..., done:, :].copy()
            array[..., tile[0] - done :, :] = 0


def _bordered(model, image, margin):
    """The image with what the network must see beyond it: at least 32 x 32 pixels."""
    size = image.shape[:2]
    if margin:
        wanted = model.input_size(*size)
        border = [(margin, want - have - margin) for want, have in zip(wanted, size)]
        return np.pad(image, (*border, (0, 0)), mode="reflect")
    border = [(0, max(0, 32 - have)) for have in size]
    return np.pad(image, (*border, (0, 0)), mode="edge") if np.any(border) else image


def _output_side(model, side, margin):
    """The largest side up to `side` that the network gives and that its stride fits."""
    for output in range(side, model.stride, -1):
        if model.input_size(output, output)[0] == output + 2 * margin:
            return output
    return side


def _softmax(model, array):
    logits = model(paddle.to_tensor(array[None]))["out"]
    result = F.softmax(logits, axis=1)[0].numpy()
    if not np.isfinite(result).all():
        raise InputError(
            "The network's output is not a number everywhere: its weights are spoilt."
            " Train it again with a lower learning rate."
        )
    return result


def _starts(side, window, step):
    """Where windows begin: every `step`, the last one flush with the edge."""
    return sorted({*range(0, side - window, step), side - window})


def _multiscale(model, image):
    size = image.shape[:2]
    total = 0
    for scale in SCALES:
        scaled = resize_image(image, [max(32, round(side * scale)) for side in size])
        for step in (1, -1):  # as it is, and mirrored
            (part,) = _windows(model, np.ascontiguousarray(scaled[:, ::step]), None)
            part = part[..., ::step]
            total = total + np.concatenate(list(_enlarged(part, size)), axis=1)
    return total / (2 * len(SCALES))


def _enlarged(array, size):
    """`[K, h, w]` resized bilinearly to `size`, a band of rows at a time."""
    rows, columns = (bilinear_matrix(a, b) for a, b in zip(array.shape[1:], size))
    wide = np.matmul(array, columns.T)
    step = max(1, BAND // (len(array) * size[1]))
    for top in range(0, size[0], step):
        yield np.matmul(rows[top : top + step], wide)
