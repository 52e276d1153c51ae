"""GCN, GloRe and GINet: the papers' counts, their figures written out, word vectors."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from test_context_networks import Flat
from test_resnet import lively

from segcore import backbones
from segcore.errors import InputError
from segcore.models import count_multiply_adds, count_parameters, gcn, ginet, glore
from segcore.models.ginet import read_words
from segcore.nn import (
    BoundaryRefinement,
    GlobalConvolution,
    GloReUnit,
    GraphInteraction,
    effective_receptive_field,
    receptive_field,
)

RESNET50, RESNET101, RESNET152 = 23_508_032, 42_500_160, 58_143_808
R101, R152 = {"backbone": "resnet101"}, {"backbone": "resnet152"}


def stirred(model, seed=0):
    """Other values for all parameters: those that start at 0 would hide the rest."""
    paddle.seed(seed)
    for parameter in lively(model).parameters():
        parameter.set_value(parameter + 0.3 * paddle.randn(parameter.shape))
    for name, value in model.state_dict().items():
        if "_variance" in name:
            value.set_value(value.abs() + 0.5)
    return model


def close(found, expected, tolerance=1e-5):
    found, expected = (np.asarray(a, np.float64) for a in (found, expected))
    assert found.shape == expected.shape
    assert np.abs(expected).max() > 0.01
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, atol=tolerance * scale)


# Counts


@pytest.mark.parametrize(
    ("options", "count", "billions"),
    [
        ({}, 26_052_308, 29.5),
        (R101, 45_044_436, 48.9),
        (R152, 60_688_084, 68.3),
        ({**R152, "kernel_size": 7}, 59_369_620, None),
    ],
)
def test_gcns_cost(options, count, billions):
    with paddle.LazyGuard():
        assert count_parameters(gcn(21, **options)) == count
    if billions:
        found = count_multiply_adds(gcn, 21, (512, 512), **options)
        assert abs(found / 1e9 - billions) < 0.05


def test_resnet152s_parameters():
    with paddle.LazyGuard():
        model = backbones.resnet152()
    assert count_parameters(model) == RESNET152


@pytest.mark.parametrize(("nodes", "count"), [(64, 185_600), (128, 411_136)])
def test_the_glore_units_parameters(nodes, count):
    unit = GloReUnit(512, nodes)
    assert count_parameters(unit) == count
    assert unit.states.weight.shape[0] == 2 * nodes


@pytest.mark.parametrize(
    ("options", "backbone"), [({}, RESNET50), (R101, RESNET101), (R152, RESNET152)]
)
def test_the_graph_networks_parameters(options, backbone):
    """Their heads stand on the backbone: 1x1 or 3x3 to 512, the unit, the scores."""
    with paddle.LazyGuard():
        small, large = glore(21, **options), ginet(21, **options)
    scores, aux = 512 * 21 + 21, 2_365_205
    expected = backbone + 2048 * 512 + 2 * 512 + 185_600 + scores + aux
    assert count_parameters(small) == expected
    # The head of the port in PaddleSeg has 10,156,370 with 7 classes. 14 more make
    # their graph larger and their scores more; vectors and centroids are ours.
    head = 10_156_370 + (21**2 - 7**2) + 14 * (1 + 1 + 512 + 1)
    expected = backbone + head + aux + 21 * (300 + 256)
    assert count_parameters(large) == expected


def test_width_scales_and_nodes_are_given():
    model = glore(3, width=1 / 8, nodes=30)
    assert model.unit.maps.weight.shape == [30, 64, 1, 1]
    assert model.unit.states.weight.shape == [16, 64, 1, 1]
    unit = ginet(3, width=1 / 4, nodes=5).unit
    assert unit.maps.weight.shape[:2] == [5, 128]
    assert unit.states.weight.shape[:2] == [64, 128]


# Large kernels


@pytest.mark.parametrize("k", [1, 3, 7, 15])
def test_the_two_paths_are_one_dense_kernel(k):
    """One channel: the kernels are outer products of the narrow ones, and add up."""
    paddle.seed(1)
    model = GlobalConvolution(1, 1, k)
    shapes = [[layer.weight.shape[2:] for layer in path] for path in model.layers]
    assert shapes == [[[k, 1], [1, k]], [[1, k], [k, 1]]]
    kernel = 0
    for path in model.layers:
        first, second = (layer.weight[0, 0].numpy() for layer in path)
        kernel = kernel + first * second  # [k, 1] * [1, k], or the other way round
    kernel = paddle.to_tensor(kernel.reshape(1, 1, k, k))
    x = paddle.randn([2, 1, 13, 18])
    close(model(x), F.conv2d(x, kernel, padding=k // 2))
    # Where both paths have their own columns and rows, the rank is 2, not more.
    assert np.linalg.matrix_rank(kernel[0, 0].numpy()) == min(k, 2)


def test_the_scores_of_gcn_start_at_the_scale_of_the_others():
    """He's initialisation, meant for ReLUs, doubles the variance eight times over."""
    paddle.seed(2)
    x = paddle.randn([4, 64, 40, 40])
    found = float(GlobalConvolution(64, 6, 7)(x)[:, :, 6:-6, 6:-6].std())
    assert 1 < found < 2  # two paths of variance 1
    refinement, scores = BoundaryRefinement(6), paddle.randn([2, 6, 8, 9])
    assert paddle.equal_all(refinement(scores), scores)
    model = gcn(6, width=1 / 4)
    assert float(model(paddle.randn([4, 3, 96, 96]))["out"].std()) < 4


