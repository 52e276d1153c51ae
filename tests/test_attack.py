"""The attack: every kind of bad input through the command line.

Each kind is a line in a table: its name, how it is made from something sound, and the
words that the answer must have. The answer is one line on stderr and status 2, within
20 s, and no file of the user's is changed; or it is the right answer.
"""

import dataclasses
import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import attack
import numpy as np
import pytest
from attack import accepted, command, edit_settings, instead, refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from segcore import data, runs
from segcore.cli.parser import build_parser
from segcore.errors import InputError

POSIX = os.name == "posix"
ROOT = POSIX and os.geteuid() == 0
linux = pytest.mark.skipif(not POSIX, reason="pipes and links as Linux has them")


def kinds(table):
    """A test for each line `name: (how, *words)` of a table."""
    lines = [pytest.param(how, words, id=name) for name, (how, *words) in table.items()]
    return pytest.mark.parametrize(("how", "words"), lines)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder `mine` and a run of two steps on it; tests spoil copies of them."""
    world = tmp_path_factory.mktemp("world")
    attack.sound_folder(world / "mine")
    accepted(f"train {attack.TINY} --data {world}/mine --out {world}/run")
    attack.save(world / "photo.png", attack.picture(99))
    before = attack.contents(world)
    yield world
    assert attack.contents(world) == before


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Each test works in a folder of its own, so that what it writes here is seen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEGCORE_DATA", raising=False)
    return tmp_path


@pytest.fixture
def mine(world, here):
    return shutil.copytree(world / "mine", here / "mine").relative_to(here)


@pytest.fixture
def run(world, here):
    shutil.copy(world / "photo.png", here)
    return shutil.copytree(world / "run", here / "run").relative_to(here)


PREDICT = "predict run photo.png -o out"
EVALUATE = "evaluate run"
TRAIN = f"train {attack.TINY} --data mine --out run"


def resume(world, steps=4, **options):
    """The command that goes on with a copy of the world's run."""
    data = options.get("data", world / "mine")
    return f"train {attack.TINY} --data {data} --out run --resume --steps {steps}"


# Options

HUGE = "9" * 400
NUMBERS = {  # option: values, a comma between them
    "--width": f"0,-1,1e9,1e-9,4.5,nan,inf,-inf,1e400,0x10,wide,,{HUGE}",
    "--steps": f"0,-5,1.5,1e3,10000000000,many,,{HUGE},nan",
    "--batch-size": f"0,-1,4097,1000000,2.5,{HUGE},",
    "--size": f"8 8,31 64,32,-1 -1,1e3 1e3,16385 32,{HUGE} 32,nan nan",
    "--crop": f"8 8,31 64,32,-1 -1,1e3 1e3,16385 32,32 {HUGE},a b",
    "--scale": "1.5 .75,1e9 1e9,1e-9 1e-9,0 1,-1 1,1 inf,nan nan,1,a b",
    "--lr": f"0,-1,1e-300,1e-9,11,1e9,nan,inf,fast,{HUGE},",
    "--seed": f"-1,4294967296,1.5,nan,one,,{HUGE},1e3",
    "--device": "tpu,GPU,,gpu:99",
}


@pytest.mark.parametrize(
    ("option", "value"),
    [(option, value) for option in NUMBERS for value in NUMBERS[option].split(",")],
    ids=lambda text: text[:20] or "nothing",
)
def test_absurd_numbers(option, value, mine):
    words = value.split() or [""]
    words = [f"{option}={value}"] if len(words) == 1 else [option, *words]
    alone = len(words) == 1 and option not in ("--size", "--crop", "--scale")
    refused([*TRAIN.split(), *words], option, value[:6] if alone else "")
    assert not Path("run").exists()


ARGUMENTS = {
    "nothing": ("", "COMMAND"),
    "no such command": ("tran", "'tran'"),
    "no such option": (f"{TRAIN} --stepps 3", "--stepps"),
    "a word too many": (f"{TRAIN} more", "more"),
    "two widths": (f"{TRAIN} --width .5 .5", ".5"),
    "three sides": (f"{TRAIN} --size 32 32 64", "64"),
    "train without --model": ("train --data mine --out run", "--model"),
    "train without --data": ("train --model unet --out run", "--data"),
    "train without --out": ("train --model unet --data mine", "--out"),
    "no such network": (f"{TRAIN} --model resnet", "'resnet'", "fcn32s"),
    "a network in capitals": (f"{TRAIN} --model UNET", "'UNET'"),
    "a path for a network": (f"{TRAIN} --model ../unet", "'../unet'"),
    "a network with an escape": (f"{TRAIN} --model u\x1b[31mnet", "net"),
    "a network of 9000 letters": (f"{TRAIN} --model {'u' * 9000}", "uuu"),
    "a network without a name": (["--model", ""], "''"),
    "a batch beyond all memory": (
        f"{TRAIN} --batch-size 4096 --crop 16384 16384",
        "--batch-size",
    ),
    "no such data": (f"{TRAIN} --data nowhere", "nowhere"),
    "data without a name": (["--data", ""], "--data", "names nothing"),
    "data with a zero byte": (["--data", "mi\0ne"], "mi"),
    "data with an escape": (["--data", "mi\x1b[2Jne"], "mi"),
    "data that are no UTF-8": (["--data", "mi\udcffne"], "mi"),
    "data of 5000 letters": (["--data", "m" * 5000], "mmm"),
    "a file for data": (f"{TRAIN} --data mine/train.txt", "train.txt"),
    "a pipe for data": (f"{TRAIN} --data pipe", "pipe"),
    "real data that are not there": (f"{TRAIN} --data camvid", "SEGCORE_DATA"),
    "a run without a name": (["--out", ""], "--out"),
    "a run of blanks": (["--out", "  "], "--out"),
    "a run with a zero byte": (["--out", "ru\0n"], "ru"),
    "a run with an escape below a file": (["--out", "photo.png/ru\x1b[2Jn"], "photo"),
    "a run that is no UTF-8 below a file": (["--out", "photo.png/\udcff"], "photo"),
    "a run of 300 letters": (["--out", "r" * 300], "rrr"),
    "a run that is a file": (f"{TRAIN} --out photo.png", "photo.png", "file"),
    "a run below a file": (f"{TRAIN} --out photo.png/run", "photo.png"),
    "a run that is a pipe": (f"{TRAIN} --out pipe", "pipe"),
    "a run that is a device": (f"{TRAIN} --out /dev/null", "/dev/null"),
    "a run in /proc": (f"{TRAIN} --out /proc/run", "/proc/run"),
    "a run that is a link to nothing": (f"{TRAIN} --out dangling", "dangling"),
    "a run in a folder of another's": (f"{TRAIN} --out foreign", "foreign"),
    "going on with nothing": (f"{TRAIN} --resume", "run", "no training run"),
    "going on with an empty folder": (f"{TRAIN} --out empty --resume", "empty"),
    "going on with another's folder": (f"{TRAIN} --out foreign --resume", "foreign"),
    "check nothing": ("check", "DATA"),
    "check no name": (["check", ""], "DATA", "names nothing"),
    "check nowhere": ("check nowhere", "nowhere"),
    "check a file": ("check photo.png", "photo.png"),
    "check a pipe": ("check pipe", "pipe"),
    "check a zero byte": (["check", "mi\0ne"], "mi"),
    "check real data that are not there": ("check nuclei", "nuclei"),
    "evaluate nothing": ("evaluate", "RUN"),
    "evaluate no name": (["evaluate", ""], "RUN", "names nothing"),
    "evaluate nowhere": ("evaluate nowhere", "nowhere"),
    "evaluate a file": ("evaluate photo.png", "photo.png"),
    "evaluate a pipe": ("evaluate pipe", "pipe"),
    "evaluate a folder that is no run": ("evaluate mine", "mine", "settings.json"),
    "evaluate a zero byte": (["evaluate", "ru\0n"], "ru"),
    "evaluate a part there is none of": ("evaluate mine --split all", "--split"),
    "evaluate in no such mode": ("evaluate mine --mode fast", "--mode"),
    "predict nothing": ("predict mine -o out", "INPUT"),
    "predict to nowhere": ("predict mine photo.png", "-o"),
    "predict with no run": ("predict nowhere photo.png -o out", "nowhere"),
    "predict with a file": ("predict photo.png photo.png -o out", "photo.png"),
}


