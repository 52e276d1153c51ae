"""Checks of the exercises of lesson 06, dilated convolution."""

import numbers
from collections.abc import Iterable

import numpy as np
import paddle
from paddle import nn

from segcore.exercises import Wrong


def exercise_1(smallest_rate):
    """The smallest rate that makes a receptive field large enough."""
    plain, halved = [(3, 1, 1)] * 3, [(3, 2, 1), (3, 2, 1)]
    mixed = [(5, 2, 1), (2, 2, 1), (3, 1, 2)]
    cases = [
        (plain, 1, 9, 1),
        (plain, 2, 27, 5),
        (plain, 2, 28, 6),
        (halved, 2, 100, 6),
        (mixed, 3, 95, 3),
        (mixed, 1, 5, 1),
        ([], 4, 65, 8),
    ]
    for layers, count, pixels, expected in cases:
        found = smallest_rate(list(layers), count, pixels)
        told = f"After {layers}, with {count} more and at least {pixels} pixels,"
        if not _is_whole(found):
            raise Wrong(f"Return one whole number, the rate, not {_short(found)}.")
        found = int(_values(found).reshape(()))
        if found < 1:
            raise Wrong(f"{told} you have the rate {found}; no rate is below 1.")
        if found == expected:
            continue
        field, jump = _field_and_jump(layers)
        reached = field + 2 * count * found * jump
        if reached < pixels:
            raise Wrong(f"{told} your rate {found} gives a field of {reached} only.")
        raise Wrong(
            f"{told} your rate {found} is enough (field {reached}), but there is a"
            " smaller one. How long, in image pixels, is a step of the new layers?"
        )
    return (
        "A step of a later layer is as long as all the strides before it, multiplied."
    )


def exercise_2(rates):
    """Three rates that see 21 pixels and leave no hole."""
    if isinstance(rates, (str, bytes, dict)) or not isinstance(
        rates, (Iterable, paddle.Tensor)
    ):
        raise Wrong("Give the three rates as a tuple or list of whole numbers.")
    rates = rates.tolist() if hasattr(rates, "tolist") else rates
    rates = [*rates] if isinstance(rates, Iterable) else [rates]
    if len(rates) != 3:
        raise Wrong(f"Give three rates, one for each layer, not {len(rates)}.")
    if not all(_is_whole(rate) for rate in rates):
        raise Wrong("Every rate is a whole number.")
    rates = [int(_values(rate).reshape(())) for rate in rates]
    if min(rates) < 1:
        raise Wrong("No rate is below 1.")
    side = 1 + 2 * sum(rates)
    if side < 21:
        raise Wrong(f"No wider than {side} pixels; at least 21 are asked for.")
    read = {0}
    for rate in rates:
        read = {place + shift for place in read for shift in (-rate, 0, rate)}
    holes = side - len(read)
    if holes:
        near = min(abs(p) for p in range(side) if p not in read)
        raise Wrong(
            f"The field is {side} pixels wide, but along a line {holes} of them are"
            f" never read; the nearest lies at distance {near} from the middle."
        )
    return f"The field is {side} pixels wide, and every pixel in it is read."


def exercise_3(without_strides):
    """A strided stack turned into a dilated one, down to an output stride."""
    stack = [(3, 2, 1), (3, 1, 1), (3, 2, 1), (5, 1, 1), (3, 2, 2), (3, 1, 1)]
    steep = [(7, 2, 1), (2, 2, 1), (3, 2, 1), (3, 1, 2), (3, 2, 1), (1, 1, 1)]
    cases = [
        (stack, 8, stack),
        (stack, 32, stack),
        (
            stack,
            1,
            [(3, 1, 1), (3, 1, 2), (3, 1, 2), (5, 1, 4), (3, 1, 8), (3, 1, 8)],
        ),
        (
            stack,
            4,
            [(3, 2, 1), (3, 1, 1), (3, 2, 1), (5, 1, 1), (3, 1, 2), (3, 1, 2)],
        ),
        (
            stack,
            2,
            [(3, 2, 1), (3, 1, 1), (3, 1, 1), (5, 1, 2), (3, 1, 4), (3, 1, 4)],
        ),
        (
            steep,
            4,
            [(7, 2, 1), (2, 2, 1), (3, 1, 1), (3, 1, 4), (3, 1, 2), (1, 1, 4)],
        ),
    ]
    for layers, output_stride, expected in cases:
        found = _layers(without_strides(list(layers), output_stride))
        told = f"With the strides {[s for _, s, _ in layers]} and output stride"
        told = f"{told} {output_stride}"
        if len(found) != len(layers):
            raise Wrong(f"{told} you return {len(found)} layers, not {len(layers)}.")
        for number, (mine, right, old) in enumerate(zip(found, expected, layers), 1):
            # a 1 x 1 kernel has one tap: its rate means nothing
            if mine == right or (mine[:2] == right[:2] and right[0] == 1):
                continue
            if mine[0] != right[0]:
                raise Wrong(
                    f"{told} layer {number} has kernel {mine[0]}; none changes."
                )
            if mine[1] != right[1]:
                what = "keeps" if old[1] == right[1] else "loses"
                raise Wrong(f"{told}, layer {number} {what} its stride of {old[1]}.")
            raise Wrong(
                f"{told}, layer {number}, which was {old}, now has the rate {mine[2]}."
                " Think of the strides that went before this layer, and of the"
                " rate it had."
            )
    return "Each stride that goes multiplies the rates of all later layers."


