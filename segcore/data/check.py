"""Every problem of a data set at once, each with its file, the value and the remedy."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from segcore.data import folder
from segcore.data.pairs import (
    Pairs,
    label_problem,
    read_image,
    read_mask,
    size_problem,
)
from segcore.errors import InputError


def check(dataset, progress=False):
    """A list of sentences, one a problem; empty if the data set is sound.

    `dataset` is a data set from `segcore.data.load`, or the path of a folder with
    `images/` and `masks/`. Reads every file once.
    """
    if isinstance(dataset, (str, Path)):
        return _check_folder(Path(dataset), progress)
    if not hasattr(dataset, "pairs"):
        return []  # made by a program, as `shapes` is
    return _check_pairs(dataset.pairs, dataset.values, progress)


def _check_folder(path, progress):
    try:
        matched, problems = folder.match(path)
        folder.split_stems(path, matched)
    except InputError as error:
        return [str(error)]
    try:
        classes, values, _ = folder.discover(path, matched)
    except InputError as error:
        # The classes are not known; files and sizes can be looked at all the same.
        found = _check_pairs(matched.values(), None, progress)
        return problems + found + ([str(error)] if str(error) not in found else [])
    values = Pairs([], classes, values=values).values
    return problems + _check_pairs(matched.values(), values, progress)


def _check_pairs(pairs, values, progress):
    def problems_of(pair):
        image_path, mask_path = pair
        found, shapes = [], []
        for path, read in ((image_path, read_image), (mask_path, read_mask)):
            try:
                content = read(path)
                shapes.append(content.shape[:2])
            except InputError as error:
                found.append(str(error))
        if len(shapes) == 2:
            if shapes[0] != shapes[1]:
                found.append(size_problem(*pair, *shapes))
            if values:
                found.append(label_problem(mask_path, content, values))
        return [problem for problem in found if problem]

    pairs = list(pairs)
    with ThreadPoolExecutor() as pool:
        results = tqdm(
            pool.map(problems_of, pairs),
            "checking",
            total=len(pairs),
            disable=None if progress else True,
            leave=False,
        )
        return [problem for found in results for problem in found]
