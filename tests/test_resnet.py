"""ResNets: the paper's counts, Paddle's values, dilation that keeps the weights."""

import numpy as np
import paddle
import pytest

from segcore import backbones
from segcore.errors import InputError
from segcore.models import count_parameters
from segcore.nn import receptive_field

RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101")


def lively(model):
    """Batch norms with statistics of their own: fresh ones would hide a wrong order."""
    rng = np.random.default_rng(0)
    for name, value in model.state_dict().items():
        if "_mean" in name or "bias" in name:
            value.set_value(0.1 * rng.standard_normal(value.shape).astype("float32"))
        elif "_variance" in name:
            value.set_value(rng.uniform(0.8, 1.2, value.shape).astype("float32"))
    model.eval()
    return model


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("resnet50", {}, 23_508_032),
        ("resnet101", {}, 42_500_160),
        # PSPNet's less its heads.
        ("resnet50", {"deep_stem": True}, 49_081_578 - 2_365_205 - 23_084_565),
    ],
)
def test_the_papers_parameters(name, options, count):
    with paddle.LazyGuard():
        model = getattr(backbones, name)(**options)
    assert count_parameters(model) == count


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_values_are_paddles(name, monkeypatch):
    """Stands in for the download: Paddle's network with random weights."""
    paddle.seed(0)
    theirs = lively(getattr(paddle.vision.models, name)(num_classes=0, with_pool=False))
    monkeypatch.setattr(paddle.vision.models, name, lambda pretrained: theirs)
    ours = getattr(backbones, name)(pretrained=True)
    ours.eval()
    x = paddle.randn([1, 3, 64, 96])
    found, expected = ours(x)["layer4"].numpy(), theirs(x).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
@pytest.mark.parametrize("stride_in", ["3x3", "1x1"])
def test_dilation_keeps_what_the_weights_mean(name, stride_in):
    """Strides out, dilation in: sampled, the maps are those of the strided network."""
    build = getattr(backbones, name)
    paddle.seed(1)
    networks = {
        stride: build(width=1 / 16, output_stride=stride, stride_in=stride_in)
        for stride in (32, 16, 8)
    }
    lively(networks[32])
    x = paddle.randn([1, 3, 128, 160])
    old = networks[32](x)
    fields = set()
    for stride, model in networks.items():
        model.set_state_dict(networks[32].state_dict())
        model.eval()
        new = model(x)
        for map_name, whole in new.items():
            step = whole.shape[2] // old[map_name].shape[2]
            sampled = whole[:, :, ::step, ::step].numpy()
            expected = old[map_name].numpy()
            scale = np.abs(expected).max()
            np.testing.assert_allclose(sampled / scale, expected / scale, atol=1e-5)
        assert new["layer4"].shape[2:] == [128 // stride, 160 // stride]
        fields.add(receptive_field(model.upto("layer4")))
    assert len(fields) == 1


def dilations(model, name):
    """The dilation of each 3x3 convolution of a stage."""
    return [
        layer._dilation[0]
        for layer in getattr(model, name).sublayers()
        if isinstance(layer, paddle.nn.Conv2D) and layer._kernel_size[0] == 3
    ]


def test_dilations_stand_where_the_papers_have_them():
    build = backbones.resnet50
    model = build(width=0.05, output_stride=8)
    assert dilations(model, "layer3") == [1, 2, 2, 2, 2, 2]
    assert dilations(model, "layer4") == [2, 4, 4]
    model = build(width=0.05, output_stride=8, dilate_first=True)
    assert dilations(model, "layer2") == [1] * 4
    assert (
        dilations(model, "layer3") == [2] * 6 and dilations(model, "layer4") == [4] * 3
    )
    basic = backbones.resnet18(width=0.05, output_stride=8)
    assert dilations(basic, "layer4") == [2, 4, 4, 4]
    basic = backbones.resnet18(width=0.05, output_stride=8, dilate_first=True)
    assert dilations(basic, "layer4") == [4] * 4
    model = build(width=0.05, output_stride=8, stride_in="1x1")
    assert (
        dilations(model, "layer3") == [2] * 6 and dilations(model, "layer4") == [4] * 3
    )
    for stride, rates in ((16, [2, 4, 8]), (8, [4, 8, 16])):
        model = build(width=0.05, output_stride=stride, multi_grid=(1, 2, 4))
        assert dilations(model, "layer4") == rates


def test_what_does_not_fit_is_refused():
    for wrong, message in [
        ({"output_stride": 4}, "8, 16 or 32"),
        ({"stride_in": "2x2"}, "2x2"),
        ({"multi_grid": (1, 2)}, "2 factors, but layer4 has 3"),
        ({"pretrained": True, "deep_stem": True}, "7x7 stem"),
        ({"pretrained": True, "width": 0.5}, "width=1"),
    ]:
        with pytest.raises(InputError, match=message):
            backbones.resnet50(**wrong)
