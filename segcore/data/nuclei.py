"""Nuclei of the 2018 Data Science Bowl: fluorescence images, every nucleus outlined.

Caicedo et al. 2019, the 334 grey images of 256 x 256 of BBBC038. Read from
`<SEGCORE_DATA>/nuclei/{images,instances}` by the lists `train.txt`, `val.txt`,
`test.txt`.
"""

import numpy as np

from segcore.data import transforms
from segcore.data.pairs import Pairs, data_root, read_mask
from segcore.errors import InputError

CLASSES = ("background", "nucleus")
COLOURS = ((70, 70, 70), (230, 159, 0))


def load(split, root=None, size=None):
    """The `train` (234), `val` (50) or `test` (50) images as `Nuclei`."""
    folder = data_root(root) / "nuclei"
    if not (folder / f"{split}.txt").is_file():
        raise InputError(
            f"{folder}: the nuclei are not there. Take BBBC038 (stage1_train) of the"
            " Broad Bioimage Benchmark Collection, with images/, instances/ (one PNG of"
            " nucleus numbers an image) and the lists train.txt, val.txt and test.txt."
        )
    lines = (folder / f"{split}.txt").read_text(encoding="utf-8").splitlines()
    names = [line.split()[0] for line in lines if line.strip()]
    pairs = [(folder / "images" / n, folder / "instances" / n) for n in names]
    values = {0: 0, **dict.fromkeys(range(1, 2**16), 1)}
    return Nuclei(pairs, CLASSES, COLOURS, values, size)


class Nuclei(Pairs):
    """Samples with `instances` beside image and mask: uint16, 0 outside of nuclei."""

    def __getitem__(self, index):
        sample = super().__getitem__(index)
        instances = read_mask(self.pairs[index][1]).astype(np.uint16)
        if self.size:
            instances = transforms.resize_mask(instances, self.size)
        # Pillow rounds ties otherwise for 8 than for 16 bits: one source for both.
        mask = (instances > 0).astype(np.uint8)
        return {**sample, "mask": mask, "instances": instances}
