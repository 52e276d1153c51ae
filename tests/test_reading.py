"""Files of strangers: what is read rightly, and what is refused in one sentence.

Each kind of file, mask or folder is one line in a table, with words that the answer
must hold: the file, the value, the remedy.
"""

import io
import os
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from segcore import data
from segcore.data import folder as folders
from segcore.data import pairs, reading
from segcore.data.reading import read_image, read_mask
from segcore.errors import InputError

SIDES = (40, 48)  # height and width
posix = pytest.mark.skipif(os.name != "posix", reason="pipes, links and such names")


def noise(seed=0, sides=SIDES):
    return np.random.default_rng(seed).integers(0, 256, (*sides, 3), np.uint8)


def square(value=1, index=0):
    mask = np.zeros(SIDES, np.uint8)
    mask[10:30, 5 + index : 25 + index] = value
    return mask


def save(path, content, **options):
    """An array or a Pillow image as a file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = content if isinstance(content, Image.Image) else Image.fromarray(content)
    image.save(path, **options)
    return path


def png(width, height, depth, colour, rows):
    """A PNG by hand: Pillow writes neither 16-bit RGB nor sizes that are not so."""

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">2I5B", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def deep_rgb(values):
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(values.shape[1], values.shape[0], 16, 2, rows)


def one_value(value, kind=np.float32):
    array = np.zeros(SIDES, kind)
    array[2, 9] = value
    return Image.fromarray(array)


def pages(path):
    first, second = (Image.fromarray(square(value)) for value in (1, 2))
    return save(path, first, save_all=True, append_images=[second])


# One file


def make_link(path):
    path.symlink_to("nothing")


NO_IMAGE = {
    "text": (lambda p: p.write_text("this is text"), "not an image", "PNG"),
    "nothing": (lambda p: p.write_bytes(b""), "not an image"),
    "cut": (
        lambda p: p.write_bytes(save(p, noise()).read_bytes()[:2000]),
        "cannot be read",
        "Save it again",
    ),
    "EPS": (lambda p: save(p, noise(), format="EPS"), "not an image"),
    "GIF": (lambda p: save(p, noise(), format="GIF"), "not an image"),
    "a folder": (lambda p: p.mkdir(), "a folder"),
    "far too large": (
        lambda p: p.write_bytes(png(60000, 60000, 8, 0, b"")),
        "3600000000 pixels",
        "tiles",
    ),
    "too large": (
        lambda p: p.write_bytes(png(13300, 13300, 1, 0, b"")),
        "13300 x 13300 pixels",
        "tiles",
    ),
    "3 GB": (lambda p: os.truncate(p, 3 * 2**30), "3,221,225,472 bytes", "tiles"),
}
if os.name == "posix":
    NO_IMAGE |= {
        "a pipe": (os.mkfifo, "a pipe or device"),
        "a device": (lambda p: p.symlink_to("/dev/zero"), "a pipe or device"),
        "a dangling link": (make_link, "no such file"),
    }


@pytest.mark.parametrize("read", [read_image, read_mask])
@pytest.mark.parametrize("kind", NO_IMAGE)
def test_what_is_no_image_is_refused(kind, read, tmp_path):
    make, *words = NO_IMAGE[kind]
    path = tmp_path / "a.png"
    if kind == "3 GB":
        path.touch()
    make(path)
    with pytest.raises(InputError) as error:
        read(path)
    for word in ("a.png", *words):
        assert word in str(error.value)


@pytest.mark.parametrize("read", [read_image, read_mask])
def test_a_file_that_may_not_be_read(read, tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", square())
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read everything
    with pytest.raises(InputError, match=r"a\.png: you have no permission"):
        read(path)


IMAGES = {
    "nan": ("a.tif", one_value(np.nan), "a.tif", "finite number"),
    "inf": ("a.tif", one_value(-np.inf), "a.tif", "finite number"),
    "12 of 16 bits": (
        "a.png",
        deep_rgb(noise().astype(np.uint16) * 16),
        "16 bits a channel",
        "Stretch it",
    ),
}
MASKS = {
    "JPEG": ("a.jpg", Image.fromarray(square(255)), "JPEG", "as PNG"),
    "lossy WebP": ("a.webp", Image.fromarray(square(255)), "with loss", "as PNG"),
    "colours": ("a.png", Image.fromarray(noise()), "colours", "grey or palette PNG"),
    "16-bit RGB": (
        "a.png",
        deep_rgb(np.dstack([square(7)] * 3).astype(np.uint16)),
        "16 bits",
        "grey or palette PNG",
    ),
    "fractions": ("a.tif", one_value(0.5), "fractions such as 0.5", "8-bit PNG"),
    "nan": ("a.tif", one_value(np.nan), "value nan", "8-bit PNG"),
    "inf": ("a.tif", one_value(np.inf), "value inf", "8-bit PNG"),
    "1e20": ("a.tif", one_value(1e20), "value 1e+20", "8-bit PNG"),
    "65536": ("a.tif", one_value(65536, np.int32), "value 65536", "8-bit PNG"),
    "-1": ("a.tif", one_value(-1, np.int32), "value -1", "8-bit PNG"),
    "pages": ("a.tif", pages, "several pages", "as PNG"),
    "animated PNG": ("a.png", pages, "several pages", "as PNG"),
}


@pytest.mark.parametrize(
    ("read", "kind"),
    [*((read_image, kind) for kind in IMAGES), *((read_mask, kind) for kind in MASKS)],
)
def test_what_means_nothing_is_refused(read, kind, tmp_path):
    name, content, *words = (IMAGES if read is read_image else MASKS)[kind]
    if callable(content):
        content(tmp_path / name)
    elif isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    else:
        content.save(tmp_path / name)
    with pytest.raises(InputError) as error:
        read(tmp_path / name)
    for word in (name, *words):
        assert word in str(error.value)


@pytest.mark.parametrize("packing", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_libtiff_does_not_speak_itself(packing, tmp_path, capfd):
    path = save(tmp_path / "a.tif", noise(), compression=packing)
    content = bytearray(path.read_bytes())
    np.testing.assert_array_equal(read_image(path), noise())
    content[200:-200] = bytes(len(content) - 400)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.tif"):
        read_image(path)
    assert capfd.readouterr() == ("", "")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_full_16_bits_are_read(tmp_path):
    """16-bit RGB over the whole range keeps its upper byte."""
    image = noise()
    (tmp_path / "a.png").write_bytes(deep_rgb(image.astype(np.uint16) * 257))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), image)


def test_grey_of_any_depth_is_stretched(tmp_path):
    grey = np.resize(np.arange(256), SIDES)
    expected = np.dstack([grey] * 3)
    for kind, scale in ((np.uint16, 16), (np.int32, 9000), (np.float32, 1e-4)):
        save(tmp_path / "a.tif", (grey * scale).astype(kind))
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_and_their_masks_are_upright(orientation, tmp_path):
    """Pillow's own turning is the reference, and one turn is known by hand."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    image, mask = noise(), square()
    for path, array, read in (
        (tmp_path / "image.png", image, read_image),
        (tmp_path / "mask.png", mask, read_mask),
    ):
        save(path, array, exif=exif)
        turned = {1: array, 3: array[::-1, ::-1], 6: np.rot90(array, -1)}
        if orientation in turned:
            np.testing.assert_array_equal(read(path), turned[orientation])
        assert read(path).shape[:2] == (SIDES if orientation < 5 else SIDES[::-1])


