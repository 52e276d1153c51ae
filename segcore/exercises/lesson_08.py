"""Checks of the exercises of lesson 08, U-Net."""

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F
from scipy.ndimage import label

from segcore.exercises import Wrong


def exercise_1(smallest_input):
    """The smallest input side of a valid U-Net with a number of poolings."""
    for poolings, wanted in ((4, 388), (4, 389), (4, 1), (3, 100), (2, 5), (1, 2)):
        expected = next(
            side for side in range(1, 2000) if (_output(side, poolings) or 0) >= wanted
        )
        found = _whole(smallest_input(wanted, poolings), "the input's side in pixels")
        told = f"For {wanted} output pixels and {poolings} poolings, {found}"
        if found == expected:
            continue
        output = _output(found, poolings)
        if output is None:
            raise Wrong(
                f"{told} does not fit: follow it down and up; somewhere a side that is"
                " to be pooled is odd, or nothing is left."
            )
        if output < wanted:
            raise Wrong(f"{told} fits, but gives {output} pixels only.")
        raise Wrong(f"{told} fits and is enough, but a smaller side is, too.")
    return "Down: less 4, then half. Up: double, then less 4."


def exercise_2(predict_tiled):
    """Tiles that equal the untiled prediction."""
    for tile, height, width in ((20, 40, 70), (36, 64, 33), (68, 50, 30)):
        rng = np.random.default_rng(tile)
        image = rng.standard_normal((1, height, width)).astype(np.float32)
        found = predict_tiled(_geometry(tile), image, tile)
        found = np.asarray(found.numpy() if hasattr(found, "numpy") else found)
        what = f"For an image of {height} x {width} and tiles of {tile}"
        if found.dtype.kind not in "fiu":
            raise Wrong("Return an array of numbers, [K, H, W].")
        if found.shape != (1, height, width):
            raise Wrong(f"{what} return shape {(1, height, width)}, not {found.shape}.")
        step = tile - tile % 16
        expected = _tiled(_geometry(tile), image, tile, step, "reflect")
        if np.allclose(found, expected, atol=1e-4):
            continue
        off = ~np.isclose(found[0], expected[0], atol=1e-4)
        rows, columns = np.nonzero(off)
        within = (rows + columns > 0) & (rows < step) & (columns < step)
        if within.any():
            raise Wrong(
                f"{what} {off.sum()} pixels differ, some of them already in the first"
                " tile. What does the network see beyond the edge of the image?"
            )
        raise Wrong(
            f"{what} the first tile is right, but {off.sum()} pixels further on are"
            " not. At which pixels may a tile begin?"
        )
    return "The tiles lie on the grid of the poolings, and the border is a mirror."


def exercise_3(UpLevel):
    """A level of the decoder: registered layers, the middle of the left map."""
    paddle.seed(0)
    level = UpLevel(6, 4)
    if not isinstance(level, nn.Layer):
        raise Wrong("UpLevel is a class derived from nn.Layer.")
    kinds = (nn.Conv2DTranspose, nn.Conv2D)
    found = [[x for x in level.sublayers() if isinstance(x, kind)] for kind in kinds]
    if not all(found):
        raise Wrong(
            "The level knows"
            f" {len(list(level.parameters()))} parameters, and not those of both"
            " layers: an optimizer would never see the others, and no file keep them."
        )
    up, conv = found[0][0], found[1][0]
    if list(conv.weight.shape) != [4, 8, 3, 3] or list(up.weight.shape) != [6, 4, 2, 2]:
        raise Wrong(
            "Keep the layers as they were: a 2 x 2 transposed convolution from deep to"
            " shallow channels, a 3 x 3 convolution from 2 * shallow to shallow."
        )
    x, across = paddle.randn([2, 6, 5, 6]), paddle.randn([2, 4, 18, 16])
    result = level(x, across)
    if list(result.shape) != [2, 4, 8, 10]:
        raise Wrong(
            f"Maps of 5 x 6 from below and 18 x 16 from the left give 8 x 10 in 4"
            f" channels, not shape {list(result.shape)}."
        )

    def expected(top, left, below_first=False):
        maps = [across[:, :, top : top + 10, left : left + 12], up(x)]
        joined = paddle.concat(maps[::-1] if below_first else maps, axis=1)
        return F.relu(F.conv2d(joined, conv.weight, conv.bias))

    def same(other):
        return bool(paddle.allclose(result, other, atol=1e-5))

    if same(expected(4, 2)) or same(expected(4, 2, below_first=True)):
        return "Registered, and cropped to the middle."
    if same(expected(0, 0)) or same(expected(0, 0, below_first=True)):
        raise Wrong(
            "The parameters are all there. Now draw the two maps: which pixels of the"
            " left one lie over the map from below?"
        )
    raise Wrong(
        "The values differ from those of the published level with the same weights:"
        " double the size, crop the left map to its middle, join, 3 x 3, ReLU."
    )


