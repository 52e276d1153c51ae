"""VGG16 and the three FCNs: the paper's counts, crops and values; ImageNet weights."""

import warnings

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from segcore.backbones import vgg16
from segcore.backbones.vgg import convolution_of
from segcore.errors import InputError
from segcore.models import count_parameters, fcn8s, fcn16s, fcn32s
from segcore.nn import bilinear_kernel, receptive_field

FCNS = {"fcn32s": fcn32s, "fcn16s": fcn16s, "fcn8s": fcn8s}


def test_vgg16_has_the_papers_parameters():
    with paddle.LazyGuard():
        model = vgg16()
    assert count_parameters(model.stages) == 14_714_688
    classes = 4096 * 1000 + 1000
    assert count_parameters(model) + classes == 138_357_544
    assert receptive_field(model.upto("pool5")) == 212
    assert receptive_field(model.upto("fc7")) == 404


@pytest.mark.parametrize(
    ("name", "learned", "frozen", "shifts"),
    [
        ("fcn32s", 136_152_917, 134_346_581, [-19]),
        ("fcn16s", 134_815_994, 134_357_354, [5, -27]),
        ("fcn8s", 134_489_759, 134_362_751, [5, 9, -31]),
    ],
)
def test_fcn_has_the_papers_parameters_and_crops(name, learned, frozen, shifts):
    with paddle.LazyGuard():  # shapes only
        model = FCNS[name](21)
        released = FCNS[name](21, fixed_upscore="all")
        paper = FCNS[name](21, fixed_upscore="last")
    assert count_parameters(model) == learned
    assert count_parameters(released) == frozen
    last = 21 * 21 * model.upscore[-1].weight.shape[-1] ** 2
    assert count_parameters(paper) == learned - last
    assert model.shifts == released.shifts == shifts


def test_parameters_at_another_class_count():
    classes = 60
    scores = (4096 + 1 + 512 + 1 + 256 + 1) * classes
    upscores = (4 * 4 + 4 * 4 + 16 * 16) * classes**2
    backbone = 138_357_544 - 4096 * 1000 - 1000
    with paddle.LazyGuard():
        model = fcn8s(classes)
    assert count_parameters(model) == backbone + scores + upscores


@pytest.mark.parametrize("name", FCNS)
@pytest.mark.parametrize("pad", [100, 1])
@pytest.mark.parametrize("size", [(32, 32), (33, 47), (64, 101), (95, 96)])
def test_fcn_gives_the_size_of_its_input(name, pad, size):
    model = FCNS[name](3, width=0.02, pad=pad)
    assert model(paddle.zeros([1, 3, *size]))["out"].shape == [1, 3, *size]


def randomise(model):
    """Scores that start at zero would hide a wrong path."""
    paddle.seed(3)
    for layer in model.score:
        layer.weight.set_value(paddle.randn(layer.weight.shape))
        layer.bias.set_value(paddle.randn(layer.bias.shape))
    for layer in model.upscore:
        layer.weight.set_value(paddle.randn(layer.weight.shape))


def trunk(x, w):
    """VGG16 as the paper's table says, by functional calls: pool3, pool4, fc7."""

    def conv(x, name, padding=1):
        kernel, bias = w[f"backbone.{name}.weight"], w[f"backbone.{name}.bias"]
        return F.relu(F.conv2d(x, kernel, bias, padding=padding))

    def pool(x):
        return F.max_pool2d(x, 2, stride=2, ceil_mode=True)

    x = conv(x, "stages.0.0", padding=100)
    x = pool(conv(x, "stages.0.2"))
    x = pool(conv(conv(x, "stages.1.0"), "stages.1.2"))
    x = conv(conv(conv(x, "stages.2.0"), "stages.2.2"), "stages.2.4")
    pool3 = pool(x)
    x = conv(conv(conv(pool3, "stages.3.0"), "stages.3.2"), "stages.3.4")
    pool4 = pool(x)
    x = conv(conv(conv(pool4, "stages.4.0"), "stages.4.2"), "stages.4.4")
    fc6 = conv(pool(x), "fc6.0", padding=0)
    return pool3, pool4, conv(fc6, "fc7.0", padding=0)