def test_a_mask_drawn_as_displayed_fits_a_turned_photograph(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "images/a.jpg", np.rot90(noise()).copy(), exif=exif)
    save(tmp_path / "masks/a.png", square())
    sample = data.load(tmp_path, "train")[0]
    assert sample["image"].shape[:2] == sample["mask"].shape == SIDES


def test_large_images_are_read_in_strips(tmp_path, monkeypatch):
    grey = np.arange(SIDES[0] * SIDES[1]).reshape(SIDES)
    save(tmp_path / "deep.png", grey.astype(np.uint16))
    save(tmp_path / "image.png", noise())
    save(tmp_path / "bits.png", Image.fromarray(square(255)).convert("1"))
    names = ("deep.png", "image.png", "bits.png")

    def all_of_it():
        read = [read_image(tmp_path / name) for name in names]
        read += [read_mask(tmp_path / name) for name in ("deep.png", "bits.png")]
        return read + [pairs.class_ids("", read[-1], {0: 0, 255: 1})]

    whole = all_of_it()
    monkeypatch.setattr(reading, "STRIP", 100)
    assert len(reading.strips(*SIDES)) == 20
    for one, other in zip(whole, all_of_it()):
        np.testing.assert_array_equal(one, other)


# A folder


@pytest.fixture
def folder(tmp_path):
    """Ten images with masks of 0 and a square of 1; 7, 1 and 2 of them by lists."""
    for index in range(10):
        save(tmp_path / f"images/{index}.png", noise(index))
        save(tmp_path / f"masks/{index}.png", square(index=index))
    lists(tmp_path, train=range(7), val=[7], test=[8, 9])
    return tmp_path


