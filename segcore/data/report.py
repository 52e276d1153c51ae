"""A data set examined in one pass: every problem, each with its file and the remedy."""

import hashlib
import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from segcore.data import folder, reading
from segcore.data.masks import Survey, survey
from segcore.data.pairs import IGNORE, Pairs, class_ids, size_problem
from segcore.errors import InputError
from segcore.files import printable, regular, short

LARGE = 2**24  # pixels; larger pairs are read one at a time, to bound the memory
PARTS = {"train": "training ", "val": "validation ", "test": "test ", "all": ""}
one_at_a_time = threading.Lock()


@dataclass
class Report:
    """What `examine` found.

    `problems` and `warnings` are sentences. `prints` is `{part: {name: digest}}`: the
    image file's name, and 16 hex digits for the bytes of the image and mask files.
    """

    problems: list = field(default_factory=list)
    warnings: list = field(default_factory=list)
    prints: dict = field(default_factory=dict)


@dataclass
class _Seen:
    """What one reading of an image and its mask tells."""

    image: Path
    mask: Path
    problems: list = field(default_factory=list)
    survey: Survey | None = None
    picture: str = ""  # digest of the pixels
    print: str = ""
    is_deep: bool = False
    has_pages: bool = False


def examine_folder(path, progress=False):
    """The `Report` of a folder with `images/` and `masks/`."""
    report = Report()
    try:
        matched, problems = folder.match(path)
    except InputError as error:
        return Report([printable(error)])
    parts, more = folder.split_stems(path, matched)
    report.problems += problems + more
    seen = dict(zip(matched, _look_at(matched.values(), progress)))
    surveys = {each.mask: each.survey for each in seen.values() if each.survey}
    classes = values = None
    try:
        if surveys:
            classes, values, _ = folder.discover(path, matched, surveys)
            values = Pairs([], classes, values=values).values
    except InputError as error:
        report.problems.append(str(error))
    parts = {part: [seen[stem] for stem in stems] for part, stems in parts.items()}
    return _judge(report, seen.values(), parts, classes, values)


def examine_parts(datasets, progress=False):
    """The `Report` of the parts of a data set, `{part: Pairs}`."""
    pairs = [pair for each in datasets.values() for pair in each.pairs]
    seen = _look_at(pairs, progress)
    rest = iter(seen)
    parts = {p: [next(rest) for _ in each.pairs] for p, each in datasets.items()}
    first = next(iter(datasets.values()))
    return _judge(Report(), seen, parts, first.classes, first.values)


def prints(dataset):
    """`{image file's name: digest}` of a data set, as in `Report`; no file is decoded.

    Empty for a data set that a program makes. Of a volume, gigabytes, the digest is
    that of its first megabyte and its size.
    """
    if hasattr(dataset, "files"):
        return {path.name: _print(path, mask, most=1) for path, mask in dataset.files()}
    return {Path(pair[0]).name: _print(*pair) for pair in getattr(dataset, "pairs", ())}


def _look_at(pairs, progress):
    pairs = list(pairs)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        results = pool.map(lambda pair: _look_at_one(*pair), pairs)
        hidden = None if progress else True
        bar = tqdm(results, "checking", len(pairs), leave=False, disable=hidden)
        return list(bar)


def _look_at_one(image, mask):
    seen, shapes = _Seen(image, mask), []
    with one_at_a_time if _is_large(image, mask) else nullcontext():
        for look in (_look_at_image, _look_at_mask):
            try:
                shapes.append(look(seen))
            except InputError as error:
                seen.problems.append(str(error))
    if len(shapes) == 2:
        seen.print = _print(image, mask)
        if shapes[0] != shapes[1]:
            seen.problems.append(size_problem(image, mask, *shapes))
    return seen


def _look_at_image(seen):
    with reading.opened(seen.image) as image:
        seen.is_deep, seen.has_pages = reading.is_deep(image), reading.has_pages(image)
        pixels = reading.to_rgb(seen.image, image)
    # Empty pictures, all of one colour, may well be alike.
    if (pixels[:1] != pixels[0, 0]).any() or (pixels != pixels[0, 0]).any():
        seen.picture = hashlib.blake2b(pixels, digest_size=8).hexdigest()
    return pixels.shape[:2]


