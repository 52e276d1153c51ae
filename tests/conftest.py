"""What several test files share: the repository, one build of the site, a browser."""

import functools
import http.server
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

if "PYTEST_XDIST_WORKER" in os.environ:
    # One process a core, so one thread each; the lessons' kernels inherit it.
    os.environ["OMP_NUM_THREADS"] = "1"

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
# No sandbox: CI runs as root. The rest keeps the browser from calling its maker.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def build_book(source, output):
    """Run `jupyter-book build -W` and return the finished process."""
    start = "from jupyter_book.cli.main import main; main()"
    options = ["build", "-W", "--keep-going", "--path-output", output, source]
    return subprocess.run(
        [sys.executable, "-c", start, *map(str, options)],
        capture_output=True,
        text=True,
        cwd=source,
    )


def load_tool(name, folder="tools"):
    """Import tools/NAME.py, or a script of another folder that is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"{folder}/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def toc_pages():
    """Return the page names of _toc.yml in order, the root first."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter for part in toc["parts"] for chapter in part["chapters"]]
    return [toc["root"], *(chapter["file"] for chapter in chapters)]


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Build the book once from its stored outputs; return the folder of its pages."""
    output = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        output = output.parent  # the workers share one site
    with FileLock(output / "site.lock"):
        if not (output / "site/done").exists():
            run = build_book(ROOT / "book", output / "site")
            assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
            (output / "site/done").touch()
    return output / "site/_build/html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serve files without a line for each request."""

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture(scope="session")
def address(site):
    """Serve the site on a free loopback port; return its address."""
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    """Start headless Chromium once. Without one: skip, but fail on CI."""
    if CHROMIUM is None:
        reason = "no Chromium on PATH (on Debian: apt install chromium)"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS
        )
        yield chromium
        chromium.close()