def lists(folder, **parts):
    for part, names in parts.items():
        text = "".join(f"{name}\n" for name in names)
        (folder / f"{part}.txt").write_text(text)


def masks(change, only=range(10), **options):
    """A function that puts `change(mask)` in place of some of a folder's masks."""

    def spoil(folder):
        for index in only:
            path = folder / f"masks/{index}.png"
            save(path, change(np.array(Image.open(path))), **options)

    return spoil


def classes(text):
    return lambda folder: (folder / "classes.txt").write_bytes(text)


def listed(**parts):
    return lambda folder: lists(folder, **parts)


def both(*spoils):
    return lambda folder: [spoil(folder) for spoil in spoils]


def smoothed(value):
    def change(mask):
        small = Image.fromarray((mask * value).astype(np.uint8)).resize((24, 20))
        return small.resize(SIDES[::-1], Image.Resampling.BILINEAR)

    return change


def by_jpeg(value):
    def change(mask):
        file = io.BytesIO()
        Image.fromarray((mask * value).astype(np.uint8)).save(file, "JPEG")
        return Image.open(file)

    return change


def palette(*colours):
    def change(mask):
        image = Image.fromarray(mask).convert("P")
        image.putpalette([value for colour in colours for value in colour])
        return image

    return change


def grey_noise(most):
    values = np.random.default_rng(0).permutation(SIDES[0] * SIDES[1]) % most
    return lambda mask: values.reshape(SIDES).astype(np.uint8)


def same_as_in_test(folder):
    """One picture in train and test, in files of other bytes and other masks."""
    Image.open(folder / "images/8.png").save(folder / "images/3.bmp")
    (folder / "images/3.png").unlink()


