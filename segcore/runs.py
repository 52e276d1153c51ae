"""A run: the folder of one training, with its settings, weights and results.

    settings.json               all that the run was asked for, and what its data were
    last, previous .safetensors the last two states, to go on from
    best.safetensors            the weights with the best validation
    history.csv                 one row a validation
    evaluate_*.json             results

What is read here may come from a stranger, so each setting is checked; what is written
is written whole, and a link in its place is replaced.
"""

import json
import math
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from segcore import files
from segcore.errors import InputError
from segcore.files import short

# Kind, least and most of each number that a user may choose.
LIMITS = {
    "width": (float, 1e-3, 2),
    "steps": (int, 1, 10**9),
    "batch size": (int, 1, 4096),
    "side": (int, 32, 16384),
    "scale": (float, 0.05, 20),
    "learning rate": (float, 1e-8, 10),
    "seed": (int, 0, 2**32 - 1),
}
IGNORE = 255
PARTS = {"train", "val", "test", "all"}
MOST_PIXELS = 2**26  # of a batch: 1024 images of 256 x 256
OURS = ("settings.json", "history.csv", "last.safetensors", "best.safetensors")


def number(name, value):
    """`value` as the number `name` of `LIMITS`; raises `ValueError`, worded, if not."""
    kind, least, most = LIMITS[name]
    try:
        found = kind(value)
    except (ValueError, TypeError, OverflowError):
        found = math.nan
    if isinstance(value, bool) or not least <= found <= most:
        what = "a whole number" if kind is int else "a number"
        text = value if len(str(value)) <= 40 else f"{str(value)[:40]}..."
        raise ValueError(f"{text!r} is not {what} from {least} to {most}")
    return found


@dataclass
class Settings:
    """What a run was asked for, and what its data were. Raises `InputError` if absurd.

    `values` are pairs (value in a mask file, class id), `prints` the digests of all
    images and masks by part of the data.
    """

    model: str
    data: str
    width: float
    steps: int
    batch_size: int
    size: list | None
    crop: list | None
    scale: list
    lr: float
    balance: bool
    seed: int
    classes: list
    colours: list
    values: list
    prints: dict
    versions: dict
    started: str
    command: str

    def __post_init__(self):
        for key, sound in CHECKS.items():
            try:
                good = sound(getattr(self, key))
            except (ValueError, TypeError, AttributeError) as error:
                raise InputError(f"{key}: {error}.") from None
            if good is False:
                shown = str(getattr(self, key))[:60]
                raise InputError(f"{key} cannot be {shown!r}.")
        if len(self.colours) != len(self.classes):
            raise InputError("colours: there must be one a class.")
        known = {*range(len(self.classes)), IGNORE}
        if not {id_ for _, id_ in self.values} <= known:
            raise InputError("values: one of them is of a class that there is not.")
        crop = self.crop or self.size or (32, 32)
        if self.batch_size * crop[0] * crop[1] > MOST_PIXELS:
            raise InputError(
                f"A batch of {self.batch_size} images of {crop[0]} x {crop[1]} is more"
                " than any memory holds. Lower --batch-size or --crop."
            )


def _exactly(kind, name):
    def sound(value):
        number(name, value)
        return isinstance(value, kind) and not isinstance(value, bool)

    return sound


def _pair(name, value):
    kind = LIMITS[name][0]
    good = isinstance(value, list) and len(value) == 2
    return good and all(_exactly((kind, int), name)(each) for each in value)


def _list_of(count, low, high):
    def sound(value):
        return isinstance(value, list) and all(
            isinstance(row, list)
            and len(row) == count
            and all(type(n) is int and low <= n <= high for n in row)
            for row in value
        )

    return sound


def _texts(value):
    return isinstance(value, dict) and all(
        isinstance(text, str) for pair in value.items() for text in pair
    )


CHECKS = {
    "model": lambda v: isinstance(v, str),
    "data": lambda v: isinstance(v, str),
    "width": _exactly((float, int), "width"),
    "steps": _exactly(int, "steps"),
    "batch_size": _exactly(int, "batch size"),
    "size": lambda v: v is None or _pair("side", v),
    "crop": lambda v: v is None or _pair("side", v),
    "scale": lambda v: _pair("scale", v) and v[0] <= v[1],
    "lr": _exactly((float, int), "learning rate"),
    "balance": lambda v: isinstance(v, bool),
    "seed": _exactly(int, "seed"),
    "classes": lambda v: (
        isinstance(v, list)
        and 2 <= len(v) < IGNORE
        and all(isinstance(name, str) for name in v)
        and len(set(v)) == len(v)
    ),
    "colours": _list_of(3, 0, 255),
    "values": _list_of(2, 0, 2**16 - 1),
    "prints": lambda v: (
        isinstance(v, dict) and v.keys() <= PARTS and all(map(_texts, v.values()))
    ),
    "versions": _texts,
    "started": lambda v: isinstance(v, str),
    "command": lambda v: isinstance(v, str),
}


