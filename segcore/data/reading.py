"""Image and mask files as arrays, whoever made them.

Only ordinary files are opened, only as one of five formats, and their size is known
from the header before a pixel is decoded. Whatever is wrong with a file is one
`InputError`.
"""

import logging
import os
import re
import tempfile
import threading
import warnings
from contextlib import contextmanager

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from segcore.errors import InputError
from segcore.files import regular, short

# No other reader of Pillow's is started: that of EPS, say, would run Ghostscript.
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
MOST_PIXELS = 2**27  # 134 million, 11,585 x 11,585
MOST_BYTES = 2**30
STRIP = 2**22  # pixels that are converted at once
DARK = 64  # of 256: what 14 bits stored in 16 reach at most
# Modes whose channels can all be one grey, and how many of them hold it.
GREY_CHANNELS = {"LA": 1, "PA": 1, "RGB": 3, "RGBA": 3, "RGBX": 3}

# Pillow also logs what it raises; unheard, that would go to the terminal, by itself or
# by a handler that another package (Paddle) has put on all loggers.
logging.getLogger("PIL").addHandler(logging.NullHandler())
logging.getLogger("PIL").propagate = False
redirecting = threading.Lock()


@contextmanager
def opened(path):
    """The file as a Pillow image, not yet decoded; every failure is an `InputError`."""
    # What Pillow warns of is said here, or concerns a file's notes and not its pixels.
    # Said anew each time, since tests and notebooks restore the filters they found.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    size = regular(path).stat().st_size
    if size > MOST_BYTES:
        raise _too_large(path, f"{size:,} bytes")
    try:
        with open(path, "rb") as file, Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise _too_large(path, f"{image.height} x {image.width} pixels")
            if not image.width * image.height:
                raise InputError(f"{short(path)}: the image has no pixels. Remove it.")
            yield image
    except InputError:
        raise
    except UnidentifiedImageError:
        raise InputError(
            f"{short(path)}: this is not an image that can be read: no PNG, JPEG, BMP,"
            " TIFF or WebP. Save it again as PNG, or remove it."
        ) from None
    except Image.DecompressionBombError as error:
        count = re.search(r"\d+", str(error))[0]
        raise _too_large(path, f"{count} pixels") from None
    except Exception as error:  # damage makes Pillow raise errors of every kind
        raise InputError(
            f"{short(path)}: the image cannot be read"
            f" ({str(error) or type(error).__name__}). Save it again as PNG, or remove"
            " it."
        ) from None


def _too_large(path, what):
    return InputError(
        f"{short(path)}: {what}; at most {MOST_PIXELS:,} pixels, as 11,000 x 11,000, in"
        f" a file of {MOST_BYTES:,} bytes are read at once. Cut it into tiles."
    )


def read_image(path):
    """The image file upright as uint8 `[H, W, 3]`; more than 8 bits are stretched.

    Raises `InputError`.
    """
    with opened(path) as image:
        return to_rgb(path, image)


def to_rgb(path, image):
    """`read_image` for a file just opened."""
    cut = _is_cut(image)
    image = _upright(image)
    deep = is_deep(image)
    if deep:
        # Microscopes write 12 or 16 bits: stretch what is there to 0..255.
        low, high = _range(path, image)
        scale = 255 / ((high - low) or 1)
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for rows, strip in _strips(image):
        if deep:
            values = (np.asarray(strip, np.float64) - low) * scale
            pixels[rows] = values.round()[..., None]
        else:
            pixels[rows] = np.asarray(strip.convert("RGB"))
    if cut and 0 < pixels.max() < DARK:
        raise InputError(
            f"{short(path)}: it has 16 bits a channel, of which only the lower ones"
            " are used, as cameras of 12 bits do; it would be read as nearly black."
            " Stretch it and save it with 8 bits a channel."
        )
    return pixels


def read_mask(path):
    """The values of a mask file, uint8 or uint16 `[H, W]`; palette PNGs give indices.

    Raises `InputError` for what cannot be class ids: colours, fractions, numbers
    outside 0..65535, several pages, and formats that blur, as JPEG does.
    """
    with opened(path) as image:
        return to_values(path, image)


