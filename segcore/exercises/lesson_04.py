"""Checks of the exercises of lesson 04, the training workflow."""

import numpy as np
import paddle

from segcore import inference
from segcore.exercises import Wrong
from segcore.models import count_parameters, unet


def exercise_1(floor_of):
    """Accuracy and mean IoU of predicting the most frequent class everywhere."""
    plain = [np.array([[0, 1], [1, 1]], np.uint8), np.array([[1, 2]], np.uint8)]
    _pair(floor_of(plain, 3), (4 / 6, 4 / 6 / 3), "Two small masks, without 255")
    void = np.full((4, 4), 255, np.uint8)
    void[0] = [0, 0, 0, 2]
    _pair(floor_of([void], 3), (3 / 4, 3 / 4 / 2), "A mask that is mostly 255")
    # Class 0 leads in the second mask, but class 1 over both.
    unequal = [np.ones((4, 4), np.uint8), np.zeros((2, 2), np.uint8)]
    _pair(floor_of(unequal, 2), (16 / 20, 16 / 20 / 2), "Two masks of different sizes")
    return "A result that does not beat these two numbers has learned nothing."


def exercise_2(class_ids):
    """Prediction of one image without training's habits."""
    rng = np.random.default_rng(4)
    image = rng.integers(0, 256, (48, 64, 3)).astype(np.uint8)
    with paddle.utils.unique_name.guard():
        model = unet(5, width=0.0625)
    statistics = [
        value for name, value in model.state_dict().items() if "_mean" in name
    ]
    kept = [value.numpy().copy() for value in statistics]
    model.train()
    found = np.asarray(class_ids(model, image.copy()))
    if found.shape != (48, 64):
        raise Wrong(
            f"For an image of 48 x 64 pixels the shape is {found.shape}, not (48, 64)."
            " Each pixel has one class: which of its scores is the largest?"
        )
    if found.dtype.kind not in "iu":
        raise Wrong(f"Class ids are integers; these are {found.dtype}.")
    if any((a != b.numpy()).any() for a, b in zip(kept, statistics)):
        raise Wrong(
            "Predicting has changed the running statistics of batch normalisation. In"
            " which mode is the network?"
        )
    model.train()
    again = np.asarray(class_ids(model, image.copy()))
    if (found != again).any():
        raise Wrong("Two calls with one image differ. What is drawn at random?")
    if (found != inference.predict(model, image)).mean() > 0.001:
        raise Wrong(
            "The classes are not those of inference.predict. Is the image changed"
            " before the network sees it, and is the argmax taken over the classes?"
        )
    return "Evaluation mode, the image as it is, and the argmax."


def exercise_3(branches):
    """A layer whose two branches are registered."""
    with paddle.utils.unique_name.guard():
        layer = branches()
    if not isinstance(layer, paddle.nn.Layer):
        raise Wrong("Branches is a class that derives from nn.Layer.")
    expected = (3 * 4 + 4) + (3 * 4 * 9 + 4)
    found = count_parameters(layer)
    if found == 0:
        raise Wrong(
            "The layer has 0 trainable parameters: Paddle does not see the branches."
            " Which container does it look into?"
        )
    if found != expected:
        raise Wrong(
            f"The layer has {found} trainable parameters; a 1x1 and a 3x3 convolution"
            f" from 3 to 4 channels have {expected}."
        )
    x = paddle.rand([2, 3, 6, 5])
    out = layer(x)
    if list(out.shape) != [2, 8, 6, 5]:
        raise Wrong(f"[2, 3, 6, 5] becomes {list(out.shape)}, not [2, 8, 6, 5].")
    out.square().sum().backward()
    if any(p.grad is None for p in layer.parameters()):
        raise Wrong("One branch gets no gradient: are both used in forward?")
    return f"All {expected} parameters are registered and get a gradient."


def exercise_4(epoch):
    """Batches that show every picture once."""
    for count, size in ((10, 4), (8, 8), (7, 3), (3, 8)):
        batches = epoch(count, size, np.random.default_rng(0))
        batches = [[int(index) for index in batch] for batch in batches]
        where = f"With {count} pictures in batches of {size}"
        if any(not 0 < len(batch) <= size for batch in batches):
            raise Wrong(f"{where}, batches have {[len(b) for b in batches]} members.")
        seen = [index for batch in batches for index in batch]
        if sorted(seen) != list(range(count)):
            raise Wrong(
                f"{where}, {len(set(seen))} different pictures are seen, and"
                f" {len(seen)} in all; each is wanted exactly once."
            )
        if len(batches) != -(-count // size):
            raise Wrong(f"{where}, {len(batches)} batches are more than it takes.")
    rng = np.random.default_rng(0)
    orders = [[i for batch in epoch(50, 8, rng) for i in batch] for _ in range(2)]
    if orders[0] == orders[1] or list(range(50)) in orders:
        raise Wrong("Draw a new order from rng in each epoch.")
    return "Every picture once, in a new order each time."


def _pair(found, expected, what):
    try:
        accuracy, mean_iou = (float(value) for value in found)
    except (TypeError, ValueError):
        raise Wrong("Return a pair: pixel accuracy and mean IoU.") from None
    for name, have, want in zip(
        ("pixel accuracy", "mean IoU"), (accuracy, mean_iou), expected
    ):
        if not np.isclose(have, want, atol=1e-6):
            raise Wrong(f"{what}: the {name} is {want:.3f}; you have {have:.3f}.")
