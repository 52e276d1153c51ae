"""Plausible wrong answers to the exercises of lesson 08."""

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F
from scipy.ndimage import label


def padded_size(wanted, poolings):
    return wanted


def papers_loss_always(wanted, poolings):
    return wanted + 184


def papers_grid_always(wanted, poolings):
    return 188 + 16 * max(0, -(-(wanted - 4) // 16))


def only_the_next_multiple(wanted, poolings):
    return -(-wanted // 2**poolings) * 2**poolings


def one_too_many(wanted, poolings):
    side = 1
    while True:
        if (_output(side, poolings) or 0) > wanted:
            return side
        side += 1


def _output(side, poolings):
    for _ in range(poolings):
        side -= 4
        if side < 2 or side % 2:
            return None
        side //= 2
    side -= 4
    for _ in range(poolings):
        side = 2 * side - 4
    return side


def tiles(step_of, mode="reflect", margin=92):
    def predict_tiled(model, image, tile):
        step = step_of(tile)
        height, width = image.shape[1:]
        rows, columns = -(-height // step), -(-width // step)
        below = 184 - margin + (rows - 1) * step + tile - height
        right = 184 - margin + (columns - 1) * step + tile - width
        wide = np.pad(image, ((0, 0), (margin, below), (margin, right)), mode=mode)
        strips = []
        for top in range(0, rows * step, step):
            strip = []
            for left in range(0, columns * step, step):
                window = wide[None, :, top : top + tile + 184, left : left + tile + 184]
                logits = model(paddle.to_tensor(window))["out"][0].numpy()
                strip.append(logits[:, :step, :step])
            strips.append(np.concatenate(strip, axis=2))
        return np.concatenate(strips, axis=1)[:, :height, :width]

    return predict_tiled


def edge_to_edge(tile):
    return tile


def every_eight(tile):
    return 8


def on_the_grid(tile):
    return tile - tile % 16


def one_call(model, image, tile):
    height, width = image.shape[1:]
    below, right = (
        s - 92 - n for s, n in zip(model.input_size(height, width), image.shape[1:])
    )
    wide = np.pad(image, ((0, 0), (92, below), (92, right)), mode="reflect")
    return model(paddle.to_tensor(wide[None]))["out"][0].numpy()[:, :height, :width]


def one_large_tile(model, image, tile):
    return tiles(on_the_grid)(model, image, 132)


def strips_of_full_width(model, image, tile):
    step, (height, width) = tile - tile % 16, image.shape[1:]
    rows, right = -(-height // step), -(-width // 16) * 16 + 4 + 92 - width
    below = 92 + (rows - 1) * step + tile - height
    wide = np.pad(image, ((0, 0), (92, below), (92, right)), mode="reflect")
    strips = []
    for top in range(0, rows * step, step):
        window = paddle.to_tensor(wide[None, :, top : top + tile + 184])
        strips.append(model(window)["out"][0].numpy()[:, :step])
    return np.concatenate(strips, axis=1)[:, :height, :width]


def in_one_batch(model, image, tile):
    """Right, and quicker: all tiles at once."""
    step, (height, width) = tile - tile % 16, image.shape[1:]
    rows, columns = -(-height // step), -(-width // step)
    below = 92 + (rows - 1) * step + tile - height
    right = 92 + (columns - 1) * step + tile - width
    wide = np.pad(image, ((0, 0), (92, below), (92, right)), mode="reflect")
    corners = [(r * step, c * step) for r in range(rows) for c in range(columns)]
    side = tile + 184
    batch = np.stack([wide[:, y : y + side, x : x + side] for y, x in corners])
    logits = model(paddle.to_tensor(batch))["out"].numpy()[:, :, :step, :step]
    result = np.zeros((logits.shape[1], rows * step, columns * step), np.float32)
    for (top, left), part in zip(corners, logits):
        result[:, top : top + step, left : left + step] = part
    return result[:, :height, :width]


def too_large(model, image, tile):
    return tiles(on_the_grid)(model, np.pad(image, ((0, 0), (0, 9), (0, 9))), tile)


class PlainList(nn.Layer):
    def __init__(self, deep, shallow):
        super().__init__()
        self.steps = [
            nn.Conv2DTranspose(deep, shallow, 2, stride=2),
            nn.Conv2D(2 * shallow, shallow, 3),
        ]

    def forward(self, x, across):
        x = self.steps[0](x)
        height, width = x.shape[2:]
        top, left = (across.shape[2] - height) // 2, (across.shape[3] - width) // 2
        across = across[:, :, top : top + height, left : left + width]
        return F.relu(self.steps[1](paddle.concat([across, x], axis=1)))


class CornerCrop(nn.Layer):
    def __init__(self, deep, shallow, padding=0):
        super().__init__()
        self.up = nn.Conv2DTranspose(deep, shallow, 2, stride=2)
        self.conv = nn.Conv2D(2 * shallow, shallow, 3, padding=padding)

    def forward(self, x, across):
        x = self.up(x)
        across = across[:, :, : x.shape[2], : x.shape[3]]
        return F.relu(self.conv(paddle.concat([across, x], axis=1)))


class Resized(CornerCrop):
    def forward(self, x, across):
        x = self.up(x)
        across = F.interpolate(across, x.shape[2:], mode="bilinear")
        return F.relu(self.conv(paddle.concat([across, x], axis=1)))


class Padded(CornerCrop):
    def __init__(self, deep, shallow):
        super().__init__(deep, shallow, padding=1)


class WrongAxis(CornerCrop):
    def forward(self, x, across):
        x = self.up(x)
        across = across[:, :, : x.shape[2], : x.shape[3]]
        return F.relu(self.conv(paddle.concat([across, x], axis=2)))


def touched_at_all(prediction, instances):
    parts, count = label(prediction == 1)
    held = [np.unique(instances[parts == part]) for part in range(1, count + 1)]
    return sum((cells > 0).sum() > 1 for cells in held)


def cells_lost(prediction, instances):
    return len(np.unique(instances[instances > 0])) - label(prediction == 1)[1]


def with_corners(prediction, instances):
    parts, count = label(prediction == 1, np.ones((3, 3)))
    return _merged(parts, count, instances)


def background_too(prediction, instances):
    parts, count = label(prediction == 1)
    return _merged(parts, count, instances, first=0)


def cells_instead_of_regions(prediction, instances):
    parts, count = label(prediction == 1)
    return _merged(parts, count, instances, cells=True)


def _merged(parts, count, instances, first=1, cells=False):
    covered = np.zeros(count + 1, int)
    for identity in np.unique(instances[instances > 0]):
        held = np.bincount(parts[instances == identity], minlength=count + 1)
        covered += 2 * held > held.sum()
    covered = covered[first:]
    return int(covered[covered > 1].sum() if cells else (covered > 1).sum())


WRONG = {
    "08.1": [
        padded_size,
        papers_loss_always,
        papers_grid_always,
        only_the_next_multiple,
        one_too_many,
        lambda wanted, poolings: None,
        lambda wanted, poolings: "large",
    ],
    "08.2": [
        tiles(edge_to_edge, "constant"),
        tiles(edge_to_edge),
        tiles(every_eight),
        tiles(on_the_grid, "constant"),
        tiles(on_the_grid, "edge"),
        tiles(on_the_grid, margin=0),
        too_large,
        one_call,
        one_large_tile,
        strips_of_full_width,
        lambda model, image, tile: None,
    ],
    "08.3": [PlainList, CornerCrop, Resized, Padded, WrongAxis, 3],
    "08.4": [
        touched_at_all,
        cells_lost,
        with_corners,
        background_too,
        cells_instead_of_regions,
        lambda prediction, instances: prediction,
        lambda prediction, instances: None,
    ],
}

ALSO_RIGHT = {"08.2": [in_one_batch]}
