"""Liver and tumour CT: LiTS, the Decathlon's copy of it, and folders laid out alike.

Bilic et al. 2023, "The Liver Tumor Segmentation Benchmark": 131 volumes of CT with the
classes background, liver and tumour (70 more have no public truth); Antonelli et al.
2022, "The Medical Segmentation Decathlon", Task03. Read from `<SEGCORE_DATA>/lits`, in
any of these layouts:

- `volume-N.nii` and `segmentation-N.nii`, in any subfolders: LiTS
- `imagesTr/` and `labelsTr/` with equal names: the Decathlon's `Task03_Liver`
- `images/` and `masks/` with equal names: your own

Where to get it: `https://msd-for-monai.s3-us-west-2.amazonaws.com/Task03_Liver.tar`,
28,925,891,584 bytes, md5 a90ec6c4aa7f6a3d087205e23d4e6397 (CC BY-SA 4.0). In China:
LiTS as the data sets 10273 and 10292 of AI Studio (`aistudio.baidu.com`); their sums
were not checked by us.

Volumes 28 to 47 of LiTS have lost their affine (1 mm along each axis): millimetres and
millilitres of these cases mean nothing, and `notes` names them.
"""

import hashlib
import os
import re
import tempfile
import threading
from pathlib import Path

import numpy as np
from PIL import Image

from segcore import files
from segcore.data.pairs import data_root
from segcore.data.volumes import Volume, same_grid, slice_image
from segcore.errors import InputError

CLASSES = ("background", "liver", "tumour")
COLOURS = ((70, 70, 70), (0, 114, 178), (230, 159, 0))
WINDOW = (60, 400)  # centre and width in HU: soft tissue of the abdomen
PARTS = ("train", "val", "test")
FOLDERS = (("imagesTr", "labelsTr"), ("images", "masks"))


def load(split, root=None, size=None, neighbours=False):
    """Slices of LiTS' `train`, `val` or `test` cases as `Slices`; see `read`."""
    folder = data_root(root) / "lits"
    if not folder.is_dir():
        raise InputError(
            f"{folder}: LiTS is not there. Put volume-N.nii and segmentation-N.nii, or"
            " imagesTr/ and labelsTr/ of Task03_Liver.tar of the Medical Segmentation"
            " Decathlon, into this folder."
        )
    return read(folder, split, size, neighbours)


def read(folder, split, size=None, neighbours=False):
    """Slices of one part of a folder's cases as `Slices`; `"all"` is every case.

    No case is in two parts: they are those of `train.txt`, `val.txt` and `test.txt`
    (one case a line), or without these files 70, 10 and 20 % of the cases, drawn by
    their names. Reads the headers only. With `size=(H, W)` slices are resized.
    Raises `InputError` for a file without partner and for masks on another grid.
    """
    matched, problems = match(folder)
    if problems:
        raise InputError(problems[0])
    names = list(matched) if split == "all" else split_cases(folder, matched)[split]
    cases = [Case(name, *matched[name], size) for name in names]
    return Slices(cases, neighbours, [note for case in cases for note in case.notes])


def holds_volumes(folder):
    """Whether a folder holds NIfTI volumes in one of the three layouts."""
    places = [os.path.join(folder, images) for images, _ in FOLDERS]
    places = [place for place in places if os.path.isdir(place)] or [folder]
    return any(
        name.endswith((".nii", ".nii.gz"))
        for place in places
        if os.path.isdir(place)
        for name in os.listdir(place)
    )


def problems(folder):
    """A list of sentences, one a case that cannot be used; reads every voxel once."""
    try:
        matched, found = match(folder)
        split_cases(folder, matched)
    except InputError as error:
        return [str(error)]
    for name, pair in matched.items():
        try:
            Case(name, *pair).image()
        except InputError as error:
            found.append(str(error))
    return found


