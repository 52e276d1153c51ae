"""Files that a user or a stranger may have prepared: read with care, written whole."""

import os
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

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
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown
    )


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
            f"{short(path)}: this is no text in UTF-8. Save it again as UTF-8."
        ) from None


def write(path, content, keep=None):
    """Writes bytes or text beside `path` and moves it there: all of it or nothing.

    A link at `path` is replaced, never followed. What was there is moved to `keep`, if
    given, once the new content is safe on disk. Raises `InputError`.
    """
    path = Path(path)
    if isinstance(content, str):
        content = content.encode("utf-8")
    beside = None
    try:
        descriptor, beside = tempfile.mkstemp(".part", ".segcore-", path.parent)
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(beside, 0o666 & ~umask)
        if keep and (path.is_symlink() or path.is_file()):
            os.replace(path, keep)
        os.replace(beside, path)
    except OSError as error:
        raise InputError(
            f"{short(path)}: it cannot be written ({error.strerror or error})."
        ) from None
    finally:
        if beside:
            Path(beside).unlink(missing_ok=True)


@contextmanager
def locked(folder):
    """Holds `folder` against a second writer; raises `InputError` if there is one."""
    path = Path(folder) / "lock"
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InputError(f"{short(path)}: this is no lock file of a run. Remove it.")
    # One object a path: the command line holds the lock when `fit` takes it again.
    lock = FileLock(path, timeout=0, is_singleton=True)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(
            f"{short(folder)}: another training is writing into this folder. Wait for"
            " it, or choose another --out."
        ) from None
    try:
        yield
    finally:
        lock.release()
