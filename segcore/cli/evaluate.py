"""`evaluate`: a run measured on a data set."""

import re
from pathlib import Path

from segcore import data, files, runs
from segcore.cli.shared import paddle_on, say
from segcore.cli.volumes import measure_cases, say_cases
from segcore.errors import InputError
from segcore.files import printable


def evaluate(options):
    run = Path(options.run_folder)
    settings = runs.read_settings(run)
    name = options.data or settings.data
    own = runs.same_place(name, settings.data)
    dataset, part = _to_measure(name, settings, options.split, own)
    if not len(dataset):
        raise InputError(f"{name}: its {options.split} part is empty.")
    paddle_on(options.device)
    model, _ = runs.load_network(run)
    from segcore import inference

    size = settings.size and tuple(settings.size)
    trained = set(settings.prints.get("train", {}).values())
    seen = sum(print_ in trained for print_ in data.prints(dataset).values())
    if hasattr(dataset, "cases"):
        matrix, cases = measure_cases(model, dataset, options.mode, size)
    else:
        matrix = inference.evaluate(model, dataset, options.mode, size, progress=True)
        cases = None
    longest = max(10, *(len(printable(label)) for label in dataset.classes))
    print(f"{'class':{longest}}    IoU   Dice  recall")
    rows = zip(dataset.classes, matrix.iou(), matrix.dice(), matrix.class_accuracy())
    for label, iou, dice, recall in rows:
        print(f"{printable(label):{longest}}  {iou:.3f}  {dice:.3f}   {recall:.3f}")
    say(
        f"mean IoU {matrix.mean_iou():.4f},"
        f" pixel accuracy {matrix.pixel_accuracy():.4f},"
        f" over {len(dataset)} images of {name} ({part})."
    )
    if seen and part != "train":
        print(f"{seen} of these images were trained on: this is no test score.")
    result = {
        "data": name,
        "split": part,
        "images": len(dataset),
        "trained_on": seen,
        "mode": options.mode,
        "mean_iou": matrix.mean_iou(),
        "pixel_accuracy": matrix.pixel_accuracy(),
        "iou": dict(zip(dataset.classes, map(float, matrix.iou()))),
        "dice": dict(zip(dataset.classes, map(float, matrix.dice()))),
    }
    if cases is not None:
        result["by_case"] = say_cases(cases)
    # Each of other data, and of each mode, stands in a file of its own.
    other = "" if own else re.sub(r"\W+", "_", name)[-60:].strip("_")
    mode = "" if options.mode == "whole" else options.mode
    named = "_".join(filter(None, (other, part, mode)))
    runs.write_result(run, named, result)
    if cases is not None:
        files.write(run / f"evaluate_{named}.csv", cases.to_csv(index=False))


def _to_measure(name, settings, split, own):
    """The data set to measure, and what to call its part."""
    volumes = name not in data.NAMES and data.lits.holds_volumes(name)
    if (name in data.NAMES and name != "folder") or volumes:
        # What a program makes has the size of training, real images their own.
        size = settings.size and tuple(settings.size)
        made = name in ("shapes", "phantom")
        part = split if own or not volumes or _lists(name) else "all"
        if part == "all":
            dataset = data.lits.read(name, "all", neighbours=True)
        else:
            dataset = data.load(name, part, size=size if made else None)
        if list(dataset.classes) != settings.classes:
            raise InputError(
                f"{name} has the classes {', '.join(dataset.classes)}, the run"
                f" {', '.join(settings.classes)}; they must be the same."
            )
        return dataset, part
    meaning = settings.classes, dict(settings.values)
    # A folder other than the run's own, without lists, is measured as a whole.
    part = split if own or _lists(name) else "all"
    dataset = data.folder.load(name, part, meaning=meaning)
    problems = data.examine(dataset).problems if len(dataset) else ()
    if problems:
        raise InputError(f"{problems[0]} ({len(problems)} problems in all.)")
    return dataset, part


def _lists(folder):
    return any((Path(folder) / f"{part}.txt").exists() for part in data.SPLITS)
