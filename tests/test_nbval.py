"""Does `pytest --nbval` compare? A digit changed in a stored output must fail."""

import json
import re
import subprocess
import sys

import pytest
from conftest import ROOT

LESSON = ROOT / "notebooks/03_metrics.ipynb"


def nbval(path):
    """Run nbval on one notebook, as `make test` does."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "--nbval", "--nbval-current-env", "--rootdir", path.parent, path],
        capture_output=True,
        text=True,
        cwd=path.parent,
    )


@pytest.fixture
def copy(tmp_path):
    """Return a copy of lesson 03 in a folder of its own."""
    assert LESSON.exists(), "notebooks/03_metrics.ipynb is missing"
    path = tmp_path / LESSON.name
    path.write_bytes(LESSON.read_bytes())
    return path


def tamper(path):
    """Change one digit of the first number that a compared cell printed."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        ignored = "nbval-ignore-output" in cell["metadata"].get("tags", [])
        for output in [] if ignored else cell.get("outputs", []):
            if output["output_type"] == "stream":
                before = "".join(output["text"])
                after = re.sub(
                    r"\d", lambda m: str((int(m[0]) + 1) % 10), before, count=1
                )
                if after != before:
                    output["text"] = after
                    path.write_text(json.dumps(notebook), encoding="utf-8")
                    return
    pytest.fail("lesson 03 has no compared cell that prints a number")


def test_the_stored_outputs_are_true(copy):
    run = nbval(copy)
    assert run.returncode == 0, run.stdout[-3000:]


def test_a_changed_digit_is_found(copy):
    tamper(copy)
    run = nbval(copy)
    assert run.returncode == 1, run.stdout[-3000:]
    assert re.search(r"\b1 failed\b", run.stdout), run.stdout[-3000:]