def match(folder):
    """`({case: (volume, mask)}, problems)` of a folder in one of the three layouts."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{files.short(folder)}: there is no such folder.")
    for images, masks in FOLDERS:
        if (folder / images).is_dir():
            volumes = _named(sorted((folder / images).iterdir()), "(.+)")
            others = folder / masks
            truths = _named(sorted(others.iterdir()) if others.is_dir() else [], "(.+)")
            break
    else:
        images, masks = "volume-N.nii", "segmentation-N.nii"
        paths = sorted(folder.rglob("*.nii*"))
        volumes = _named(paths, r"(volume-\d+)")
        truths = _named(paths, r"segmentation(-\d+)", "volume")
    if not volumes:
        raise InputError(
            f"{files.short(folder)}: there are no volumes in it. Name them volume-0.nii"
            " and segmentation-0.nii, or put them into images/ and masks/."
        )
    lonely = [(volumes[n], masks, "volume") for n in volumes if n not in truths]
    lonely += [(truths[n], images, "mask") for n in truths if n not in volumes]
    return {n: (volumes[n], truths[n]) for n in _ordered(volumes) if n in truths}, [
        f"{files.short(path)}: it has no partner in {other}. Add it, or remove the"
        f" {what}."
        for path, other, what in lonely
    ]


def _named(paths, pattern, before=""):
    """`{case: path}` of the NIfTI files whose name without ending fits `pattern`."""
    found = {}
    for path in paths:
        hit = re.fullmatch(pattern + r"\.nii(?:\.gz)?", path.name)
        # The Decathlon's tar holds a hidden `._liver_0.nii.gz` beside each file.
        if not hit or path.name.startswith("."):
            continue
        name = before + hit[1]
        if name in found:
            raise InputError(
                f"{files.short(path)}: {files.short(found[name])} is the same case;"
                " remove or rename one of them."
            )
        found[name] = path
    return found


def _ordered(names):
    """Names sorted with their numbers as numbers: case 2 before case 10."""
    return sorted(
        names,
        key=lambda name: [
            (not part.isdigit(), int(part) if part.isdigit() else 0, part)
            for part in re.split(r"(\d+)", name)
        ],
    )


def split_cases(folder, names):
    """`{"train": [...], "val": [...], "test": [...]}`: from the lists, or by name."""
    lists = {part: Path(folder) / f"{part}.txt" for part in PARTS}
    if any(path.exists() for path in lists.values()):
        return _listed(lists, names)
    # By a digest of the name, so that the order of LiTS' hospitals plays no role.
    order = sorted(names, key=lambda n: hashlib.sha256(n.encode()).digest())
    test = max(1, round(len(order) / 5)) if len(order) > 1 else 0
    val = max(1, round(len(order) / 10)) if len(order) > 2 else 0
    return {
        "train": _ordered(order[test + val :]),
        "val": _ordered(order[test : test + val]),
        "test": _ordered(order[:test]),
    }


def _listed(lists, names):
    parts, where = {}, {}
    for part, path in lists.items():
        parts[part] = []
        for line in files.read_text(path).splitlines() if path.exists() else []:
            if not line.strip():
                continue
            name = re.sub(r"\.nii(\.gz)?$", "", line.strip())
            if name not in names:
                raise InputError(
                    f"{files.short(path)}: it names {files.printable(line)!r}, and"
                    f" there is no such case; one here is {next(iter(names))!r}."
                )
            if name in where:
                raise InputError(
                    f"{files.short(path)}: case {name!r} stands in {where[name]} too."
                    " A case belongs to one part, or scores mean nothing."
                )
            where[name] = path.name
            parts[part].append(name)
    return parts


class Case:
    """One volume with its mask, windowed, at `size`; unpacked once, when first needed.

    Then its voxels lie in a temporary folder, two bytes each, and are mapped from
    there: a slice costs its own bytes only, however the file was packed. While it is
    unpacked, memory holds some 200 MB and the disk one more copy at full size.
    """

    def __init__(self, name, image_path, mask_path, size=None):
        self.name = name
        self.volume, self.truth = Volume(image_path), Volume(mask_path)
        self.notes = []
        of_lits = re.fullmatch(r"volume-\d+", name)
        try:
            same_grid(self.volume, self.truth)
        except InputError:
            if not of_lits or self.volume.stored_shape != self.truth.stored_shape:
                raise
            # Some of LiTS' masks carry another affine than their volume.
            self.truth = Volume(mask_path, like=self.volume)
            self.notes.append(f"{name}: mask read voxel for voxel, its affine differs")
        header = self.volume.header
        lost = np.array_equal(header.get_best_affine()[:3, :3], np.eye(3))
        if (of_lits and lost) or not (header["qform_code"] or header["sform_code"]):
            self.notes.append(f"{name}: spacing and orientation are not in the header")
        depth, *full = self.volume.shape
        self.size = tuple(size or full)
        self.shape = (depth, *self.size)
        self.spacing = tuple(
            old * was / now
            for old, was, now in zip(self.volume.spacing, self.volume.shape, self.shape)
        )
        self._lock = threading.Lock()
        self._folder = None

    def image(self):
        """The windowed CT, uint8 `[D, H, W]`, mapped from disk."""
        return np.load(self._unpacked() / "image.npy", mmap_mode="r")

    def mask(self):
        """The class ids, uint8 `[D, H, W]`, mapped from disk."""
        return np.load(self._unpacked() / "mask.npy", mmap_mode="r")

    def _unpacked(self):
        with self._lock:
            if self._folder is None:
                folder = tempfile.TemporaryDirectory(
                    prefix="segcore-", ignore_cleanup_errors=True
                )
                self._unpack(Path(folder.name), "image", self.volume)
                self._unpack(Path(folder.name), "mask", self.truth)
                self._folder = folder
        return Path(self._folder.name)

    def _unpack(self, folder, name, volume):
        full = _mapped(folder / "full.npy", volume.shape)
        if name == "image":
            volume.windowed(*WINDOW, out=full)
        else:
            volume.labels(len(CLASSES), out=full)
        resized = _mapped(folder / f"{name}.npy", self.shape)
        how = Image.Resampling.BILINEAR if name == "image" else Image.Resampling.NEAREST
        for k, plane in enumerate(full):
            resized[k] = Image.fromarray(plane).resize(self.size[::-1], how)
        del full, plane  # or Windows keeps the file
        (folder / "full.npy").unlink()


def _mapped(path, shape):
    return np.lib.format.open_memmap(path, "w+", np.uint8, shape)


class Slices:
    """The slices of cases as samples (see `segcore.data.pairs`).

    A sample has `case` and `slice` beside image, mask and name. With `neighbours`
    (2.5-D) the image's channels are the slices below, here and above. `cases` have
    `name`, `shape`, `spacing` in mm, `image()` and `mask()`, uint8 `[D, H, W]`.
    """

    classes, colours = list(CLASSES), list(COLOURS)
    # Nobody's liver lies on the left, and no scanner tints its slices.
    augment = {"flip": False, "jitter": 0.05}  # noqa: RUF012
    num_classes = property(lambda self: len(self.classes))

    def __init__(self, cases, neighbours=False, notes=()):
        self.cases, self.neighbours, self.notes = list(cases), neighbours, list(notes)
        self.places = [
            (c, k) for c, case in enumerate(self.cases) for k in range(case.shape[0])
        ]

    def __len__(self):
        return len(self.places)

    def __getitem__(self, index):
        c, k = self.places[index]
        return {
            "image": slice_image(self.cases[c].image(), k, self.neighbours),
            "mask": np.array(self.cases[c].mask()[k]),
            "name": self.name(index),
            "case": self.cases[c].name,
            "slice": k,
        }

    def files(self):
        """The files `(volume, mask)` of the cases; none where a program makes them."""
        return [
            (case.volume.path, case.truth.path)
            for case in self.cases
            if hasattr(case, "volume")
        ]

    def name(self, index):
        c, k = self.places[index]
        return f"{self.cases[c].name}/{k}"

    def mask(self, index):
        """Class ids `[H, W]` of one sample."""
        c, k = self.places[index]
        return np.array(self.cases[c].mask()[k])

    def having(self, class_id):
        """Indices of the slices that hold a class; unpacks every case."""
        here = [(case.mask() == class_id).any(axis=(1, 2)) for case in self.cases]
        return [i for i, (c, k) in enumerate(self.places) if here[c][k]]
