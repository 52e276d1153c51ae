"""`models`, `data` and `check`: what there is, and whether it is sound."""

import os

from segcore import data
from segcore.cli.shared import say
from segcore.errors import InputError


def models(_):
    import paddle

    from segcore.models import MODELS, count_parameters

    print("name        parameters  what it is")
    for name, build in MODELS.items():
        with paddle.LazyGuard():  # shapes only: no values are drawn
            count = f"{count_parameters(build(21)):,}"
        print(f"{name:10} {count:>11}  {build.__doc__.splitlines()[0]}")
    print("\nParameters at full width (--width 1), for 21 classes.")


def data_sets(_):
    for name, about in data.NAMES.items():
        print(f"{name:10} {about}")
    root = os.environ.get("SEGCORE_DATA")
    place = root or "not set: say `export SEGCORE_DATA=...` to use the real ones"
    print(f"\nReal data sets are read from SEGCORE_DATA ({place}).")


def check(options):
    name = options.data
    report = data.examine(name, progress=True)
    for sentence in [*report.problems, *report.warnings]:
        say(sentence)
    if report.problems:
        count = len(report.problems)
        number = f"{count} problems" if count > 1 else "one problem"
        raise InputError(f"{name}: {number}, listed above.")
    if name in data.NAMES or data.lits.holds_volumes(name):
        parts = [data.load(name, split) for split in data.splits(name)]
    else:
        parts = [data.folder.load(name, "all")]
    for note in getattr(parts[0], "notes", ()):
        say(f"{name}: {note}.")
    classes = parts[0].classes
    say(
        f"{name}: {sum(map(len, parts))} images, {len(classes)} classes"
        f" ({', '.join(classes)}). No problems found."
    )
