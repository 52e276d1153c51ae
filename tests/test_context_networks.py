"""PSPNet and DeepLab v1 to v3: the papers' counts, maps and forward passes."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from test_resnet import lively

from segcore import backbones
from segcore.errors import InputError
from segcore.models import (
    count_multiply_adds,
    count_parameters,
    deeplabv1,
    deeplabv2,
    deeplabv3,
    fcn8s,
    pspnet,
    unet,
)
from segcore.models.deeplab_v3 import TORCHVISION
from segcore.nn import PyramidPooling, receptive_field

R101 = {"backbone": "resnet101"}
NO_AUX = {**TORCHVISION, "aux": False}


@pytest.mark.parametrize(
    ("build", "options", "count"),
    [
        (pspnet, {}, 49_081_578),
        (pspnet, R101, 68_073_706),
        (pspnet, {"aux": False}, 49_081_578 - 2_365_205),
        (deeplabv1, {}, 20_505_429),
        (deeplabv2, {}, 44_048_532),
        (deeplabv3, {}, 39_048_533),
        (deeplabv3, {"output_stride": 8}, 39_048_533),
        (deeplabv3, R101, 58_040_661),
        (deeplabv3, NO_AUX, 39_638_869),
        (deeplabv3, {**NO_AUX, **R101}, 58_630_997),
        (deeplabv3, TORCHVISION, 42_004_074),
        (deeplabv3, {**TORCHVISION, **R101}, 60_996_202),
    ],
)
def test_the_papers_parameters(build, options, count):
    with paddle.LazyGuard():
        model = build(21, **options)
    assert count_parameters(model) == count


def test_the_parts_parameters():
    with paddle.LazyGuard():
        psp, v2, v1 = pspnet(21), deeplabv2(21), deeplabv1(21)
    assert count_parameters(psp.aux) == 2_365_205
    assert count_parameters(psp.pyramid) == 4_198_400
    assert count_parameters(psp.head) == 18_886_165
    assert count_parameters(v2.aspp) == 1_548_372
    assert v1.backbone.channels["fc7"] == 1024


@pytest.mark.parametrize(
    ("build", "options", "size", "billions"),
    [
        (pspnet, {}, 473, 161.6),
        (pspnet, R101, 473, 229.8),
        (deeplabv1, {}, 321, 50.9),
        (deeplabv2, {}, 321, 75.1),
        (deeplabv2, {}, 513, 188.9),
        (deeplabv3, {}, 513, 49.6),
        (deeplabv3, R101, 513, 70.2),
        (deeplabv3, {"output_stride": 8}, 513, 165.7),
        (deeplabv3, {"output_stride": 8, **R101}, 513, 245.8),
        (deeplabv3, TORCHVISION, 520, 168.7),
        (deeplabv3, {**TORCHVISION, **R101}, 520, 248.7),
        (fcn8s, {}, 500, 181.5),
    ],
)
def test_the_papers_multiply_adds(build, options, size, billions):
    found = count_multiply_adds(build, 21, (size, size), **options)
    # The references cut off after one decimal or round it.
    assert abs(found / 1e9 - billions) < 0.1


def test_unets_multiply_adds():
    valid = count_multiply_adds(unet, 2, (572, 572), 1, padding="valid")
    same = count_multiply_adds(unet, 2, (512, 512), 1)
    assert (round(valid / 1e8), round(same / 1e8)) == (1504, 1924)


def test_multiply_adds_of_a_layer_used_twice_count_twice():
    once = count_multiply_adds(deeplabv2, 3, (64, 64), width=0.1)
    twice = count_multiply_adds(deeplabv2, 3, (64, 64), width=0.1, scales=(1.0, 1.0))
    assert twice == 2 * once


def dilations(layers):
    """The dilation of each convolution with a kernel of more than one pixel."""
    return [
        layer._dilation[0]
        for layer in layers.sublayers()
        if isinstance(layer, paddle.nn.Conv2D) and layer._kernel_size[0] > 1
    ]


@pytest.mark.parametrize(
    ("build", "options", "strides", "stages"),
    [
        # PSPNet's release has the new rate in every block; torchvision's networks, with
        # the stride in the 3x3 too, keep the rate before in each first block.
        (pspnet, {}, [4, 8, 8, 8], [[2] * 6, [4] * 3]),
        (pspnet, {"output_stride": 16}, [4, 8, 16, 16], [[1] * 6, [2] * 3]),
        (
            pspnet,
            {"dilate_first": False},
            [4, 8, 8, 8],
            [[1, 2, 2, 2, 2, 2], [2, 4, 4]],
        ),
        (deeplabv2, {"backbone": "resnet50"}, [4, 8, 8, 8], [[2] * 6, [4] * 3]),
        (deeplabv3, {}, [4, 8, 16, 16], [[1] * 6, [2, 4, 8]]),
        (deeplabv3, {"output_stride": 8}, [4, 8, 8, 8], [[2] * 6, [4, 8, 16]]),
        (deeplabv3, {"multi_grid": None}, [4, 8, 16, 16], [[1] * 6, [2] * 3]),
        (deeplabv3, TORCHVISION, [4, 8, 8, 8], [[1, 2, 2, 2, 2, 2], [2, 4, 4]]),
    ],
)
def test_strides_and_dilations_of_the_stages(build, options, strides, stages):
    backbone = build(3, width=1 / 32, **options).backbone
    maps = backbone(paddle.zeros([1, 3, 129, 161]))
    sizes = [m.shape[2:] for m in maps.values()]
    assert sizes == [[128 // s + 1, 160 // s + 1] for s in strides]
    assert dilations(backbone.layer1) == [1] * 3
    assert dilations(backbone.layer2) == [1] * 4
    assert [dilations(backbone.layer3), dilations(backbone.layer4)] == stages


def test_pspnets_field_is_the_releases():
    for options, field in [
        ({}, 479),
        ({"stride_in": "1x1"}, 487),  # the released ResNet-50 in Caffe
        ({"dilate_first": False}, 431),
        (R101, 1023),
        ({**R101, "dilate_first": False}, 975),
    ]:
        model = pspnet(3, width=1 / 64, **options)
        assert receptive_field(model.backbone.upto("layer4")) == field


def test_the_rates_of_aspp_belong_to_the_output_stride():
    for options, rates in [
        ({}, [6, 12, 18]),
        ({"output_stride": 8}, [12, 24, 36]),
        ({"output_stride": 8, "rates": (6, 12, 18)}, [6, 12, 18]),
        (TORCHVISION, [12, 24, 36]),
    ]:
        assert dilations(deeplabv3(3, width=1 / 32, **options).aspp) == rates
    assert dilations(deeplabv2(3, width=1 / 32).aspp) == [6, 12, 18, 24]


def test_large_fov_keeps_the_maps_at_an_eighth():
    model = deeplabv1(21, width=1 / 16)
    maps = model.backbone(paddle.zeros([1, 3, 321, 321]))
    sides = [m.shape[2] for m in maps.values()]
    assert sides == [161, 81, 41, 41, 41, 41]
    assert dilations(model.backbone.stages[4]) == [2, 2, 2]
    assert dilations(model.backbone.fc6) == [12]
    # 3x3 with holes of 12 spans more than the classifier's 7x7 at 1/32 would.
    assert receptive_field(model.backbone.upto("fc6")) > 2 * 12 * 8


def test_vgg_keeps_its_values_where_pool4_keeps_its_pixels():
    """conv5 with dilation 2 on the map at 1/8 is conv5 on every second pixel."""
    paddle.seed(0)
    stages = backbones.vgg16_large_fov(width=1 / 16).stages
    strided = backbones.vgg16(width=1 / 16).stages
    for old, new in zip(strided, stages):
        old.set_state_dict(new.state_dict())
    x = paddle.randn([1, 3, 96, 128])
    for stage in stages[:3]:
        x = stage(x)
    before_pool = [stages[3][:-1], paddle.nn.MaxPool2D(3, 2, 1), strided[4][:-1]]
    old = paddle.nn.Sequential(*before_pool)(x)
    new = paddle.nn.Sequential(stages[3], stages[4][:-1])(x)
    np.testing.assert_allclose(new[:, :, ::2, ::2].numpy(), old.numpy(), atol=1e-5)
    # Not so behind pool5, which the paper leaves undilated.
    old, new = paddle.nn.MaxPool2D(3, 1, 1)(old), stages[4][-1](new)
    assert np.abs(new[:, :, ::2, ::2].numpy() - old.numpy()).max() > 1e-2


def pool(x, bin):
    """Means over the fields of a grid, their edges rounded outwards."""
    rows = []
    for i in range(bin):
        top, bottom = i * x.shape[2] // bin, -(-(i + 1) * x.shape[2] // bin)
        row = []
        for j in range(bin):
            left, right = j * x.shape[3] // bin, -(-(j + 1) * x.shape[3] // bin)
            row.append(x[:, :, top:bottom, left:right].mean(axis=[2, 3]))
        rows.append(paddle.stack(row, axis=-1))
    return paddle.stack(rows, axis=-2)


class Flat:
    """A network's weights, taken in order by functional calls."""

    def __init__(self, model):
        self.values = list(model.state_dict().values())

    def conv(self, x, stride=1, rate=1, bias=False):
        weight = self.values.pop(0)
        shift = self.values.pop(0) if bias else None
        padding = rate * (weight.shape[2] // 2)
        return F.conv2d(x, weight, shift, stride, padding, rate)

    def norm(self, x):
        scale, shift, mean, variance = (self.values.pop(0) for _ in range(4))
        return F.batch_norm(x, mean, variance, scale, shift)

    def conv_bn_relu(self, x, stride=1, rate=1):
        return F.relu(self.norm(self.conv(x, stride, rate)))

    def bottleneck(self, x, stride, rate, project, stride_in):
        first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
        y = self.conv_bn_relu(x, first)
        y = self.conv_bn_relu(y, second, rate)
        y = self.norm(self.conv(y))
        return F.relu(y + (self.norm(self.conv(x, stride)) if project else x))

    def resnet50(self, x, strides, rates, stride_in, deep_stem):
        for number in range(3 if deep_stem else 1):
            x = self.conv_bn_relu(x, 1 if number else 2)
        x = F.max_pool2d(x, 3, 2, 1)
        for stride, stage in zip(strides, rates):
            for place, rate in enumerate(stage):
                step = 1 if place else stride
                x = self.bottleneck(x, step, rate, place == 0, stride_in)
        return x

    def done(self):
        return not self.values


@pytest.mark.parametrize(
    ("options", "last", "corners"),
    [
        ({}, [[2] * 6, [4] * 3], False),
        ({"dilate_first": False}, [[1, 2, 2, 2, 2, 2], [2, 4, 4]], False),
        ({"stride_in": "1x1", "align_corners": True}, [[2] * 6, [4] * 3], True),
    ],
)
def test_pspnet_is_its_figure_written_out(options, last, corners):
    paddle.seed(3)
    model = lively(pspnet(5, width=1 / 16, aux=False, **options))
    resizing = {"mode": "bilinear", "align_corners": corners}
    stride_in = options.get("stride_in", "3x3")
    x = paddle.randn([2, 3, 72, 104])
    flat = Flat(model)
    rates = [[1] * 3, [1] * 4, *last]
    features = flat.resnet50(x, (1, 2, 1, 1), rates, stride_in, True)
    parts, size = [features], features.shape[2:]
    for bin in (1, 2, 3, 6):
        level = flat.conv_bn_relu(pool(features, bin))
        parts.append(F.interpolate(level, size, **resizing))
    y = flat.conv_bn_relu(paddle.concat(parts, axis=1))
    y = F.interpolate(flat.conv(y, bias=True), [72, 104], **resizing)
    assert flat.done()
    found = model(x)["out"].numpy()
    np.testing.assert_allclose(found, y.numpy(), atol=1e-4 * np.abs(found).max())


@pytest.mark.parametrize(("output_stride", "corners"), [(16, False), (8, True)])
def test_deeplabv3_is_its_figure_written_out(output_stride, corners):
    paddle.seed(4)
    options = {"output_stride": output_stride, "align_corners": corners}
    model = lively(deeplabv3(5, width=1 / 16, **options))
    x = paddle.randn([2, 3, 72, 104])
    flat = Flat(model)
    rates = {
        16: [[1] * 3, [1] * 4, [1] * 6, [2, 4, 8]],
        8: [[1] * 3, [1] * 4, [2] * 6, [4, 8, 16]],
    }[output_stride]
    strides = {16: (1, 2, 2, 1), 8: (1, 2, 1, 1)}[output_stride]
    features = flat.resnet50(x, strides, rates, "1x1", False)
    factor = 16 // output_stride
    parts = [flat.conv_bn_relu(features)]
    parts += [flat.conv_bn_relu(features, rate=factor * r) for r in (6, 12, 18)]
    image = flat.conv_bn_relu(features.mean(axis=[2, 3], keepdim=True))
    parts.append(image * paddle.ones_like(parts[0]))
    y = flat.conv_bn_relu(paddle.concat(parts, axis=1))
    resizing = {"mode": "bilinear", "align_corners": corners}
    y = F.interpolate(flat.conv(y, bias=True), [72, 104], **resizing)
    assert flat.done()
    found = model(x)["out"].numpy()
    np.testing.assert_allclose(found, y.numpy(), atol=1e-4 * np.abs(found).max())


def caffe_pool(x, stride):
    """Caffe's 3x3 maximum with padding 1: the size is rounded up."""
    x = F.pad(x, [1, 2, 1, 2] if stride == 2 else [1] * 4, value=-1e30)
    return F.max_pool2d(x, 3, stride)


def caffe_mean(x):
    """Caffe's 3x3 mean with padding 1: a ninth of the sum, at the border too."""
    kernel = paddle.full([x.shape[1], 1, 3, 3], 1 / 9)
    return F.conv2d(x, kernel, padding=1, groups=x.shape[1])


@pytest.mark.parametrize("multi_scale", [False, True])
@pytest.mark.parametrize(
    ("size", "corners"), [((65, 97), True), ((72, 104), False), ((60, 83), False)]
)
def test_deeplabv1_is_the_release_written_out(size, corners, multi_scale):
    paddle.seed(9)
    options = {"multi_scale": multi_scale, "align_corners": corners}
    model = deeplabv1(4, width=1 / 16, rate=6, **options)
    model.classifier.weight.set_value(paddle.randn(model.classifier.weight.shape))
    lively(model)
    x = image = paddle.randn([2, 3, *size])
    flat, maps = Flat(model), []
    for number, depth in enumerate((2, 2, 3, 3, 3)):
        for _ in range(depth):
            x = F.relu(flat.conv(x, rate=2 if number == 4 else 1, bias=True))
        x = caffe_pool(x, 2 if number < 3 else 1)
        maps.append(x)
    x = F.relu(flat.conv(caffe_mean(x), rate=6, bias=True))
    parts = [F.relu(flat.conv(x, bias=True))]
    h, w = parts[0].shape[2:]
    assert [h, w] == [-(-(side - 1) // 8) + 1 for side in size]
    if multi_scale:
        for start, stride in zip([image, *maps], (8, 4, 2, 1, 1)):
            x = F.pad(start, [0, stride, 0, stride])  # one place more than enough
            x = F.relu(flat.conv(x, stride, bias=True))[:, :, :h, :w]
            parts.append(F.relu(flat.conv(x, bias=True)))
    scores = flat.conv(paddle.concat(parts, axis=1), bias=True)
    assert flat.done()
    resizing = {"mode": "bilinear", "align_corners": corners}
    expected = F.interpolate(scores, list(size), **resizing).numpy()
    found = model(image)["out"].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(found).max())


def test_deeplabv1s_scores_start_as_in_the_prototxt():
    paddle.seed(10)
    weight = deeplabv1(21, width=1 / 4).classifier.weight
    assert abs(float(weight.std()) - 0.01) < 0.0005


def test_multi_scale_branches_add_their_scores():
    """A linear classifier of what is concatenated is a sum of classifiers."""
    paddle.seed(5)
    model = deeplabv1(4, width=1 / 16, multi_scale=True)
    model.eval()
    x = paddle.randn([1, 3, 65, 97])
    maps = {"image": x, **model.backbone(x)}
    parts = [maps["fc7"], *(b(maps[n]) for n, b in model.branches.items())]
    weight, start, scores = model.classifier.weight, 0, 0
    for part in parts:
        stop = start + part.shape[1]
        scores = scores + F.conv2d(part, weight[:, start:stop])
        start = stop
    assert start == weight.shape[1] == 64 + 5 * 8
    scores = scores + model.classifier.bias.reshape([1, -1, 1, 1])
    expected = F.interpolate(scores, x.shape[2:], mode="bilinear").numpy()
    np.testing.assert_allclose(model(x)["out"].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("corners", [False, True])
def test_scales_are_fused_by_their_maximum(corners):
    paddle.seed(6)
    options = {"width": 1 / 32, "backbone": "resnet18", "align_corners": corners}
    resizing = {"mode": "bilinear", "align_corners": corners}
    one = lively(deeplabv2(4, **options))
    several = deeplabv2(4, scales=(0.5, 0.75, 1.0), **options)
    several.set_state_dict(one.state_dict())
    several.eval()
    x = paddle.randn([1, 3, 96, 128])
    maps = []
    for size in ([48, 64], [72, 96], [96, 128]):
        scaled = F.interpolate(x, size, **resizing)
        # Ceil mode in the stem: 13 x 17 and not 12 x 16.
        maps.append(F.interpolate(one.scores(scaled), [13, 17], **resizing))
    highest = paddle.maximum(paddle.maximum(maps[0], maps[1]), maps[2])
    expected = F.interpolate(highest, [96, 128], **resizing).numpy()
    np.testing.assert_allclose(several(x)["out"].numpy(), expected, atol=1e-4)
    assert np.abs(one(x)["out"].numpy() - expected).max() > 1e-3


def test_the_auxiliary_head_answers_in_training_only():
    for model in (pspnet(4, width=1 / 32), deeplabv3(4, width=1 / 32, **TORCHVISION)):
        x = paddle.randn([2, 3, 40, 56])
        outputs = model(x)
        assert {k: v.shape for k, v in outputs.items()} == {
            "out": [2, 4, 40, 56],
            "aux": [2, 4, 40, 56],
        }
        outputs["aux"].mean().backward()
        assert model.aux[-1].weight.grad is not None
        assert model.backbone.layer4[0][0].layers[0][0][0].weight.grad is None
        model.eval()
        assert list(model(x)) == ["out"]


@pytest.mark.parametrize("size", [(6, 6), (7, 11), (4, 5), (3, 9)])
def test_pyramid_pooling_is_means_over_grids(size):
    paddle.seed(7)
    model = lively(PyramidPooling(8, (1, 2, 3, 6)))
    x = paddle.randn([2, 8, *size])
    flat = Flat(model)
    parts = [x]
    for bin in (1, 2, 3, 6):
        level = flat.conv_bn_relu(pool(x, bin))
        parts.append(F.interpolate(level, list(size), mode="bilinear"))
    expected = paddle.concat(parts, axis=1).numpy()
    np.testing.assert_allclose(model(x).numpy(), expected, atol=1e-5)
    assert model.out_channels == 16 == expected.shape[1]


def test_a_batch_of_one_is_refused_in_training():
    x = paddle.randn([1, 3, 40, 40])
    for model in (pspnet(3, width=1 / 32), deeplabv3(3, width=1 / 32)):
        with pytest.raises(InputError, match="batch of 1"):
            model(x)
        model.eval()
        assert model(x)["out"].shape == [1, 3, 40, 40]
    for model in (
        pspnet(3, width=1 / 32, bins=(2, 3), aux=False),
        pspnet(3, width=1 / 32, bins=()),
        deeplabv3(3, width=1 / 32, image_pooling=False),
    ):
        model.train()
        assert model(x)["out"].shape == [1, 3, 40, 40]


def test_imagenet_weights_are_put_where_they_belong(monkeypatch):
    """Stands in for the download: Paddle's VGG16 with random weights."""
    paddle.seed(8)
    theirs = paddle.vision.models.vgg16()
    monkeypatch.setattr(paddle.vision.models, "vgg16", lambda pretrained: theirs)
    ours = deeplabv1(3, pretrained=True).backbone
    values = list(theirs.state_dict().values())
    for number, value in enumerate(list(ours.state_dict().values())[:26]):
        assert paddle.equal_all(value, values[number]), number
    fc6 = values[26].t().reshape([4096, 512, 7, 7])
    assert paddle.equal_all(ours.fc6[0].weight, fc6[::4][:, :, ::3, ::3])
    assert paddle.equal_all(ours.fc7[0].weight[:, :, 0, 0], values[28].t()[::4, ::4])


def test_what_does_not_fit_is_refused():
    for build, wrong, message in [
        (pspnet, {"backbone": "vgg16"}, "no backbone 'vgg16'; take resnet18"),
        (deeplabv2, {"scales": ()}, "one at least"),
        (deeplabv2, {"scales": (0, 1)}, "above 0"),
        (deeplabv3, {"output_stride": 4}, "8, 16 or 32"),
        (deeplabv3, {"backbone": "resnet18"}, "3 factors, but layer4 has 2"),
        (deeplabv1, {"pretrained": True, "norm": "batch"}, "no norm only"),
        (deeplabv3, {"pretrained": True, "width": 0.5}, "width=1"),
    ]:
        with pytest.raises(InputError, match=message):
            build(3, **{"width": 1 / 32, **wrong})
