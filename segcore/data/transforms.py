"""Changes to image and mask together, on numpy arrays.

Images are uint8 `[H, W, 3]`, masks uint8 `[H, W]` of class ids with 255 ignored. Two
rules hold throughout: labels are only ever resized by nearest neighbour, since the
mean of class 1 and class 3 is not class 2; and what padding adds is labelled 255.
"""

import operator
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import map_coordinates, zoom

from segcore.errors import InputError

IGNORE = 255
MOST_PIXELS = 2**27  # of a size asked for
# Of ImageNet, so that weights trained there fit. RGB, on the scale 0..1.
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def checked_size(size):
    """`size` as a tuple `(H, W)` of two positive whole numbers, or `InputError`."""
    try:
        height, width = map(operator.index, size)
    except (TypeError, ValueError):
        height = width = 0
    if min(height, width) < 1 or height * width > MOST_PIXELS:
        raise InputError(
            f"A size is (height, width), two whole numbers of pixels above 0 and not"
            f" over {MOST_PIXELS:,} together, not {str(size)[:60]}."
        )
    return height, width


def _check(image, mask=None):
    """Raises `InputError` unless image, and mask, have the shapes of a sample."""
    if np.ndim(image) != 3 or image.shape[2] != 3 or not image.size:
        raise InputError(
            f"An image is an array [H, W, 3] with pixels in it, not {np.shape(image)}."
            " Stack a grey one three times."
        )
    if mask is not None and np.shape(mask) != image.shape[:2]:
        raise InputError(
            f"The mask is {np.shape(mask)} and its image {image.shape}: height and"
            " width must be the same."
        )


def resize(image, mask, size):
    """Both at `size = (H, W)`: the image bilinear, the mask nearest."""
    return resize_image(image, size), resize_mask(mask, size)


def resize_image(image, size):
    """`[H, W, 3]` resized bilinearly, averaging where it shrinks."""
    _check(image)
    size = checked_size(size)
    if image.shape[:2] == size:
        return image
    return np.array(
        Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR)
    )


def resize_mask(mask, size):
    """`[H, W]` resized by nearest neighbour: no label appears that was not there."""
    size = checked_size(size)
    if np.ndim(mask) != 2 or not mask.size:
        raise InputError(
            f"A mask is an array [H, W] with pixels in it, not {np.shape(mask)}."
        )
    if mask.shape == size:
        return mask
    return np.array(Image.fromarray(mask).resize(size[::-1], Image.Resampling.NEAREST))


def random_scale(image, mask, low, high, rng):
    """Both larger or smaller by one factor, drawn evenly on the logarithmic scale."""
    low, high = _rising("scale", (low, high), 0.01, 100, count=2)
    factor = np.exp(rng.uniform(np.log(low), np.log(high)))
    size = [max(1, round(side * factor)) for side in mask.shape]
    return resize(image, mask, size)


def pad(image, mask, size):
    """Both padded right and below to at least `size`: mean colour, and label 255."""
    _check(image, mask)
    below, right = (max(0, want - have) for want, have in zip(size, mask.shape))
    if not below and not right:
        return image, mask
    colour = (255 * MEAN).astype(np.uint8)
    padded = np.tile(colour, (mask.shape[0] + below, mask.shape[1] + right, 1))
    padded[: mask.shape[0], : mask.shape[1]] = image
    return padded, np.pad(mask, ((0, below), (0, right)), constant_values=IGNORE)


def crop(image, mask, top, left, size):
    """The window of `size = (H, W)` whose upper left pixel is `(top, left)`."""
    window = np.s_[top : top + size[0], left : left + size[1]]
    return image[window], mask[window]


def random_crop(image, mask, size, rng, around=()):
    """A random window of `size`, padded where the image is smaller.

    If one of the classes `around` is there, the window holds a random pixel of it.
    """
    size = checked_size(size)
    image, mask = pad(image, mask, size)
    room = [have - want for have, want in zip(mask.shape, size)]
    rows, columns = np.nonzero(np.isin(mask, around)) if len(around) else ((), ())
    if len(rows):
        pick = rng.integers(len(rows))
        # Any window that holds the pixel, and lies within the image, may be drawn.
        pixel = (rows[pick], columns[pick])
        lows = [max(0, p - want + 1) for p, want in zip(pixel, size)]
        highs = [min(p, r) for p, r in zip(pixel, room)]
    else:
        lows, highs = (0, 0), room
    top, left = (int(rng.integers(a, b + 1)) for a, b in zip(lows, highs))
    return crop(image, mask, top, left, size)


