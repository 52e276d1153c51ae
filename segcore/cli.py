"""`python -m segcore`: train, evaluate and predict from the command line."""

import argparse
import contextlib
import datetime
import json
import math
import os
import platform
import shlex
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from segcore import __version__, data, plotting
from segcore.data.pairs import files_by_stem, read_image, short
from segcore.errors import InputError

# Paddle takes seconds to import: the functions that need it import it themselves, so
# that --help and `check` answer at once.

EXAMPLES = """\
examples:
  python -m segcore check my_images           # images/ and masks/ inside
  python -m segcore train --model unet --data my_images --out runs/first
  python -m segcore evaluate runs/first
  python -m segcore predict runs/first photo.jpg -o predictions
"""
FOLDER_HELP = """\
DATA is the name of a data set (see `python -m segcore data`) or the path of a folder:
  my_images/images/a.jpg    the picture
  my_images/masks/a.png     its mask: one class id a pixel, 255 = ignored
Optional files beside them: train.txt, val.txt and test.txt (one name a line) fix the
split, classes.txt (one name a line) names the classes 0, 1, 2, ...
"""


def main(arguments=None):
    """Runs one command; returns 0, or 2 after one line on what was wrong."""
    try:
        options = _parser().parse_args(arguments)
        return options.run(options) or 0
    except InputError as error:
        return _fail(error)
    except KeyboardInterrupt:
        print("\nsegcore: stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, `head` say, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(f"{error.filename or 'a file'}: {error.strerror or error}.")
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "ResourceExhausted" not in str(error):
            raise
        return _fail("Not enough memory. Lower --batch-size, --crop or --size.")


def _fail(message):
    print(f"segcore: {' '.join(str(message).split())}", file=sys.stderr)
    return 2


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage before it."""

    def error(self, message):
        raise InputError(f"{message} (`{self.prog} --help` shows how).")


def _parser():
    parser = _Parser(
        prog="python -m segcore",
        description="Train a segmentation network on images and masks, and use it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=_Parser
    )

    def command(name, run, about, epilog=None):
        sub = commands.add_parser(
            name,
            help=about,
            description=about,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(run=run)
        return sub

    command("models", _models, "list the networks")
    command("data", _data, "list the data sets")

    sub = command("check", _check, "list every problem of a data set", FOLDER_HELP)
    sub.add_argument("data", metavar="DATA", help="a name, or a folder")

    sub = command("train", _train, "train a network", FOLDER_HELP)
    add = sub.add_argument
    add("--model", required=True, metavar="NAME", help="a network, such as unet")
    add("--data", required=True, metavar="DATA", help="a name, or a folder")
    add("--out", required=True, metavar="RUN", help="folder to keep the run in")
    add("--width", type=_positive, default=0.25, help="share of the paper's channels")
    add("--steps", type=_count, default=2000, help="batches to train on")
    add("--batch-size", type=_count, default=8, help="images in a batch")
    size = {"type": _side, "nargs": 2, "metavar": ("H", "W")}
    add("--size", **size, help="resize every image to this first (default: keep)")
    add("--crop", **size, help="train on random windows of this size")
    add(
        "--scale",
        type=_positive,
        nargs=2,
        metavar=("LOW", "HIGH"),
        default=(0.75, 1.5),
        help="range of random scaling before the crop",
    )
    add("--lr", type=_positive, default=1e-3, help="learning rate at the start")
    add(
        "--balance",
        action="store_true",
        help="give rare classes more weight in the loss and 30%% of the crops",
    )
    add("--seed", type=int, default=0, help="start of every random number")
    _add_device(add)
    add("--resume", action="store_true", help="go on with the run in RUN")

    sub = command("evaluate", _evaluate, "measure a trained network")
    add = sub.add_argument
    add("run_folder", metavar="RUN", help="folder of a training run")
    add("--data", metavar="DATA", help="a name, or a folder (default: the run's own)")
    add("--split", choices=data.SPLITS, default="test", help="part of the data")
    _add_mode(add)
    _add_device(add)

    sub = command("predict", _predict, "segment images with a trained network")
    add = sub.add_argument
    add("run_folder", metavar="RUN", help="folder of a training run")
    add("inputs", nargs="+", metavar="INPUT", help="images, or folders of images")
    add(
        "-o", "--output", required=True, metavar="OUTPUT", help="folder for the results"
    )
    _add_mode(add)
    _add_device(add)
    for each in commands.choices.values():
        _show_defaults(each)
    return parser


def _add_mode(add):
    add(
        "--mode",
        choices=("whole", "sliding", "multiscale"),
        default="whole",
        help="the image at once, in overlapping windows, or at several scales",
    )


def _add_device(add):
    add(
        "--device",
        choices=("auto", "cpu", "gpu"),
        default="auto",
        help="auto takes a GPU where there is one",
    )


def _show_defaults(parser):
    for action in parser._actions:
        default = action.default
        if action.help and action.option_strings and default not in (None, False):
            if default is argparse.SUPPRESS:
                continue
            shown = (
                " ".join(map(str, default)) if isinstance(default, tuple) else default
            )
            action.help += f" (default: {shown})"


def _number(text, kind, what, legal):
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and legal(value)):
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return value


def _positive(text):
    return _number(text, float, "a number above 0", lambda v: v > 0)


def _count(text):
    return _number(text, int, "a whole number above 0", lambda v: v > 0)


def _side(text):
    return _number(text, int, "a whole number of pixels, 32 or more", lambda v: v >= 32)


def _models(_):
    import paddle

    from segcore.models import MODELS, count_parameters

    print("name        parameters  what it is")
    for name, build in MODELS.items():
        with paddle.LazyGuard():  # shapes only: no values are drawn
            count = f"{count_parameters(build(21)):,}"
        print(f"{name:10} {count:>11}  {build.__doc__.splitlines()[0]}")
    print("\nParameters at full width (--width 1), for 21 classes.")


def _data(_):
    for name, about in data.NAMES.items():
        print(f"{name:10} {about}")
    root = os.environ.get("SEGCORE_DATA")
    place = root or "not set: say `export SEGCORE_DATA=...` to use the real ones"
    print(f"\nReal data sets are read from SEGCORE_DATA ({place}).")


def _check(options):
    name = options.data
    problems = _problems(name)
    if problems:
        for problem in problems:
            print(problem)
        number = f"{len(problems)} problems" if len(problems) > 1 else "one problem"
        raise InputError(f"{name}: {number}, listed above.")
    if name in data.NAMES:
        parts = [data.load(name, split) for split in data.splits(name)]
    else:
        parts = [data.folder.load(name, "all")]
    for note in getattr(parts[0], "notes", ()):
        print(f"{name}: {note}.")
    classes = parts[0].classes
    print(
        f"{name}: {sum(map(len, parts))} images, {len(classes)} classes"
        f" ({', '.join(classes)}). No problems found."
    )


def _problems(name):
    """Every problem of all parts of a data set, given by name or path."""
    if name not in data.NAMES:
        return data.check(name, progress=True)
    parts = [data.load(name, split) for split in data.splits(name)]
    return [problem for part in parts for problem in data.check(part, progress=True)]


def _train(options):
    build = _network(options.model)
    run = Path(options.out)
    settings = _settings_of(options)
    resumed = _open_run(run, settings, options.resume)
    train = data.load(options.data, "train", size=options.size and tuple(options.size))
    val = data.load(options.data, "val", size=options.size and tuple(options.size))
    if not len(train):
        raise InputError(f"{options.data}: the training part is empty; add images.")
    # All parts: a bad test image is better found now than after the training.
    problems = _problems(options.data)
    if problems:
        raise InputError(
            f"{problems[0]} ({len(problems)} problems in all:"
            f" `python -m segcore check {options.data}` lists them.)"
        )
    for note in getattr(train, "notes", ()):
        print(f"{options.data}: {note}.")
    print(
        f"{len(train)} training and {len(val)} validation images, {train.num_classes}"
        f" classes: {', '.join(train.classes)}."
    )

    paddle = _paddle(options.device)
    from segcore import losses, training
    from segcore.data.transforms import Augment

    weights, rare = None, ()
    if options.balance:
        pixels = data.class_pixels(train)
        weights = losses.balance_weights(pixels)
        rare = tuple(int(i) for i in np.nonzero(pixels < np.median(pixels))[0])
    crop = tuple(options.crop) if options.crop else _usual_crop(train)
    augment = Augment(crop=crop, scale=tuple(options.scale), rare=rare)

    paddle.seed(options.seed)
    model = build(train.num_classes, width=options.width)
    if not resumed:
        settings |= {
            "classes": train.classes,
            "colours": [list(map(int, c)) for c in _colours_of(train)],
            "values": [
                [int(a), int(b)] for a, b in getattr(train, "values", {}).items()
            ],
            "versions": versions(),
            "started": datetime.datetime.now().isoformat(timespec="seconds"),
        }
        run.mkdir(parents=True, exist_ok=True)
        (run / "settings.json").write_text(json.dumps(settings, indent=1) + "\n")
    try:
        history = training.fit(
            model,
            train,
            val if len(val) else None,
            steps=options.steps,
            batch_size=options.batch_size,
            lr=options.lr,
            augment=augment,
            class_weights=weights,
            out=run,
            resume=options.resume,
            seed=options.seed,
        )
    except KeyboardInterrupt:
        raise InputError(
            f"Stopped. What was learned is in {short(run)}; the same command with"
            " --resume goes on from there."
        ) from None
    print(history.tail(10).to_string(index=False, float_format="%.4g"))
    if len(val):
        best = history.loc[history["val_mean_iou"].idxmax()]
        print(
            f"Best validation mean IoU {best.val_mean_iou:.3f}, step {best.step:.0f}."
        )
    print(f"Next: python -m segcore evaluate {short(run)}")


def _settings_of(options):
    left_out = ("run", "out", "device", "resume")
    settings = {k: v for k, v in vars(options).items() if k not in left_out}
    settings["scale"] = list(settings["scale"])
    return settings | {"command": "python -m segcore " + shlex.join(sys.argv[1:])}


def _open_run(run, settings, resume):
    """True if the run is there and goes on; raises if that is not what was asked."""
    if run.exists() and not run.is_dir():
        raise InputError(f"{short(run)}: --out needs a folder, and this is a file.")
    there = (run / "last.safetensors").exists()
    if there and not resume:
        raise InputError(
            f"{short(run)}: a run is there already. Choose another --out, or go on with"
            " it by --resume."
        )
    if not there:
        return False
    before = _read_settings(run)
    for key, value in settings.items():
        if key not in ("steps", "command") and before.get(key) != value:
            raise InputError(
                f"{short(run)}: this run was started with {key} = {before.get(key)},"
                f" not {value}. Resume it with its own settings, or choose another"
                " --out."
            )
    return True


def _usual_crop(dataset):
    """The size of the images, 256 at the most, so that any images make a batch."""
    return tuple(min(256, max(32, side)) for side in dataset[0]["mask"].shape)


def _colours_of(dataset):
    return dataset.colours or plotting.colours(dataset.num_classes).tolist()


def _network(name):
    from segcore.models import MODELS

    if name not in MODELS:
        raise InputError(
            f"There is no network {name!r}; there {'is' if len(MODELS) == 1 else 'are'}"
            f" {', '.join(MODELS)}."
        )
    return MODELS[name]


def _paddle(device):
    """Paddle, set to the device; a GPU that is asked for must be there."""
    import paddle

    gpus = paddle.device.cuda.device_count() if paddle.is_compiled_with_cuda() else 0
    if device == "gpu" and not gpus:
        raise InputError(
            "No GPU answers. Use --device cpu, or install paddlepaddle-gpu on a machine"
            " with an NVIDIA GPU."
        )
    paddle.set_device("gpu" if gpus and device != "cpu" else "cpu")
    return paddle


def versions():
    """What a result depends on: versions of Python and the packages, and the device."""
    import paddle

    return {
        "segcore": __version__,
        "paddle": paddle.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "device": paddle.device.get_device(),
    }


def processor():
    """The processor's name and its number of cores."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if "model name" in line]
        name = names[0] if names else name
    return f"{name}, {os.cpu_count()} cores"


def _read_settings(run):
    path = run / "settings.json"
    if not path.exists():
        raise InputError(
            f"{short(run)}: there is no training run here (no settings.json). Give the"
            " folder that `train --out` named."
        )
    try:
        return json.loads(path.read_text())
    except ValueError:
        raise InputError(f"{short(path)}: this file is damaged; train again.") from None


def open_run(run, device="auto"):
    """`(model, settings)` of a training run, with its best weights."""
    settings = _read_settings(run)
    weights = run / "best.safetensors"
    if not weights.exists():
        raise InputError(
            f"{short(weights)}: there are no weights yet; the run has not reached"
            " its first validation. Go on with --resume."
        )
    _paddle(device)
    from segcore.training import load_weights

    build = _network(settings["model"])
    model = build(len(settings["classes"]), width=settings["width"])
    load_weights(model, weights)
    return model, settings


def _evaluate(options):
    run = Path(options.run_folder)
    settings = _read_settings(run)
    name = options.data or settings["data"]
    size = settings["size"] and tuple(settings["size"])
    if name in data.NAMES:
        # shapes are made at the size of training, real images measured at their own.
        dataset = data.load(
            name, options.split, size=size if name == "shapes" else None
        )
        if list(dataset.classes) != settings["classes"]:
            raise InputError(
                f"{name} has the classes {', '.join(dataset.classes)}, the run"
                f" {', '.join(settings['classes'])}; they must be the same."
            )
    else:
        meaning = settings["classes"], dict(settings["values"])
        # A folder other than the run's own, without lists, is measured as a whole.
        foreign = options.data and Path(options.data) != Path(settings["data"])
        lists = any((Path(name) / f"{part}.txt").exists() for part in data.SPLITS)
        split = "all" if foreign and not lists else options.split
        dataset = data.folder.load(name, split, meaning=meaning)
    if not len(dataset):
        raise InputError(f"{name}: its {options.split} part is empty.")
    model, _ = open_run(run, options.device)
    from segcore import inference

    matrix = inference.evaluate(model, dataset, options.mode, size, progress=True)
    result = {
        "data": name,
        "split": options.split,
        "images": len(dataset),
        "mode": options.mode,
        "mean_iou": matrix.mean_iou(),
        "pixel_accuracy": matrix.pixel_accuracy(),
        "iou": dict(zip(dataset.classes, map(float, matrix.iou()))),
        "dice": dict(zip(dataset.classes, map(float, matrix.dice()))),
    }
    longest = max(10, *map(len, dataset.classes))
    print(f"{'class':{longest}}    IoU   Dice  recall")
    recalls = matrix.class_accuracy()
    for label, iou, dice, recall in zip(
        dataset.classes, matrix.iou(), matrix.dice(), recalls
    ):
        print(f"{label:{longest}}  {iou:.3f}  {dice:.3f}   {recall:.3f}")
    print(
        f"mean IoU {matrix.mean_iou():.4f}, pixel accuracy"
        f" {matrix.pixel_accuracy():.4f}, over {len(dataset)} images of {name}"
        f" ({options.split})."
    )
    path = run / f"evaluate_{options.split}.json"
    path.write_text(json.dumps(_no_nan(result), indent=1) + "\n")


def _no_nan(value):
    """NaN as null: JSON has no other word for "not defined"."""
    if isinstance(value, dict):
        return {key: _no_nan(each) for key, each in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _predict(options):
    inputs = []
    for name in map(Path, options.inputs):
        if name.is_dir():
            inputs += files_by_stem(name).values()
        else:
            inputs.append(name)
    if not inputs:
        raise InputError(f"{', '.join(options.inputs)}: there are no images in it.")
    stems = [path.stem for path in inputs]
    for stem in stems:
        if stems.count(stem) > 1:
            raise InputError(
                f"Two inputs are called {stem}, and their results would overwrite each"
                " other. Predict them into separate folders."
            )
    output = Path(options.output)
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: the output needs a folder, and this is a file.")
    model, settings = open_run(Path(options.run_folder), options.device)
    from segcore import inference
    from segcore.progress import bar

    output.mkdir(parents=True, exist_ok=True)
    size = settings["size"] and tuple(settings["size"])
    palette = np.array(settings["colours"], np.uint8)
    failed = []
    line = bar(len(inputs), "predicting")
    for path in inputs:
        line.update()
        try:
            image = read_image(path)
        except InputError as error:
            failed.append(str(error))
            continue
        mask = inference.predict(model, image, options.mode, size)
        picture = Image.fromarray(mask).convert("P")
        picture.putpalette(palette.tobytes())
        picture.save(output / f"{path.stem}_mask.png")
        overlay = plotting.overlay(image, mask, palette)
        Image.fromarray(overlay).save(output / f"{path.stem}_overlay.png")
    line.close()
    done = len(inputs) - len(failed)
    if done:
        print(f"Masks and overlays written to {short(output)}: {done} of each.")
    if failed:
        raise InputError(f"{failed[0]} ({len(failed)} of {len(inputs)} inputs failed.)")
