"""Receptive fields by formula against the support of the gradient; ASPP; the traps."""

import math

import numpy as np
import paddle
import pytest
from conftest import load_tool

from segcore import nn
from segcore.errors import InputError
from segcore.models import count_parameters
from segcore.nn.receptive_field import reach

Sequential, Conv2D, ReLU = paddle.nn.Sequential, paddle.nn.Conv2D, paddle.nn.ReLU
MaxPool2D, AvgPool2D = paddle.nn.MaxPool2D, paddle.nn.AvgPool2D


def conv(c=4, k=3, s=1, d=1, p=None, before=None):
    """A convolution that keeps the size at stride 1."""
    padding = d * (k - 1) // 2 if p is None else p
    return Conv2D(before or c, c, k, stride=s, dilation=d, padding=padding)


def residual(before, after, stride=1, dilation=1):
    """The basic block of a ResNet."""
    path = Sequential(
        nn.ConvBNReLU(before, after, 3, stride, dilation), conv(after, d=dilation)
    )
    shortcut = conv(after, k=1, s=stride, before=before)
    return Sequential(nn.Branches(path, shortcut, merge="sum"), ReLU())


def vgg(blocks, c=4, large_field=False):
    """Convolutions and poolings of VGG16, all of one width."""
    layers = [conv(c, before=3)]
    for number, depth in enumerate(blocks):
        layers += [m for _ in range(depth - (number == 0)) for m in (conv(c), ReLU())]
        layers.append(MaxPool2D(2, 2))
    return layers


NETWORKS = {
    "three convolutions": (lambda: [conv(before=3), conv(), conv()], 7),
    "strided": (lambda: [conv(s=2, before=3), conv(s=2), conv(k=5, s=3), conv()], 47),
    "dilated 1 2 4 8": (lambda: [conv(before=3), *[conv(d=d) for d in (2, 4, 8)]], 31),
    "gridding 2 2 2": (lambda: [conv(d=2, before=3), conv(d=2), conv(d=2)], 13),
    "pools 3 2 1": (
        lambda: [conv(before=3), MaxPool2D(3, 2, 1), conv(), AvgPool2D(2), conv(k=5)],
        27,
    ),
    "strided, then dilated": (
        lambda: [conv(s=2, before=3), conv(d=2), conv(k=2, p=0), conv(k=5, d=3)],
        37,
    ),
    "VGG16 to pool3": (lambda: vgg((2, 2, 3)), 44),
    "residual blocks": (
        lambda: [
            nn.ConvBNReLU(3, 4, 7, 2),
            MaxPool2D(3, 2, 1),
            residual(4, 4),
            residual(4, 6, 2),
            residual(6, 6, dilation=2),
        ],
        # 7, +4, +8 +8, +8 +16, +32 +32 pixels
        115,
    ),
    "ASPP without image pooling": (
        lambda: [nn.ConvBNReLU(3, 4, 3, 2), nn.ASPP(4, 4, (2, 3, 5), False)],
        23,
    ),
    "valid, even and lopsided": (
        lambda: [conv(k=4, p=0, before=3), conv(k=2, p=[1, 0, 1, 0]), conv(d=3, p=0)],
        11,
    ),
    "branches of unlike reach and place": (
        lambda: [
            nn.Branches(conv(k=3, p=[0, 2, 0, 2], before=3), conv(k=5, before=3)),
            conv(before=8),
        ],
        7,
    ),
}


@pytest.fixture(params=NETWORKS)
def network(request):
    """A network with random weights, the receptive field counted by hand."""
    paddle.seed(0)
    layers, expected = NETWORKS[request.param]
    return Sequential(*layers()), expected


def test_formula_equals_the_support_of_the_gradient(network):
    model, expected = network
    assert nn.receptive_field(model) == expected
    size = 2 * expected + 9
    shape = model(paddle.zeros([1, 3, size, size])).shape[2:]
    measured = nn.effective_receptive_field(model, size)
    touched = np.argwhere(measured > 0)
    for axis, (stride, first, last) in enumerate(reach(model)):
        middle = shape[axis] // 2 * stride
        seen = touched[:, axis]
        assert (seen.min(), seen.max()) == (middle + first, middle + last)
    assert measured.max() == 1


def test_the_lessons_measure_is_the_formula(network):
    support = load_tool("notebooks").definitions("06").support
    model, expected = network
    assert support(model, 2 * expected + 9) == expected


def test_famous_receptive_fields():
    model = vgg((2, 2, 3, 3, 3), c=1)
    assert nn.receptive_field(Sequential(*model)) == 212
    fc6 = conv(1, k=7, p=0)
    assert nn.receptive_field(Sequential(*model, fc6)) == 404


def test_image_pooling_sees_everything():
    assert nn.receptive_field(nn.ASPP(3, 4)) == math.inf


def test_a_longer_side_counts():
    model = Sequential(Conv2D(1, 1, (1, 7)), Conv2D(1, 1, (3, 1)))
    assert nn.receptive_field(model) == 7
    assert [last - first + 1 for _, first, last in reach(model)] == [3, 7]