@linux
@kinds(ARGUMENTS)
def test_bad_arguments(how, words, mine, here):
    attack.save(here / "photo.png", attack.picture(0))
    os.mkfifo("pipe")
    Path("dangling").symlink_to("nothing")
    Path("empty").mkdir()
    Path("foreign").mkdir()
    Path("foreign/settings.json").write_text('{"editor": "vi"}')
    if isinstance(how, list) and how[0].startswith("--"):
        how = [*TRAIN.split(), *how]
    refused(how, *words)
    made = {path.name for path in here.iterdir()}
    assert made == {"mine", "photo.png", "pipe", "dangling", "empty", "foreign"}


def test_a_gpu_that_is_not_there(mine):
    import paddle

    if paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count():
        pytest.skip("a GPU answers here")
    refused(f"{TRAIN} --device gpu", "No GPU")
    assert not Path("run").exists()


# Files that cannot be read as what they should be


def tiff(value, kind=np.float32):
    """A change: a TIFF whose pixel at row 2, column 9 has a value."""

    def change(array):
        array = array if array.ndim == 2 else array[..., 0]
        array = array.astype(kind)
        array[2, 9] = value
        return Image.fromarray(array)

    return change


PIXELS = attack.picture(0)


def torn(path, compression, value):
    """A TIFF whose middle third is overwritten; libtiff speaks of it by itself."""
    attack.save(path, Image.fromarray(PIXELS), format="TIFF", compression=compression)
    content = path.read_bytes()
    third = len(content) // 3
    path.write_bytes(content[:third] + value * third + content[2 * third :])


