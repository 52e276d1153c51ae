"""Bad input for the command line: how it is made, given and judged.

`sound_folder` makes a folder of images and masks that trains; the other builders
spoil a file, a folder or a run. `refused` gives a command and judges its answer.
"""

import contextlib
import functools
import hashlib
import io
import json
import os
import shutil
import signal
import stat
import struct
import tempfile
import warnings
import zlib
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from segcore import cli, runs
from segcore.data.pairs import read_image, read_mask
from segcore.errors import InputError
from segcore.models import MODELS
from segcore.training import checkpoint, load_weights

LIMIT = 20  # seconds that an answer to bad input may take
TINY = "--model unet --width 0.001 --steps 2 --batch-size 2 --device cpu"
SIDES = (40, 48)  # height and width of the images
COUNT = 10


# Commands and their answers


def command(arguments):
    """`(status, stdout, stderr)` of one command, given as a string or a list."""
    if isinstance(arguments, str):
        arguments = arguments.split()
    out, err = (
        io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "12"
    )
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(record=True) as warned,
        written_by_libraries() as native,
        at_most(LIMIT),
    ):
        status = cli.main([str(a) for a in arguments])
    # On a terminal each of these would be lines more on stderr.
    said = [str(w.message) for w in warned if issubclass(w.category, NOISE)]
    said += native
    assert not said, said
    return (status, *(text.buffer.getvalue().decode() for text in (out, err)))


@contextlib.contextmanager
def written_by_libraries():
    """A list that afterwards has what libraries in C wrote on stderr."""
    said, before = [], os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield said
        finally:
            os.dup2(before, 2)
            os.close(before)
            file.seek(0)
            said += file.read().decode(errors="replace").splitlines()


NOISE = (RuntimeWarning, UserWarning)


def refused(arguments, *words, status=2):
    """Status 2, one printable line with all `words`, no file here changed; stdout."""
    before = contents(".")
    found, out, err = command(arguments)
    assert found == status, (found, out, err)
    one_line(err, *words)
    after = contents(".")
    lost = [name for name in before if after.get(name) != before[name]]
    assert not lost, f"{arguments} changed {lost}"
    return out


def accepted(arguments, *words):
    """Status 0, nothing on stderr, all `words` on stdout; returns stdout."""
    status, out, err = command(arguments)
    assert (status, err) == (0, ""), (status, err)
    for word in words:
        assert word in out, out
    return out


def one_line(err, *words):
    """One line that begins with "segcore: ", prints as it stands and has the words."""
    line = err.removesuffix("\n").removesuffix("\r")
    assert line.startswith("segcore: ") and line.isprintable(), err
    for word in words:
        assert str(word).lower() in line.lower(), line


def contents(folder):
    """What lies in a folder: a digest a file, the target of a link; no pipe is read."""
    found = {}
    for place, folders, names in os.walk(folder):
        for path in (os.path.join(place, name) for name in (*folders, *names)):
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                found[path] = os.readlink(path)
            elif stat.S_ISREG(mode) and os.path.getsize(path) < 2**24:
                content = Path(path).read_bytes()
                found[path] = hashlib.sha256(content).hexdigest()
            else:
                found[path] = stat.S_IFMT(mode)
    return found