def test_measuring_leaves_the_network_as_it_was():
    model = Sequential(nn.ConvBNReLU(3, 4), nn.ConvBNReLU(4, 4))
    model.train()
    model[0].eval()
    before = {name: value.numpy() for name, value in model.state_dict().items()}
    first = nn.effective_receptive_field(model, (17, 20))
    assert model[1][1].training and not model[0][1].training
    assert first.shape == (17, 20)
    assert all((before[k] == v.numpy()).all() for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert (first == nn.effective_receptive_field(model, (17, 20))).all()


def test_a_network_that_ignores_its_input_is_told():
    model = Sequential(conv(before=3))
    model[0].weight.set_value(paddle.zeros_like(model[0].weight))
    with pytest.raises(InputError, match="depends on no input pixel"):
        nn.effective_receptive_field(model, 9)


def test_layers_without_a_rule_are_named():
    with pytest.raises(InputError, match="Conv2DTranspose has no rule"):
        nn.receptive_field(
            Sequential(conv(before=3), paddle.nn.Conv2DTranspose(4, 4, 2))
        )
    # It sees the whole image, so taking it for pointwise would be wrong.
    with pytest.raises(InputError, match="GroupNorm has no rule"):
        nn.receptive_field(Sequential(conv(before=3), paddle.nn.GroupNorm(2, 4)))
    with pytest.raises(InputError, match="differ in their stride"):
        nn.receptive_field(nn.Branches(conv(s=2), conv()))


# Paddle's padding="same".


def test_paddle_still_resets_the_dilation():
    """The trap is real; when this fails Paddle has mended it and the guards may go."""
    import paddle.nn.functional as F

    x, weight = paddle.randn([1, 1, 9, 9]), paddle.randn([1, 1, 3, 3])
    trapped = F.conv2d(x, weight, padding="same", dilation=2)
    assert trapped.equal_all(F.conv2d(x, weight, padding=1))
    assert not trapped.equal_all(F.conv2d(x, weight, padding=2, dilation=2))


def test_padding_same_is_refused():
    with pytest.raises(InputError, match="back to 1"):
        nn.conv_block(1, 1, padding="same", dilation=2)
    with pytest.raises(InputError, match="back to 1"):
        nn.receptive_field(Conv2D(1, 1, 3, padding="same", dilation=2))
    assert nn.receptive_field(Conv2D(1, 1, 5, padding="same")) == 5


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("dilation", [1, 2, 6, 18])
def test_conv_bn_relu_keeps_the_size(kernel, dilation):
    layer = nn.ConvBNReLU(2, 3, kernel, dilation=dilation)
    assert layer(paddle.zeros([1, 2, 13, 8])).shape == [1, 3, 13, 8]
    strided = nn.ConvBNReLU(2, 3, kernel, stride=2, dilation=dilation)
    assert strided(paddle.zeros([1, 2, 13, 8])).shape == [1, 3, 7, 4]


def test_blocks_refuse_what_cannot_be():
    with pytest.raises(InputError, match="kernel_size=4"):
        nn.ConvBNReLU(1, 1, 4)
    with pytest.raises(InputError, match="'mean'"):
        nn.Branches(conv(), merge="mean")


# ASPP.


def test_aspp_has_the_papers_parameters():
    # DeepLab v3 on ResNet-50: all 39,048,533 but the backbone and the 1x1 classifier.
    classifier = 256 * 21 + 21
    assert count_parameters(nn.ASPP(2048)) == 39_048_533 - 23_508_032 - classifier


def test_aspp_is_its_figure():
    """The same weights, by functional calls only."""
    import paddle.nn.functional as F

    paddle.seed(2)
    parts = ("_mean", "_variance", "weight", "bias")
    model = nn.ASPP(5, 4, rates=(2, 3))
    model.eval()
    w = dict(model.state_dict())
    for name, value in w.items():
        if "_mean" in name or "_variance" in name:
            value.set_value(paddle.rand(value.shape) + 0.5)

    def block(x, name, dilation=1):
        kernel = w[f"{name}.0.weight"]
        pad = dilation * (kernel.shape[-1] - 1) // 2
        x = F.conv2d(x, kernel, padding=pad, dilation=dilation)
        norm = [w[f"{name}.1.{part}"] for part in parts]
        return F.relu(F.batch_norm(x, *norm))

    x = paddle.randn([2, 5, 11, 9])
    pooled = block(x.mean([2, 3], keepdim=True), "0.layers.3.1")
    maps = [
        block(x, "0.layers.0"),
        block(x, "0.layers.1", 2),
        block(x, "0.layers.2", 3),
        pooled.tile([1, 1, 11, 9]),
    ]
    expected = block(paddle.concat(maps, 1), "1")
    np.testing.assert_allclose(model(x).numpy(), expected.numpy(), atol=1e-5)


def test_image_pooling_refuses_to_train_on_one_image():
    model = nn.ASPP(3, 4, rates=(2,))
    with pytest.raises(InputError, match="batch of 1"):
        model(paddle.zeros([1, 3, 8, 8]))
    assert model(paddle.zeros([2, 3, 8, 8])).shape == [2, 4, 8, 8]
    model.eval()
    assert model(paddle.zeros([1, 3, 8, 8])).shape == [1, 4, 8, 8]
    without = nn.ASPP(3, 4, rates=(2,), image_pooling=False)
    assert without(paddle.zeros([1, 3, 8, 8])).shape == [1, 4, 8, 8]
