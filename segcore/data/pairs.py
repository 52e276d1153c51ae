"""Images and masks on disk, in pairs: what every real data set here is made of.

A sample is a dict: `"image"`, uint8 `[H, W, 3]`, and `"mask"`, uint8 `[H, W]`, whose
values are class ids `0..num_classes-1` or 255, *ignored*. `"name"` says whence it came.
"""

import os
from pathlib import Path

import numpy as np

from segcore.data import reading, transforms
from segcore.data.reading import read_image, read_mask
from segcore.data.transforms import IGNORE
from segcore.errors import InputError
from segcore.files import short

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
MOST_CLASSES = 254  # ids are bytes: 255 is ignored, 254 marks what is no class
NO_CLASS = 254


class Pairs:
    """A list of (image file, mask file) read as samples.

    `classes` are the names of the class ids in order. `values` maps the values stored
    in the mask files to class ids; without it they are class ids already, and 255
    ignored. With `size=(H, W)` each pair is resized on reading, the mask by nearest
    neighbour. `notes` are sentences on how the files were understood.
    """

    def __init__(self, pairs, classes, colours=None, values=None, size=None, notes=()):
        self.pairs = list(pairs)
        self.classes = list(classes)
        self.colours = colours
        if not 1 <= len(self.classes) <= MOST_CLASSES:
            raise InputError(
                f"A data set has 1 to {MOST_CLASSES} classes, not {len(self.classes)}."
            )
        ids = {i: i for i in range(len(self.classes))}
        self.values = {IGNORE: IGNORE} | dict(values or ids)
        if not {*ids, IGNORE}.issuperset(self.values.values()) or not all(
            0 <= value < 2**16 for value in self.values
        ):
            raise InputError(
                "`values` maps values of mask files, 0 to 65535, to the ids of the"
                f" {len(ids)} classes or to 255."
            )
        self.size = size
        self.notes = list(notes)

    num_classes = property(lambda self: len(self.classes))

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        image = read_image(self.pairs[index][0])
        mask = self.mask(index)
        if image.shape[:2] != mask.shape:
            raise InputError(size_problem(*self.pairs[index], image.shape, mask.shape))
        if self.size:
            image, mask = transforms.resize(image, mask, self.size)
        return {"image": image, "mask": mask, "name": self.name(index)}

    def name(self, index):
        """The image file's path as a short string."""
        return short(self.pairs[index][0])

    def mask(self, index):
        """Class ids `[H, W]` of one sample at the file's own size."""
        path = self.pairs[index][1]
        return class_ids(path, read_mask(path), self.values)


def class_ids(path, stored, values):
    """Class ids, uint8 `[H, W]`, of a mask file's values by the dict `values`.

    Raises `InputError` that names the first value which is not in `values`.
    """
    table = np.full(2**16, NO_CLASS, np.uint8)
    table[list(values)] = list(values.values())
    ids = np.empty(stored.shape, np.uint8)
    for rows in reading.strips(*stored.shape):
        ids[rows] = table[stored[rows]]
    bad = ids == NO_CLASS
    if not bad.any():
        return ids
    y, x = divmod(int(bad.argmax()), bad.shape[1])
    legal = sorted(set(values) - {IGNORE})
    if legal == list(range(len(legal))):
        legal = [f"0..{len(legal) - 1}"]
    raise InputError(
        f"{short(path)}: label {stored[y, x]} at row {y}, column {x} ({bad.sum()}"
        f" such pixels); classes are {', '.join(map(str, legal))}, or 255 for ignored."
        " Relabel those pixels, or set them to 255."
    )


def size_problem(image_path, mask_path, image_shape, mask_shape):
    """One sentence for a mask that does not fit its image."""
    return (
        f"{short(mask_path)}: the mask is {mask_shape[0]} x {mask_shape[1]} pixels but"
        f" its image {short(image_path)} is {image_shape[0]} x {image_shape[1]}"
        " (height x width). Export it again at the image's size."
    )


def files_by_stem(folder):
    """`{stem: path}` of the image files in a folder; two of one stem are an error."""
    try:
        paths = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{short(folder)}: there is no such folder.") from None
    except OSError as error:
        raise InputError(
            f"{short(folder)}: this folder cannot be read ({error.strerror})."
        ) from None
    found = {}
    for path in paths:
        if path.suffix.lower() not in IMAGE_SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            raise InputError(
                f"{short(path)}: {found[path.stem].name} has the same name but for the"
                " ending; remove or rename one of them."
            )
        found[path.stem] = path
    return found


def data_root(root=None):
    """The folder that holds the real data sets: `root`, else `SEGCORE_DATA`."""
    root = root or os.environ.get("SEGCORE_DATA")
    if not root:
        raise InputError(
            "Where are the data? Set the environment variable SEGCORE_DATA to the"
            " folder that holds one subfolder per data set."
        )
    if not os.path.isdir(root):
        raise InputError(f"{root}: SEGCORE_DATA names a folder that does not exist.")
    return Path(root)
