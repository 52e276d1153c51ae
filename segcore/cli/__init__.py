"""`python -m segcore`: train, evaluate and predict from the command line.

The files here parse and print, one command a file; a run's folder is `segcore.runs`,
the work `training` and `inference`. Paddle takes seconds to import: the functions that
need it import it themselves, so that --help and `check` answer at once.
"""

import os
import sys

from segcore.cli.parser import build_parser
from segcore.cli.shared import fail, out_of_memory
from segcore.errors import InputError


def main(arguments=None):
    """Runs one command; returns 0, or 2 after one line on what was wrong."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # any file name can be said on any terminal
            stream.reconfigure(errors="backslashreplace")
    try:
        options = build_parser().parse_args(arguments)
        return options.run(options) or 0
    except InputError as error:
        return fail(error)
    except KeyboardInterrupt as stop:
        print("\nsegcore: stopped.", file=sys.stderr)
        return 128 + getattr(stop, "signal", 2)
    except BrokenPipeError:  # the reader, `head` say, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return fail(f"{error.filename or 'a file'}: {error.strerror or error}.")
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        return fail("Not enough memory. Lower --batch-size, --crop or --size.")
