"""Images and masks on disk, in pairs: what every real data set here is made of.

A sample is a dict: `"image"`, uint8 `[H, W, 3]`, and `"mask"`, uint8 `[H, W]`, whose
values are class ids `0..num_classes-1` or 255, *ignored*. `"name"` says whence it came.
"""

import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from segcore.data import transforms
from segcore.data.transforms import IGNORE
from segcore.errors import InputError

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}


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
        self.values = values or {i: i for i in range(len(self.classes))}
        self.values.setdefault(IGNORE, IGNORE)
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
        stored = read_mask(path)
        problem = label_problem(path, stored, self.values)
        if problem:
            raise InputError(problem)
        return to_class_ids(stored, self.values).astype(np.uint8)


def read_image(path):
    """The image file as uint8 `[H, W, 3]`; raises `InputError` if it cannot be read."""
    with _opened(path) as image:
        if image.mode in ("I", "F") or image.mode.startswith("I;16"):
            # Microscopes write 12 or 16 bits: stretch what is there to 0..255.
            values = np.asarray(image, np.float32)
            low, high = float(values.min()), float(values.max())
            values = (values - low) * (255 / max(high - low, 1))
            image = Image.fromarray(values.round().astype(np.uint8))
        return np.array(image.convert("RGB"))


def read_mask(path):
    """The values of a mask file, `[H, W]`: palette PNGs give their indices."""
    with _opened(path) as image:
        values = np.array(image.convert("L") if image.mode == "1" else image)
    if values.ndim == 3:
        colours = values[..., :3]
        if values.shape[2] == 2:  # grey and alpha
            return values[..., 0]
        if (colours == colours[..., :1]).all():  # grey stored as RGB
            return colours[..., 0]
        raise InputError(
            f"{short(path)}: the mask is a colour picture with"
            f" {len(np.unique(colours.reshape(-1, 3), axis=0))} colours; a mask holds"
            " one class id per pixel. Save it as a grey or palette PNG."
        )
    if values.dtype.kind == "f" and (values != values.round()).any():
        raise InputError(
            f"{short(path)}: the mask holds fractions such as"
            f" {values[values != values.round()][0]:g}; class ids are whole numbers."
            " Save it as an 8-bit PNG."
        )
    return values


def to_class_ids(stored, values):
    """Class ids, int16, for stored mask values by the dict `values`; -1 for others."""
    table = np.full(2**16, -1, np.int16)
    table[list(values)] = list(values.values())
    outside = (stored < 0) | (stored >= 2**16)
    return np.where(
        outside, np.int16(-1), table[np.where(outside, 0, stored).astype(int)]
    )


def label_problem(path, stored, values):
    """One sentence on the first value that the dict `values` does not hold, or None."""
    bad = to_class_ids(stored, values) < 0
    if not bad.any():
        return None
    y, x = np.argwhere(bad)[0]
    legal = sorted(set(values) - {IGNORE})
    if legal == list(range(len(legal))):
        legal = [f"0..{len(legal) - 1}"]
    return (
        f"{short(path)}: label {stored[y, x]:g} at row {y}, column {x} ({bad.sum()}"
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


def short(path):
    """A path as the user would type it: relative to here where that is shorter."""
    path = str(path)
    try:
        return min(path, os.path.relpath(path), key=len)
    except ValueError:  # another drive, on Windows
        return path


def files_by_stem(folder):
    """`{stem: path}` of the image files in a folder; two of one stem are an error."""
    if not folder.is_dir():
        raise InputError(f"{short(folder)}: there is no such folder.")
    found = {}
    for path in sorted(folder.iterdir()):
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
    if not Path(root).is_dir():
        raise InputError(f"{root}: SEGCORE_DATA names a folder that does not exist.")
    return Path(root)


@contextmanager
def _opened(path):
    """`PIL.Image.open`, decoded; every failure becomes an `InputError`."""
    try:
        with Image.open(path) as image:
            image.load()
            yield image
    except FileNotFoundError:
        raise InputError(f"{short(path)}: there is no such file.") from None
    except UnidentifiedImageError:
        raise InputError(
            f"{short(path)}: this is not an image that can be read."
            " Save it again as PNG, or remove it."
        ) from None
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            f"{short(path)}: the image cannot be read ({error})."
            " Save it again as PNG, or remove it."
        ) from None