def exercise_4(dilated_stack):
    """Dilated 5 x 5 convolutions that keep the size and see as far as they should."""
    for channels, rates in ((2, (1,)), (2, (3,)), (3, (1, 2)), (2, (2, 1, 3))):
        paddle.seed(6)
        model = dilated_stack(channels, rates)
        if not isinstance(model, nn.Layer):
            raise Wrong("Return the stack as one layer, such as nn.Sequential.")
        model.eval()
        shapes = [tuple(p.shape) for p in model.parameters() if len(p.shape) == 4]
        if shapes != [(channels, channels, 5, 5)] * len(rates):
            raise Wrong(
                f"For {channels} channels and the rates {rates} the weights should be"
                f" {len(rates)} times {(channels, channels, 5, 5)}; you have {shapes}."
            )
        for height, width in ((37, 41), (32, 33)):
            shape = [1, channels, height, width]
            out = model(paddle.ones(shape))
            if list(out.shape) != shape:
                raise Wrong(
                    f"With the rates {rates} an input of shape {shape} becomes"
                    f" {list(out.shape)}; the size should stay."
                )
        field, expected = _measured_field(model, channels), 1 + 4 * sum(rates)
        if field != expected:
            raise Wrong(
                f"With the rates {rates} the field measured by gradient is"
                f" {field[0]} × {field[1]} pixels instead of {expected} × {expected}."
                if isinstance(field, tuple)
                else f"With the rates {rates} the field measured by gradient is {field}"
                f" pixels wide instead of {expected}."
            )
        _has_a_relu_after_each(model, channels, len(rates))
    return "Every tap is where it should be, and the size stays."


def _has_a_relu_after_each(model, channels, count):
    """What each convolution reads, and the output, is the ReLU of the map before."""
    rng = np.random.default_rng(7)
    convolutions = [m for m in model.sublayers() if isinstance(m, nn.Conv2D)]
    seen = []  # (what a convolution read, what it returned), in the order of the calls

    def note(layer, inputs, output):
        seen.append((inputs[0].numpy().copy(), output.numpy().copy()))

    hooks = [m.register_forward_post_hook(note) for m in convolutions]
    for layer in convolutions:  # weights of both signs, so that a ReLU shows
        weight = rng.standard_normal(layer.weight.shape) / (25 * channels) ** 0.5
        layer.weight.set_value(weight.astype("float32"))
    try:
        with paddle.no_grad():
            x = rng.standard_normal((2, channels, 33, 33)).astype("float32")
            out = model(paddle.to_tensor(x)).numpy()
    finally:
        for hook in hooks:
            hook.remove()
    if out.min() < 0:
        raise Wrong("The last ReLU is missing: the output has values below 0.")
    if len(seen) != count:  # not layers of Paddle: the output has to do
        return
    read = [before for before, _ in seen[1:]] + [out]
    for number, ((_, returned), after) in enumerate(zip(seen, read), 1):
        expected = np.maximum(returned, 0)
        if np.abs(after - expected).max() > 1e-2 * np.abs(expected).max():
            raise Wrong(
                f"After convolution {number} of {count} something else than one ReLU"
                " happens; each of them is followed by its own."
            )


def _field_and_jump(layers):
    field, jump = 1, 1
    for kernel, stride, dilation in layers:
        field += dilation * (kernel - 1) * jump
        jump *= stride
    return field, jump


def _measured_field(model, channels, size=49):
    """Side of the square of pixels that the middle output depends on."""
    rng = np.random.default_rng(6)
    total = np.zeros((size, size))
    for layer in model.sublayers(include_self=True):
        if isinstance(layer, nn.Conv2D):  # all paths open, whatever the ReLU does
            layer.weight.set_value(
                rng.uniform(0.1, 1, layer.weight.shape).astype("float32")
            )
            if layer.bias is not None:
                layer.bias.set_value(np.zeros(layer.bias.shape, "float32"))
    x = paddle.to_tensor(
        rng.uniform(0.1, 1, (1, channels, size, size)).astype("float32"),
        stop_gradient=False,
    )
    middle = model(x)[:, :, size // 2, size // 2].sum()
    gradient = paddle.grad(middle, x, allow_unused=True)[0]
    if gradient is not None:
        total = gradient.abs().sum(axis=[0, 1]).numpy()
    rows, columns = np.nonzero(total)
    if not len(rows):
        return 0
    height, width = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    return height if height == width else (height, width)


def _layers(answer):
    """The answer as a list of triples of whole numbers."""
    if not isinstance(answer, (list, tuple, np.ndarray)):
        raise Wrong("Return a list of layers (kernel, stride, dilation).")
    triples = []
    for layer in answer:
        if not isinstance(layer, (list, tuple, np.ndarray)) or len(layer) != 3:
            raise Wrong(
                f"Each layer is (kernel, stride, dilation); you have {_short(layer)}."
            )
        if not all(_is_whole(value) for value in layer):
            raise Wrong(f"A layer holds whole numbers; you have {_short(layer)}.")
        triples.append(tuple(int(_values(value).reshape(())) for value in layer))
    return triples


def _is_whole(value):
    """Whether this is one whole number, of Python, NumPy or Paddle."""
    if isinstance(value, bool) or not isinstance(
        value, (numbers.Real, np.ndarray, paddle.Tensor)
    ):
        return False
    value = _values(value)
    return (
        value.size == 1
        and value.dtype.kind in "iuf"
        and bool(np.isfinite(value).all() and (value == np.round(value)).all())
    )


def _values(value):
    return np.asarray(value)


def _short(value):
    words = repr(value)
    return words if len(words) < 60 else f"{words[:57]}..."
