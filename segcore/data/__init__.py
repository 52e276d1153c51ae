"""Data sets by name, and a user's own folder.

`load("shapes", "train")` is made by a program, `load("camvid", "train")` read from the
folder that `SEGCORE_DATA` names, `load("path/to/folder", "train")` from a folder with
`images/` and `masks/`, pictures or NIfTI volumes. Each is a sequence of samples (see
`segcore.data.pairs`) with `classes`, `num_classes` and `colours`.
"""

import os
from pathlib import Path

import numpy as np

from segcore.data import (
    camvid,
    folder,
    isbi2012,
    lits,
    liver2d,
    nuclei,
    phantom,
    report,
    shapes,
    transforms,
)
from segcore.data.pairs import IGNORE, Pairs, data_root
from segcore.data.report import Report, prints
from segcore.errors import InputError
from segcore.files import printable

__all__ = [
    "IGNORE",
    "NAMES",
    "Pairs",
    "Report",
    "check",
    "class_pixels",
    "examine",
    "load",
    "prints",
    "splits",
    "transforms",
]

NAMES = {
    "shapes": "synthetic scenes with stuff and things, made by a program",
    "camvid": "road scenes, 11 classes, 367 + 101 + 233 images of 480 x 360",
    "isbi2012": "cell membranes by electron microscope, 24 + 6 images of 512 x 512",
    "nuclei": "fluorescent nuclei, 234 + 50 + 50 images of 256 x 256",
    "liver2d": "liver in CT slices, 436 + 55 + 132 of 122 cases, 256 x 256",
    "lits": "liver and tumours in CT volumes (LiTS, or the Decathlon's Task03)",
    "phantom": "synthetic CT of liver and tumours, 24 + 6 + 12 cases",
    "folder": "your own: the path of a folder with images/ and masks/",
}
REAL = {"camvid": camvid, "isbi2012": isbi2012, "nuclei": nuclei}
VOLUMES = {"phantom", "lits"}
SPLITS = ("train", "val", "test")


def load(name, split, root=None, size=None, **options):
    """The `train`, `val` or `test` part of a data set, given by name or by path.

    `root` replaces the environment variable `SEGCORE_DATA`; for `"folder"` it is the
    folder itself. `size=(H, W)` resizes on reading. `options` go to `shapes`,
    `phantom`, `lits` and `liver2d`; the slices of volumes have their neighbours as
    channels (2.5-D) unless `neighbours=False`. Raises `InputError` for an unknown name,
    a missing folder, or unmatched files.
    """
    size = transforms.checked_size(size) if size is not None else None
    if split not in SPLITS:
        raise InputError(f"There is no split {split!r}; there are train, val and test.")
    if name == "shapes":
        return shapes.load(split, size=size or (96, 96), **options)
    if name in VOLUMES:
        options = {"neighbours": True, **options}
        if name == "phantom":
            return phantom.load(split, size=size or (96, 96), **options)
        return lits.load(split, root, size, **options)
    if name == "liver2d":
        return liver2d.load(split, root, size, **options)
    if options:
        raise InputError(f"{name} takes no option {next(iter(options))!r}.")
    if name in REAL:
        return REAL[name].load(split, root, size)
    path = root if name == "folder" else name
    if path is None:
        raise InputError("Where is the folder? Give its path as root=, or as the name.")
    if not isinstance(path, (str, os.PathLike)) or not os.path.exists(path):
        raise InputError(
            f"{path}: neither a folder nor the name of a data set"
            f" ({', '.join(list(NAMES)[:-1])})."
        )
    if lits.holds_volumes(path):
        return lits.read(path, split, size, neighbours=True)
    return folder.load(path, split, size)


def examine(dataset, size=None, progress=False):
    """The `Report` of a data set: problems, warnings, and digests of its files.

    `dataset` is a name or a path as for `load`, of which all parts are examined, or a
    data set that `load` made. Reads every file once.
    """
    if not isinstance(dataset, (str, os.PathLike)):
        parts = {"all": dataset}
    elif dataset == "lits" or lits.holds_volumes(dataset):
        return _examine_volumes(dataset)
    elif dataset in NAMES:
        try:
            parts = {part: load(dataset, part, size=size) for part in splits(dataset)}
        except InputError as error:
            return Report([printable(error)])
    else:
        return report.examine_folder(Path(dataset), progress)
    if not all(hasattr(part, "pairs") for part in parts.values()):
        return Report()  # made by a program, as `shapes` is
    return report.examine_parts(parts, progress)


def _examine_volumes(name):
    try:
        place = data_root() / "lits" if name == "lits" else name
        problems = [printable(problem) for problem in lits.problems(place)]
        if problems:
            return Report(problems)
        return Report(prints={part: prints(load(name, part)) for part in SPLITS})
    except InputError as error:
        return Report([printable(error)])


def check(dataset, progress=False):
    """The problems that `examine` finds, as a list of sentences; empty if sound."""
    return examine(dataset, progress=progress).problems


def splits(name):
    """The parts that a data set has: all three, but for `isbi2012` no test."""
    return SPLITS[:2] if name == "isbi2012" else SPLITS


def class_pixels(dataset):
    """Number of pixels of each class over a data set, int64 `[num_classes]`."""
    total = np.zeros(dataset.num_classes, np.int64)
    for index in range(len(dataset)):
        counts = np.bincount(dataset.mask(index).ravel(), minlength=256)
        total += counts[: dataset.num_classes]
    return total
