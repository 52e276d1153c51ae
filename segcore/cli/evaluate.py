"""`evaluate`: a run measured on a data set."""

import re
from pathlib import Path

from segcore import data, runs
from segcore.cli.shared import paddle_on, say
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
    matrix = inference.evaluate(model, dataset, options.mode, size, progress=True)
    if not matrix.matrix.sum():
        raise InputError(f"{name}: every pixel of its masks is ignored (255).")
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
    # Each of other data, and of each mode, stands in a file of its own.
    other = "" if own else re.sub(r"\W+", "_", name)[-60:].strip("_")
    mode = "" if options.mode == "whole" else options.mode
    runs.write_result(run, "_".join(filter(None, (other, part, mode))), result)


def _to_measure(name, settings, split, own):
    """The data set to measure, and what to call its part."""
    if name in data.NAMES and name != "folder":
        # shapes are made at the size of training, real images measured at their own.
        size = settings.size and tuple(settings.size)
        dataset = data.load(name, split, size=size if name == "shapes" else None)
        if list(dataset.classes) != settings.classes:
            raise InputError(
                f"{name} has the classes {', '.join(dataset.classes)}, the run"
                f" {', '.join(settings.classes)}; they must be the same."
            )
        return dataset, split
    meaning = settings.classes, dict(settings.values)
    # A folder other than the run's own, without lists, is measured as a whole.
    if not own and dict(settings.values).get(255, 255) == 255:
        stored = data.folder.discover(Path(name), data.folder.match(Path(name))[0])[1]
        if stored and stored.get(255, 255) != 255:
            raise InputError(
                f"{name}: its masks hold 0 and 255, and the run knows 255 as ignored."
                " Write the class ids that it was trained on."
            )
    lists = any((Path(name) / f"{part}.txt").exists() for part in data.SPLITS)
    part = split if own or lists else "all"
    return data.folder.load(name, part, meaning=meaning), part