@pytest.mark.parametrize("name", FCNS)
def test_fcn_equals_the_paper_written_out(name):
    """The same weights in a flat construction, with the published crops as numbers."""
    paddle.seed(1)
    model = FCNS[name](3, width=1 / 32)
    randomise(model)
    model.eval()
    w = dict(model.state_dict())

    def score(x, k):
        return F.conv2d(x, w[f"score.{k}.weight"], w[f"score.{k}.bias"])

    def up(x, k, stride):
        return F.conv2d_transpose(x, w[f"upscore.{k}.weight"], stride=stride)

    x = paddle.randn([1, 3, 75, 90])
    pool3, pool4, fc7 = trunk(x, w)
    if name == "fcn32s":
        out = up(score(fc7, 0), 0, 32)[:, :, 19 : 19 + 75, 19 : 19 + 90]
    else:
        coarse = up(score(fc7, 0), 0, 2)
        h, w16 = coarse.shape[2:]
        coarse = coarse + score(pool4, 1)[:, :, 5 : 5 + h, 5 : 5 + w16]
        if name == "fcn16s":
            out = up(coarse, 1, 16)[:, :, 27 : 27 + 75, 27 : 27 + 90]
        else:
            fine = up(coarse, 1, 2)
            h, w8 = fine.shape[2:]
            fine = fine + score(pool3, 2)[:, :, 9 : 9 + h, 9 : 9 + w8]
            out = up(fine, 2, 8)[:, :, 31 : 31 + 75, 31 : 31 + 90]
    np.testing.assert_allclose(
        model(x)["out"].numpy(), out.numpy(), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize(("fixed", "moves"), [(None, 3), ("last", 2), ("all", 0)])
def test_a_fixed_upscoring_stays_bilinear(fixed, moves):
    model = fcn8s(2, width=1 / 32, pad=1, fixed_upscore=fixed)
    before = [bilinear_kernel(2, stride) for stride in (2, 2, 8)]
    for layer in model.score:  # which start at zero and would hold the rest still
        layer.weight.set_value(paddle.randn(layer.weight.shape))
    optimizer = paddle.optimizer.AdamW(0.1, parameters=model.parameters())
    model(paddle.randn([1, 3, 40, 40]))["out"].square().mean().backward()
    optimizer.step()
    after = [layer.weight for layer in model.upscore]
    moved = [not bool(a.equal_all(b)) for a, b in zip(after, before)]
    assert moved == [True] * moves + [False] * (3 - moves)


@pytest.mark.parametrize("name", FCNS)
@pytest.mark.parametrize("pad", [100, 1])
def test_what_lies_over_what_follows_the_image(name, pad):
    """Moving the image by one coarse pixel moves the output by as much."""
    model = FCNS[name](2, width=1 / 32, pad=pad)
    randomise(model)
    model.eval()
    paddle.seed(5)
    wide = paddle.randn([1, 3, 32 * 28, 64]) * 3
    first, second = model(wide[:, :, :-32])["out"], model(wide[:, :, 32:])["out"]
    inside = slice(14 * 32 - 16, 14 * 32)  # beyond the reach of either border
    np.testing.assert_allclose(
        first[:, :, inside].numpy(),
        second[:, :, inside.start - 32 : inside.stop - 32].numpy(),
        atol=1e-4,
        rtol=1e-4,
    )


def test_what_could_be_fixed_is_named():
    with pytest.raises(InputError, match='None, "last" or "all", not True'):
        fcn16s(2, width=0.02, fixed_upscore=True)


def test_a_fresh_fcn_is_undecided():
    model = fcn8s(4, width=0.05)
    model.eval()
    out = model(paddle.randn([1, 3, 40, 50]))["out"]
    assert float(out.abs().max()) == 0


def test_fully_connected_weights_become_a_convolution():
    paddle.seed(0)
    linear = paddle.nn.Linear(5 * 7 * 7, 11)
    x = paddle.randn([2, 5, 9, 8])
    heat = F.conv2d(x, convolution_of(linear.weight, 5, 7), linear.bias)
    assert heat.shape == [2, 11, 3, 2]
    for row in range(3):
        for column in range(2):
            window = x[:, :, row : row + 7, column : column + 7]
            np.testing.assert_allclose(
                heat[:, :, row, column].numpy(),
                linear(window.flatten(1)).numpy(),
                atol=1e-5,
            )


def test_imagenet_weights_give_the_classifiers_own_features(monkeypatch):
    """Stands in for the download: Paddle's VGG16 with random weights."""
    paddle.seed(0)
    theirs = paddle.vision.models.vgg16(num_classes=2)
    monkeypatch.setattr(paddle.vision.models, "vgg16", lambda pretrained: theirs)
    ours = vgg16(pretrained=True)
    ours.eval()
    theirs.eval()
    x = paddle.randn([1, 3, 224, 224])
    expected = theirs.classifier[:5](theirs.features(x).flatten(1))
    found = ours(x)["fc7"]
    assert found.shape == [1, 4096, 1, 1]
    scale = float(expected.abs().max())
    np.testing.assert_allclose(
        found.flatten(1).numpy() / scale, expected.numpy() / scale, atol=1e-5
    )


def test_without_a_network_random_weights_and_a_sentence(monkeypatch):
    def offline(pretrained):
        raise RuntimeError("no route to host")

    monkeypatch.setattr(paddle.vision.models, "vgg16", offline)
    monkeypatch.setattr("segcore.backbones.vgg.CHANNELS", (1, 1, 1, 1, 1))
    with pytest.warns(UserWarning, match=r"could not be fetched .*random weights"):
        fcn32s(2, pretrained=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fcn32s(2, width=0.01)


@pytest.mark.parametrize("wrong", [{"width": 0.5}, {"in_channels": 1}])
def test_imagenet_weights_need_the_full_network(wrong):
    with pytest.raises(InputError, match="width=1, three channels"):
        vgg16(pretrained=True, **wrong)