def to_values(path, image):
    """`read_mask` for a file just opened."""
    if _is_lossy(path, image):
        raise InputError(
            f"{short(path)}: a mask saved as JPEG, or otherwise with loss, has other"
            " values than were drawn. Export it anew as PNG: saving this file as PNG"
            " does not bring them back."
        )
    if has_pages(image):
        raise InputError(
            f"{short(path)}: the mask file holds several pages or frames. Save the one"
            " that is meant as PNG."
        )
    cut = _is_cut(image)
    image = _upright(image)
    kind = np.uint16 if is_deep(image) else np.uint8
    values = np.empty((image.height, image.width), kind)
    for rows, strip in _strips(image):
        stored = np.asarray(strip.convert("L") if strip.mode == "1" else strip)
        if stored.ndim == 3:
            stored = _grey(path, image, stored, cut)
        elif stored.dtype not in (np.uint8, np.uint16):
            _refuse_numbers(path, stored)
        values[rows] = stored
    return values


def _grey(path, image, stored, cut):
    channels = stored[..., : GREY_CHANNELS.get(image.mode)]
    if image.mode in GREY_CHANNELS and (channels == channels[..., :1]).all():
        if not cut:
            return channels[..., 0]
        what = "has 16 bits in several channels"
    else:
        colours = image.getcolors(2**16)
        count = len(colours) if colours else "over 65,536"
        what = f"is a colour picture with {count} colours"
    raise InputError(
        f"{short(path)}: the mask {what}; a mask holds one class id per pixel. Save it"
        " as a grey or palette PNG."
    )


def _refuse_numbers(path, stored):
    bad = (stored < 0) | (stored >= 2**16) | (stored != np.round(stored))
    if not bad.any():
        return
    value = stored[bad][0]
    part = np.isfinite(value) and value != np.round(value)
    raise InputError(
        f"{short(path)}: the mask holds {'fractions such as' if part else 'the value'}"
        f" {value:g}; class ids are whole numbers, 65535 at most. Save it as an 8-bit"
        " PNG."
    )


def has_pages(image):
    """Whether a file just opened holds more than one page or frame."""
    if image.format == "MPO":
        return False  # a camera's JPEG with a preview or a map of depth behind it
    try:
        image.seek(1)
    except EOFError:
        return False
    image.seek(0)
    return True


def is_deep(image):
    """Whether an image holds one channel of more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def strips(height, width):
    """Slices of rows, about four million pixels each, to bound what is in memory."""
    step = max(1, STRIP // width)
    return [slice(top, min(top + step, height)) for top in range(0, height, step)]


def _strips(image):
    rows = strips(image.height, image.width)
    if len(rows) == 1:
        return [(rows[0], image)]
    return (
        (each, image.crop((0, each.start, image.width, each.stop))) for each in rows
    )


def _upright(image):
    """Decoded, and turned as the camera's note says: as every viewer shows it."""
    with _libtiff_unheard(image):
        image.load()
    try:
        turned = image.getexif().get(ExifTags.Base.Orientation) in range(2, 9)
    except Exception:  # broken notes; the picture itself is whole
        turned = False
    return ImageOps.exif_transpose(image) if turned else image


@contextmanager
def _libtiff_unheard(image):
    """Drops what libtiff itself writes to stderr; damage is raised as well."""
    if not (image.tile and image.tile[0][0] == "libtiff"):
        yield
        return
    with redirecting, tempfile.TemporaryFile() as held:
        try:
            stderr = os.dup(2)
        except OSError:  # there is none
            yield
            return
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _is_cut(image):
    """Whether Pillow will keep only the upper byte of each channel's two."""
    deep = image.format in ("PNG", "TIFF") and image.tile and not is_deep(image)
    return bool(deep) and ";16" in str(image.tile[0])


def _is_lossy(path, image):
    if image.format == "WEBP":
        with open(path, "rb") as file:
            return b"VP8L" not in file.read(2**16)
    return image.format in ("JPEG", "MPO") or image.info.get("compression") in (
        "jpeg",
        "tiff_jpeg",
        "webp",
    )


def _range(path, image):
    ends = []
    for _, strip in _strips(image):
        values = np.asarray(strip)
        ends += [float(values.min()), float(values.max())]
    if not np.isfinite(ends).all():
        raise InputError(
            f"{short(path)}: some pixels are nan or inf, not a finite number. Replace"
            " them, and save the image again."
        )
    return min(ends), max(ends)
