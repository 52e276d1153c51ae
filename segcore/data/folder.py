"""A user's own images and masks: `images/` and `masks/` with equal stems."""

import hashlib
from pathlib import Path

import numpy as np

from segcore.data.pairs import IGNORE, Pairs, files_by_stem, read_mask, short
from segcore.errors import InputError

MOST_CLASSES = 64  # more values than this in masks are a photograph, not class ids


def load(path, split, size=None, meaning=None):
    """The folder's `train`, `val` or `test` part as `Pairs`; `"all"` is everything.

    The parts are those of `train.txt`, `val.txt` and `test.txt` (one stem a line), or
    without these files 80, 10 and 10 %, drawn by the names and so the same every time.
    `classes.txt`, one name a line, names the classes 0, 1, 2, ...; without it they are
    discovered from the masks, over all parts. `meaning=(classes, values)` spares the
    discovery and reads the masks as an earlier run did.
    """
    folder = Path(path)
    matched, problems = match(folder)
    if problems:
        more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
        raise InputError(
            f"{problems[0]}{more} `python -m segcore check {path}` lists every problem."
        )
    stems = list(matched) if split == "all" else split_stems(folder, matched)[split]
    classes, values, notes = (*meaning, []) if meaning else discover(folder, matched)
    pairs = [matched[stem] for stem in stems]
    return Pairs(pairs, classes, None, values, size, notes)


def match(folder):
    """`({stem: (image, mask)}, problems)` of a folder; raises if nothing is there."""
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder.")
    for part in ("images", "masks"):
        if not (folder / part).is_dir():
            raise InputError(
                f"{folder}: it needs two folders, images/ and masks/; {part}/ is"
                " missing."
            )
    images, masks = files_by_stem(folder / "images"), files_by_stem(folder / "masks")
    if not images:
        raise InputError(f"{short(folder / 'images')}: there are no images in it.")
    problems = [
        f"{short(path)}: no mask of the same name in masks/. Add it or remove the"
        " image."
        for stem, path in images.items()
        if stem not in masks
    ]
    problems += [
        f"{short(path)}: no image of the same name in images/. Add it or remove the"
        " mask."
        for stem, path in masks.items()
        if stem not in images
    ]
    return {stem: (images[stem], masks[stem]) for stem in images if stem in masks}, (
        problems
    )


def split_stems(folder, stems):
    """`{"train": [...], "val": [...], "test": [...]}` from the lists or by name."""
    lists = {part: folder / f"{part}.txt" for part in ("train", "val", "test")}
    if any(path.exists() for path in lists.values()):
        return {part: _listed(path, stems) for part, path in lists.items()}
    # By a digest of the name: adding images later moves none from one part to another.
    order = sorted(stems, key=lambda stem: hashlib.sha256(stem.encode()).digest())
    tenth = max(1, round(len(order) / 10)) if len(order) >= 3 else 0
    val, test = order[:tenth], order[tenth : 2 * tenth]
    return {
        "train": sorted(order[2 * tenth :]),
        "val": sorted(val),
        "test": sorted(test),
    }


def _listed(path, stems):
    """The stems that a list file names; endings and folders before them may stand."""
    if not path.exists():
        return []
    listed = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        name = Path(line.split()[0])
        stem = name.name if name.name in stems else name.stem
        if stem not in stems:
            raise InputError(
                f"{short(path)}: line {number} names {line.strip()!r}, but there is no"
                " such image with a mask. Correct or remove the line."
            )
        listed.append(stem)
    return listed


def discover(folder, matched):
    """`(classes, values, notes)`: names of the classes, and which value is which."""
    names = folder / "classes.txt"
    if names.exists():
        classes = names.read_text(encoding="utf-8-sig").split("\n")
        classes = [line.strip() for line in classes if line.strip()]
        if not 2 <= len(classes) < IGNORE:
            raise InputError(
                f"{short(names)}: it names {len(classes)} classes; 2 to 254 are"
                " needed, one a line, the first of value 0."
            )
        return classes, None, [f"{len(classes)} classes, named by {short(names)}"]
    found = set()
    for _, mask in matched.values():
        values = np.unique(read_mask(mask))
        found.update(int(value) for value in values)
        if len(found) > MOST_CLASSES + 1 and found != set(range(len(found))):
            raise InputError(
                f"{short(mask)}: the masks hold more than {MOST_CLASSES} different"
                " values. A mask holds one class id per pixel; a JPEG or resized mask"
                " blurs them. Export the masks as PNG."
            )
    return _name_values(folder, found)


def _name_values(folder, found):
    if found <= {0, IGNORE} and IGNORE in found:
        # Two values, 0 and 255: a drawing program's black and white. With 255 read as
        # "ignored", nothing but background would be left to learn.
        return (
            ["background", "foreground"],
            {0: 0, IGNORE: 1},
            ["masks hold 0 and 255 only: read as background (0) and foreground (255)"],
        )
    classes = sorted(found - {IGNORE})
    if len(classes) < 2:
        raise InputError(
            f"{short(folder / 'masks')}: the only value found is"
            f" {', '.join(map(str, sorted(found))) or 'none'}; at least two classes are"
            " needed. Look whether the masks were exported empty."
        )
    notes = []
    if IGNORE in found:
        notes.append("255 is read as ignored: it is neither trained nor counted")
    if classes == list(range(len(classes))):
        return [f"class {i}" for i in classes], None, notes
    notes.append(
        "mask values " + ", ".join(map(str, classes)) + " become classes 0.."
        f"{len(classes) - 1}, in this order (write classes.txt to fix them yourself)"
    )
    return (
        [f"value {value}" for value in classes],
        {value: i for i, value in enumerate(classes)},
        notes,
    )
