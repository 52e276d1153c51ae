"""The numbers in `results/`, as the lessons show them.

They lie beside the lessons in a clone, and inside the package where it was installed.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from segcore.errors import InputError

HERE = Path(__file__).resolve().parent


def load(name):
    """The content of `results/NAME.json`; raises `InputError` if there is none."""
    places = [HERE.parent / "results", HERE / "_results"]
    for place in places:
        if (place / f"{name}.json").is_file():
            return json.loads((place / f"{name}.json").read_text(encoding="utf-8"))
    raise InputError(
        f"results/{name}.json is neither beside segcore nor in it: install segcore from"
        " the repository, or run the lesson in a clone."
    )


def table(runs, by, columns):
    """Mean and spread over the seeds of each group of runs, as a table of text.

    `runs` is a list of dicts; those of equal `by` (a key or a list of keys) form one
    row. A cell reads "0.63 ± 0.02": mean and sample standard deviation of a column.
    """
    groups = pd.DataFrame(runs).groupby(by, sort=False)
    rows = {}
    for key, group in groups:
        rows[key] = {column: _spread(group[column]) for column in columns}
        rows[key]["seeds"] = len(group)
    shown = pd.DataFrame.from_dict(rows, orient="index")
    # A name of the index would cost a second row of heads; a name of the columns stands
    # in the corner of the first.
    shown.index.names = [None] * shown.index.nlevels
    shown.columns.name = by if isinstance(by, str) else ", ".join(by)
    return shown


def signs(runs, better, worse, column, by="arm"):
    """By how much arm `better` is ahead of arm `worse` in a column, seed by seed."""
    frame = pd.DataFrame(runs).pivot(index="seed", columns=by, values=column)
    return (frame[better] - frame[worse]).to_numpy()


def _spread(values):
    values = np.asarray(values, float)
    if len(values) < 2:
        return f"{values[0]:.3f}"
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"
