"""Volumes on the command line: cases measured, and masks written as NIfTI."""

from pathlib import Path

import pandas as pd

from segcore import files
from segcore.data.lits import WINDOW
from segcore.data.volumes import MAKER, SUFFIXES, Volume
from segcore.errors import InputError
from segcore.files import short
from segcore.metrics import ConfusionMatrix, score_case

# Whether a tumour counts as liver must be said: here it does.
ORGANS = {"liver and tumour": (1, 2), "tumour": (2,)}
COLUMNS = {
    "dice": "Dice",
    "volume_error_ml": "volume error, ml",
    "hausdorff_95_mm": "95 % Hausdorff, mm",
    "surface_dice": "surface Dice, 2 mm",
}


def is_volume(path):
    """Whether a file is called as NIfTI is."""
    return str(path).lower().endswith(SUFFIXES)


def stem(path):
    """A volume's name without its ending."""
    name = Path(path).name
    return name[: -len(next(s for s in SUFFIXES[::-1] if name.lower().endswith(s)))]


def volumes_in(folder):
    """The NIfTI files of a folder, hidden ones left out."""
    paths = sorted(Path(folder).iterdir())
    return [p for p in paths if is_volume(p) and not p.name.startswith(".")]


def measure_cases(model, dataset, mode, size):
    """`(matrix, table)`: all voxels together, and a row for each case and organ.

    A case that cannot be read is said, and the others go on.
    """
    from segcore import inference

    matrix, rows, failed = ConfusionMatrix(dataset.num_classes), [], []
    for case in dataset.cases:
        try:
            image, truth = case.image(), case.mask()
        except InputError as error:
            failed.append(str(error))
            continue
        said = inference.predict_volume(
            model, image, mode, size, dataset.neighbours, progress=True
        )
        matrix.update(said, truth)
        for organ, ids in ORGANS.items():
            masks = [sum(volume == k for k in ids) > 0 for volume in (said, truth)]
            scores = score_case(*masks, case.spacing)
            rows.append({"case": case.name, "organ": organ, **scores})
    if not rows:
        raise InputError(failed[0])
    for sentence in failed:
        print(files.printable(f"Left out: {sentence}"))
    return matrix, pd.DataFrame(rows)


def say_cases(cases):
    """Prints mean and spread over the cases; returns them as a dict."""
    result = {}
    for organ, rows in cases.groupby("organ", sort=False):
        print(f"{organ}, mean ± spread over cases:")
        result[organ] = {}
        for column, label in COLUMNS.items():
            values = rows[column][rows[column].abs() < float("inf")]
            mean, spread = float(values.mean()), float(values.std())
            result[organ][column] = {"mean": mean, "spread": spread, "n": len(values)}
            print(f"  {label:20} {mean:8.3f} ± {spread:.3f} ({len(values)} cases)")
    return result


def predict_volume(path, target, model, settings, mode):
    """Writes the mask of one volume with the volume's own affine and axis order."""
    from segcore import inference

    if target.exists() and not _ours(target):
        raise InputError(
            f"{short(target)}: this file is not of segcore's making, and would be"
            " overwritten. Choose another --output."
        )
    volume = Volume(path)
    size = settings.size and tuple(settings.size)
    image = volume.windowed(*WINDOW)
    volume.write_mask(target, inference.predict_volume(model, image, mode, size))


def _ours(path):
    try:
        return bytes(Volume(path).header["descrip"].item()).startswith(MAKER)
    except InputError:
        return False
