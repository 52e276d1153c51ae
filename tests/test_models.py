"""Every network: the paper's parameter count, shapes, and that it learns."""

import numpy as np
import paddle
import pytest

from segcore import losses
from segcore.errors import InputError
from segcore.models import MODELS, count_parameters, unet
from segcore.models.deeplab_v3 import TORCHVISION
from segcore.training import checkpoint


@pytest.mark.parametrize(
    ("num_classes", "channels", "padding", "count"),
    [
        (2, 1, "valid", 31_030_658),
        (1, 1, "valid", 31_030_593),
        (2, 3, "valid", 31_031_810),
        (21, 3, "valid", 31_033_045),
        (2, 1, "same", 31_036_546),
        (2, 3, "same", 31_037_698),
    ],
)
def test_unet_has_the_papers_parameters(num_classes, channels, padding, count):
    model = unet(num_classes, in_channels=channels, padding=padding)
    assert count_parameters(model) == count


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("size", [(32, 32), (33, 47), (64, 101)])
def test_output_has_the_inputs_size(name, size):
    model = MODELS[name](5, width=0.05)
    assert model(paddle.zeros([2, 3, *size]))["out"].shape == [2, 5, *size]


def test_valid_unet_gives_388_for_572_and_refuses_570():
    model = unet(2, in_channels=1, width=0.02, padding="valid")
    assert model(paddle.zeros([1, 1, 572, 572]))["out"].shape == [1, 2, 388, 388]
    assert model(paddle.zeros([1, 1, 188, 204]))["out"].shape == [1, 2, 4, 20]
    with pytest.raises(
        InputError, match=r"188 \+ 16k pixels, not 570 x 572; .* 572 x 5"
    ):
        model(paddle.zeros([1, 1, 570, 572]))
    assert model.input_size(388, 1) == (572, 188)
    assert model.input_size(389, 5) == (588, 204)


def test_skips_and_norm_are_options():
    with_skips = unet(2, width=0.1)
    without = unet(2, width=0.1, skips=False)
    assert count_parameters(without) < count_parameters(with_skips)
    assert not any(
        "norm" in type(x).__name__.lower() for x in unet(2, norm=None).sublayers()
    )
    assert without(paddle.zeros([1, 3, 40, 40]))["out"].shape == [1, 2, 40, 40]
    added = unet(2, width=0.1, skips="add")
    assert count_parameters(added) == count_parameters(without)
    x = paddle.randn([1, 3, 40, 40])
    assert added(x)["out"].shape == [1, 2, 40, 40]
    without.set_state_dict(added.state_dict())
    assert not paddle.allclose(added(x)["out"], without(x)["out"])
    for wrong in ({"padding": "full"}, {"norm": "group"}, {"skips": "sum"}):
        with pytest.raises(InputError):
            unet(2, **wrong)