@contextlib.contextmanager
def at_most(seconds):
    """Raises `TimeoutError` in what takes longer, a hanging system call too."""
    if not hasattr(signal, "SIGALRM"):  # Windows: the time is not bounded
        yield
        return

    def stop(*_):
        raise TimeoutError(f"no answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# Images, masks and folders


def picture(index, sides=SIDES):
    """Noise, uint8 `[H, W, 3]`, another for each index."""
    return np.random.default_rng(index).integers(0, 255, (*sides, 3), np.uint8)


def square(index=0, value=1, sides=SIDES):
    """A mask of 0 with a square of `value`, uint8 `[H, W]`."""
    mask = np.zeros(sides, np.uint8)
    mask[10:30, 5 + index : 25 + index] = value
    return mask


def save(path, array, **options):
    """An array, or a Pillow image, as an image file; makes the folders."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(path, **options)
    return path


def sound_folder(folder):
    """Ten images and masks, `0.png` to `9.png`, and lists: 7, 1 and 2 of them."""
    for index in range(COUNT):
        save(folder / f"images/{index}.png", picture(index))
        save(folder / f"masks/{index}.png", square(index))
    lists(folder, train=range(7), val=[7], test=[8, 9])
    return folder


def lists(folder, **parts):
    """Writes `train.txt`, `val.txt`, `test.txt`: one name a line."""
    for part, names in parts.items():
        (folder / f"{part}.txt").write_text("".join(f"{name}\n" for name in names))


def unlisted(folder):
    """The folder without its lists: its parts are drawn by name."""
    for part in ("train", "val", "test"):
        (folder / f"{part}.txt").unlink()


def masks(folder, change, suffix=".png", only=range(COUNT), **options):
    """Saves `change(mask)` in place of each mask, under another ending if wished."""
    for index in only:
        path = folder / f"masks/{index}.png"
        mask = change(np.array(Image.open(path)))
        path.unlink()
        save(path.with_suffix(suffix), mask, **options)


def images(folder, change, suffix=".png", only=range(COUNT), **options):
    """Saves `change(image)` in place of each image, under another ending if wished."""
    for index in only:
        path = folder / f"images/{index}.png"
        image = change(np.array(Image.open(path)))
        path.unlink()
        save(path.with_suffix(suffix), image, **options)


def blurred(mask, value=255):
    """A mask of 0 and `value` as a drawing program that smooths edges saves it."""
    small = Image.fromarray((mask * value).astype(np.uint8))
    return small.resize((24, 20), Image.BILINEAR).resize(SIDES[::-1], Image.BILINEAR)


def palette(mask, *colours):
    """A palette picture whose first colours are these."""
    image = Image.fromarray(mask).convert("P")
    image.putpalette([value for colour in colours for value in colour])
    return image


def png(width, height, rows=b"", depth=8, colour=0, before=b""):
    """A PNG file made by hand, whatever its header promises; `rows` has the pixels."""
    header = struct.pack(">2I5B", width, height, depth, colour, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            before,
            chunk(b"IDAT", zlib.compress(rows, 1)),
            chunk(b"IEND"),
        )
    )


def chunk(kind, content=b""):
    """One chunk of a PNG file."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def deep_rgb(values):
    """A PNG of 16 bits a channel, from uint16 `[H, W, 3]`."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(width, height, rows, depth=16, colour=2)


def displayed_turned(path, image):
    """A JPEG that a camera held upright would write: stored turned, tagged so."""
    stored = Image.fromarray(np.rot90(image).copy())
    return save(path, stored, exif=turned(), quality=95)


def instead(path, make):
    """`path`, whatever it was, made anew: by bytes, or by a function of the path."""
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(make, bytes):
        path.write_bytes(make)
    else:
        make(path)
    return path


# What may stand where a file is expected, and is none that can be read: for `instead`.
NO_FILE = {
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo if hasattr(os, "mkfifo") else None,
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
}


def sparse(path):
    """A file of 3 GB that takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(3 * 2**30)


PNG = png(48, 40, b"\0" * 49 * 40)  # black, grey, of 8 bits


# Runs


def edit_settings(run, **changes):
    """Writes other values into `settings.json`; `...` takes a key away."""
    path = Path(run) / "settings.json"
    settings = json.loads(path.read_text()) | changes
    settings = {key: value for key, value in settings.items() if value is not ...}
    path.write_text(json.dumps(settings))


def tensors(path):
    """`({name: {"dtype", "shape", "data"}}, metadata)` of a safetensors file."""
    content = Path(path).read_bytes()
    start = 8 + struct.unpack("<Q", content[:8])[0]
    entries = json.loads(content[8:start])
    metadata = entries.pop("__metadata__", {})
    found = {}
    for name, entry in entries.items():
        first, end = entry.pop("data_offsets")
        found[name] = {**entry, "data": content[start + first : start + end]}
    return found, metadata


def write_tensors(path, found, metadata):
    """Writes what `tensors` gave, changed or not: the format by hand."""
    entries, place = {"__metadata__": metadata}, 0
    for name, tensor in found.items():
        end = place + len(tensor["data"])
        entries[name] = {
            "dtype": tensor["dtype"],
            "shape": tensor["shape"],
            "data_offsets": [place, end],
        }
        place = end
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    data = b"".join(tensor["data"] for tensor in found.values())
    Path(path).write_bytes(header(len(text), text, data))


def edit_tensors(path, change):
    """Applies `change(name, tensor)` to each tensor; None takes it away."""
    found, metadata = tensors(path)
    found = {name: change(name, tensor) for name, tensor in found.items()}
    write_tensors(path, {k: v for k, v in found.items() if v is not None}, metadata)


def edit_notes(path, change):
    """Applies `change(notes)` to the notes of a state; a string goes in as it is."""
    found, metadata = tensors(path)
    notes = change(json.loads(metadata["notes"]))
    notes = notes if isinstance(notes, str) else json.dumps(notes)
    write_tensors(path, found, {**metadata, "notes": notes})


def floats(tensor):
    """The values of a float32 tensor as an array that can be written."""
    return np.frombuffer(tensor["data"], np.float32).copy()


def as_type(dtype, convert):
    """A change for `edit_tensors`: every float tensor in another number type."""

    def change(_, tensor):
        if tensor["dtype"] != "F32":
            return tensor
        return {**tensor, "dtype": dtype, "data": convert(floats(tensor)).tobytes()}

    return change


def filled(value, share=1.0):
    """A change for `edit_tensors`: a share of every float tensor becomes `value`."""

    def change(_, tensor):
        if tensor["dtype"] != "F32":
            return tensor
        array = floats(tensor)
        array[: max(1, round(len(array) * share))] = value
        return {**tensor, "data": array.tobytes()}

    return change


def transposed(_, tensor):
    """A change for `edit_tensors`: the same values in another shape."""
    return {**tensor, "shape": tensor["shape"][::-1]}


def without(word):
    """A change for `edit_tensors`: no tensor whose name holds `word`."""
    return lambda name, tensor: None if word in name else tensor


def header(length, text=b"", rest=b""):
    """A safetensors file made by hand: the length it claims, its header, the rest."""
    return struct.pack("<Q", length) + text + rest


# Damage at random


places = st.integers(0, 2000) | st.floats(0, 1)  # from the start, or a share of all
pieces = st.binary(max_size=8) | st.sampled_from(
    [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"[", b'"']
)
strokes = st.tuples(st.sampled_from(["write", "insert", "cut", "drop"]), places, pieces)
damages = st.lists(strokes, min_size=1, max_size=6)


def damaged(content, damage):
    """Bytes after some strokes of `damages`; the sums of a PNG are made right again."""
    content = bytearray(content)
    for kind, place, piece in damage:
        start = round(place * len(content)) if isinstance(place, float) else place
        if kind == "cut":
            del content[start:]
        elif kind == "insert":
            content[start:start] = piece
        else:
            content[start : start + len(piece)] = piece if kind == "write" else b""
    return summed(bytes(content)) if content[:4] == b"\x89PNG" else bytes(content)


def summed(content):
    """A PNG with right check sums, so that a reader looks at what is wrong within."""
    parts, place = [content[:8]], 8
    while place + 12 <= len(content):
        length = struct.unpack(">I", content[place : place + 4])[0]
        end = place + 8 + length
        if end + 4 > len(content):
            break
        parts.append(chunk(content[place + 4 : place + 8], content[place + 8 : end]))
        place = end + 4
    return b"".join([*parts, content[place:]])


def samples():
    """`{kind: [bytes]}`: sound images and masks in every format that is read."""
    image, mask = Image.fromarray(picture(0, (12, 16))), square(sides=(30, 30))
    grey, index = image.convert("L"), Image.fromarray(mask).convert("P")
    deep = Image.fromarray(picture(1, (12, 16))[..., 0].astype(np.uint16) * 200)
    made = {
        "image": [
            (image, "PNG", {}),
            (image, "PNG", {"exif": turned()}),
            (image.convert("RGBA"), "PNG", {}),
            (index, "PNG", {}),
            (grey.convert("1"), "PNG", {}),
            (deep, "PNG", {}),
            (image, "JPEG", {"exif": turned()}),
            (image.convert("CMYK"), "JPEG", {}),
            (image, "JPEG", {"progressive": True}),
            (image, "BMP", {}),
            (image, "WEBP", {"lossless": True}),
            (image, "WEBP", {"save_all": True, "append_images": [image]}),
            (image, "TIFF", {}),
            (image, "TIFF", {"compression": "tiff_lzw"}),
            (image, "TIFF", {"compression": "jpeg"}),
            (image, "TIFF", {"save_all": True, "append_images": [image]}),
            (deep, "TIFF", {}),
            (grey.convert("F"), "TIFF", {}),
        ],
        "mask": [
            (index, "PNG", {}),
            (Image.fromarray(mask), "PNG", {"compress_level": 0}),
            (Image.fromarray(mask * 255).convert("1"), "PNG", {}),
            (Image.fromarray(mask.astype(np.int32)), "TIFF", {}),
            (Image.fromarray(mask.astype(np.float32)), "TIFF", {}),
            (Image.fromarray(mask), "BMP", {}),
            (Image.fromarray(mask), "TIFF", {"compression": "packbits"}),
        ],
    }

    def encoded(image, form, options):
        file = io.BytesIO()
        image.save(file, form, **options)
        return file.getvalue()

    found = {kind: [encoded(*each) for each in made[kind]] for kind in made}
    found["image"].append(deep_rgb(picture(0, (12, 16)).astype(np.uint16) * 16))
    return found


def turned():
    """The tag of a camera that was held upright: display a quarter turn clockwise."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def readers(run):
    """`{kind: function of a path}`: what reads files that a stranger may have made.

    `run` is a sound run: the settings beside which weights and states are read.
    """
    import paddle

    settings = runs.read_settings(run)
    build = functools.partial(
        MODELS[settings.model], len(settings.classes), width=settings.width
    )
    model = build()

    def alone(name, read):
        """`read(folder)` with a file as `name` in a folder of its own."""

        def within(path):
            with tempfile.TemporaryDirectory() as folder:
                shutil.copy(path, Path(folder) / name)
                return refusal(lambda: read(folder))

        return within

    def state(folder):
        optimizer = paddle.optimizer.AdamW(parameters=model.parameters())
        return checkpoint.load_state(folder, model, optimizer)

    return {
        "image": lambda path: refusal(lambda: is_image(read_image(path))),
        "mask": lambda path: refusal(lambda: is_mask(read_mask(path))),
        "settings": alone("settings.json", runs.read_settings),
        "weights": lambda path: refusal(lambda: load_weights(model, path)),
        "state": alone("last.safetensors", state),
    }


def is_image(array):
    assert array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] == 3
    assert array.size


def is_mask(array):
    assert array.dtype in (np.uint8, np.uint16) and array.ndim == 2 and array.size


def refusal(read):
    """The sentence with which `read()` is refused, or None where it answers."""
    try:
        read()
    except InputError as error:
        return str(error)
    return None