def exercise_4(merged):
    """Regions of a prediction that swallowed two or more cells."""
    row = np.array([[1, 1, 0, 2, 2, 0, 3, 3, 0, 4, 4, 4]])
    cases = [
        (row > 0, row, 0, "where each cell is a region of its own"),
        (row < 9, row, 1, "where all four cells are one region"),
        ([[1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1]], row, 2, "with two pairs joined"),
        ([[0] * 12], row, 0, "where nothing is predicted"),
        ([[1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0]], row, 0, "with halves of a second"),
    ]
    plane = np.kron(np.array([[1, 2], [3, 4]]), np.ones((3, 3), int))
    corner = np.isin(plane, (1, 4))
    cases.append((corner, plane * corner, 0, "where two cells touch at a corner only"))
    rng = np.random.default_rng(1)
    drawn = np.kron(np.arange(1, 26).reshape(5, 5), np.pad(np.ones((4, 4), int), 1))
    noisy = (drawn > 0) | (rng.random(drawn.shape) < 0.15)
    cases.append(
        (noisy, drawn, _merged(noisy, drawn), "with 25 cells and stray bridges")
    )
    for prediction, instances, expected, what in cases:
        prediction = np.asarray(prediction, int)
        found = _whole(merged(prediction, np.asarray(instances)), "a count")
        if found != expected:
            raise Wrong(f"On a picture {what} the count is {expected}, not {found}.")
    return "With `separated` it tells how the rest was lost: merged, or missed."


def _output(side, poolings):
    """Output side of a valid U-Net, None if the input does not fit."""
    for _ in range(poolings):
        side -= 4
        if side < 2 or side % 2:
            return None
        side //= 2
    side -= 4
    for _ in range(poolings):
        if side < 1:
            return None
        side = 2 * side - 4
    return side if side > 0 else None


def _merged(prediction, instances):
    parts, count = label(prediction)
    covered = np.zeros(count + 1, int)
    for identity in np.unique(instances[instances > 0]):
        held = np.bincount(parts[instances == identity], minlength=count + 1)
        covered += 2 * held > held.sum()
    return int((covered[1:] > 1).sum())


class _geometry(nn.Layer):
    """Sees as far and is as picky as the paper's U-Net, but has no weights.

    Its memory holds windows for outputs of `tile` x `tile` pixels, and no larger ones.
    """

    def __init__(self, tile):
        super().__init__()
        self.largest = tile + 184

    def forward(self, x):
        if max(x.shape[2:]) > self.largest:
            raise Wrong(
                f"The network was given a window of {x.shape[2]} x {x.shape[3]} pixels;"
                f" its memory holds {self.largest} x {self.largest}, that is tile + 184"
                " a side. Predict tile by tile."
            )
        side = [s for s in x.shape[2:] if (s - 188) % 16 or s < 188]
        if side:
            raise Wrong(
                f"The network was given a side of {side[0]} pixels; 188 + 16k fit."
            )
        blocks = F.max_pool2d(x, 16, stride=16, ceil_mode=True)  # of the input's grid
        blocks = F.interpolate(blocks, scale_factor=16, mode="nearest")
        inner = np.s_[:, :, 92 : x.shape[2] - 92, 92 : x.shape[3] - 92]
        corners = x[:, :, :-184, :-184] + x[:, :, 184:, 184:]
        return {"out": x[inner] + blocks[inner] + corners}

    def input_size(self, height, width):
        return tuple(188 + 16 * max(0, -(-(s - 4) // 16)) for s in (height, width))


def _tiled(model, image, tile, step, mode):
    height, width = image.shape[1:]
    rows, columns = -(-height // step), -(-width // step)
    below = 92 + (rows - 1) * step + tile - height
    right = 92 + (columns - 1) * step + tile - width
    wide = np.pad(image, ((0, 0), (92, below), (92, right)), mode=mode)
    result = np.zeros((1, rows * step + tile, columns * step + tile), np.float32)
    for top in range(0, rows * step, step):
        for left in range(0, columns * step, step):
            window = wide[None, :, top : top + tile + 184, left : left + tile + 184]
            logits = model(paddle.to_tensor(window))["out"][0].numpy()
            result[:, top : top + tile, left : left + tile] = logits
    return result[:, :height, :width]


def _whole(value, what):
    value = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    if value.size != 1 or value.dtype.kind not in "iuf":
        raise Wrong(f"Return one whole number, {what}.")
    value = float(value.reshape(()))
    if not np.isfinite(value) or value != round(value):
        raise Wrong(f"Return one whole number, {what}, not {value}.")
    return int(value)