def read_settings(folder):
    """The `Settings` of a run; raises `InputError` if it is missing or damaged."""
    path = Path(folder) / "settings.json"
    if not path.exists():
        raise InputError(
            f"{short(folder)}: there is no training run here (no settings.json). Give"
            " the folder that `train --out` named."
        )
    try:
        content = json.loads(files.read_text(path))
        if not isinstance(content, dict):
            raise InputError("it holds no settings.")
        names = [field.name for field in fields(Settings)]
        for key in [*names, *content]:
            if key not in content or key not in names:
                what = "lacks" if key in names else "has an unknown key"
                raise InputError(f"it {what} {key[:40]!r}.")
        return Settings(**content)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{short(path)}: this file is damaged ({str(error)[:200].rstrip('.')});"
            " train again."
        ) from None


def check_place(folder, resume):
    """Raises `InputError` unless a run can begin in `folder`, or be resumed there."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{short(folder)}: --out needs a folder, and this is a file.")
    there = [name for name in OURS if os.path.lexists(folder / name)]
    if resume:
        read_settings(folder)
        states = ("last.safetensors", "previous.safetensors")
        gone = not any(os.path.lexists(folder / name) for name in states)
        if gone and len(there) > 1:  # killed before its first save: settings alone
            raise InputError(
                f"{short(folder)}: both states of this run are gone, so it cannot go"
                " on. Start anew with another --out."
            )
    elif "settings.json" in there and "last.safetensors" in there:
        raise InputError(
            f"{short(folder)}: a run is there already. Choose another --out, or go on"
            " with it by --resume."
        )
    elif there:
        raise InputError(
            f"{short(folder)}: {there[0]} is there already, and would be overwritten."
            " Choose another --out."
        )


def write_settings(folder, settings):
    """Writes settings.json; makes the folder where there is none."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    content = json.dumps(asdict(settings), indent=1, ensure_ascii=False)
    files.write(Path(folder) / "settings.json", content + "\n")


def check_same(folder, settings):
    """Raises `InputError` where a run to be resumed was started with other settings."""
    before = read_settings(folder)
    for key, value in asdict(settings).items():
        was = getattr(before, key)
        if key in ("steps", "command", "versions", "started"):
            continue
        # As text, since dicts of another order are equal, and that is another training.
        if json.dumps(was) == json.dumps(value):
            continue
        if key == "data" and same_place(was, value):
            continue
        if key in ("prints", "values", "colours"):
            raise InputError(
                f"{short(folder)}: {_changed(was, value) if key == 'prints' else key}"
                " changed since this run began. Put the data back as they were, or"
                " start anew with another --out."
            )
        raise InputError(
            f"{short(folder)}: this run was started with {key} = {was}, not {value}."
            " Resume it with its own settings, or choose another --out."
        )
    return before


def _changed(was, now):
    """The first image, by part and name, that two tables of prints do not share."""
    for part in [*was, *now]:
        before, after = was.get(part, {}), now.get(part, {})
        for name in [*before, *after]:
            if before.get(name) != after.get(name):
                return f"{name} of the {part} part"
    return "the order of the images"


def same_place(a, b):
    """Whether two data sets, by name or path, are one."""
    if a == b:
        return True
    try:
        return os.path.samefile(a, b)
    except (OSError, ValueError):
        return False


def load_network(folder):
    """`(model, settings)` of a run, with its best weights."""
    from segcore.models import MODELS
    from segcore.training import load_weights

    folder = Path(folder)
    settings = read_settings(folder)
    if settings.model not in MODELS:
        raise InputError(
            f"{short(folder / 'settings.json')}: this file is damaged (its model is"
            f" {settings.model[:40]!r}, which there is not); train again."
        )
    weights = folder / "best.safetensors"
    if not os.path.lexists(weights):
        raise InputError(
            f"{short(weights)}: there are no weights yet; the run has not reached"
            " its first validation. Go on with --resume."
        )
    model = MODELS[settings.model](len(settings.classes), width=settings.width)
    load_weights(model, weights)
    model.eval()
    return model, settings


def write_result(folder, name, content):
    """Writes `evaluate_NAME.json` into a run; NaN becomes null, for JSON has no NaN."""
    text = json.dumps(_no_nan(content), indent=1, ensure_ascii=False)
    files.write(Path(folder) / f"evaluate_{name}.json", text + "\n")


def _no_nan(value):
    if isinstance(value, dict):
        return {key: _no_nan(each) for key, each in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