BLACK, RED, BLUE = (9, 9, 9), (250, 0, 0), (0, 0, 250)
PROBLEMS = {
    "smoothed, 0/255": (masks(smoothed(255)), "masks/0.png", "values 0, 255", "PNG"),
    "smoothed, 0/100": (masks(smoothed(100)), "masks/0.png", "nearest neighbour"),
    "smoothed, 0/10": (masks(smoothed(10)), "masks/0.png", "nearest neighbour"),
    "one smoothed": (
        both(masks(lambda m: m * 255), masks(lambda m: smoothed(1)(m), [3])),
        "masks/3.png",
        "nearest neighbour",
    ),
    "smoothed beside classes.txt": (
        both(masks(smoothed(255)), classes(b"ground\nsquare\n")),
        "masks/0.png",
        "nearest neighbour",
    ),
    "JPEG saved as PNG": (masks(by_jpeg(255)), "masks/0.png", "nearest neighbour"),
    "JPEG": (
        lambda f: save(f / "masks/3.jpg", square(3)) and (f / "masks/3.png").unlink(),
        "masks/3.jpg",
        "JPEG",
    ),
    "noise of all values": (
        masks(grey_noise(256)),
        "masks/0.png",
        "more than 64 different values (0, 1, 2",
    ),
    "noise of 200 values": (masks(grey_noise(200)), "masks/0.png", "scattered"),
    "a photograph": (
        masks(lambda m: 2 * (noise()[..., 0] // 2)),
        "masks/0.png",
        "more than 64 different values (0, 2,",
    ),
    "0/1 and 0/255": (
        masks(lambda m: m * 255, [3, 8]),
        "masks/3.png",
        "0 and 255 only",
        "masks/0.png 0, 1",
        "one value in all",
    ),
    "0/1 and 0/255 beside classes.txt": (
        both(masks(lambda m: m * 255, [3]), classes(b"ground\nsquare\n")),
        "masks/3.png",
        "one value in all",
    ),
    "0/1 and 0/128": (masks(lambda m: m * 128, [3]), "masks/3.png", "0 and 128 only"),
    "0/1/2 and one bit": (
        both(
            masks(lambda m: np.where(np.eye(*SIDES), 255, m * 2).astype("B"), [1]),
            masks(lambda m: Image.fromarray(m * 255).convert("1"), [3]),
        ),
        "masks/3.png",
        "0 and 255 only",
    ),
    "palettes that differ": (
        both(masks(palette(BLACK, RED)), masks(palette(BLACK, BLUE), [3])),
        "masks/3.png",
        "value 1 has the colour (0, 0, 250)",
        "(250, 0, 0)",
        "one palette",
    ),
    "all 255": (masks(lambda m: m * 0 + 255), "hold 255 only", "two classes"),
    "all 0": (masks(lambda m: m * 0), "hold 0 only", "exported empty"),
    "0/255 beside three classes": (
        both(masks(lambda m: m * 255), classes(b"a\nb\nc\n")),
        "hold 0, 255 only",
    ),
    "training ignored": (masks(lambda m: m * 0 + 255, range(7)), "(train) is 255"),
    "validation ignored": (masks(lambda m: m * 0 + 255, [7]), "(val) is 255"),
    "one class to train on": (
        masks(lambda m: m * 0, range(7)),
        "(train) hold class 0 only",
        "Add images",
    ),
    "labels beyond classes.txt": (
        both(masks(lambda m: m * 77, [3]), classes(b"a\nb\nc\n")),
        "masks/3.png: label 77 at row 10, column 8",
        "0..2",
    ),
    "twice in a list": (listed(train=[0, 1, 2, 1]), "train.txt: line 4 names '1'"),
    "in train and test": (
        listed(test=[8, 3]),
        "test.txt: line 2 names '3', as line 4 of train.txt does",
        "remove",
    ),
    "in val and test": (listed(test=[8, 7]), "test.txt: line 2 names '7'"),
    "the same picture": (
        same_as_in_test,
        "images/8.png: the same picture as",
        "images/3.bmp",
        "train",
    ),
    "a ghost": (listed(train=[0, "ghost"]), "train.txt: line 2 names 'ghost'"),
    "a list in Latin-1": (
        lambda f: (f / "train.txt").write_bytes(b"0\n\xe4\n"),
        "train.txt: this is no text in UTF-8",
    ),
    "a list in UTF-16": (
        lambda f: (f / "train.txt").write_bytes("0\n1\n".encode("utf-16")),
        "train.txt: this is no text in UTF-8",
    ),
    "one class": (classes(b"alone\n"), "classes.txt: it names 1 classes"),
    "no class": (classes(b"\n\n"), "classes.txt: it names 0 classes"),
    "255 classes": (
        classes(b"".join(b"%d\n" % i for i in range(255))),
        "classes.txt: it names 255 classes; 2 to 254",
    ),
    "a blank line": (classes(b"ground\n\nsquare\n"), "classes.txt: line 2 is blank"),
    "equal names": (classes(b"a\nb\na\n"), "line 3 repeats the name 'a'"),
    "an escape": (classes(b"a\nb\x1b[31m\n"), "line 2 holds unprintable", r"'b\x1b"),
}


def dangling(name):
    return lambda f: (f / name).unlink(missing_ok=True) or (f / name).symlink_to("no")


if os.name == "posix":
    PROBLEMS |= {
        "a dangling list": (dangling("val.txt"), "val.txt: this link leads nowhere"),
        "dangling classes": (dangling("classes.txt"), "this link leads nowhere"),
        "a pipe for a list": (
            lambda f: (f / "val.txt").unlink() or os.mkfifo(f / "val.txt"),
            "val.txt: a file is needed",
        ),
    }
# What needs all parts together, and what `load` leaves to `examine` to stay quick.
ONLY_EXAMINED = {
    "0/255 beside three classes",
    "training ignored",
    "validation ignored",
    "one class to train on",
    "labels beyond classes.txt",
    "the same picture",
}


@pytest.mark.parametrize("kind", PROBLEMS)
def test_folders_that_mean_nothing(kind, folder):
    spoil, *words = PROBLEMS[kind]
    spoil(folder)
    told = data.check(folder)
    assert any(all(word in problem for word in words) for problem in told), told
    if kind not in ONLY_EXAMINED:
        with pytest.raises(InputError):
            data.load(folder, "train")


def third_class(*only):
    def change(mask):
        mask[2:8, 2:9] = 2
        return mask

    return masks(change, only)


def two_pages(folder):
    (folder / "images/3.png").unlink()
    pages(folder / "images/3.tif")


def twelve_bits(folder):
    save(folder / "images/3.png", noise()[..., 0].astype(np.uint16) * 16)


WARNINGS = {
    "a class only in train": (third_class(0), "class 2 in val or test, only in train"),
    "a class only in val": (third_class(7), "class 2 in train or test, only in val"),
    "a class in test alone": (third_class(9), "class 2 in train or val"),
    "a class nowhere": (classes(b"a\nb\nghost\n"), "ghost in train or val or test:"),
    "pages": (two_pages, "images/3.tif", "several pages", "first"),
    "bits": (twelve_bits, "images/3.png", "more than 8 bits", "1 of the 10"),
}


@pytest.mark.parametrize("kind", WARNINGS)
def test_what_is_odd_is_told(kind, folder):
    spoil, *words = WARNINGS[kind]
    spoil(folder)
    report = data.examine(folder)
    assert report.problems == []
    (warning,) = report.warnings
    for word in words:
        assert word in warning


def renamed(name):
    def change(folder):
        for part in ("images", "masks"):
            (folder / f"{part}/3.png").rename(folder / f"{part}/{name}.png")
        lists(folder, train=[0, 1, 2, name, 4, 5, 6])

    return change


RIGHT = {
    "as it is": lambda f: None,
    "0/255": masks(lambda m: m * 255),
    "0/255 beside classes.txt": both(
        masks(lambda m: m * 255), classes(b"ground\nsquare\n")
    ),
    "one bit": masks(lambda m: Image.fromarray(m * 255).convert("1")),
    "one bit beside 0/255": both(
        masks(lambda m: m * 255),
        masks(lambda m: Image.fromarray(m).convert("1"), [3]),
    ),
    "classes.txt": classes(b"ground\r\nsquare\r\n\r\n"),
    "one palette": masks(palette(BLACK, RED)),
    "palettes that differ where unused": both(
        masks(palette(BLACK, RED, RED)), masks(palette(BLACK, RED, BLUE), [3])
    ),
    "grey RGB with alpha": masks(lambda m: np.dstack([m, m, m, m * 0 + 255])),
    "32 bits": masks(lambda m: Image.fromarray(m.astype(np.int32)), format="TIFF"),
    "a blank in a name": renamed("my 3"),
    "a dot in a name": renamed("v1.3"),
    "pairs of files in a list": listed(
        train=[f"images/{i}.png masks/{i}.png" for i in range(7)]
    ),
    "names and more in a list": listed(train=[f"{i} 0.5" for i in range(7)]),
    "empty lines in a list": lambda f: (f / "train.txt").write_bytes(
        b"\xef\xbb\xbf0\r\n\r\n1\r\n2\n3\n4\n5\n6"
    ),
}


@pytest.mark.parametrize("kind", RIGHT)
def test_what_looks_odd_and_is_right(kind, folder):
    RIGHT[kind](folder)
    report = data.examine(folder)
    assert (report.problems, report.warnings) == ([], [])
    dataset = data.load(folder, "train")
    assert len(dataset) == 7 and dataset.num_classes == 2
    for index in range(7):
        np.testing.assert_array_equal(dataset.mask(index), square(index=index))


def test_thin_and_rare_classes_are_no_smoothing(folder):
    """Wires of one pixel, in a class of their own, beside ignored borders."""

    def change(mask):
        mask[5, 3:40] = 2
        mask[33, 3:40] = 3
        mask[:, :1] = 255
        return mask

    masks(change)(folder)
    assert data.check(folder) == []


def test_0_255_is_said(folder):
    masks(lambda m: m * 255)(folder)
    (folder / "classes.txt").write_text("ground\nsquare\n")
    notes = data.load(folder, "train").notes
    assert any("read as ground (0) and square (255)" in note for note in notes)


@posix
@pytest.mark.parametrize("name", [os.fsdecode(b"\xff"), "a\x1b[2J\nb"])
def test_names_that_cannot_be_printed(name, folder):
    save(folder / f"images/{name}.png", noise())
    (problem,) = data.check(folder)
    assert "no mask of the same name" in problem
    assert problem.isprintable() and problem.encode("utf-8")
    shutil.copy(folder / "masks/0.png", folder / f"masks/{name}.png")
    for part in data.SPLITS:
        (folder / f"{part}.txt").unlink()
    assert data.check(folder) == []
    assert sum(len(data.load(folder, part)) for part in data.SPLITS) == 11


# The split by names

nowhere = Path("nowhere")  # a folder without lists


def test_images_that_are_added_move_none():
    rng = np.random.default_rng(0)
    for _ in range(100):
        names = [f"{word:x}" for word in rng.integers(2**40, size=150)]
        before, _ = folders.split_stems(nowhere, names[:100])
        after, problems = folders.split_stems(nowhere, names)
        assert problems == []
        assert sorted(name for part in after.values() for name in part) == sorted(names)
        for part in data.SPLITS:
            assert set(before[part]) <= set(after[part]), "one moved"


@pytest.mark.parametrize("count", range(1, 30))
def test_no_part_is_empty_from_three_images_on(count):
    parts, _ = folders.split_stems(nowhere, [str(i) for i in range(count)])
    sizes = [len(parts[part]) for part in ("train", "val", "test")]
    assert sum(sizes) == count
    assert min(sizes) > 0 if count >= 3 else sizes == [count, 0, 0]


# What `examine` tells beside problems


def test_prints_follow_the_bytes(folder):
    before = data.examine(folder).prints
    assert {part: len(names) for part, names in before.items()} == {
        "train": 7,
        "val": 1,
        "test": 2,
    }
    assert all(len(digest) == 16 for digest in before["train"].values())
    assert list(before["train"]) == [f"{i}.png" for i in range(7)]
    test = data.load(folder, "test")
    assert data.prints(test) == before["test"] == data.examine(test).prints["all"]
    save(folder / "masks/8.png", square(index=1))
    after = data.examine(folder).prints
    assert after["test"]["8.png"] != before["test"]["8.png"]
    del before["test"]["8.png"], after["test"]["8.png"]
    assert after == before


def test_shapes_have_no_files():
    report = data.examine("shapes", size=(64, 64))
    assert (report.problems, report.warnings, report.prints) == ([], [], {})
    assert data.prints(data.load("shapes", "val")) == {}


def test_the_absent_is_a_problem(monkeypatch, tmp_path):
    monkeypatch.delenv("SEGCORE_DATA", raising=False)
    for name, words in (
        ("camvid", "SEGCORE_DATA"),
        ("mi\0ne", "no such folder"),
        (tmp_path / ("m" * 300), "no such folder"),
        (tmp_path, "images/ is missing"),
    ):
        (problem,) = data.check(name)
        assert words in problem


def test_a_loaded_part_with_nothing_but_background(folder):
    """0/255 masks read as a run of 0/1 masks did: every square would be ignored."""
    meaning = data.load(folder, "train")
    masks(lambda m: m * 255)(folder)
    meaning = meaning.classes, meaning.values
    (problem,) = data.check(folders.load(folder, "test", meaning=meaning))
    assert "class 0 and 255, ignored, only" in problem


# Damage of every kind

SOUND = []
for name, content in (
    ("PNG", Image.fromarray(noise(sides=(9, 7)))),
    ("PNG", palette(BLACK, RED)(square()[:12, :12])),
    ("PNG", Image.fromarray(np.arange(63, dtype=np.uint16).reshape(9, 7))),
    ("JPEG", Image.fromarray(noise(sides=(9, 7)))),
    ("BMP", Image.fromarray(noise(sides=(9, 7)))),
    ("TIFF", Image.fromarray(noise(sides=(9, 7)))),
    ("TIFF", one_value(3.0)),
    ("WEBP", Image.fromarray(noise(sides=(9, 7)))),
):
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    content.save(file, name, **({"exif": exif} if name != "BMP" else {}))
    SOUND.append(file.getvalue())


@st.composite
def damaged(draw):
    """A sound file with some bytes changed, cut out or put in."""
    content = bytearray(draw(st.sampled_from(SOUND)))
    for _ in range(draw(st.integers(1, 3))):
        # Most of what can break stands in the first bytes.
        start = draw(st.integers(0, 60) | st.integers(0, len(content)))
        new = draw(st.binary(min_size=1, max_size=8))
        length = draw(st.just(len(new)) | st.just(len(new)) | st.integers(0, 20))
        content[start : start + length] = new
    return bytes(content)


@given(st.binary(max_size=200) | damaged())
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_an_array_or_an_input_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.png"
    path.write_bytes(content)
    for read, dimensions in ((read_image, 3), (read_mask, 2)):
        try:
            array = read(path)
        except InputError as error:
            assert "any.png" in str(error) and "\n" not in str(error)
        else:
            assert array.ndim == dimensions and array.size
            assert array.dtype in (np.uint8, np.uint16)
