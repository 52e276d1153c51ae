"""The options of every command."""

import argparse

from segcore import __version__, data, runs
from segcore.cli.about import check, data_sets, models
from segcore.cli.evaluate import evaluate
from segcore.cli.predict import predict
from segcore.cli.train import train
from segcore.errors import InputError

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


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage before it."""

    def error(self, message):
        raise InputError(f"{message} (`{self.prog} --help` shows how).")


def build_parser():
    """The whole command line; each command's function is its `run`."""
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

    command("models", models, "list the networks")
    command("data", data_sets, "list the data sets")

    sub = command("check", check, "list every problem of a data set", FOLDER_HELP)
    sub.add_argument("data", type=_path, metavar="DATA", help="a name, or a folder")

    sub = command("train", train, "train a network", FOLDER_HELP)
    add = sub.add_argument
    add("--model", required=True, metavar="NAME", help="a network, such as unet")
    add("--data", required=True, type=_path, metavar="DATA", help="a name, or a folder")
    add(
        "--out",
        required=True,
        type=_path,
        metavar="RUN",
        help="folder to keep the run in",
    )
    add(
        "--width",
        type=_limited("width"),
        default=0.25,
        help="share of the paper's channels",
    )
    add("--steps", type=_limited("steps"), default=2000, help="batches to train on")
    add(
        "--batch-size", type=_limited("batch size"), default=8, help="images in a batch"
    )
    size = {"type": _limited("side"), "nargs": 2, "metavar": ("H", "W")}
    add("--size", **size, help="resize every image to this first (default: keep)")
    add("--crop", **size, help="train on random windows of this size")
    add(
        "--scale",
        type=_limited("scale"),
        nargs=2,
        metavar=("LOW", "HIGH"),
        default=(0.75, 1.5),
        help="range of random scaling before the crop",
    )
    add(
        "--lr",
        type=_limited("learning rate"),
        default=1e-3,
        help="learning rate at the start",
    )
    add(
        "--balance",
        action="store_true",
        help="give rare classes more weight in the loss and 30%% of the crops",
    )
    add("--seed", type=_limited("seed"), default=0, help="start of every random number")
    _add_device(add)
    add("--resume", action="store_true", help="go on with the run in RUN")

    sub = command("evaluate", evaluate, "measure a trained network")
    add = sub.add_argument
    add("run_folder", type=_path, metavar="RUN", help="folder of a training run")
    add(
        "--data",
        type=_path,
        metavar="DATA",
        help="a name, or a folder (default: the run's own)",
    )
    add("--split", choices=data.SPLITS, default="test", help="part of the data")
    _add_mode(add)
    _add_device(add)

    sub = command("predict", predict, "segment images with a trained network")
    add = sub.add_argument
    add("run_folder", type=_path, metavar="RUN", help="folder of a training run")
    add(
        "inputs",
        nargs="+",
        type=_path,
        metavar="INPUT",
        help="images, or folders of images",
    )
    add(
        "-o",
        "--output",
        type=_path,
        required=True,
        metavar="OUTPUT",
        help="folder for the results",
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


def _limited(name):
    """A type for argparse: a number within the limits of a run's setting."""

    def read(text):
        try:
            return runs.number(name, text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _path(text):
    if not text.strip() or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} names nothing")
    return text