def test_fields_of_the_large_kernel_network():
    for k in (1, 7, 15):
        assert receptive_field(GlobalConvolution(3, 4, k)) == k
    assert receptive_field(BoundaryRefinement(3)) == 5
    seen = effective_receptive_field(GlobalConvolution(3, 4, 7), (21, 25)) > 0
    rows, columns = np.nonzero(seen)
    assert (rows.min(), rows.max()) == (10 - 3, 10 + 3)
    assert (columns.min(), columns.max()) == (12 - 3, 12 + 3)
    assert seen.sum() == 49
    fields = {}
    for k in (1, 15):
        model = gcn(3, width=1 / 64, backbone="resnet18", kernel_size=k)
        for name in ("layer1", "layer4"):
            layers = paddle.nn.Sequential(
                model.backbone.upto(name), model.scores[name][0]
            )
            fields[name, k] = receptive_field(layers)
    assert fields["layer1", 15] - fields["layer1", 1] == 4 * 14
    assert fields["layer4", 15] - fields["layer4", 1] == 32 * 14


class Wide(Flat):
    """Kernels of any shape, with bias; graph layers."""

    def wide(self, x):
        weight, bias = self.values.pop(0), self.values.pop(0)
        return F.conv2d(x, weight, bias, padding=[s // 2 for s in weight.shape[2:]])

    def large(self, x):
        left = self.wide(self.wide(x))
        return left + self.wide(self.wide(x))

    def refine(self, x):
        return x + self.wide(F.relu(self.wide(x)))

    def resnet(self, x, strides, rates):
        maps = []
        x = F.max_pool2d(self.conv_bn_relu(x, 2), 3, 2, 1)
        for stride, stage in zip(strides, rates):
            for place, rate in enumerate(stage):
                step = 1 if place else stride
                x = self.bottleneck(x, step, rate, place == 0, "3x3")
            maps.append(x)
        return maps


STRIDED = (1, 2, 2, 2), [[1] * 3, [1] * 4, [1] * 6, [1] * 3]
DILATED = (1, 2, 1, 1), [[1] * 3, [1] * 4, [1] + [2] * 5, [2, 4, 4]]


def larger(x, size):
    return F.interpolate(x, size, mode="bilinear", align_corners=False)


def test_gcn_is_its_figure_written_out():
    model = stirred(gcn(4, width=1 / 16, kernel_size=5))
    x = paddle.randn([2, 3, 71, 104])
    flat = Wide(model)
    c2, c3, c4, c5 = flat.resnet(x, *STRIDED)
    coarse = flat.refine(flat.large(c5))
    sums = [flat.refine(flat.large(c)) for c in (c4, c3, c2)]
    y = coarse
    for scores in sums:
        y = flat.refine(larger(y, scores.shape[2:]) + scores)
    y = flat.refine(larger(y, [36, 52]))
    y = flat.refine(larger(y, [71, 104]))
    assert flat.done()
    close(model(x)["out"], y, 1e-4)


# Graphs


def value_of(model):
    return {name: value.numpy() for name, value in model.state_dict().items()}


def reason(value, prefix, v):
    """relu(AV + b + V) W of one image, node by node; v is `[nodes, states]`."""
    a, b = value[f"{prefix}.adjacency.weight"], value[f"{prefix}.adjacency.bias"]
    w = value[f"{prefix}.weight.weight"]
    out = np.zeros(v.shape)
    for i in range(len(v)):
        heard = v[i] + b[i] + sum(a[i, j, 0] * v[j] for j in range(len(v)))
        for s in range(v.shape[1]):
            out[i, s] = sum(max(heard[t], 0) * w[t, s] for t in range(v.shape[1]))
    return out


def project(value, x, normalize):
    """Nodes and weights of one image `[C, H, W]`, place by place."""
    height, width = x.shape[1:]
    b = np.zeros((len(value["maps.bias"]), height, width))
    v = np.zeros((len(b), len(value["states.bias"])))
    for r in range(height):
        for c in range(width):
            here = x[:, r, c]
            b[:, r, c] = value["maps.weight"][:, :, 0, 0] @ here + value["maps.bias"]
            states = value["states.weight"][:, :, 0, 0] @ here + value["states.bias"]
            for i in range(len(b)):
                v[i] += b[i, r, c] * states
    return v / (height * width if normalize else 1), b


def lay_back(value, x, z, b, epsilon):
    out = np.zeros(x.shape)
    for r in range(x.shape[1]):
        for c in range(x.shape[2]):
            y = sum(b[i, r, c] * z[i] for i in range(len(z)))
            y = value["extend.weight"][:, :, 0, 0] @ y
            y = (y - value["norm._mean"]) / np.sqrt(value["norm._variance"] + epsilon)
            out[:, r, c] = x[:, r, c] + y * value["norm.weight"] + value["norm.bias"]
    return out


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("nodes", [1, 3, 9])  # 9: more nodes than places
def test_the_glore_unit_place_by_place(nodes, normalize):
    unit = stirred(GloReUnit(5, nodes, 4, normalize=normalize))
    x = paddle.randn([2, 5, 2, 3])
    value = value_of(unit)
    expected = []
    for image in x.numpy():
        v, b = project(value, image, normalize)
        z = reason(value, "graph", v)
        expected.append(lay_back(value, image, z, b, 1e-4))
    close(unit(x), np.stack(expected))
    assert unit.maps(x).shape == [2, nodes, 2, 3]


def test_the_graph_interaction_unit_place_by_place():
    unit = stirred(GraphInteraction(5, 3, 4, 6))
    x, words = paddle.randn([2, 5, 2, 3]), paddle.randn([6, 4])
    found, seen = unit(x, words)
    value = value_of(unit)

    def linear(name, rows):
        return rows @ value[f"{name}.weight"] + value[f"{name}.bias"]

    for number, image in enumerate(x.numpy()):
        v, b = project(value, image, True)
        v, s = reason(value, "graph", v), reason(value, "word_graph", words.numpy())
        query, key = linear("query", s), linear("key", v)
        from_nodes, from_words = linear("from_nodes", v), linear("from_words", s)
        # Each class listens to all nodes, each node to all classes.
        strength = np.exp([[q @ k for k in key] for q in query])
        expected = np.zeros(s.shape)
        for c in range(6):
            heard = sum(strength[c, i] * from_nodes[i] for i in range(3))
            share = value["word_share"][c]
            expected[c] = share * s[c] + heard / strength[c].sum()
        close(seen[number], expected)
        z = np.zeros(v.shape)
        for i in range(3):
            heard = sum(strength[c, i] * from_words[c] for c in range(6))
            z[i] = v[i] + value["node_share"][i] * heard / strength[:, i].sum()
        close(found[number], lay_back(value, image, z, b, 1e-5))


def test_the_glore_unit_starts_as_the_identity_and_learns_away_from_it():
    paddle.seed(2)
    unit = GloReUnit(6, 4)
    x = paddle.randn([2, 6, 5, 7])
    assert paddle.equal_all(unit(x), x)
    optimizer = paddle.optimizer.SGD(0.5, parameters=unit.parameters())
    (unit(x) * paddle.randn(x.shape)).sum().backward()
    optimizer.step()
    assert not paddle.allclose(unit(x), x, atol=1e-2)


def test_nodes_do_not_know_where_things_are():
    """Places shuffled are outputs shuffled: a graph reasons over what, not where."""
    unit = stirred(GloReUnit(6, 4))
    x = paddle.randn([1, 6, 4, 5])
    order = np.random.default_rng(0).permutation(20)

    def shuffled(maps):
        return maps.flatten(2).numpy()[:, :, order]

    moved = paddle.to_tensor(shuffled(x)).reshape(x.shape)
    close(unit(moved).flatten(2), shuffled(unit(x)))


def test_normalized_nodes_do_not_grow_with_the_image():
    for normalize, factor in ((True, 1), (False, 4)):
        unit = GloReUnit(6, 4, normalize=normalize)
        x = paddle.randn([1, 6, 4, 5])
        close(unit.project(x.tile([1, 1, 2, 2]))[0], factor * unit.project(x)[0])


def test_glore_is_its_head_written_out():
    model = stirred(glore(4, width=1 / 16, aux=False))
    x = paddle.randn([2, 3, 71, 104])
    flat = Wide(model)
    y = flat.conv_bn_relu(flat.resnet(x, *DILATED)[-1])
    states, maps = flat.conv(y, bias=True), flat.conv(y, bias=True)
    v = paddle.einsum("nshw,nihw->nis", states, maps) / (9 * 13)
    a, b, w = (flat.values.pop(0) for _ in range(3))
    v = F.relu(paddle.einsum("ij,njs->nis", a[:, :, 0], v) + b.unsqueeze(-1) + v)
    laid = paddle.einsum("nis,st,nihw->nthw", v, w, maps)
    extended = flat.conv(laid)
    scale, shift, mean, variance = (flat.values.pop(0) for _ in range(4))
    y = y + F.batch_norm(extended, mean, variance, scale, shift, epsilon=1e-4)
    y = larger(flat.conv(y, bias=True), [71, 104])
    assert flat.done()
    close(model(x)["out"], y, 1e-4)
    plain = glore(4, width=1 / 16, aux=False, unit=False)
    assert count_parameters(model) - count_parameters(plain) == count_parameters(
        model.unit
    )


def test_ginet_is_its_head_written_out():
    model = stirred(ginet(5, width=1 / 16, aux=False))
    x = paddle.randn([2, 3, 71, 104])
    layer4 = model.backbone(x)["layer4"]
    words, flat = model.words, Flat(model.embed)
    for _ in range(2):
        weight, bias = flat.values.pop(0), flat.values.pop(0)
        words = words @ weight + bias
        words = F.relu(flat.norm(words))
    assert flat.done()
    flat = Flat(model.reduce)
    features, seen = model.unit(flat.conv_bn_relu(layer4), words)
    y = larger(Flat(model.head).conv(features, bias=True), [71, 104])
    outputs = model(x)
    close(outputs["out"], y, 1e-4)
    presence = paddle.einsum("ncs,cs->nc", seen, model.centroids)
    close(outputs["presence"], presence, 1e-4)


# Networks


@pytest.mark.parametrize("build", [gcn, glore, ginet])
@pytest.mark.parametrize("size", [(32, 32), (33, 47), (41, 90)])
def test_outputs_in_training_and_evaluation(build, size):
    model = build(4, width=1 / 32)
    expected = {"out": [2, 4, *size]}
    if build is ginet:
        expected["presence"] = [2, 4]
    x = paddle.randn([2, 3, *size])
    aux = {} if build is gcn else {"aux": [2, 4, *size]}
    assert {k: v.shape for k, v in model(x).items()} == {**expected, **aux}
    model.eval()
    assert {k: v.shape for k, v in model(x).items()} == expected
    assert paddle.equal_all(model(x)["out"], model(x)["out"])


@pytest.mark.parametrize("build", [gcn, glore, ginet])
def test_the_gradient_reaches_every_parameter(build):
    model = stirred(build(4, width=1 / 16))
    model.eval()
    outputs = model(paddle.randn([2, 3, 64, 80]))
    paddle.seed(5)
    sum((out * paddle.randn(out.shape)).sum() for out in outputs.values()).backward()
    dead = [
        name
        for name, parameter in model.named_parameters()
        if parameter.trainable
        and not name.startswith("aux")
        and (parameter.grad is None or not float(parameter.grad.abs().max()))
    ]
    assert dead == []


def test_the_auxiliary_heads_answer_for_layer3():
    for build in (glore, ginet):
        model = build(4, width=1 / 32)
        model(paddle.randn([2, 3, 40, 56]))["aux"].mean().backward()
        assert model.aux[-1].weight.grad is not None
        assert model.backbone.layer4[0][0].layers[0][0][0].weight.grad is None
        assert build(4, width=1 / 32, aux=False).aux is None


def test_presence_is_learned():
    """Its loss alone teaches which of two classes an image holds."""
    paddle.seed(6)
    model = ginet(3, width=1 / 16, backbone="resnet18", aux=False)
    x = paddle.randn([8, 3, 32, 32])
    truth = paddle.to_tensor([[1.0, 0, 1], [1, 1, 0]] * 4)
    x[:, 0] += 2 * truth[:, 1].reshape([8, 1, 1])
    optimizer = paddle.optimizer.AdamW(3e-3, parameters=model.parameters())
    found = []
    for _ in range(25):
        loss = F.binary_cross_entropy_with_logits(model(x)["presence"], truth)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        found.append(float(loss))
    assert found[-1] < 0.3 * found[0]
    assert "presence" not in ginet(3, width=1 / 32, presence=False)(x)


# Word vectors


VECTORS = np.random.default_rng(0).standard_normal((3, 7)).astype(np.float32)


def text_of(vectors, words=("sky", "grass", "cat")):
    lines = (" ".join([w, *map(repr, v.tolist())]) for w, v in zip(words, vectors))
    return "\n".join(lines) + "\n"


def after_a_step(model):
    before = model.words.numpy().copy()
    optimizer = paddle.optimizer.SGD(0.1, parameters=model.parameters())
    model(paddle.randn([2, 3, 32, 32]))["presence"].sum().backward()
    optimizer.step()
    return before, model.words.numpy()


def test_word_vectors_are_learned_unless_given(tmp_path):
    paddle.seed(7)
    learned = stirred(ginet(3, width=1 / 4, backbone="resnet18"))
    before, after = after_a_step(learned)
    assert before.std() > 0.1 and np.abs(before - after).max(axis=1).min() > 0
    path = tmp_path / "words.npz"
    np.savez(path, words=VECTORS)
    given = stirred(ginet(3, width=1 / 32, words=path))
    given.words.set_value(VECTORS)
    before, after = after_a_step(given)
    assert (before == VECTORS).all() and (after == VECTORS).all()
    # They are part of what is saved, and they matter.
    assert "words" in given.state_dict()
    x = paddle.randn([2, 3, 32, 32])
    out = given(x)["out"]
    given.words.set_value(VECTORS[::-1].copy())
    assert not paddle.allclose(given(x)["out"], out)


def test_words_are_read_from_npz_and_text(tmp_path):
    np.savez(tmp_path / "a.npz", words=VECTORS.astype(np.float64))
    np.savez_compressed(tmp_path / "b.npz", anything=VECTORS)
    (tmp_path / "c.txt").write_text(text_of(VECTORS))
    np.savetxt(tmp_path / "d.txt", VECTORS, "%.9e")
    (tmp_path / "e.txt").write_text("\n" + text_of(VECTORS).replace(" ", "\t") + "\n")
    for path in sorted(tmp_path.iterdir()):
        found = read_words(path, 3)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, VECTORS)
    model = ginet(3, width=1 / 32, words=tmp_path / "c.txt")
    np.testing.assert_array_equal(model.words.numpy(), VECTORS)


def test_damaged_word_files_are_refused(tmp_path):
    whole = tmp_path / "whole.npz"
    np.savez(whole, words=VECTORS)
    content = whole.read_bytes()
    spoilt = bytearray(content)
    spoilt[len(content) // 2] ^= 255
    zero = VECTORS.copy()
    zero[1] = 0
    nan = VECTORS.copy()
    nan[2, 3] = np.nan
    cases = {
        "cut.npz": (content[: len(content) // 2], "damaged"),
        "spoilt.npz": (bytes(spoilt), "damaged"),
        "empty.npz": (b"", "damaged"),
        "text.npz": (b"sky 1 2\n", "damaged"),
        "empty.txt": (b"", "is needed"),
        "binary.txt": (content, "UTF-8"),
        "ragged.txt": (b"sky 1 2\ngrass 1\ncat 1 2\n", "line 2: 1 numbers"),
        "word.txt": (b"sky 1 2\ngrass 1 x\ncat 1 2\n", "line 2: a word"),
        "bare.txt": (b"sky\ngrass\ncat\n", "line 1: a word"),
        "few.txt": (text_of(VECTORS[:2]).encode(), r"\[2, 7\], and \[3, length\]"),
        "zero.txt": (text_of(zero).encode(), "class 1"),
        "nan.txt": (text_of(nan).encode(), "class 2"),
    }
    for name, (bytes_, message) in cases.items():
        (tmp_path / name).write_bytes(bytes_)
        with pytest.raises(InputError, match=message) as error:
            read_words(tmp_path / name, 3)
        assert name in str(error.value)
    for name, arrays, message in [
        ("two.npz", {"a": VECTORS, "b": VECTORS}, "one array"),
        ("none.npz", {}, "one array"),
        ("words.npz", {"a": np.array(["sky"] * 3)}, "one array"),
        ("objects.npz", {"a": np.array([{}] * 3, object)}, "one array"),
        ("flat.npz", {"a": VECTORS[0]}, r"\[7\], and \[3, length\]"),
        ("more.npz", {"a": np.ones((4, 7))}, r"\[4, 7\]"),
        ("narrow.npz", {"a": np.ones((3, 0))}, r"\[3, 0\]"),
        ("zero.npz", {"a": np.zeros((3, 7))}, "class 0"),
        ("huge.npz", {"a": np.full((3, 7), 1e300)}, "class 0"),
    ]:
        np.savez(tmp_path / name, **arrays)
        with pytest.raises(InputError, match=message):
            read_words(tmp_path / name, 3)
    for missing in ("nothing.npz", "nothing.txt"):
        with pytest.raises(InputError, match="no such file"):
            ginet(3, width=1 / 32, words=tmp_path / missing)
    with pytest.raises(InputError, match="folder"):
        read_words(tmp_path, 3)


def test_what_does_not_fit_is_refused():
    for build, classes, wrong, message in [
        (gcn, 3, {"kernel_size": 14}, "kernel_size=14: only an odd"),
        (gcn, 3, {"backbone": "vgg16"}, "take resnet18.*resnet152"),
        (glore, 3, {"output_stride": 4}, "8, 16 or 32"),
        (ginet, 1, {}, "2 or more, not 1"),
        (ginet, 3, {"pretrained": True}, "width=1"),
    ]:
        with pytest.raises(InputError, match=message):
            build(classes, **{"width": 1 / 32, **wrong})
    model, x = gcn(3, width=1 / 32), paddle.zeros([1, 3, 32, 32])
    with pytest.raises(InputError, match="one image of 32 x 32"):
        model(x)
    assert model(paddle.zeros([1, 3, 33, 32]))["out"].shape == [1, 3, 33, 32]
    model.eval()
    assert model(x)["out"].shape == [1, 3, 32, 32]
