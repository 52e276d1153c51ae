"""ISBI 2012: membranes of nerve cells under the electron microscope, 30 slices.

Cardona et al. 2010; Arganda-Carreras et al. 2015. Read from
`<SEGCORE_DATA>/isbi2012/train/image` and `train/label`, `0.png` to `29.png`.
"""

from segcore.data.pairs import Pairs, data_root, files_by_stem
from segcore.errors import InputError

CLASSES = ("cell", "membrane")
COLOURS = ((230, 230, 230), (0, 114, 178))
SLICES = {"train": range(24), "val": range(24, 30)}


def load(split, root=None, size=None):
    """Slices 0 to 23 as `train`, 24 to 29 as `val`, 512 x 512 pixels, as `Pairs`.

    The slices are neighbours in one block of tissue, so the last ones are held out in
    one piece. The challenge's own test slices have no public truth: `test` raises
    `InputError`.
    """
    folder = data_root(root) / "isbi2012/train"
    if not folder.is_dir():
        raise InputError(
            f"{folder}: ISBI 2012 is not there. Put its 30 training slices as PNG into"
            " image/ and label/ of this folder, named 0.png to 29.png."
        )
    if split not in SLICES:
        raise InputError(
            "isbi2012 has no test split with a public truth: use val, the slices 24"
            " to 29."
        )
    images, masks = files_by_stem(folder / "image"), files_by_stem(folder / "label")
    names = [str(number) for number in SLICES[split]]
    missing = [name for name in names if name not in images or name not in masks]
    if missing:
        raise InputError(
            f"{folder}: slice {missing[0]} lacks its image or its label"
            f" ({len(missing)} such slices). Copy the 30 pairs again."
        )
    pairs = [(images[name], masks[name]) for name in names]
    return Pairs(pairs, CLASSES, COLOURS, {255: 0, 0: 1}, size)
