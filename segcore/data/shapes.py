"""The synthetic world: scenes with *stuff* and *things* whose every truth is known.

Sky, grass and gravel are stuff; balls, boxes and cones are things, each with an
identity. Colour does not name the class: it is drawn anew in each scene for every
ground and thing, so that texture, pattern and outline must be seen. One scene yields
its image, semantic mask, instance ids, panoptic map and next frames. `hard=` makes on
purpose the cases that the lessons' experiments need.
"""

from dataclasses import dataclass
from functools import cache
from numbers import Integral

import numpy as np
import skimage.data
from skimage.color import hsv2rgb
from skimage.transform import resize as sk_resize

from segcore.data.transforms import checked_size
from segcore.errors import InputError

STUFF = ("sky", "grass", "gravel")
THINGS = ("ball", "box", "cone")
COLOURS = (
    (86, 180, 233),
    (0, 158, 115),
    (150, 150, 150),
    (213, 94, 0),
    (0, 80, 170),
    (240, 228, 66),
)
# Length of a pattern's period, in radii of the thing.
PERIOD = (0.75, 1.05)
NOISE = 12  # standard deviation, of 0..255
GRAVEL = 3  # enlarges the photographed gravel: coarse beside grass
HARD = {
    None: "scenes: three kinds of stuff, three of things",
    "thin": "lines of 2 to 3 pixels on noise",
    "tiny": "scenes whose things are 3 to 5 pixels in radius",
    "scales": "discs with radii over a range of 1:8, told apart by a thin rim",
    "touching": "cells that touch, a gap of one pixel between them in the mask",
    "lookalike": "equal discs, told apart by the colour of a strip far away",
}
LENGTHS = {"train": 200, "val": 50, "test": 50}


def load(split, size=(96, 96), hard=None, length=None, seed=0):
    """`length` scenes of `size = (H, W)`; the same seed gives the same scenes.

    `hard` is None, "thin", "tiny", "scales", "touching" or "lookalike".
    """
    if hard not in HARD:
        kinds = ", ".join(str(kind) for kind in HARD)
        raise InputError(f"There are no {hard!r} shapes; hard is one of {kinds}.")
    size = checked_size(size)
    if min(size) < 32:
        raise InputError(f"Scenes are at least 32 x 32 pixels, not {size}.")
    length = LENGTHS[split] if length is None else length
    for name, value, least in (("length", length, 1), ("seed", seed, 0)):
        if not isinstance(value, Integral) or value < least:
            raise InputError(f"{name} is a whole number from {least} up, not {value}.")
    return Shapes(split, size, hard, length, seed)


class Shapes:
    """A sequence of samples with `image`, `mask`, `instances` and `name`.

    `instances` is uint16 `[H, W]`, 0 where there is no thing. Samples are made when
    first asked for and then kept.
    """

    def __init__(self, split, size, hard, length, seed):
        self.split, self.size, self.hard, self.seed = split, size, hard, seed
        self._length = length
        self._kept = {}
        if hard in (None, "tiny"):
            self.classes, self.colours = [*STUFF, *THINGS], list(COLOURS)
        elif hard == "thin":
            self.classes = ["background", "line"]
            self.colours = [(70, 70, 70), COLOURS[5]]
        else:
            kinds = {
                "touching": ["cell"],
                "lookalike": ["red", "blue"],
                "scales": ["light rim", "dark rim"],
            }[hard]
            self.classes = ["background", *kinds]
            self.colours = [(70, 70, 70), COLOURS[3], COLOURS[0]][: 1 + len(kinds)]

    num_classes = property(lambda self: len(self.classes))

    def __len__(self):
        return self._length

    def __getitem__(self, index):
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        if index not in self._kept:
            self._kept[index] = self._make(index)
        return dict(self._kept[index])

    def name(self, index):
        return f"shapes/{self.split}/{index}"

    def mask(self, index):
        """Class ids `[H, W]` of one sample."""
        return self[index]["mask"]

    def frames(self, index, count):
        """The scene and its next frames as `count` samples; identities are kept."""
        if self.hard not in (None, "tiny"):
            raise InputError('Only scenes move: use hard=None or hard="tiny".')
        scene = self._scene(index)
        return [
            {**scene.render(time), "name": f"{self.name(index)}/{time}"}
            for time in range(count)
        ]

    def _rng(self, index):
        part = list(LENGTHS).index(self.split)
        return np.random.default_rng([self.seed, part, index])

    def _scene(self, index):
        return Scene(self._rng(index), self.size, tiny=self.hard == "tiny")

    def _make(self, index):
        if self.hard in (None, "tiny"):
            sample = self._scene(index).render(0)
        else:
            make = {
                "thin": lines,
                "scales": rimmed_discs,
                "touching": touching_cells,
                "lookalike": lookalike_discs,
            }
            image, instances, mask = make[self.hard](self._rng(index), self.size)
            sample = {"image": image, "mask": mask, "instances": instances}
        return {**sample, "name": self.name(index)}


