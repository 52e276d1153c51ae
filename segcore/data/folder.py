"""A user's own images and masks: `images/` and `masks/` with equal stems."""

import hashlib
import os
import re
from pathlib import Path

from segcore.data.masks import nonsense, survey, values_found
from segcore.data.pairs import IGNORE, MOST_CLASSES, Pairs, files_by_stem
from segcore.errors import InputError
from segcore.files import read_text, short

PARTS = ("train", "val", "test")
# The first file of a line "images/my 3.png masks/my 3.png".
FIRST_FILE = re.compile(r"(.+?\.(?:png|jpe?g|bmp|tiff?|webp))\s", re.IGNORECASE)


def load(path, split, size=None, meaning=None):
    """The folder's `train`, `val` or `test` part as `Pairs`; `"all"` is everything.

    The parts are those of `train.txt`, `val.txt` and `test.txt` (one stem a line), or
    without these files about 80, 10 and 10 %, drawn by the names and so the same every
    time. `classes.txt`, one name a line, names the classes 0, 1, 2, ...; without it
    they are discovered from the masks, over all parts. `meaning=(classes, values)`
    spares the discovery and reads the masks as an earlier run did.
    """
    folder = Path(path)
    matched, problems = match(folder)
    parts, more = split_stems(folder, matched)
    problems += more
    if problems:
        more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
        raise InputError(
            f"{problems[0]}{more} `python -m segcore check {path}` lists every problem."
        )
    stems = list(matched) if split == "all" else parts[split]
    classes, values, notes = (*meaning, []) if meaning else discover(folder, matched)
    pairs = [matched[stem] for stem in stems]
    return Pairs(pairs, classes, None, values, size, notes)


def match(folder):
    """`({stem: (image, mask)}, problems)` of a folder; raises if nothing is there."""
    if not os.path.isdir(folder):
        raise InputError(f"{folder}: there is no such folder.")
    for part in ("images", "masks"):
        if not os.path.isdir(folder / part):
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
    """`({"train": [...], "val": [...], "test": [...]}, problems)`: lists or names."""
    lists = {part: folder / f"{part}.txt" for part in PARTS}
    if not any(map(os.path.lexists, lists.values())):
        return _by_name(stems), []
    parts, problems, seen = {part: [] for part in PARTS}, [], {}
    for part, path in lists.items():
        try:
            lines = _lines(path) if os.path.lexists(path) else []
        except InputError as error:
            problems.append(str(error))
            continue
        for number, line in enumerate(lines, 1):
            stem = _stem(line, stems) if line else None
            where = f"{short(path)}: line {number} names {line[:99]!r}"
            if stem in seen:
                problems.append(
                    f"{where}, as {seen[stem]} does. An image is named once, in one"
                    " list; remove one of the lines."
                )
            elif stem:
                seen[stem] = f"line {number} of {path.name}"
                parts[part].append(stem)
            elif line:
                problems.append(
                    f"{where}, but there is no such image with a mask. Correct or"
                    " remove the line."
                )
    return parts, problems


def _by_name(stems):
    """A tenth each to val and test, by a digest of each name alone.

    So an image stays in its part when others are added or removed. Only in a small
    folder, where a part would be empty, does it take the first of the largest part.
    """
    digests = {stem: hashlib.sha256(os.fsencode(stem)).digest() for stem in stems}
    parts = {part: [] for part in PARTS}
    for stem in sorted(stems, key=digests.get):
        place = int.from_bytes(digests[stem][:8], "big") / 2**64
        held_out = len(stems) >= 3 and place < 0.2
        part = ("val" if place < 0.1 else "test") if held_out else "train"
        parts[part].append(stem)
    for part in parts.values():
        if not part and len(stems) >= 3:
            part.append(max(parts.values(), key=len).pop(0))
    return {part: sorted(those) for part, those in parts.items()}


def _stem(line, stems):
    """The stem that a line names, folders before it and endings apart, or None."""
    first = FIRST_FILE.match(line)
    for text in (first[1] if first else line, line.split()[0]):
        name = Path(text)
        for stem in (name.name, name.stem):
            if stem in stems:
                return stem
    return None


def _lines(path):
    """The lines of a text file, stripped; blank ones at the end are left out."""
    if not os.path.exists(path):
        raise InputError(
            f"{short(path)}: this link leads nowhere. Mend it or remove it."
        )
    text = read_text(path).rstrip()
    return [line.strip() for line in re.split("\r\n?|\n", text)] if text else []


def _class_names(path):
    names = _lines(path)
    if not 2 <= len(names) <= MOST_CLASSES:
        raise InputError(
            f"{short(path)}: it names {len(names)} classes; 2 to {MOST_CLASSES} are"
            " needed, one a line, the first of value 0."
        )
    for number, name in enumerate(names, 1):
        problem = (
            (not name and "is blank, which would shift the ids of the classes below")
            or (not name.isprintable() and f"holds unprintable characters ({name!r})")
            or (name in names[: number - 1] and f"repeats the name {name!r}")
        )
        if problem:
            raise InputError(
                f"{short(path)}: line {number} {problem}. Correct or remove it: each"
                " line is the name of one class, the first of value 0."
            )
    return names


def discover(folder, matched, surveys=None):
    """`(classes, values, notes)`: names of the classes, and which value is which.

    `surveys`, `{mask path: Survey}`, are made where they are needed and not given.
    Raises `InputError` if the masks, or `classes.txt`, make no sense.
    """
    path = folder / "classes.txt"
    names = _class_names(path) if os.path.lexists(path) else None
    notes = [f"{len(names)} classes, named by {short(path)}"] if names else []
    # The values of three classes or more can only be their ids: no need to look.
    if surveys is None and names and len(names) > 2:
        return names, None, notes
    if surveys is None:
        surveys = {mask: survey(mask)[1] for _, mask in matched.values()}
    problem = nonsense(surveys)
    if problem:
        raise InputError(problem)
    found = values_found(surveys)
    if found == {0, IGNORE} and (names is None or len(names) == 2):
        # Two values, 0 and 255: a drawing program's black and white. With 255 read as
        # "ignored", nothing but background would be left to learn.
        first, second = names or ("background", "foreground")
        notes.append(
            f"masks hold 0 and 255 only: read as {first} (0) and {second} (255)"
        )
        return [first, second], {0: 0, IGNORE: 1}, notes
    classes = sorted(found - {IGNORE})
    if len(classes) < 2:
        raise InputError(
            f"{short(folder / 'masks')}: the masks hold"
            f" {', '.join(map(str, sorted(found))) or 'nothing'} only, and 255 means"
            " ignored; at least two classes are needed. Look whether the masks were"
            " exported empty."
        )
    if IGNORE in found:
        notes.append("255 is read as ignored: it is neither trained nor counted")
    if names:
        return names, None, notes
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
