"""Files that a user or a stranger may have prepared: read with care, written whole."""

import os
import stat
import tempfile
from pathlib import Path

from segcore.errors import InputError

MOST_TEXT = 2**26  # bytes of a text file; lists and settings are far smaller


def short(path):
    """A path as the user would type it: relative to here where that is shorter."""
    path = str(path)
    try:
        return min(path, os.path.relpath(path), key=len)
    except ValueError:  # another drive, on Windows
        return path


def printable(text):
    """The text on one line without what could steer a terminal."""
    shown = " ".join(str(text).split())
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in shown)


def regular(path):
    """`path`, if it is an ordinary file that can be read; raises `InputError`."""
    try:
        kind = os.stat(path).st_mode
    except FileNotFoundError:
        raise InputError(f"{short(path)}: there is no such file.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{short(path)}: it cannot be read ({reason}).") from None
    if not stat.S_ISREG(kind):
        what = "a folder" if stat.S_ISDIR(kind) else "a pipe or device"
        raise InputError(f"{short(path)}: a file is needed here, and this is {what}.")
    if not os.access(path, os.R_OK):
        raise InputError(
            f"{short(path)}: you have no permission to read it. Change that (on Linux:"
            " chmod u+r)."
        )
    return Path(path)


def read_text(path):
    """A text file in UTF-8; raises `InputError` for any other encoding or kind."""
    if regular(path).stat().st_size > MOST_TEXT:
        raise InputError(f"{short(path)}: this is far too large for a text file.")
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            f"{short(path)}: this is no text in UTF-8. Save it again with this encoding."
        ) from None


def write(path, content):
    """Writes bytes or text beside `path` and moves it there: all of it or nothing.

    A link at `path` is replaced, never followed.
    """
    path = Path(path)
    if isinstance(content, str):
        content = content.encode("utf-8")
    descriptor, beside = tempfile.mkstemp(".part", ".segcore-", path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(beside, 0o666 & ~umask)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