def panoptic(sample):
    """The panoptic map of a sample, int32 `[H, W]`: 1000 * class + identity."""
    return sample["mask"].astype(np.int32) * 1000 + sample["instances"]


@dataclass
class Thing:
    """An object: kind, centre, radius and velocity in pixels, angle, and pattern."""

    kind: str
    y: float
    x: float
    radius: float
    angle: float
    velocity: tuple
    colours: np.ndarray
    period: float
    phase: float


class Scene:
    """Three grounds in any order, one above the other, and things that lie on them.

    All colours and the light are drawn for each scene whatever the class: a ground is
    told by its texture, a thing by its outline and the pattern on it.
    """

    def __init__(self, rng, size, tiny=False):
        height, width = self.size = size
        side = min(size)
        self.noise_seed = int(rng.integers(2**32))
        self.light = rng.uniform(0.7, 1.2) * rng.uniform(0.85, 1.15, 3)
        self.order = rng.permutation(3)
        self.tints = random_colours(rng, 3)
        self.offsets = rng.integers(0, 256, (3, 2))
        # Two borders, at about a third and two thirds of the height.
        self.borders = [
            (
                (third + rng.uniform(-0.09, 0.09)) * height,
                rng.uniform(-0.15, 0.15),
                rng.uniform(0.02, 0.05) * side,
                rng.uniform(0.1, 0.25) * width,
                rng.uniform(0, 2 * np.pi),
            )
            for third in (1 / 3, 2 / 3)
        ]
        self.things = []
        for _ in range(rng.integers(6, 10)):
            radius = rng.uniform(*((0.03, 0.05) if tiny else (0.115, 0.18))) * side
            self.things.append(
                Thing(
                    THINGS[rng.integers(3)],
                    rng.uniform(0.05, 0.95) * height,
                    rng.uniform(0.05, 0.95) * width,
                    radius,
                    rng.uniform(-0.5, 0.5),
                    (rng.uniform(-0.4, 0.4), rng.uniform(-1, 1) * max(1.5, radius / 3)),
                    two_colours(rng),
                    radius * rng.uniform(*PERIOD),
                    rng.uniform(0, 1),
                )
            )

    def render(self, time=0):
        """The sample at `time` frames after the first."""
        height, width = self.size
        y, x = np.mgrid[:height, :width].astype(np.float32)
        place = np.zeros(self.size, int)  # 0, 1 and 2 from top to bottom
        for middle, slope, wave, length, start in self.borders:
            border = middle + slope * (x - width / 2)
            place += y > border + wave * np.sin(x / length + start)
        mask = self.order[place].astype(np.uint8)

        image = np.empty((height, width, 3), np.float32)
        for class_id, name in enumerate(STUFF):
            texture, contrast = ground(name, self.size, self.offsets[class_id])
            shade = (1 + contrast * (texture - 0.5))[..., None]
            here = mask == class_id
            image[here] = (self.tints[class_id] * shade)[here]

        instances = np.zeros(self.size, np.uint16)
        for identity, thing in enumerate(self.things, 1):
            rows, columns, inside, second = surface(thing, time, self.size)
            if not inside.size:
                continue
            window = np.s_[rows, columns]
            mask[window][inside] = len(STUFF) + THINGS.index(thing.kind)
            instances[window][inside] = identity
            image[window][inside] = thing.colours[second.astype(int)][inside]
        noise = np.random.default_rng([self.noise_seed, time])
        image = image * self.light + noise.normal(0, NOISE, self.size)[..., None]
        return {
            "image": np.clip(image, 0, 255).astype(np.uint8),
            "mask": mask,
            "instances": instances,
        }


