"""Checks of lesson 02, Images and masks."""

import numpy as np

from segcore.data import shapes
from segcore.exercises import Wrong
from segcore.plotting import colour_mask


def exercise_1(to_ids):
    """`to_ids(picture, colours)`: class ids of a coloured mask, 255 for others."""
    # The last two colours share two channels each with the first.
    colours = [(10, 20, 30), (200, 20, 30), (10, 20, 90)]
    want = np.array([[0, 1, 2, 2], [1, 1, 0, 255]], np.uint8)
    picture = colour_mask(want, colours)
    got = np.asarray(to_ids(picture.copy(), colours))
    _same_shape(got, want)
    if (got == 255).sum() > 1:
        raise Wrong("Pixels of a known colour became 255.")
    if got[1, 3] != 255:
        raise Wrong(f"A white pixel is none of the classes, but it became {got[1, 3]}.")
    if not np.array_equal(got, want):
        y, x = np.argwhere(got != want)[0]
        raise Wrong(
            f"The colour {tuple(map(int, picture[y, x]))} is class {want[y, x]} but"
            f" became {got[y, x]}. Do all three channels have to agree?"
        )
    # Every colour of four levels a channel: sums, products and orders coincide.
    levels = np.array([0, 10, 20, 200], np.uint8)
    picture = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(8, 8, 3)
    colours = [(0, 10, 20), (20, 10, 0), (10, 10, 10), (200, 0, 20), (0, 0, 0)]
    got = np.asarray(to_ids(picture.copy(), colours))
    for (y, x), found in np.ndenumerate(got):
        colour = tuple(map(int, picture[y, x]))
        right = colours.index(colour) if colour in colours else 255
        if found != right:
            raise Wrong(
                f"With the classes {colours} the colour {colour} is {right} but became"
                f" {found}. Do several colours share what you compare, such as a sum?"
            )
    world = shapes.load("train")
    mask = world.mask(0)
    if not np.array_equal(
        to_ids(colour_mask(mask, world.colours), world.colours), mask
    ):
        raise Wrong(
            "The small example is right, but a mask of the shapes world is not."
        )
    return "The ids of the small examples and of a whole scene came back."


def exercise_2(augment):
    """`augment(image, mask, rng)`: flips and shifts both; padding becomes 255."""
    # Each pixel of the image says where it came from; 0 is what padding adds.
    height, width = 30, 50
    rows, columns = np.mgrid[1 : height + 1, 1 : width + 1]
    image = np.stack([rows, columns, rows], axis=-1).astype(np.uint8)
    truth = np.random.default_rng(0).integers(0, 6, (height, width)).astype(np.uint8)
    flips, places = [], []
    for seed in range(400):
        moved, mask = augment(image.copy(), truth.copy(), np.random.default_rng(seed))
        moved, mask = np.asarray(moved), np.asarray(mask)
        if moved.shape != image.shape or mask.shape != truth.shape:
            raise Wrong(
                f"The image is {moved.shape} and the mask {mask.shape}; they should"
                f" keep {image.shape} and {truth.shape}."
            )
        padded = moved[..., 0] == 0
        there = moved[~padded].astype(int) - 1
        agree = (mask[~padded] == truth[there[:, 0], there[:, 1]]).mean()
        if agree < 1:
            raise Wrong(
                f"Image and mask part company: only {agree:.0%} of the pixels have"
                " their own label. Is there one coin, and one window, for both?"
            )
        if (mask[padded] != 255).any():
            raise Wrong(
                f"What padding adds is labelled {mask[padded][0]}, a class. Which"
                " label does not count?"
            )
        # Where the middle pixel lay tells the shift; then all others are known.
        row, column = moved[15, 25, :2].astype(int) - 1
        flipped = bool(np.diff(moved[15, 24:27, 1].astype(int)).mean() < 0)
        down, right = 15 - row, 25 - (width - 1 - column if flipped else column)
        if max(abs(down), abs(right)) > 8:
            raise Wrong(
                f"A sample was shifted by {down} rows and {right} columns; 8 is the"
                " most in either direction."
            )
        canvas = np.pad(image[:, ::-1] if flipped else image, ((8, 8), (8, 8), (0, 0)))
        window = np.s_[8 - down : 8 - down + height, 8 - right : 8 - right + width]
        if not np.array_equal(moved, canvas[window]):
            raise Wrong(
                "The image is not the original one flipped and shifted, with 0 where"
                " nothing was. Does something come in from the other side?"
            )
        flips.append(flipped)
        places.append((down, right))
    if not any(flips) or all(flips):
        raise Wrong("The flip is lost: about half of the samples should be mirrored.")
    if not 0.38 < np.mean(flips) < 0.62:  # five standard deviations
        raise Wrong(
            f"Over 400 seeds {np.mean(flips):.0%} of the samples are mirrored; it"
            " should be half of them."
        )
    if len(set(places)) < 10:
        raise Wrong("The shift is lost: samples should lie at different places.")
    for axis, name in enumerate(("rows", "columns")):
        low, high = (bound(place[axis] for place in places) for bound in (min, max))
        if (low, high) != (-8, 8) or len({place[axis] for place in places}) < 17:
            raise Wrong(
                f"Over 400 seeds the shift is {low} to {high} {name}; each whole"
                " number from -8 to 8 should occur."
            )
    if len(set(places)) < 120:  # of 289 places, some 217 are met by chance
        raise Wrong(
            "The shifts down and to the right hang together: draw one number for each."
        )
    return "Over 400 seeds each pixel keeps its own label, and padding is 255."


def exercise_3(ignore_borders):
    """`ignore_borders(mask)`: 255 where one of four neighbours has another class."""
    small = np.zeros((5, 6), np.uint8)
    small[2:4, 3:] = 1
    for mask in (small, shapes.load("train").mask(0)):
        kept = mask.copy()
        got = np.asarray(ignore_borders(mask))
        if not np.array_equal(mask, kept):
            raise Wrong("Your function changes the mask that it was given.")
        _same_shape(got, mask)
        padded = np.pad(mask, 1, mode="edge")
        neighbours = [
            padded[1 + y : 1 + y + mask.shape[0], 1 + x : 1 + x + mask.shape[1]]
            for y, x in ((-1, 0), (1, 0), (0, -1), (0, 1))
        ]
        border = np.any([mask != neighbour for neighbour in neighbours], axis=0)
        if (got[border] != 255).any():
            y, x = np.argwhere(border & (got != 255))[0]
            raise Wrong(
                f"Row {y}, column {x} has a neighbour of another class, but is not 255."
                " Both sides of a border count."
            )
        if (got[~border] != mask[~border]).any():
            y, x = np.argwhere(~border & (got != mask))[0]
            raise Wrong(
                f"Row {y}, column {x} has four neighbours of its own class (or is at"
                f" the edge of the picture), but became {got[y, x]}."
            )
    return "A small mask and a whole scene have their borders ignored."


def _same_shape(got, want):
    if got.shape != want.shape:
        raise Wrong(f"The result has the shape {got.shape}, not {want.shape}.")
