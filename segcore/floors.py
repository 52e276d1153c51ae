"""Floors: the silliest rivals of a network, which any experiment shows beside its arms.

A network that is no better than the commonest class, the colour of the pixel or a field
of 7 pixels has not shown that it sees what an image holds.
"""

from itertools import pairwise

import paddle
from paddle import nn

from segcore.nn import ConvBNReLU

CHANNELS = 32  # more make none of the floors better on the scenes of `shapes`


def commonest_class(num_classes, in_channels=3):
    """One score a class, the same at every pixel of every image."""
    return Floor(num_classes, 0)


def colour(num_classes, in_channels=3):
    """Three 1x1 convolutions: a field of one pixel."""
    return Floor(num_classes, in_channels, kernel=1)


def colour_and_position(num_classes, in_channels=3):
    """Three 1x1 convolutions on the pixel's values and its place in the image."""
    return Floor(num_classes, in_channels, kernel=1, position=True)


def field_of_7(num_classes, in_channels=3):
    """Three 3x3 convolutions: a field of 7 pixels."""
    return Floor(num_classes, in_channels, kernel=3)


FLOORS = {
    "commonest class": commonest_class,
    "colour": colour,
    "colour and position": colour_and_position,
    "field of 7 pixels": field_of_7,
}


def floors(num_classes, train, score, in_channels=3, seed=0):
    """What each of `FLOORS` scores, `{name: score(model)}`.

    `train(model)` and `score(model)` are the experiment's own, so that the floors have
    its images, its steps and its measure.
    """
    scores = {}
    for name, build in FLOORS.items():
        paddle.seed(seed)
        model = build(num_classes, in_channels)
        train(model)
        scores[name] = score(model)
    return scores


class Floor(nn.Layer):
    """Maps `[N, C, H, W]` to `{"out": [N, num_classes, H, W]}`, logits.

    `in_channels=0` looks at nothing. With `position`, four maps stand beside the image:
    row and column, 0 to 1 over its sides, and their squares.
    """

    def __init__(self, num_classes, in_channels, kernel=1, position=False):
        super().__init__()
        self.looks, self.position = in_channels > 0, position
        channels = [in_channels + 4 * position, *([CHANNELS] * 3 * self.looks)]
        self.features = nn.Sequential(
            *(ConvBNReLU(a, b, kernel) for a, b in pairwise(channels))
        )
        self.classifier = nn.Conv2D(max(1, channels[-1]), num_classes, 1)

    def forward(self, x):
        n, _, height, width = x.shape
        if not self.looks:
            x = paddle.zeros([n, 1, height, width])
        if self.position:
            rows = paddle.linspace(0, 1, height).reshape([1, 1, height, 1])
            columns = paddle.linspace(0, 1, width).reshape([1, 1, 1, width])
            for place in (rows, columns, rows**2, columns**2):
                x = paddle.concat([x, place.expand([n, 1, height, width])], axis=1)
        return {"out": self.classifier(self.features(x))}