def random_colours(rng, count):
    """`count` colours `[count, 3]`, 0..255, of any hue."""
    hue, saturation = rng.uniform(0, 1, count), rng.uniform(0.1, 0.8, count)
    value = rng.uniform(0.3, 0.9, count)
    return 255 * hsv2rgb(np.stack([hue, saturation, value], -1))


def two_colours(rng):
    """Two colours `[2, 3]` of any hue that can be told apart in light and dark."""
    while True:
        pair = random_colours(rng, 2)
        if abs(pair.mean(1)[0] - pair.mean(1)[1]) > 60:
            return pair


def ground(name, size, offset):
    """The texture of a ground, `[H, W]` in 0..1, and its contrast."""
    if name == "sky":  # smooth
        return patch("gravel", size, offset, zoom=8), 0.25
    if name == "grass":
        return patch("grass", size, offset), 1.1
    return patch("gravel", size, offset, zoom=GRAVEL), 1.1


def surface(thing, time, size):
    """`(rows, columns, inside, second)`: a thing's window, its pixels in it, and which
    of them have the second colour of its pattern.
    """
    cy = thing.y + time * thing.velocity[0]
    cx = thing.x + time * thing.velocity[1]
    r = thing.radius
    top, left = max(0, int(cy - r) - 1), max(0, int(cx - r) - 1)
    bottom, right = min(size[0], int(cy + r) + 2), min(size[1], int(cx + r) + 2)
    rows, columns = slice(top, max(top, bottom)), slice(left, max(left, right))
    y, x = np.mgrid[rows, columns].astype(np.float32)
    cos, sin = np.cos(thing.angle), np.sin(thing.angle)
    v, u = (y - cy) * cos - (x - cx) * sin, (x - cx) * cos + (y - cy) * sin
    turns = 1 / thing.period
    if thing.kind == "ball":  # rings
        inside = u**2 + v**2 < r**2
        second = (np.hypot(u, v) * turns + thing.phase) % 1 < 0.5
    elif thing.kind == "box":  # checks
        inside = (np.abs(u) < 0.75 * r) & (np.abs(v) < 0.75 * r)
        second = ((u * turns + thing.phase) % 1 < 0.5) ^ (
            (v * turns + thing.phase) % 1 < 0.5
        )
    else:  # a cone is a triangle, with stripes from side to side
        inside = (np.abs(u) < 0.5 * (v + r)) & (np.abs(v) < r)
        second = (v * turns + thing.phase) % 1 < 0.5
    return rows, columns, inside, second


def lines(rng, size):
    """Two to four curves of 2 to 3 pixels on a noisy, uneven ground."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    mask = np.zeros(size, np.uint8)
    instances = np.zeros(size, np.uint16)
    for identity in range(1, rng.integers(3, 6)):
        angle = rng.uniform(0, np.pi)
        along = x * np.cos(angle) + y * np.sin(angle)
        across = y * np.cos(angle) - x * np.sin(angle)
        start = rng.uniform(0.15, 0.85) * (across.max() - across.min()) + across.min()
        wave = rng.uniform(2, 0.08 * height) * np.sin(
            along / rng.uniform(8, 20) + rng.uniform(0, 6)
        )
        here = np.abs(across - start - wave) < rng.uniform(1.0, 1.5)
        mask[here], instances[here] = 1, identity
    ground = patch("gravel", size, tuple(rng.integers(0, 256, 2)), zoom=5)
    grey = 0.35 + 0.3 * ground + 0.22 * mask + rng.normal(0, 0.15, size)
    return grey_image(grey), instances, mask


def rimmed_discs(rng, size):
    """Grey discs of radius 4 % to 32 % of the side; the rim's shade is the class."""
    image = np.tile(0.5 + 0.03 * rng.normal(size=size)[..., None], 3)
    mask, instances = np.zeros(size, np.uint8), np.zeros(size, np.uint16)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    side = min(size)
    radii = side * 0.04 * 8 ** rng.uniform(0, 1, rng.integers(2, 5))
    for identity, radius in enumerate(sorted(radii, reverse=True), 1):
        cy, cx = (rng.uniform(0.15, 0.85) * extent for extent in size)
        distance = np.hypot(y - cy, x - cx)
        class_id = int(rng.integers(1, 3))
        inside = distance < radius
        mask[inside], instances[inside] = class_id, identity
        image[inside] = 0.62 + 0.03 * rng.normal(size=(inside.sum(), 1))
        rim = inside & (distance > radius - max(1.5, 0.02 * side))
        image[rim] = 0.9 if class_id == 1 else 0.25
    return grey_image(image), instances, mask