def _look_at_mask(seen):
    values, seen.survey = survey(seen.mask)
    return values.shape


def _is_large(*paths):
    pixels = 0
    for path in paths:
        try:
            with reading.opened(path) as image:
                pixels = max(pixels, image.width * image.height)
        except InputError:  # said when it is read
            pass
    return pixels > LARGE


def _print(*paths, most=None):
    digest = hashlib.blake2b(digest_size=8)
    for path in paths:
        with open(regular(path), "rb") as file:
            pieces = 0
            while pieces != most and (piece := file.read(2**20)):
                digest.update(piece)
                pieces += 1
            digest.update(str(os.fstat(file.fileno()).st_size).encode())
    return digest.hexdigest()


def _judge(report, seen, parts, classes, values):
    """The report with what all pairs, and the parts of them, tell together."""
    for each in seen:
        report.problems += each.problems
        if values and each.survey and each.survey.counts.keys() - values.keys():
            try:
                class_ids(each.mask, reading.read_mask(each.mask), values)
            except InputError as error:
                report.problems.append(str(error))
        if each.has_pages:
            report.warnings.append(
                f"{short(each.image)}: it holds several pages; only the first is read."
            )
    deep = [each for each in seen if each.is_deep]
    if 0 < len(deep) < len(seen):
        report.warnings.append(
            f"{short(deep[0].image)}: more than 8 bits a pixel, as {len(deep)} of the"
            f" {len(seen)} images; each of these is stretched from its darkest pixel to"
            " its brightest, the others are not."
        )
    report.problems += _repeated(parts)
    for part, those in parts.items():
        report.prints[part] = {e.image.name: e.print for e in those if e.print}
    if values:
        _judge_classes(report, parts, classes, values)
    report.problems = [printable(problem) for problem in report.problems]
    report.warnings = [printable(warning) for warning in report.warnings]
    return report


def _repeated(parts):
    """A sentence for each picture that is in two parts."""
    first = {}
    for part, those in parts.items():
        for each in those:
            before, other = first.setdefault(each.picture, (part, each.image))
            if each.picture and before != part:
                yield (
                    f"{short(each.image)}: the same picture as {short(other)}, but one"
                    f" is in {part} and the other in {before}, so that a score would"
                    " mean nothing. Remove one of them."
                )


def _judge_classes(report, parts, classes, values):
    """Adds what is wrong with the classes that each part holds."""
    held = {}
    for part, those in parts.items():
        pixels = Counter()
        for each in those:
            for value, count in each.survey.counts.items() if each.survey else ():
                pixels[values.get(value)] += count
        ignored = pixels.pop(IGNORE, 0)
        if None in pixels or not (pixels or ignored):
            continue  # labels that are no class, or nothing to look at
        held[part] = pixels
        if not pixels:
            report.problems.append(
                f"Every pixel of the {PARTS[part]}masks ({part}) is 255, ignored. Draw"
                " classes in them, or leave them out."
            )
        elif len(pixels) == 1 and (part == "train" or (part == "all" and ignored)):
            report.problems.append(
                f"The {PARTS[part]}masks ({part}) hold {classes[next(iter(pixels))]}"
                f"{' and 255, ignored,' if ignored else ''} only: there is nothing to"
                " tell it from. Add images of the other classes, or give each class"
                " its value."
            )
    absent = {}
    for number, name in enumerate(classes):
        without = tuple(part for part in held if number not in held[part])
        absent.setdefault(without, []).append(name)
    for without in sorted(absent.keys() - {(), ("all",)}):
        there = " and ".join(part for part in held if part not in without)
        report.warnings.append(
            f"No pixel of {', '.join(absent[without])} in {' or '.join(without)}"
            f"{', only in ' + there if there else ''}: a class is learnt from train and"
            " measured where it is."
        )
