"""The synthetic world: scenes with *stuff* and *things* whose every truth is known.

Sky, grass and gravel are stuff; balls, boxes and cones are things, each with an
identity. One scene yields its image, semantic mask, instance ids, panoptic map and next
frames. `hard=` makes on purpose the cases that the lessons' experiments need.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import skimage.data
from skimage.transform import resize as sk_resize

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
# Surface colours in the image; they are not the colours of the masks.
TINTS = {
    "grass": (96, 140, 60),
    "gravel": (150, 140, 128),
    "ball": (196, 70, 50),
    "box": (70, 90, 180),
    "cone": (225, 190, 60),
}
HARD = {
    None: "scenes: three kinds of stuff, three of things",
    "thin": "lines of 2 to 3 pixels on noise",
    "tiny": "scenes whose things are 2 to 4 pixels in radius",
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
    if min(size) < 32:
        raise InputError(f"Scenes are at least 32 x 32 pixels, not {size}.")
    return Shapes(split, tuple(size), hard, length or LENGTHS[split], seed)


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
    """An object: its kind, centre and velocity in pixels, radius, tint and texture."""

    kind: str
    y: float
    x: float
    radius: float
    velocity: tuple
    tint: np.ndarray
    offset: tuple


class Scene:
    """A horizon, a gravel path across grass, and things that stand before it."""

    def __init__(self, rng, size, tiny=False):
        height, width = self.size = size
        self.noise_seed = int(rng.integers(2**32))
        self.light = rng.uniform(0.8, 1.15)
        self.horizon = rng.uniform(0.25, 0.45) * height
        self.slope = rng.uniform(-0.08, 0.08)
        self.path = (rng.uniform(0.25, 0.75), rng.uniform(0.1, 0.9))  # above, below
        self.path_width = rng.uniform(0.12, 0.3)
        self.offset = tuple(rng.integers(0, 256, 2))
        self.things = []
        for _ in range(rng.integers(5, 10) if tiny else rng.integers(2, 6)):
            y = rng.uniform(self.horizon + 0.05 * height, 0.9 * height)
            near = (y - self.horizon) / (height - self.horizon)  # 0 far, 1 at our feet
            small = rng.uniform(2, 4)
            radius = small if tiny else (0.05 + 0.13 * near) * min(size)
            kind = THINGS[rng.integers(3)]
            self.things.append(
                Thing(
                    kind,
                    y - radius / 2,
                    rng.uniform(0.05, 0.95) * width,
                    radius * rng.uniform(0.8, 1.2),
                    (rng.uniform(-0.4, 0.4), rng.uniform(-1, 1) * max(1.5, radius / 3)),
                    np.array(TINTS[kind]) * rng.uniform(0.75, 1.15, 3),
                    tuple(rng.integers(0, 256, 2)),
                )
            )
        self.things.sort(key=lambda thing: thing.y + thing.radius)  # far ones first

    def render(self, time=0):
        """The sample at `time` frames after the first."""
        height, width = self.size
        y, x = np.mgrid[:height, :width].astype(np.float32)
        mask = np.ones(self.size, np.uint8)
        below = y - self.horizon - self.slope * (x - width / 2)
        mask[below < 0] = 0
        near = np.clip(below / (height - self.horizon), 0, 1)
        middle = (self.path[0] * (1 - near) + self.path[1] * near) * width
        mask[(below >= 0) & (np.abs(x - middle) < self.path_width * width * near)] = 2

        image = np.empty((height, width, 3), np.float32)
        sky = np.array([[150, 190, 235]]) + (y / height * 60)[..., None]
        clouds = patch("gravel", (height, width), self.offset, zoom=6)[..., None]
        image[:] = sky + 45 * (clouds - 0.5)
        for class_id, name in ((1, "grass"), (2, "gravel")):
            texture = patch(name, (height, width), self.offset)[..., None]
            here = mask == class_id
            image[here] = (np.array(TINTS[name]) * (0.55 + 0.9 * texture))[here]

        instances = np.zeros(self.size, np.uint16)
        for identity, thing in enumerate(self.things, 1):
            rows, columns, inside, shade = outline(thing, time, self.size)
            if not inside.size:
                continue
            window = np.s_[rows, columns]
            mask[window][inside] = len(STUFF) + THINGS.index(thing.kind)
            instances[window][inside] = identity
            if thing.kind == "box":
                texture = patch("brick", inside.shape, thing.offset)
                shade = shade * (0.5 + texture)
            image[window][inside] = (thing.tint * shade[..., None])[inside]
        noise = np.random.default_rng([self.noise_seed, time])
        image = image * self.light + noise.normal(0, 6, self.size)[..., None]
        return {
            "image": np.clip(image, 0, 255).astype(np.uint8),
            "mask": mask,
            "instances": instances,
        }


def outline(thing, time, size):
    """`(rows, columns, inside, shade)`: the window of a thing and its pixels there."""
    cy = thing.y + time * thing.velocity[0]
    cx = thing.x + time * thing.velocity[1]
    r = thing.radius
    top, left = max(0, int(cy - r)), max(0, int(cx - r))
    bottom, right = min(size[0], int(cy + r) + 2), min(size[1], int(cx + r) + 2)
    rows, columns = slice(top, max(top, bottom)), slice(left, max(left, right))
    y, x = np.mgrid[rows, columns].astype(np.float32)
    v, u = (y - cy) / r, (x - cx) / r  # -1..1 within the thing
    if thing.kind == "ball":
        inside = u**2 + v**2 < 1
        shade = 1.15 - 0.5 * ((u + 0.35) ** 2 + (v + 0.35) ** 2)
    elif thing.kind == "box":
        inside = (np.abs(u) < 0.8) & (np.abs(v) < 0.8)
        shade = np.where(u > 0.45, 0.7, 1.0)
    else:  # a cone is a triangle seen from the side
        inside = (np.abs(u) < 0.45 * (v + 1)) & (np.abs(v) < 1)
        shade = 1.05 - 0.4 * u
    return rows, columns, inside, shade


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