def flip(image, mask):
    """Both mirrored left to right."""
    return image[:, ::-1], mask[:, ::-1]


def elastic(image, mask, rng, deviation=10.0, grid=3):
    """Both bent as soft tissue might be: random shifts on a coarse grid, made smooth.

    The shifts at `grid` x `grid` points are normal, `deviation` in pixels; between them
    they are interpolated by cubic splines. What comes from beyond the edge is mirrored.
    Source: U-Net (Ronneberger et al. 2015), section 3.1.
    """
    coarse = rng.normal(0, deviation, (2, grid, grid)).astype(np.float32)
    scale = [1, *(side / grid for side in mask.shape)]
    places = np.indices(mask.shape) + zoom(coarse, scale, order=3, mode="nearest")
    bent = [
        map_coordinates(image[..., channel], places, order=1, mode="mirror")
        for channel in range(image.shape[2])
    ]
    return np.stack(bent, -1), map_coordinates(mask, places, order=0, mode="mirror")


def jitter(image, rng, strength=0.25):
    """The image with brightness, contrast and colour channels changed at random."""
    gain = rng.uniform(1 - strength, 1 + strength)
    tint = rng.uniform(1 - strength / 3, 1 + strength / 3, 3)
    shift = 255 * rng.uniform(-strength / 2, strength / 2)
    changed = (image - np.float32(128)) * (gain * tint).astype(np.float32) + (
        128 + shift
    )
    return np.clip(changed, 0, 255).astype(np.uint8)


def to_array(image):
    """uint8 `[H, W, 3]` to the network's float32 `[3, H, W]`: mean 0, deviation 1."""
    scaled = (image.astype(np.float32) / 255 - MEAN) / STD
    return np.ascontiguousarray(scaled.transpose(2, 0, 1))


def _rising(name, values, low, high, count=1):
    """`values` as a tuple, if they are `count` numbers that rise from low to high."""
    try:
        values = tuple(values)
        legal = all(a <= b for a, b in zip((low, *values), (*values, high)))
    except (TypeError, ValueError):
        legal = False
    if not legal or len(values) != count:
        numbers = "one number" if count == 1 else f"{count} numbers, the lower first,"
        raise InputError(f"{name} is {numbers} from {low} to {high}, not {values}.")
    return values


@dataclass
class Augment:
    """A training sample made anew each time: bent, scaled, cropped, flipped, tinted.

    With `crop=None` the size is kept. A share `rare_share` of the crops is laid around
    a pixel of the classes `rare`. `elastic` is the deviation in pixels of the shifts
    that bend an image; 0 bends none. Call it with image, mask and a numpy generator.
    """

    crop: tuple | None = None
    scale: tuple = (1.0, 1.0)
    flip: bool = True
    jitter: float = 0.25
    rare: tuple = ()
    rare_share: float = 0.3
    elastic: float = 0.0

    def __post_init__(self):
        self.crop = None if self.crop is None else checked_size(self.crop)
        self.scale = _rising("scale", self.scale, 0.01, 100, count=2)
        _rising("jitter", [self.jitter], 0, 1)
        _rising("rare_share", [self.rare_share], 0, 1)
        _rising("elastic", [self.elastic], 0, 1000)

    def __call__(self, image, mask, rng):
        if self.elastic:
            image, mask = elastic(image, mask, rng, self.elastic)
        if self.scale != (1.0, 1.0):
            image, mask = random_scale(image, mask, *self.scale, rng)
        if self.crop:
            around = self.rare if rng.random() < self.rare_share else ()
            image, mask = random_crop(image, mask, self.crop, rng, around)
        if self.flip and rng.random() < 0.5:
            image, mask = flip(image, mask)
        if self.jitter:
            image = jitter(image, rng, self.jitter)
        return image, mask