def touching_cells(rng, size):
    """Grey cells side by side; where two meet, a line one pixel wide is background."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    apart = 17
    distances = []
    for cy in range(-4, height + apart, apart):
        for cx in range(-4, width + apart, apart):
            if rng.random() < 0.85:
                place = rng.uniform(-3.5, 3.5, 2) + (cy, cx)
                distances.append(
                    np.hypot(y - place[0], x - place[1]) / rng.uniform(8, 12)
                )
    distances = np.stack([*distances, np.ones(size)])  # the last one is no cell
    owner = distances.argmin(axis=0)
    owner[distances.min(axis=0) >= 1] = len(distances) - 1
    # A pixel is a border if a pixel to its right or below belongs to another cell.
    nobody = len(distances) - 1
    border = np.zeros(size, bool)
    for step in ((0, 1), (1, 0), (1, 1)):
        after = np.roll(owner, (-step[0], -step[1]), axis=(0, 1))
        met = (owner != after) & (owner != nobody) & (after != nobody)
        met[height - step[0] :], met[:, width - step[1] :] = False, False
        border |= met
    inside = (owner != nobody) & ~border
    instances = np.where(inside, owner + 1, 0).astype(np.uint16)
    shade = rng.uniform(0.55, 0.7, len(distances))
    grey = np.where(owner != nobody, shade[owner], 0.3)
    grey[border] -= 0.1
    grey += rng.normal(0, 0.06, size)
    return grey_image(grey), instances, inside.astype(np.uint8)


def lookalike_discs(rng, size):
    """Equal grey discs below; a strip along the top is red or blue and names them."""
    height, width = size
    image = np.tile(0.5 + 0.05 * rng.normal(size=size)[..., None], 3)
    class_id = int(rng.integers(1, 3))
    strip = np.s_[: max(4, height // 12)]
    image[strip] = (0.85, 0.2, 0.15) if class_id == 1 else (0.15, 0.3, 0.85)
    mask, instances = np.zeros(size, np.uint8), np.zeros(size, np.uint16)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    for identity in range(1, rng.integers(2, 5)):
        radius = rng.uniform(0.06, 0.1) * min(size)
        cy, cx = rng.uniform(0.5, 0.88) * height, rng.uniform(0.1, 0.9) * width
        inside = np.hypot(y - cy, x - cx) < radius
        mask[inside], instances[inside] = class_id, identity
        image[inside] = 0.75 + 0.05 * rng.normal(size=(inside.sum(), 1))
    return grey_image(image), instances, mask


def grey_image(values):
    """Values 0..1, `[H, W]` or `[H, W, 3]`, as a uint8 image."""
    values = values[..., None].repeat(3, -1) if values.ndim == 2 else values
    return (255 * np.clip(values, 0, 1)).astype(np.uint8)


def patch(name, shape, offset, zoom=1):
    """A window of a texture as float32 `[H, W]` in 0..1; it repeats where it ends."""
    texture = _texture(name, zoom)
    rows = (np.arange(shape[0]) + offset[0]) % texture.shape[0]
    columns = (np.arange(shape[1]) + offset[1]) % texture.shape[1]
    return texture[np.ix_(rows, columns)]


@cache
def _texture(name, zoom):
    """A picture that ships with scikit-image, halved, at mean .5 and full contrast."""
    picture = getattr(skimage.data, name)().astype(np.float32)
    half = sk_resize(picture, (256, 256), anti_aliasing=True)
    if zoom > 1:
        half = sk_resize(half[: 256 // zoom, : 256 // zoom], (256, 256), order=1)
    spread = np.clip((half - half.mean()) / (4 * half.std()) + 0.5, 0, 1)
    # Mirrored, so that it repeats without a seam.
    return np.block([[spread, spread[:, ::-1]], [spread[::-1], spread[::-1, ::-1]]])
