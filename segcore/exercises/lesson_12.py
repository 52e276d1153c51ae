"""Checks of the exercises of lesson 12, DeepLab v3."""

import numpy as np
import paddle
from paddle import nn

from segcore.exercises import Wrong, as_array, as_number


def exercise_1(full_share):
    """Share of the places with all nine taps inside."""
    for size, rate in [(5, 1), (5, 2), (33, 12), (65, 24), (65, 36), (9, 9), (8, 4)]:
        found = as_number(full_share(size, rate))
        expected = _full(size, rate)
        if not np.isclose(found, expected, atol=1e-6):
            if 2 * rate > size:
                raise Wrong(
                    f"On {size} x {size} with rate {rate} no place has all nine taps"
                    f" inside, so the share is 0; you have {found:.3f}."
                )
            raise Wrong(
                f"On {size} x {size} with rate {rate} it is {expected:.3f}; you have"
                f" {found:.3f}. Which places of one row keep their left tap, and which"
                " of them their right one too?"
            )
    return "From here you can judge any set of rates you read about."


def exercise_2(all_rates):
    """Rates of layer4 and of ASPP at any output stride."""
    for stride, grid, rates in [
        (16, (1, 2, 4), (6, 12, 18)),
        (8, (1, 2, 4), (6, 12, 18)),
        (32, (1, 2, 4), (6, 12, 18)),
        (8, (1, 2, 1), (4, 8)),
        (16, (1, 1), (2,)),
    ]:
        found = all_rates(stride, grid, rates)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise Wrong("Return two lists: the rates of layer4, and those of ASPP.")
        stage = 32 // stride
        expected = (
            [stage * unit for unit in grid],
            [rate * 16 // stride for rate in rates],
        )
        for name, got, wanted in zip(("layer4", "ASPP"), found, expected):
            got = as_array(got).ravel()
            if got.shape != (len(wanted),) or not np.allclose(got, wanted, atol=1e-6):
                raise Wrong(
                    f"At output stride {stride}, with grid {grid} and rates {rates} for"
                    f" 16, {name} has other rates than {_listed(got)}. At which stride"
                    " would the factor be 1?"
                )
    return "A rate without its output stride says nothing."


def exercise_3(make_branches):
    """Branches that are registered, and dilated."""
    for channels, rates in [(2, (1, 2, 3)), (3, (4, 2))]:
        model = _Pyramid(make_branches(channels, rates))
        x = paddle.zeros([1, channels, 13, 15])
        expected = len(rates) * (9 * channels + 1) * channels
        count = sum(int(np.prod(p.shape)) for p in model.parameters())
        if count != expected:
            raise Wrong(
                f"With {channels} channels and rates {rates} parameters() of the"
                f" pyramid finds {count} values, and there should be {expected}. Into"
                " which kinds of list does nn.Layer look?"
            )
        shape = list(model(x).shape)
        if shape != [1, channels * len(rates), 13, 15]:
            raise Wrong(
                f"{channels} channels and rates {rates}: 13 x 15 should stay 13 x 15,"
                f" but the pyramid's output is {shape}."
            )
        for p in model.parameters():
            p.set_value(paddle.full(p.shape, 1.0 if len(p.shape) == 4 else 0.0))
        x[0, 0, 6, 7] = 1.0
        drawn = model(x).numpy()[0]
        for k, rate in enumerate(rates):
            points = np.zeros((13, 15))
            points[6 - rate : 7 + rate : rate, 7 - rate : 8 + rate : rate] = 1
            if not np.allclose(drawn[k * channels], points, atol=1e-4):
                raise Wrong(
                    f"Rates {rates}: a single pixel through branch {k + 1}, all weights"
                    f" 1, should come out as nine pixels {rate} apart. It does not."
                    " What sets the distance, and what might set it back?"
                )
    return "Both bugs were silent: every shape was right."


def exercise_4(image_level):
    """The mean of each image at every one of its places."""
    rng = np.random.default_rng(4)
    for n, c, m, height, width in [(1, 2, 1, 2, 2), (3, 4, 5, 6, 7), (2, 3, 3, 5, 4)]:
        x = rng.standard_normal((n, c, height, width)) + rng.standard_normal(
            (n, c, 1, 1)
        )
        weight = rng.standard_normal((m, c))
        found = as_array(image_level(x.copy(), weight.copy()))
        if found.shape != (n, m, height, width):
            raise Wrong(
                f"x of shape {x.shape} and weight {weight.shape} give"
                f" {(n, m, height, width)}; yours has shape {found.shape}."
            )
        values = x.mean(axis=(2, 3)) @ weight.T
        expected = np.maximum(values, 0)[:, :, None, None] * np.ones((height, width))
        if not np.allclose(found, expected, atol=1e-4):
            if np.allclose(found, values[:, :, None, None], atol=1e-4):
                raise Wrong("Nearly: below 0 the ReLU gives 0.")
            raise Wrong(
                f"For x of shape {x.shape} the values differ. Over what is the mean"
                " taken, and what comes first, the mean or the ReLU?"
            )
    return "The whole image, told to every place."


class _Pyramid(nn.Layer):
    """The class of the exercise, with the learner's branches."""

    def __init__(self, branches):
        super().__init__()
        self.branches = branches

    def forward(self, x):
        return paddle.concat([branch(x) for branch in self.branches], axis=1)


def _full(size, rate):
    return max(0, size - 2 * rate) ** 2 / size**2


def _listed(values):
    return ", ".join(f"{value:g}" for value in values) or "none"