def test_unet_equals_the_figure_written_out():
    """The same weights in a flat construction of figure 1, by functional calls only."""
    import paddle.nn.functional as F

    paddle.seed(1)
    model = unet(2, in_channels=1, width=1 / 16, padding="valid")
    model.eval()
    w = dict(model.state_dict())

    def conv(x, name):
        return F.relu(F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"]))

    def up(x, name):
        return F.conv2d_transpose(x, w[f"{name}.weight"], w[f"{name}.bias"], stride=2)

    x = paddle.randn([1, 1, 220, 220])
    d1 = conv(conv(x, "contract.0.0"), "contract.0.2")
    d2 = conv(conv(F.max_pool2d(d1, 2), "contract.1.0"), "contract.1.2")
    d3 = conv(conv(F.max_pool2d(d2, 2), "contract.2.0"), "contract.2.2")
    d4 = conv(conv(F.max_pool2d(d3, 2), "contract.3.0"), "contract.3.2")
    d5 = conv(conv(F.max_pool2d(d4, 2), "contract.4.0"), "contract.4.2")
    # The crops of the paper: 4, 16, 40 and 88 pixels a side.
    u4 = paddle.concat([d4[:, :, 4:-4, 4:-4], up(d5, "up.0")], 1)
    u4 = conv(conv(u4, "expand.0.0"), "expand.0.2")
    u3 = paddle.concat([d3[:, :, 16:-16, 16:-16], up(u4, "up.1")], 1)
    u3 = conv(conv(u3, "expand.1.0"), "expand.1.2")
    u2 = paddle.concat([d2[:, :, 40:-40, 40:-40], up(u3, "up.2")], 1)
    u2 = conv(conv(u2, "expand.2.0"), "expand.2.2")
    u1 = paddle.concat([d1[:, :, 88:-88, 88:-88], up(u2, "up.3")], 1)
    u1 = conv(conv(u1, "expand.3.0"), "expand.3.2")
    expected = F.conv2d(u1, w["classifier.weight"], w["classifier.bias"])
    np.testing.assert_allclose(model(x)["out"].numpy(), expected.numpy(), atol=1e-5)


def test_unets_weights_start_at_the_papers_deviation():
    """sqrt(2 / N), N the number of values that one output is made of."""
    paddle.seed(2)
    model = unet(2, width=1 / 4, padding="valid")
    for layer in model.sublayers():
        if isinstance(layer, paddle.nn.Conv2DTranspose):
            incoming = layer.weight.shape[0]  # kernel = stride: one tap an output
        elif isinstance(layer, paddle.nn.Conv2D):
            incoming = np.prod(layer.weight.shape[1:])
        else:
            continue
        if layer.weight.size > 5000:
            deviation = float(layer.weight.std()) / (2 / incoming) ** 0.5
            assert abs(deviation - 1) < 0.05, layer


MSC = ("image", "pool1", "pool2", "pool3", "pool4")
# By name: options, rates, and the layers that read nothing but what comes out of a
# dropout. U-Net's level 4 goes down and across, level 5 up.
DROPOUT = {
    "fcn32s": ({}, [0.5, 0.5], ["backbone.fc7.0", "score.0"]),
    "fcn16s": ({}, [0.5, 0.5], ["backbone.fc7.0", "score.0"]),
    "fcn8s": ({}, [0.5, 0.5], ["backbone.fc7.0", "score.0"]),
    "unet": ({"padding": "valid"}, [0.5], ["contract.4.0", "expand.0.0", "up.0"]),
    "pspnet": ({}, [0.1, 0.1], ["head.2", "aux.2"]),
    "deeplabv1": (
        {"multi_scale": True},
        [0.5] * 12,
        ["backbone.fc7.0", "classifier", *(f"branches.{name}.3" for name in MSC)],
    ),
    "deeplabv2": ({}, [], []),
    "deeplabv3": ({}, [0.1], ["head.0"]),
    "gcn": ({}, [], []),
    "glore": ({}, [0.1, 0.1], ["head.1", "aux.2"]),
    "ginet": ({}, [0.1, 0.1], ["head.1", "aux.2"]),
    "torchvision": (TORCHVISION, [0.5, 0.1], ["head.0.0", "aux.2"]),
}


def dropouts(model):
    kinds = paddle.nn.Dropout, paddle.nn.Dropout2D
    return [layer for layer in model.sublayers() if isinstance(layer, kinds)]


@pytest.mark.parametrize("name", DROPOUT)
def test_dropout_stands_where_it_was_released(name):
    options, rates, readers = DROPOUT[name]
    build = MODELS.get(name, MODELS["deeplabv3"])
    model = build(3, width=1 / 32, **options)
    assert sorted(layer.p for layer in dropouts(model)) == sorted(rates)
    channels = paddle.nn.Dropout2D if name == "pspnet" else paddle.nn.Dropout
    assert {type(layer) for layer in dropouts(model)} <= {channels}
    # At a rate of 1 nothing is left of what stands behind it, and of nothing else.
    for layer in dropouts(model):
        layer.p = 1
    empty = []
    for place, layer in model.named_sublayers():
        if isinstance(layer, (paddle.nn.Conv2D, paddle.nn.Conv2DTranspose)):

            def note(layer, inputs, place=place):
                if float(inputs[0].abs().max()) == 0:
                    empty.append(place)

            layer.register_forward_pre_hook(note)
    # Biases fill the maps further on. U-Net's up-convolutions keep zeros, so that what
    # comes across shows.
    for layer in model.sublayers():
        filling = isinstance(layer, (paddle.nn.Conv2D, paddle.nn.BatchNorm2D))
        if filling and layer.bias is not None:
            layer.bias.set_value(paddle.ones_like(layer.bias))
    size = 188 if name == "unet" else 40
    model(paddle.randn([2, 3, size, size]))
    assert sorted(empty) == sorted(readers)


@pytest.mark.parametrize("name", [name for name in MODELS if DROPOUT[name][1]])
def test_dropout_is_one_option_and_0_leaves_it_out(name):
    options = DROPOUT[name][0]
    with_it, without = (
        MODELS[name](3, width=1 / 32, dropout=rate, **options) for rate in (0.4, 0)
    )
    assert max(layer.p for layer in dropouts(with_it)) == 0.4
    assert all(layer.p == 0 for layer in dropouts(without))
    without.set_state_dict(with_it.state_dict())
    paddle.seed(3)
    for model in (with_it, without):
        for layer in getattr(model, "score", []):  # FCN's start at zero
            layer.weight.set_value(paddle.ones_like(layer.weight))
    size = 188 if name == "unet" else 40
    x = paddle.randn([2, 3, size, size])
    assert not paddle.equal_all(with_it(x)["out"], with_it(x)["out"])
    assert paddle.equal_all(without(x)["out"], without(x)["out"])
    with_it.eval()
    without.eval()
    without.set_state_dict(with_it.state_dict())  # the running statistics
    assert paddle.equal_all(with_it(x)["out"], without(x)["out"])


def test_unet_with_batch_norm_has_no_dropout_unless_told():
    for options, rate in [
        ({}, 0),
        ({"norm": None}, 0.5),
        ({"padding": "valid"}, 0.5),
        ({"padding": "valid", "norm": "batch"}, 0),
        ({"dropout": 0.2}, 0.2),
        ({"padding": "valid", "dropout": 0}, 0),
    ]:
        assert [layer.p for layer in dropouts(unet(2, width=0.02, **options))] == [rate]


@pytest.mark.parametrize("name", MODELS)
def test_a_few_steps_lower_the_loss(name):
    paddle.seed(0)
    model = MODELS[name](3, width=0.1)
    optimizer = paddle.optimizer.AdamW(2e-3, parameters=model.parameters())
    x = paddle.randn([2, 3, 4, 4]).repeat_interleave(16, 2).repeat_interleave(16, 3)
    y = (x[:, 0] > 0).astype("int64") + (x[:, 1] > 1).astype("int64")
    found = []
    for _ in range(25):
        loss = losses.cross_entropy(model(x)["out"], y)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        found.append(float(loss))
    assert found[-1] < 0.7 * found[0]


@pytest.mark.parametrize("name", MODELS)
def test_saved_and_loaded_weights_give_identical_outputs(name, tmp_path):
    paddle.seed(0)
    model = MODELS[name](3, width=0.05)
    for parameter in model.parameters():  # what starts at zero would prove nothing
        parameter.set_value(parameter + 0.1 * paddle.randn(parameter.shape))
    x = paddle.randn([2, 3, 40, 33])
    model(x)  # in training mode: the running statistics change too
    model.eval()
    checkpoint.save_weights(model, tmp_path / "weights.safetensors")
    paddle.seed(1)
    other = MODELS[name](3, width=0.05)
    other.eval()
    assert not paddle.equal_all(other(x)["out"], model(x)["out"])
    checkpoint.load_weights(other, tmp_path / "weights.safetensors")
    assert paddle.equal_all(other(x)["out"], model(x)["out"])
