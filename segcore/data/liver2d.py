"""Slices of liver CT with the liver's mask: 623 of 122 cases, 256 x 256 pixels.

From the Medical Segmentation Decathlon's Task03 (see `segcore.data.lits`), as PNG:
0 to 255 Hounsfield units as grey, tumours part of the liver, only slices with liver.
Read from `<SEGCORE_DATA>/liver2d/{images,masks}` by the lists `train.txt`, `val.txt`,
`test.txt`, which split by case.
"""

import numpy as np

from segcore import files
from segcore.data import transforms
from segcore.data.pairs import Pairs, data_root, read_image, size_problem
from segcore.errors import InputError

CLASSES = ("background", "liver")
COLOURS = ((70, 70, 70), (0, 114, 178))
PARTS = ("train", "val", "test")


def load(split, root=None, size=None, split_by="case", seed=None):
    """The `train` (436 slices, 86 cases), `val` (55, 12) or `test` (132, 24) part.

    With a `seed` the parts are drawn anew, of the same numbers of cases; with
    `split_by="slice"` of the same numbers of slices, whatever their case. In the
    latter neighbours from one patient stand in both training and test: it is there to
    show how much that flatters.
    """
    folder = data_root(root) / "liver2d"
    if not (folder / f"{split}.txt").is_file():
        raise InputError(
            f"{folder}: liver2d is not there. It needs images/, masks/ (PNG, named"
            " CASE_SLICE.png) and the lists train.txt, val.txt and test.txt."
        )
    if split_by not in ("case", "slice"):
        raise InputError(f'split_by is "case" or "slice", not {split_by!r}.')
    lists = {}
    for part in PARTS:
        lines = files.read_text(folder / f"{part}.txt").splitlines()
        lists[part] = [line.split() for line in lines if line.strip()]
    if split_by == "slice" or seed is not None:
        lists = _drawn(lists, split_by, seed or 0)
    pairs = [(folder / image, folder / mask) for image, mask in lists[split]]
    return Liver2d(pairs, CLASSES, COLOURS, None, size)


def _drawn(lists, split_by, seed):
    """The same slices in three parts drawn by `seed`, cases whole or not."""

    def unit(pair):
        return _case(pair[0]) if split_by == "case" else pair[0]

    counts = [len({unit(pair) for pair in lists[part]}) for part in PARTS]
    pairs = sorted(pair for part in PARTS for pair in lists[part])
    units = sorted({unit(pair) for pair in pairs})
    order = np.random.default_rng(seed).permutation(units)
    ends = np.cumsum([0, *counts])
    chosen = {part: set(order[a:b]) for part, a, b in zip(PARTS, ends, ends[1:])}
    return {
        part: [pair for pair in pairs if unit(pair) in chosen[part]] for part in PARTS
    }


def _case(path):
    return str(path).replace("\\", "/").rsplit("/", 1)[-1].split("_")[0]


class Liver2d(Pairs):
    """Samples with `case` and `slice` beside image and mask, turned upright.

    The files hold the axes as NIfTI does, from the patient's left to the right and from
    back to front; here the front is above and the patient's right on the left.
    """

    def __getitem__(self, index):
        image, mask = _upright(read_image(self.pairs[index][0])), self.mask(index)
        if image.shape[:2] != mask.shape:
            raise InputError(size_problem(*self.pairs[index], image.shape, mask.shape))
        if self.size:
            image, mask = transforms.resize(image, mask, self.size)
        number = self.pairs[index][0].stem.split("_")[1]
        return {
            "image": image,
            "mask": mask,
            "name": self.name(index),
            "case": self.case(index),
            "slice": int(number),
        }

    def case(self, index):
        """The patient's number, as a string."""
        return _case(self.pairs[index][0])

    def mask(self, index):
        """Class ids `[H, W]` of one sample at the file's own size, upright."""
        return _upright(super().mask(index))


def _upright(stored):
    return np.ascontiguousarray(stored[::-1, ::-1].swapaxes(0, 1))
