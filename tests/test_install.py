"""A lone lesson in an empty folder, in a fresh environment that has only Jupyter."""

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile

import pytest
from conftest import ROOT

from segcore import results

LESSON = ROOT / "notebooks/03_metrics.ipynb"

pytestmark = pytest.mark.skipif(
    os.environ.get("SEGCORE_TEST_INSTALL") != "1",
    reason="installs Paddle again: set SEGCORE_TEST_INSTALL=1 (CI does)",
)


def call(*command, **options):
    """Run a command; show what it printed if it fails."""
    run = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, **options
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return run


def test_a_lone_notebook_runs_to_the_end(tmp_path):
    assert LESSON.exists(), "notebooks/03_metrics.ipynb is missing"
    clone = tmp_path / "clone"
    call("git", "clone", "--quiet", ROOT, clone)
    folder = tmp_path / "empty"
    folder.mkdir()
    shutil.copy(LESSON, folder)
    venv.create(tmp_path / "fresh", with_pip=True)
    python = tmp_path / "fresh/bin/python"
    call(python, "-m", "pip", "install", "--quiet", "jupyter")

    # Nothing of the running environment may leak in, or the test would prove nothing.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment["PATH"] = f"{python.parent}{os.pathsep}{environment['PATH']}"
    environment["SEGCORE_SOURCE"] = str(clone)
    # A kernel that another environment registered for this user must not win.
    environment["JUPYTER_DATA_DIR"] = str(tmp_path / "jupyter")
    call(
        *(python, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute"),
        *("--output", "executed", LESSON.name),
        cwd=folder,
        env=environment,
    )

    assert (folder / "executed.ipynb").exists()
    found = call(
        *(python, "-c", "import segcore; print(segcore.__file__)"),
        cwd=folder,
        env=environment,
    ).stdout
    assert str(tmp_path / "fresh") in found
    assert sys.prefix not in found


def test_the_wheel_holds_the_results(tmp_path):
    """A lone lesson reads them from the installed package."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    call(*command, "--wheel-dir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        inside = json.loads(file.read("segcore/_results/lesson_04_seeds.json"))
    assert inside == results.load("lesson_04_seeds")
