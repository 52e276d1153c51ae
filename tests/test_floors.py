"""What the silliest rivals see; on the synthetic scenes it is not enough."""

import numpy as np
import paddle
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from segcore import data
from segcore.data import shapes
from segcore.floors import FLOORS, floors
from segcore.metrics import ConfusionMatrix


def pixels(split, scenes, position, share=1.0):
    """Values of pixels and their classes, from `scenes` scenes of one part."""
    rng = np.random.default_rng(0)
    rows, labels = [], []
    for index in range(scenes):
        sample = data.load("shapes", split)[index]
        places = np.indices(sample["mask"].shape).reshape(2, -1).T
        values = sample["image"].reshape(-1, 3)
        values = np.hstack([values, places]) if position else values
        kept = rng.random(len(values)) < share
        rows.append(values[kept])
        labels.append(sample["mask"].ravel()[kept])
    return np.concatenate(rows), np.concatenate(labels)


@pytest.mark.parametrize("position", [False, True])
def test_colour_and_place_hardly_name_a_class(position):
    """Boosted trees on colour, and on colour and place, stay far below a network."""
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0)
    model.fit(*pixels("train", 80, position, share=0.1))
    matrix = ConfusionMatrix(6)
    values, labels = pixels("val", 25, position)
    matrix.update(model.predict(values), labels)
    assert matrix.mean_iou() < 0.3


def test_scenes_have_every_class_in_comparable_shares():
    shares = data.class_pixels(data.load("shapes", "train"))
    shares = shares / shares.sum()
    assert shares.max() < 0.3 and shares.min() > 0.05


def test_grounds_lie_in_any_order():
    orders = {
        tuple(shapes.Scene(np.random.default_rng(seed), (96, 96)).order)
        for seed in range(60)
    }
    assert len(orders) == 6


@pytest.mark.parametrize("name", FLOORS)
def test_floors_see_what_their_names_say(name):
    paddle.seed(0)
    model = FLOORS[name](4, in_channels=2)
    model.eval()
    assert model(paddle.randn([2, 2, 20, 30]))["out"].shape == [2, 4, 20, 30]
    image = paddle.randn([1, 2, 21, 21])
    before, reached = model(image)["out"][0, :, 10, 10], []
    for away in range(6):
        other = image.clone()
        other[:, :, 10, 10 + away] += 1
        if (model(other)["out"][0, :, 10, 10] != before).any():
            reached.append(2 * away + 1)
    field = {"commonest class": 0, "field of 7 pixels": 7}.get(name, 1)
    assert max(reached, default=0) == field
    image = paddle.ones([1, 2, 16, 16])
    same = bool((model(image)["out"].std(axis=[2, 3]) < 1e-6).all())
    assert same == (name in ("commonest class", "colour"))


def test_floors_are_trained_and_scored_by_the_experiment():
    trained = []
    scores = floors(3, trained.append, lambda model: len(trained), in_channels=1)
    assert scores == {name: k for k, name in enumerate(FLOORS, 1)}
    assert all(isinstance(model, paddle.nn.Layer) for model in trained)