ZEROS = b"\0" * (13300 * (13300 // 8 + 2))
NO_IMAGE = {
    "text": (b"this is text", "image"),
    "nothing": (b"", "image"),
    "half a PNG": (attack.PNG[: len(attack.PNG) // 2], "cannot be read"),
    "a PNG of a wrong sum": (attack.PNG[:-17] + b"x" * 17, ""),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 48 40\n", "image"),
    "PDF": (b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj", "image"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg" width="48"/>', "image"),
    "a PNG of 60000 x 60000": (attack.png(60000, 60000), "60000"),
    "a PNG of 13300 x 13300 bits": (attack.png(13300, 13300, ZEROS, depth=1), "13300"),
    "a PNG of no width": (attack.png(0, 40), ""),
    "a PNG of a text that unpacks to 2 GB": (
        attack.png(
            48,
            40,
            b"\0" * 1960,
            before=attack.chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**26), 9)),
        ),
        "",
    ),
    "a TIFF that begins nowhere": (b"II*\0" + b"\xff" * 4, "image"),
    "a torn TIFF of packed bits": (lambda path: torn(path, "packbits", b"\x80"), ""),
    "a torn TIFF of LZW": (lambda path: torn(path, "tiff_lzw", b"\0"), ""),
    "a torn TIFF of deflate": (lambda p: torn(p, "tiff_adobe_deflate", b"\xff"), ""),
    "a BMP of negative size": (
        b"BM" + struct.pack("<3I I2i2H", 60, 0, 54, 40, -5, -5, 1, 24) + bytes(30),
        "",
    ),
    **{name: (make, "3.png") for name, make in attack.NO_FILE.items()},
}


@linux
@pytest.mark.parametrize("part", ["images", "masks"])
@kinds(NO_IMAGE)
def test_no_image(how, words, part, mine):
    instead(mine / f"{part}/3.png", how)
    out = refused("check mine")
    assert "3.png" in out and words[0] in out
    refused(TRAIN, f"{part}/3.png", *words)
    assert not Path("run").exists()


@linux
@kinds(NO_IMAGE)
def test_predict_goes_on_past_what_is_no_image(how, words, run):
    os.mkdir("in")
    attack.save("in/1.png", attack.picture(1))
    instead("in/3.png", how)
    attack.save("in/5.png", attack.picture(5))
    refused("predict run in -o out", "3.png", *words)
    assert {p.name for p in Path("out").glob("*_mask.png")} == {
        "1_mask.png",
        "5_mask.png",
    }


@linux
def test_postscript_starts_no_program(mine, here, monkeypatch):
    from PIL import EpsImagePlugin

    gs = here / "bin/gs"
    instead(gs, b"#!/bin/sh\ntouch started\n").chmod(0o755)
    monkeypatch.setenv("PATH", f"{gs.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    eps = io.BytesIO()
    Image.fromarray(attack.picture(3)).save(eps, "EPS")
    instead(mine / "images/3.png", eps.getvalue())
    refused(TRAIN, "3.png")
    assert not Path("started").exists()


# Images and masks that are read, but mean nothing


def deep(folder):
    values = np.random.default_rng(0).integers(0, 4096, (40, 48, 3))
    for index in range(10):
        (folder / f"images/{index}.png").write_bytes(attack.deep_rgb(values))


def twelve_bits_among_eight(folder):
    grey = np.random.default_rng(0).integers(0, 4096, (40, 48)).astype(np.uint16)
    attack.save(folder / "images/3.png", grey)


def stored_turned(folder):
    """The camera's tag says turn, but the mask was drawn on the stored pixels."""
    attack.images(folder, lambda image: image, only=[])
    (folder / "images/3.png").unlink()
    attack.displayed_turned(folder / "images/3.jpg", attack.picture(3, (48, 40)))
    # What is displayed has 48 rows; the mask has 40.


def noise(count, start=0):
    def change(mask):
        values = np.arange(start, start + mask.size) % count
        return values.reshape(mask.shape).astype(np.uint8)

    return change


def differing_palettes(folder):
    for index in range(10):
        first, second = ((9, 9, 9), (250, 0, 0))[:: 1 if index % 2 else -1]
        attack.masks(
            folder,
            lambda mask, a=first, b=second: attack.palette(mask, a, b),
            only=[index],
        )


def same_picture(folder):
    shutil.copy(folder / "images/0.png", folder / "images/9.png")
    shutil.copy(folder / "masks/0.png", folder / "masks/9.png")


def nan_picture(value):
    return lambda f: attack.images(f, tiff(value), ".tif", only=[3])


PICTURES = {
    "an image of NaN": (nan_picture(np.nan), "3.tif", "number"),
    "an image of inf": (nan_picture(np.inf), "3.tif", "number"),
    "an image of -inf": (nan_picture(-np.inf), "3.tif", "number"),
    "a mask on the stored pixels": (stored_turned, "masks/3.png", "48 x 40"),
    "a mask of another size": (
        lambda f: attack.masks(f, lambda m: m[:20, :20], only=[3]),
        "masks/3.png",
        "20 x 20",
    ),
    "a mask turned": (
        lambda f: attack.masks(f, np.transpose, only=[3]),
        "masks/3.png",
        "48 x 40",
    ),
    "no mask": (lambda f: (f / "masks/3.png").unlink(), "3.png", "no mask"),
    "no image": (lambda f: (f / "images/3.png").unlink(), "3.png", "no image"),
    "two images of one name": (
        lambda f: attack.save(f / "images/3.jpg", attack.picture(3)),
        "same name",
    ),
    "two masks of one name": (
        lambda f: attack.save(f / "masks/3.tif", attack.square(3)),
        "same name",
    ),
    "JPEG masks": (
        lambda f: attack.masks(f, lambda m: m * 255, ".jpg", quality=70),
        "masks/",
        "value",
    ),
    "masks smoothed, of 0 and 255": (
        lambda f: attack.masks(f, attack.blurred),
        "masks/",
        "value",
    ),
    "masks smoothed, of 0 and 100": (
        lambda f: attack.masks(f, lambda m: attack.blurred(m, 100)),
        "masks/",
        "value",
    ),
    "masks smoothed, of 0 and 10": (
        lambda f: attack.masks(f, lambda m: attack.blurred(m, 10)),
        "masks/",
        "value",
    ),
    "masks smoothed, beside classes.txt": (
        lambda f: (
            attack.masks(f, attack.blurred),
            (f / "classes.txt").write_text("ground\nsquare\n"),
        ),
        "masks/",
        "label",
    ),
    "one mask smoothed": (
        lambda f: (
            attack.masks(f, lambda m: m * 255),
            attack.masks(f, lambda m: attack.blurred(m // 255), only=[3]),
        ),
        "masks/3.png",
        "value",
    ),
    "masks of noise, 0..255": (lambda f: attack.masks(f, noise(256)), "masks/"),
    "masks of noise, 0..199": (lambda f: attack.masks(f, noise(200)), "masks/"),
    "masks that are the photographs": (
        lambda f: attack.masks(f, lambda m: attack.picture(3), only=[3]),
        "masks/3.png",
        "colour",
    ),
    "masks of 0/1 and of 0/255": (
        lambda f: attack.masks(f, lambda m: m * 255, only=[0, 3, 8]),
        "masks/",
        "255",
    ),
    "masks of 0/1 and of one bit": (
        lambda f: attack.masks(
            f, lambda m: Image.fromarray(m * 255).convert("1"), only=[0, 3]
        ),
        "masks/",
        "255",
    ),
    "palettes that differ": (differing_palettes, "masks/", "palette"),
    "masks all of 255": (lambda f: attack.masks(f, lambda m: m * 0 + 255), "255"),
    "masks all of 0": (lambda f: attack.masks(f, lambda m: m * 0), "two classes"),
    "masks all of 7": (lambda f: attack.masks(f, lambda m: m * 0 + 7), "two classes"),
    "training masks all ignored": (
        lambda f: attack.masks(f, lambda m: m * 0 + 255, only=range(7)),
        "train",
        "255",
    ),
    "the validation mask all ignored": (
        lambda f: attack.masks(f, lambda m: m * 0 + 255, only=[7]),
        "val",
    ),
    "one picture to train and to test on": (same_picture, "0.png", "9.png"),
    "fractions": (
        lambda f: attack.masks(f, tiff(0.5), ".tif", only=[3]),
        "3.tif",
        "0.5",
    ),
    "a label that is not a number": (
        lambda f: attack.masks(f, tiff(np.nan), ".tif", only=[3]),
        "masks/3.tif",
    ),
    "an infinite label": (
        lambda f: attack.masks(f, tiff(np.inf), ".tif", only=[3]),
        "masks/3.tif",
    ),
    "a label of 1e20": (
        lambda f: attack.masks(f, tiff(1e20), ".tif", only=[3]),
        "masks/3.tif",
        "1e+20",
    ),
    "a label of 65536": (
        lambda f: attack.masks(f, tiff(65536, np.int32), ".tif", only=[3]),
        "masks/3.tif",
        "65536",
    ),
    "a label of -1": (
        lambda f: attack.masks(f, tiff(-1, np.int32), ".tif", only=[3]),
        "masks/3.tif",
        "-1",
    ),
    "a label that classes.txt has not": (
        lambda f: (
            (f / "classes.txt").write_text("ground\nsquare\n"),
            attack.masks(f, tiff(77, np.uint8), only=[3]),
        ),
        "masks/3.png",
        "77",
        "row 2, column 9",
    ),
}


@kinds(PICTURES)
def test_images_and_masks_that_mean_nothing(how, words, mine):
    how(mine)
    out = refused("check mine")
    for word in words:
        assert word in out, out
    refused(TRAIN, *words)
    assert not Path("run").exists()


# Lists, classes and the folder itself


def with_bytes(name, content):
    return lambda f: (f / name).write_bytes(content)


def as_no_file(name, kind):
    return lambda f: instead(f / name, attack.NO_FILE[kind])


TEXTS = {
    "a list of a ghost": (lambda f: attack.lists(f, train=[0, "ghost"]), "'ghost'"),
    "an empty list": (with_bytes("train.txt", b"\n \n"), "train"),
    "no list to train on": (lambda f: (f / "train.txt").unlink(), "train"),
    "a name twice in a list": (
        lambda f: attack.lists(f, train=[0, 1, 2, 1]),
        "train.txt",
        "'1'",
    ),
    "a name to train and to test on": (
        lambda f: attack.lists(f, test=[8, 3]),
        "test.txt",
        "'3'",
    ),
    "a name to train and to validate on": (
        lambda f: attack.lists(f, val=[7, 3]),
        "val.txt",
        "'3'",
    ),
    "a list in Latin-1": (with_bytes("train.txt", b"0\n\xe4\n"), "train.txt", "UTF-8"),
    "a list in UTF-16": (
        with_bytes("train.txt", "0\n1\n".encode("utf-16")),
        "train.txt",
        "UTF-8",
    ),
    "a list with zero bytes": (with_bytes("train.txt", b"0\n\0\n"), "train.txt"),
    "a list with escapes": (with_bytes("train.txt", b"0\n\x1b[2J\n"), "train.txt"),
    "a list of 3 GB": (
        lambda f: attack.sparse(f / "train.txt"),
        "train.txt",
        "too large",
    ),
    **{
        f"{kind} for a list": (as_no_file("val.txt", kind), "val.txt")
        for kind in attack.NO_FILE
    },
    "one class": (with_bytes("classes.txt", b"alone\n"), "classes.txt"),
    "no class": (with_bytes("classes.txt", b"\n"), "classes.txt"),
    "300 classes": (
        with_bytes("classes.txt", "".join(f"c{i}\n" for i in range(300)).encode()),
        "classes.txt",
        "300",
    ),
    "two classes of one name": (
        with_bytes("classes.txt", b"ground\nsquare\nground\n"),
        "classes.txt",
        "ground",
    ),
    "a blank line among the classes": (
        with_bytes("classes.txt", b"ground\n\nsquare\n"),
        "classes.txt",
        "line 2",
    ),
    "classes in Latin-1": (
        with_bytes("classes.txt", b"gr\xfcnd\nsquare\n"),
        "classes.txt",
        "UTF-8",
    ),
    "classes in UTF-16": (
        with_bytes("classes.txt", "ground\nsquare\n".encode("utf-16")),
        "classes.txt",
        "UTF-8",
    ),
    **{
        f"{kind} for the classes": (as_no_file("classes.txt", kind), "classes.txt")
        for kind in attack.NO_FILE
    },
    "no masks/": (lambda f: shutil.rmtree(f / "masks"), "masks/"),
    "no images/": (lambda f: shutil.rmtree(f / "images"), "images/"),
    "nothing in images/": (
        lambda f: (shutil.rmtree(f / "images"), (f / "images").mkdir()),
        "no images",
    ),
    "an empty folder": (
        lambda f: (shutil.rmtree(f), f.mkdir()),
        "images/",
    ),
    "masks/ is a file": (lambda f: instead(f / "masks", b"text"), "masks"),
    "images/ is a pipe": (lambda f: instead(f / "images", os.mkfifo), "images"),
    "an image whose name is no UTF-8": (
        lambda f: attack.save(os.fsdecode(bytes(f / "images") + b"/\xff.png"), PIXELS),
        "no mask",
    ),
    "an image whose name steers the terminal": (
        lambda f: attack.save(f / "images/\x1b[2J\n.png", PIXELS),
        "no mask",
    ),
}


@linux
@kinds(TEXTS)
def test_bad_lists_classes_and_folders(how, words, mine):
    how(mine)
    status, out, err = command("check mine")
    assert status == 2 or words == ["train"]  # `check` looks at all parts together
    assert all(line.isprintable() for line in out.splitlines())
    attack.one_line(err) if status else None
    for word in words[: status and len(words)]:
        assert word.lower() in (out + err).lower(), out + err
    refused(TRAIN, *words)
    assert not Path("run").exists()


# What is odd, and told


def third_class(*only):
    return lambda f: attack.masks(f, tiff(2, np.uint8), only=only)


def pages(folder):
    first, second = (Image.fromarray(attack.picture(i)) for i in (3, 4))
    (folder / "images/3.png").unlink()
    attack.save(folder / "images/3.tif", first, save_all=True, append_images=[second])


TOLD = {
    "a class only in test": (third_class(8), "class 2", "only in test"),
    "a class only in training": (third_class(0), "class 2", "only in train"),
    "a class only in validation": (third_class(7), "class 2", "only in val"),
    "a class that no mask has": (
        with_bytes("classes.txt", b"ground\nsquare\nghost\n"),
        "ghost",
    ),
    "an image of two pages": (pages, "3.tif", "pages"),
    "16 bits among 8": (twelve_bits_among_eight, "3.png", "bit"),
}


@kinds(TOLD)
def test_what_is_odd_is_told(how, words, mine):
    how(mine)
    for text in ("check mine", TRAIN):
        out = accepted(text)
        for word in words:
            assert word in out, out


# What looks odd and is right


def renamed(folder, name):
    for part in ("images", "masks"):
        (folder / f"{part}/3.png").rename(folder / f"{part}/{name}.png")
    attack.lists(folder, train=[0, 1, 2, name, 4, 5, 6])


def scaled_classes(folder):
    attack.masks(folder, lambda mask: mask * 255)
    (folder / "classes.txt").write_text("ground\nsquare\n")


def hidden_files(folder):
    for name in (".DS_Store", "._3.png", "Thumbs.db", "notes.txt"):
        (folder / f"images/{name}").write_bytes(b"not an image")


def capitals(folder):
    for part in ("images", "masks"):
        (folder / f"{part}/3.png").rename(folder / f"{part}/3.PNG")


def with_alpha(mask):
    return np.dstack([mask, mask, mask, np.full_like(mask, 255)])


RIGHT = {
    "masks of 0 and 255": (lambda f: attack.masks(f, lambda m: m * 255), "foreground"),
    "masks of 0 and 255 beside classes.txt": (scaled_classes, "ground, square"),
    "masks of one bit": (
        lambda f: attack.masks(f, lambda m: Image.fromarray(m * 255).convert("1")),
        "2 classes",
    ),
    "masks of 0 and 128": (lambda f: attack.masks(f, lambda m: m * 128), "128"),
    "masks in grey RGB": (
        lambda f: attack.masks(f, lambda m: np.dstack([m, m, m])),
        "2 classes",
    ),
    "masks with alpha": (lambda f: attack.masks(f, with_alpha), "2 classes"),
    "masks of 16 bits": (
        lambda f: attack.masks(f, lambda m: m.astype(np.uint16)),
        "2 classes",
    ),
    "masks of 32 bits": (
        lambda f: attack.masks(f, lambda m: m.astype(np.int32), ".tif"),
        "2 classes",
    ),
    "masks of whole float values": (
        lambda f: attack.masks(f, lambda m: m.astype(np.float32), ".tif"),
        "2 classes",
    ),
    "masks with one palette": (
        lambda f: attack.masks(f, lambda m: attack.palette(m, (9, 9, 9), (250, 0, 0))),
        "2 classes",
    ),
    "a blank in a name": (lambda f: renamed(f, "my 3"), "10 images"),
    "letters of the world in a name": (lambda f: renamed(f, "größe 图 3"), "10 images"),
    "a dot in a name": (lambda f: renamed(f, "v1.3"), "10 images"),
    "a name of 250 letters": (lambda f: renamed(f, "n" * 250), "10 images"),
    "names with endings in a list": (
        lambda f: attack.lists(f, train=[f"images/{i}.png" for i in range(7)]),
        "10 images",
    ),
    "a list with Windows line ends": (
        with_bytes("train.txt", b"0\r\n1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n"),
        "10 images",
    ),
    "a list with a mark of UTF-8": (
        with_bytes("train.txt", b"\xef\xbb\xbf0\n1\n2\n3\n4\n5\n6"),
        "10 images",
    ),
    "classes with Windows line ends": (
        with_bytes("classes.txt", b"ground\r\nsquare\r\n\r\n"),
        "ground, square",
    ),
    "hidden files": (hidden_files, "10 images"),
    "endings in capitals": (capitals, "10 images"),
    "no lists": (attack.unlisted, "10 images"),
}


def masks_of(folder):
    """All masks as class ids, in the order of the lists."""
    parts = [data.load(str(folder), part) for part in data.SPLITS]
    return [part[i]["mask"].tolist() for part in parts for i in range(len(part))]


@kinds(RIGHT)
def test_what_looks_odd_and_is_right(how, words, mine, world):
    how(mine)
    accepted("check mine", *words)
    accepted(TRAIN)
    found, wanted = masks_of(mine), masks_of(world / "mine")
    key = str if how is attack.unlisted else None  # other parts: another order
    assert (sorted(found, key=key) if key else found) == (
        sorted(wanted, key=key) if key else wanted
    )
    accepted("evaluate run", "(test)")


IMAGES_RIGHT = {
    "a photograph to be turned": lambda f: (
        (f / "images/3.png").unlink(),
        attack.displayed_turned(f / "images/3.jpg", attack.picture(3)),
    ),
    "RGBA": lambda f: attack.images(f, lambda i: with_alpha(i[..., 0])),
    "grey": lambda f: attack.images(f, lambda i: i[..., 0]),
    "CMYK": lambda f: attack.images(
        f, lambda i: Image.fromarray(i).convert("CMYK"), ".jpg"
    ),
    "16-bit grey": lambda f: attack.images(
        f, lambda i: i[..., 0].astype(np.uint16) * 16
    ),
    "WebP": lambda f: attack.images(f, lambda i: i, ".webp", lossless=True),
}


@pytest.mark.parametrize("kind", IMAGES_RIGHT)
def test_images_of_every_usual_kind(kind, mine):
    IMAGES_RIGHT[kind](mine)
    accepted("check mine", "10 images")
    accepted(TRAIN)


def test_twelve_bits_are_not_black(mine):
    """16-bit RGB with values to 4095: refused, or stretched as grey ones are."""
    deep(mine)
    status, out, _ = command("check mine")
    if status:
        assert "12" in out or "16" in out
    else:
        assert data.load("mine", "train")[0]["image"].max() > 200


def test_a_photograph_is_predicted_as_displayed(run):
    shown = attack.displayed_turned(Path("in/turned.jpg"), attack.picture(3))
    with Image.open(shown) as image:
        upright = np.rot90(np.array(image), -1)
    attack.save("in/upright.png", upright)
    accepted("predict run in -o out")
    first, second = (
        np.array(Image.open(f"out/{n}_mask.png")) for n in ("turned", "upright")
    )
    assert first.shape == attack.SIDES and (first == second).all()


# Runs: settings


FIELDS = [field.name for field in dataclasses.fields(runs.Settings)]
SETTINGS = {
    "cut": b"{",
    "empty": b"",
    "null": b"null",
    "a number": b"3",
    "a text": b'"run"',
    "a list": b"[]",
    "an empty object": b"{}",
    "nested deep": b'{"model": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "only brackets": b"[" * 100_000,
    "a number of 5000 digits": b'{"steps": ' + b"9" * 5000 + b"}",
    "Latin-1": b'{"model": "\xe4"}',
    "UTF-16": '{"model": "unet"}'.encode("utf-16"),
    "zero bytes": bytes(100),
    "a lone surrogate": b'{"model": "\\ud800"}',
    "binary": bytes(range(256)),
    "3 GB": attack.sparse,
    **attack.NO_FILE,
}


@linux
@pytest.mark.parametrize("kind", SETTINGS)
def test_damaged_settings(kind, run, world):
    instead(run / "settings.json", SETTINGS[kind])
    for text in (PREDICT, EVALUATE, resume(world)):
        refused(text, "settings.json")
    assert not Path("out").exists()


@pytest.mark.parametrize("key", FIELDS)
def test_settings_without_a_key_or_of_another_type(key, run):
    edit_settings(run, **{key: ...})
    refused(PREDICT, "settings.json", "damaged", key)


@pytest.mark.parametrize("value", [{"odd": 3}, [[[]]], True], ids=str)
@pytest.mark.parametrize("key", FIELDS)
def test_settings_of_another_type(key, value, run):
    if isinstance(value, bool) and key in ("balance",):
        value = 3
    edit_settings(run, **{key: value})
    refused(EVALUATE, "settings.json", "damaged", key)


VALUES = {
    "a network there is none of": ({"model": "nobody"}, "nobody"),
    "a network that is a path": ({"model": "../../etc"}, "../../etc"),
    "no width": ({"width": 0}, "width"),
    "a width of 1e9": ({"width": 1e9}, "width"),
    "a width that is no number": ({"width": float("nan")}, "width"),
    "a width that is infinite": ({"width": float("inf")}, "width"),
    "a width of 400 digits": ({"width": int(HUGE)}, "width"),
    "negative steps": ({"steps": -1}, "steps"),
    "half a step": ({"steps": 1.5}, "steps"),
    "no batch": ({"batch_size": 0}, "batch_size"),
    "one side": ({"size": [32]}, "size"),
    "no sides": ({"size": [0, 0]}, "size"),
    "sides of 1e9": ({"size": [10**9, 10**9]}, "size"),
    "sides of text": ({"size": ["32", "32"]}, "size"),
    "a negative seed": ({"seed": -1}, "seed"),
    "an inverted scale": ({"scale": [1.5, 0.75]}, "scale"),
    "a rate that is no number": ({"lr": float("nan")}, "lr"),
    "no class": ({"classes": []}, "classes"),
    "one class": ({"classes": ["a"]}, "classes"),
    "300 classes": ({"classes": [f"c{i}" for i in range(300)]}, "classes"),
    "classes that are numbers": ({"classes": [1, 2]}, "classes"),
    "classes of one name": ({"classes": ["a", "a"]}, "classes"),
    "a text for classes": ({"classes": "ab"}, "classes"),
    "no colours": ({"colours": []}, "colours"),
    "too few colours": ({"colours": [[1, 2, 3]]}, "colours"),
    "colours of two numbers": ({"colours": [[1, 2], [3, 4]]}, "colours"),
    "colours beyond 255": ({"colours": [[1, 2, 300], [3, 4, 5]]}, "colours"),
    "colours below 0": ({"colours": [[1, 2, -3], [3, 4, 5]]}, "colours"),
    "values of classes that are none": ({"values": [[0, 0], [1, 77]]}, "values"),
    "values beyond 65535": ({"values": [[0, 0], [10**9, 1]]}, "values"),
    "negative values": ({"values": [[-1, 0], [1, 1]]}, "values"),
    "values that are triples": ({"values": [[0, 0, 0], [1, 1, 1]]}, "values"),
    "an unknown key": ({"wdith": 1}, "wdith"),
    "a key that steers the terminal": ({"\x1b[2J": 1}, "settings.json"),
}


@kinds(VALUES)
def test_settings_of_absurd_values(how, words, run):
    edit_settings(run, **how)
    refused(PREDICT, "settings.json", "damaged", *words)


def test_settings_of_another_network(run):
    edit_settings(run, width=0.05)
    refused(PREDICT, "best.safetensors", "another network")
    edit_settings(run, width=0.001, classes=["a", "b", "c"], colours=[[0, 0, 0]] * 3)
    refused(PREDICT, "best.safetensors", "another network")


# Runs: weights and states


def tensor_file(text, rest=b"", length=None):
    return attack.header(len(text) if length is None else length, text, rest)


ONE = b'{"a": {"dtype": "F32", "shape": [%b], "data_offsets": [0, %b]}}'
FILES = {
    "text": b"rubbish",
    "empty": b"",
    "four bytes": b"\1\0\0\0",
    "eight zeros": bytes(8),
    "a header longer than all": tensor_file(b"{}", length=2**63 - 1),
    "a header longer than the file": tensor_file(b"{}", length=100),
    "a header that is no JSON": tensor_file(b"{{{{{{{{"),
    "a header that is a list": tensor_file(b"[]"),
    "a header that is no UTF-8": tensor_file(b"\xff\xfe{}"),
    "a header nested deep": tensor_file(b"[" * 100_000),
    "a shape beyond the file": tensor_file(ONE % (b"1000000", b"4000000")),
    "a shape that overflows": tensor_file(ONE % (b"9" * 19 + b"," + b"9" * 19, b"4")),
    "a shape of another length": tensor_file(ONE % (b"5", b"4"), bytes(4)),
    "no tensor": tensor_file(b"{}"),
    "a zip archive": b"PK\3\4" + bytes(100),
    "a pickle": b"\x80\4cos\nsystem\n(S'touch started'\ntR.",
    "a PNG": attack.png(48, 40, b"\0" * 1960),
    "3 GB": attack.sparse,
    **attack.NO_FILE,
}
SHORTER = {"half": lambda n: n // 2, "all but a byte": lambda n: n - 1}
CHANGES = {
    "float16": attack.as_type("F16", lambda a: a.astype(np.float16)),
    "bfloat16": attack.as_type("BF16", lambda a: a.view(np.uint16)[1::2]),
    "float64": attack.as_type("F64", lambda a: a.astype(np.float64)),
    "int64": attack.as_type("I64", lambda a: a.astype(np.int64)),
    "int32": attack.as_type("I32", lambda a: a.astype(np.int32)),
    "truth values": attack.as_type("BOOL", lambda a: a > 0),
    "float8": attack.as_type("F8_E4M3", lambda a: a.view(np.uint8)[::4]),
    "no such type": attack.as_type("Q7", lambda a: a),
    "other shapes": attack.transposed,
    "no biases": attack.without("bias"),
    "nothing": attack.without(""),
    "NaN": attack.filled(np.nan),
    "one NaN a tensor": attack.filled(np.nan, 0),
    "inf": attack.filled(np.inf),
    "-inf": attack.filled(-np.inf, 0.1),
}
NOTES = {
    "no JSON": lambda _: "{",
    "a list": lambda _: [],
    "null": lambda _: None,
    "a number": lambda _: 3,
    "empty": lambda _: {},
    "nested deep": lambda _: "[" * 100_000,
    "without the step": lambda n: {k: v for k, v in n.items() if k != "step"},
    "without the rows": lambda n: {k: v for k, v in n.items() if k != "rows"},
    "a step of text": lambda n: {**n, "step": "2"},
    "half a step": lambda n: {**n, "step": 1.5},
    "a negative step": lambda n: {**n, "step": -1},
    "a step that is true": lambda n: {**n, "step": True},
    "steps that are null": lambda n: {**n, "steps": None},
    "a best of text": lambda n: {**n, "best": "high"},
    "rows of text": lambda n: {**n, "rows": "many"},
    "rows of numbers": lambda n: {**n, "rows": [1, 2]},
    "rows of lists": lambda n: {**n, "rows": [{"step": [1]}]},
    "an unknown note": lambda n: {**n, "odd": 1},
}


def only_one_state(run):
    """The run as if it had saved once: there is nothing to fall back upon."""
    (run / "previous.safetensors").unlink(missing_ok=True)
    return run / "last.safetensors"


@linux
@pytest.mark.parametrize("kind", FILES)
def test_damaged_weights(kind, run, world):
    for name, text in (("best", PREDICT), ("last", resume(world))):
        only_one_state(run)
        instead(run / f"{name}.safetensors", FILES[kind])
        refused(text, f"{name}.safetensors")
    assert not Path("out").exists() and not Path("started").exists()


@pytest.mark.parametrize("kind", SHORTER)
def test_cut_weights(kind, run, world):
    for name, text in (("best", EVALUATE), ("last", resume(world))):
        only_one_state(run)
        path = run / f"{name}.safetensors"
        content = path.read_bytes()
        path.write_bytes(content[: SHORTER[kind](len(content))])
        refused(text, f"{name}.safetensors", "cannot be read")


@pytest.mark.parametrize("kind", CHANGES)
def test_changed_weights(kind, run, world):
    for name, text in (("best", PREDICT), ("last", resume(world))):
        attack.edit_tensors(run / f"{name}.safetensors", CHANGES[kind])
        only_one_state(run)
        refused(text, f"{name}.safetensors")
    assert not Path("out").exists()


@pytest.mark.parametrize("kind", NOTES)
def test_states_with_bad_notes(kind, run, world):
    attack.edit_notes(only_one_state(run), NOTES[kind])
    refused(resume(world), "last.safetensors")


def test_a_state_without_its_optimizer(run, world):
    attack.edit_tensors(only_one_state(run), attack.without("optimizer/"))
    refused(resume(world), "last.safetensors", "100 of its 356")


def test_a_state_with_half_its_optimizer(run, world):
    attack.edit_tensors(only_one_state(run), attack.without("moment2"))
    refused(resume(world), "last.safetensors", "of its 356")


def test_missing_weights(run, world):
    (run / "best.safetensors").unlink()
    refused(PREDICT, "best.safetensors")
    refused(EVALUATE, "best.safetensors")
    only_one_state(run).unlink()
    refused(resume(world), "run")


@pytest.mark.skipif(ROOT or not POSIX, reason="root may read everything")
@pytest.mark.parametrize("name", ["best.safetensors", "settings.json"])
def test_what_one_may_not_read(name, run):
    (run / name).chmod(0)
    refused(PREDICT, name, "permission")


WRITTEN = (
    "settings.json",
    "history.csv",
    "lock",
    "evaluate_test.json",
    "last.safetensors",
    "last.safetensors.part",
    "previous.safetensors",
    "best.safetensors",
)


@linux
@pytest.mark.parametrize("link", ["symbolic", "hard"])
@pytest.mark.parametrize("name", WRITTEN)
def test_links_in_a_run_are_not_written_through(name, link, run, world):
    """A stranger's run: a link in it names a file of the user's."""
    path = run / name
    precious = Path("precious")
    if path.exists():
        path.rename(precious)
    else:
        precious.write_text("precious")
    content = precious.read_bytes()
    if link == "symbolic":
        path.symlink_to("../precious")
    else:
        path.hardlink_to(precious)
    for text in (EVALUATE, resume(world)):
        status, _, err = command(text)
        assert status == 0 or attack.one_line(err) is None
        assert precious.read_bytes() == content


@linux
def test_a_whole_run_behind_a_link(run):
    Path("there").symlink_to("run")
    accepted("evaluate there", "(test)")


# Predict

INPUTS = {
    "nothing there": ("no.png", "no.png"),
    "no name": ("", "names nothing"),
    "a zero byte": ("a\0.png", "a"),
    "an empty folder": ("empty", "empty", "no images"),
    "a folder of text": ("texts", "texts", "no images"),
    "a pipe": ("pipe", "pipe"),
    "a device": ("/dev/zero", "/dev/zero"),
    "text": ("texts/note.txt", "note.txt"),
    "a name of 5000 letters": ("p" * 5000, "ppp"),
    "a name that is no UTF-8": ("\udcff.png", ".png"),
}


@linux
@kinds(INPUTS)
def test_bad_inputs_of_predict(how, words, run):
    Path("empty").mkdir()
    instead("texts/note.txt", b"a note")
    os.mkfifo("pipe")
    refused(["predict", run, how, "-o", "out"], *words)
    assert not list(Path("out").glob("*"))


OUTPUTS = {
    "no name": ("", "names nothing"),
    "a file": ("photo.png", "photo.png", "file"),
    "below a file": ("photo.png/out", "photo.png"),
    "a pipe": ("pipe", "pipe"),
    "a device": ("/dev/null", "/dev/null"),
    "in /proc": ("/proc/out", "/proc/out"),
    "a zero byte": ("o\0ut", "o"),
    "a link to nothing": ("dangling", "dangling"),
    "a name of 300 letters": ("o" * 300, "ooo"),
}


@linux
@kinds(OUTPUTS)
def test_bad_outputs_of_predict(how, words, run):
    os.mkfifo("pipe")
    Path("dangling").symlink_to("nothing")
    refused(["predict", run, "photo.png", "-o", how], *words)


def test_results_do_not_replace_what_the_user_has(run):
    attack.save("in/a.png", attack.picture(1))
    attack.save("in/a_mask.png", attack.square() * 255)
    attack.save("in/a_overlay.png", attack.picture(2))
    refused("predict run in -o in", "in")
    refused("predict run in/a.png -o in", "in/a_mask.png")


@linux
def test_results_do_not_follow_links(run):
    Path("precious").write_text("precious")
    Path("out").mkdir()
    Path("out/photo_mask.png").symlink_to("../precious")
    status, _, err = command(PREDICT)
    assert status == 0 or attack.one_line(err, "photo_mask.png") is None
    assert Path("precious").read_text() == "precious"


def test_two_inputs_of_one_name(run):
    attack.save("in/photo.jpg", attack.picture(1))
    refused("predict run photo.png in/photo.jpg -o out", "photo")
    refused("predict run photo.png photo.png -o out", "photo")


def test_long_names_do_not_lose_the_others(run):
    for stem in ("a", "n" * 250, "z"):
        attack.save(f"in/{stem}.png", attack.picture(1))
    status, _, err = command("predict run in -o out")
    assert {"a_mask.png", "z_mask.png"} <= set(os.listdir("out"))
    assert status == 0 or attack.one_line(err, "nnn") is None


def test_memory_for_one_image_does_not_lose_the_others(run, monkeypatch):
    from segcore import inference

    whole = inference.predict

    def predict(model, image, *rest, **options):
        if image.shape[0] == 41:
            raise MemoryError
        return whole(model, image, *rest, **options)

    monkeypatch.setattr(inference, "predict", predict)
    for stem, rows in (("a", 40), ("b", 41), ("c", 40)):
        attack.save(f"in/{stem}.png", attack.picture(1, (rows, 48)))
    refused("predict run in -o out", "b.png", "memory")
    assert {"a_mask.png", "c_mask.png"} <= set(os.listdir("out"))


@pytest.mark.parametrize("sides", [(1, 1), (1, 200), (7, 3), (31, 33)], ids=str)
@pytest.mark.parametrize("mode", ["whole", "sliding", "multiscale"])
def test_images_of_few_pixels(sides, mode, run):
    attack.save("in/small.png", attack.picture(0, sides))
    status, _, err = command(f"predict run in -o out --mode {mode}")
    if status:
        attack.one_line(err, "small.png")
    else:
        assert np.array(Image.open("out/small_mask.png")).shape == sides


# Evaluate

SPELLINGS = {
    "an absolute path": lambda here: here / "mine",
    "a dot before": lambda _: "./mine/",
    "there and back": lambda _: "mine/../mine",
    "a link": lambda here: os.symlink("mine", here / "other") or "other",
    "a link to the parent": lambda here: os.symlink(".", here / "up") or "up/mine",
}


@linux
@pytest.mark.parametrize("listed", [True, False], ids=["lists", "no lists"])
@pytest.mark.parametrize("kind", SPELLINGS)
def test_the_run_s_own_folder_is_known_by_any_name(kind, listed, mine, here):
    if not listed:
        attack.unlisted(mine)
    accepted(TRAIN)
    accepted(EVALUATE, "(test)")
    own = json.loads(Path("run/evaluate_test.json").read_text())
    other = SPELLINGS[kind](here)
    out = accepted(f"evaluate run --data {other}")
    assert own["images"] == (2 if listed else 1)
    assert f"over {own['images']} images" in out.replace("1 image ", "1 images ")
    assert (
        json.loads(Path("run/evaluate_test.json").read_text())["images"]
        == (own["images"])
    )


def test_a_copy_of_the_training_images_is_no_test(mine):
    accepted(TRAIN)
    accepted(EVALUATE)
    own = Path("run/evaluate_test.json").read_bytes()
    other = Path(shutil.copytree(mine, "copy"))
    attack.unlisted(other)
    _, out, _ = command("evaluate run --data copy")
    assert "(test)" not in out
    assert Path("run/evaluate_test.json").read_bytes() == own


def test_another_data_set_has_a_result_of_its_own(mine, here):
    accepted(TRAIN)
    accepted(EVALUATE)
    own = Path("run/evaluate_test.json").read_bytes()
    other = attack.sound_folder(here / "other")
    attack.images(other, lambda image: image[::-1].copy())
    accepted("evaluate run --data other")
    assert Path("run/evaluate_test.json").read_bytes() == own
    assert len(list(Path("run").glob("evaluate_*.json"))) == 2


OTHERS = {
    "nothing there": ("nowhere", "nowhere"),
    "no name": ("", "names nothing"),
    "other classes": ("shapes", "classes"),
    "real data that are not there": ("camvid", "SEGCORE_DATA"),
    "a file": ("photo.png", "photo.png"),
    "a zero byte": ("mi\0ne", "mi"),
}


@kinds(OTHERS)
def test_bad_data_of_evaluate(how, words, run):
    refused(["evaluate", run, "--data", how], *words)


OTHER_FOLDERS = {
    "labels that the run has not": (
        lambda f: attack.masks(f, tiff(77, np.uint8), only=[8]),
        "masks/8.png",
        "77",
    ),
    "a mask of another size": (
        lambda f: attack.masks(f, lambda m: m[:20], only=[8]),
        "masks/8.png",
    ),
    "an empty test part": (lambda f: attack.lists(f, test=[]), "test"),
    "all ignored": (
        lambda f: attack.masks(f, lambda m: m * 0 + 255, only=[8, 9]),
        "255",
    ),
    "broken images": (lambda f: instead(f / "images/8.png", b"text"), "8.png"),
    "masks smoothed": (lambda f: attack.masks(f, attack.blurred), "masks/"),
    "masks of 0 and 255 for a run of 0 and 1": (
        lambda f: attack.masks(f, lambda m: m * 255),
        "255",
    ),
}


@kinds(OTHER_FOLDERS)
def test_folders_that_evaluate_cannot_use(how, words, run, mine):
    how(mine)
    refused("evaluate run --data mine", *words)


# Resume


@pytest.fixture
def begun(mine):
    """A run of two steps on the folder `mine`."""
    accepted(TRAIN)
    return mine


LONGER = f"{TRAIN} --resume --steps 4"


def reversed_meaning(folder):
    attack.masks(folder, lambda mask: mask * 7)


CHANGED = {
    "other values": (reversed_meaning, "value 7"),
    "another image": (
        lambda f: attack.save(f / "images/3.png", attack.picture(77)),
        "3.png",
    ),
    "another mask": (
        lambda f: attack.save(f / "masks/3.png", attack.square(9)),
        "3.png",
    ),
    "an image more": (
        lambda f: (
            attack.save(f / "images/10.png", attack.picture(10)),
            attack.save(f / "masks/10.png", attack.square(10)),
            attack.lists(f, train=[*range(7), 10]),
        ),
        "10.png",
    ),
    "an image less": (lambda f: attack.lists(f, train=range(6)), "6.png"),
    "another list": (
        lambda f: attack.lists(f, train=[*range(6), 8], test=[6, 9]),
        "6.png",
    ),
    "another order": (lambda f: attack.lists(f, train=range(6, -1, -1)), "order"),
    "names for the classes": (with_bytes("classes.txt", b"ground\nsquare\n"), "class"),
    "a class more": (third_class(0), "class"),
    "the folder gone": (shutil.rmtree, "mine"),
}


@kinds(CHANGED)
def test_data_that_changed_since(how, words, begun):
    how(begun)
    refused(LONGER, *words)


OTHERWISE = {
    "--width": "0.03",
    "--lr": "0.01",
    "--seed": "1",
    "--batch-size": "3",
    "--size": "32 32",
    "--crop": "32 32",
    "--scale": "1 2",
    "--balance": "",
    "--model": "fcn8s",
}


@pytest.mark.parametrize("option", OTHERWISE)
def test_resume_with_another_option(option, run, world):
    name = option.lstrip("-").replace("-", "_")
    refused(f"{resume(world)} {option} {OTHERWISE[option]}", "run", name)


def test_a_run_is_there_already(run, world):
    refused(resume(world).replace("--resume", ""), "run", "--resume")


def test_resume_of_a_complete_run(run, world):
    refused(resume(world, steps=2), "complete", "--steps")
    refused(resume(world, steps=1), "--steps")


def test_a_deleted_best_is_written_again(run, world):
    (run / "best.safetensors").unlink()
    accepted(resume(world))
    accepted(PREDICT)


@linux
@pytest.mark.parametrize("kind", ["text", "empty", "a pipe", "3 GB"])
def test_a_damaged_state_falls_back_on_the_one_before(kind, run, world):
    assert (run / "previous.safetensors").exists()
    instead(run / "last.safetensors", FILES[kind])
    status, out, err = command(resume(world))
    assert status == 0, err
    assert "last.safetensors" in out + err and "before" in out + err
    history = (run / "history.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in history] == ["step", "1", "2", "3", "4"]


def test_a_damaged_history_is_written_anew(run, world):
    (run / "history.csv").write_bytes(b"\xff\xfe rubbish")
    accepted(resume(world))
    assert (run / "history.csv").read_text().startswith("step,")


def test_not_a_number_replaces_no_good_state(mine, here):
    """A rate that overflows: one line, and both files keep numbers."""
    status, _, err = command(f"{TRAIN} --lr 10 --steps 40 --model deeplabv1")
    assert status == 0 or attack.one_line(err) is None
    for name in ("best", "last", "previous"):
        path = Path(f"run/{name}.safetensors")
        if path.exists():
            found, _ = attack.tensors(path)
            arrays = [attack.floats(t) for t in found.values() if t["dtype"] == "F32"]
            assert all(np.isfinite(array).all() for array in arrays)


# A disk that is full: no file may grow beyond a few bytes


@pytest.fixture
def full_disk():
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    class Full:
        def __enter__(self):
            resource.setrlimit(resource.RLIMIT_FSIZE, (16, before[1]))

        def __exit__(self, *_):
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return Full()


def test_a_full_disk_costs_no_earlier_result(run, world, full_disk):
    accepted(EVALUATE)
    assert json.loads((run / "evaluate_test.json").read_text())["images"] == 2
    for text in (EVALUATE, f"{EVALUATE} --split val", resume(world)):
        with full_disk:
            refused(text, "run")
    accepted(resume(world))


@pytest.mark.parametrize("damage", [None, b"rubbish"], ids=["sound", "damaged"])
def test_a_full_disk_costs_no_state(damage, run, world, full_disk):
    """Where the last state is damaged, the one before stays until there is another."""
    if damage:
        (run / "last.safetensors").write_bytes(damage)
    with full_disk:
        status, _, err = command(resume(world))
    assert status == 2
    attack.one_line(err, "run")
    accepted(resume(world))


def test_a_full_disk_leaves_no_half_prediction(run, full_disk):
    with full_disk:
        refused(PREDICT, "out/photo_mask.png")
    assert not list(Path("out").glob("*.png"))


def test_a_full_disk_before_training(mine, full_disk):
    with full_disk:
        refused(TRAIN, "run")
    accepted(f"{TRAIN}")


# Processes: what a terminal, a pipe or another process adds


WAIT = 3 * attack.LIMIT  # where others use the cores, imports alone take long


def start(arguments, **options):
    """`python -m segcore` beside this process, with its environment and `env`."""
    environment = {**os.environ, **options.pop("env", {})}
    environment.pop("OMP_NUM_THREADS", None)  # users have not set it, tests may
    return subprocess.Popen(
        [sys.executable, "-m", "segcore", *map(os.fsencode, arguments)],
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        env=environment,
        **options,
    )


def refused_alone(arguments, *words, status=2, **options):
    """As `refused`, in a process of its own; returns what it said on stdout."""
    process = start(arguments, **options)
    out, err = process.communicate(timeout=WAIT)
    assert process.returncode == status, (process.returncode, err)
    attack.one_line(err.decode("utf-8"), *words)
    return out


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
NAMES = {
    "no UTF-8": os.fsdecode(b"\xff\xfe.png"),
    "Chinese": "\u56fe.png",
    "a line end": "a\nb.png",
    "an escape": "a\x1b[2Jb.png",
}


@linux
@pytest.mark.parametrize("kind", NAMES)
def test_any_name_on_an_ascii_terminal(kind, mine):
    attack.save(os.path.join("mine/images", NAMES[kind]), PIXELS)
    out = refused_alone(["check", "mine"], "mine", env=ASCII)
    assert b"no mask" in out and out.isascii() and out.count(b"\n") == 1
    refused_alone(["check", NAMES[kind]], env=ASCII)


@linux
def test_a_pipe_for_an_image_alone(mine):
    instead(mine / "images/3.png", os.mkfifo)
    refused_alone(["check", "mine"], "mine")


@linux
def test_a_pipe_for_the_settings_alone(run):
    instead(run / "settings.json", os.mkfifo)
    refused_alone(EVALUATE.split(), "settings.json")


@linux
@pytest.mark.parametrize("name", ["data", "models"])
def test_a_reader_that_goes(name):
    reader, writer = os.pipe()
    os.close(reader)
    process = start([name], stdout=writer)
    os.close(writer)
    assert process.communicate(timeout=WAIT)[1] == b""
    assert process.returncode == 0


@linux
def test_no_stdout_at_all():
    process = start(["data"], stdout=None, preexec_fn=lambda: os.close(1))
    _, err = process.communicate(timeout=WAIT)
    assert b"Traceback" not in err and b"Exception" not in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_disk_too_full_for_stdout():
    with open("/dev/full", "wb") as full:
        process = start(["data"], stdout=full)
        _, err = process.communicate(timeout=WAIT)
    assert process.returncode == 2
    attack.one_line(err.decode())


def wait_for(path, process):
    """Waits until a file is there, or the process has ended."""
    end = time.monotonic() + WAIT
    while not path.exists() and process.poll() is None:
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.05)


ONE_THREAD = {"MKL_NUM_THREADS": "1"}  # more wait for each other on a busy machine
LONG = f"{TRAIN} --steps 1000"  # the first state is saved after 100


@linux
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_a_stop_saves_and_resume_goes_on(sent, mine):
    process = start(LONG.split(), env=ONE_THREAD)
    wait_for(Path("run/last.safetensors"), process)
    # Meanwhile no second training may write here, ...
    for text, words in ((f"{LONG} --resume", "another training"), (LONG, "run")):
        status, _, err = command(text)
        assert status == 2
        attack.one_line(err, words)
    process.send_signal(sent)
    _, err = process.communicate(timeout=WAIT)
    assert process.returncode == 128 + sent
    attack.one_line(err.decode(), "--resume")
    # ... and afterwards the run goes on from where it was.
    _, metadata = attack.tensors("run/last.safetensors")
    step = json.loads(metadata["notes"])["step"]
    assert 100 <= step < 1000
    accepted(f"{TRAIN} --resume --steps {step + 2}")
    _, metadata = attack.tensors("run/last.safetensors")
    assert json.loads(metadata["notes"])["step"] == step + 2


@linux
def test_two_trainings_at_once(mine):
    two = [start(f"{TRAIN} --steps 20".split(), env=ONE_THREAD) for _ in "12"]
    said = [process.communicate(timeout=WAIT) for process in two]
    assert sorted(process.returncode for process in two) == [0, 2]
    loser = [process.returncode for process in two].index(2)
    attack.one_line(said[loser][1].decode(), "run")
    accepted(EVALUATE)


# Properties: any text and any number for an option; any damage to a run's files

quick = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,  # the suite gives one answer; experiments/fuzz_readers.py draws
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
anything = st.text(st.characters(exclude_categories=()), max_size=30)
numbers = st.one_of(
    st.floats().map(str),
    st.integers(-3, 70000).map(str),
    st.integers(-(10**60), 10**60).map(str),
    st.floats(0, 10).map("{:.3g}".format),
)
OPTIONS = {
    "--width": ("width", 1),
    "--steps": ("steps", 1),
    "--batch-size": ("batch size", 1),
    "--size": ("side", 2),
    "--crop": ("side", 2),
    "--scale": ("scale", 2),
    "--lr": ("learning rate", 1),
    "--seed": ("seed", 1),
}


@settings(quick, max_examples=400)
@given(st.sampled_from(sorted(OPTIONS)), st.lists(numbers | anything, max_size=3))
def test_any_number_trains_or_is_refused(option, values):
    """The command line takes a value only where the settings of a run may hold it."""
    given_ = [f"{option}={values[0]}"] if len(values) == 1 else [option, *values]
    name, count = OPTIONS[option]
    try:
        options = build_parser().parse_args([*TRAIN.split(), *given_])
    except InputError:
        refused([*TRAIN.split(), *given_])
        return
    except SystemExit as stop:  # a value of -h: the help
        assert stop.code == 0 and any(value.startswith("-") for value in values)
        return
    found = getattr(options, option.strip("-").replace("-", "_"))
    found = [found] if count == 1 else found
    kind, least, most = runs.LIMITS[name]
    assert len(found) == count
    assert all(type(value) is kind and least <= value <= most for value in found)


@quick
@given(st.sampled_from(["--model", "--data", "--device"]), anything)
def test_any_text_is_refused(option, text):
    command_ = TRAIN.replace("mine", "nowhere")
    refused([*command_.split(), f"{option}={text}"])


@settings(quick, max_examples=25)
@given(anything)
def test_any_name_for_a_run_is_taken_or_refused(text):
    if ".." in text.split("/"):
        return
    shutil.rmtree("deep", ignore_errors=True)
    status, _, err = command(
        [*TRAIN.replace("--steps 2", "--steps 1").split(), "--out", f"deep/{text}"]
    )
    assert status == 0 or attack.one_line(err) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(width=16) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@quick
@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(), json_values, min_size=1))
def test_any_value_in_the_settings(world, changes):
    """Each command works, or says in one line what is damaged."""
    fresh(world)
    if isinstance(changes.get("width"), float | int) and changes["width"] > 0.1:
        changes["width"] /= 1000  # a sound width, but memory for another network
    edit_settings("run", **changes)
    survives()


@quick
@given(st.sampled_from(["settings.json", "best.safetensors"]), attack.damages)
def test_any_damage_to_a_file_of_a_run(world, name, damage):
    fresh(world)
    path = Path("run", name)
    path.write_bytes(attack.damaged(path.read_bytes(), damage))
    survives()


@settings(quick, max_examples=30)
@given(attack.damages)
def test_any_damage_to_a_state(world, damage):
    fresh(world)
    path = Path("run/last.safetensors")
    path.write_bytes(attack.damaged(path.read_bytes(), damage))
    status, _, err = command(resume(world, steps=3))
    assert status == 0 or attack.one_line(err) is None


def fresh(world):
    shutil.rmtree("run", ignore_errors=True)
    shutil.copytree(world / "run", "run")


def survives():
    for text in (EVALUATE, "predict run photo.png -o out"):
        attack.save("photo.png", PIXELS)
        status, _, err = command(text)
        assert status == 0 or attack.one_line(err) is None


# What experiments/fuzz_readers.py found


SEEDS = sorted((Path(__file__).parent / "fuzz_seeds").glob("*-*"))


def test_there_are_seeds():
    assert SEEDS


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.name)
def test_what_fuzzing_found(path, world, tmp_path):
    """Each is read, or refused by an `InputError`, and no library says a word."""
    kind = path.name.split("-")[0]
    read = attack.readers(world / "run")[kind]
    with attack.at_most(attack.LIMIT), attack.written_by_libraries() as native:
        read(shutil.copy(path, tmp_path / f"seed{path.suffix}"))
    assert not native
