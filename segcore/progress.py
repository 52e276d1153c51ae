"""One progress bar for terminals and notebooks."""

import sys

from tqdm import tqdm


def bar(total, description, initial=0, disable=False):
    """A progress bar: on stderr in a terminal, one line that rewrites itself in a page.

    In a file or a pipe there is none, so that logs stay readable.
    """
    if disable:
        return tqdm(disable=True)
    if _in_a_page():
        return _PageBar(total=total, desc=description, initial=initial, mininterval=0.5)
    return tqdm(total=total, desc=description, initial=initial, disable=None)


def _in_a_page():
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")


class _PageBar(tqdm):
    """Writes to an output cell that is replaced, so the page keeps the last line."""

    def __init__(self, *args, **options):
        from IPython.display import display

        self._line = display({"text/plain": ""}, raw=True, display_id=True)
        super().__init__(*args, ncols=100, ascii=" ▏▎▍▌▋▊▉█", **options)

    def display(self, msg=None, pos=None):
        self._line.update({"text/plain": msg or str(self)}, raw=True)

    def close(self):
        if not self.disable:
            self.display()
            self.disable = True
