"""What every script here writes beside its numbers, so that they can be trusted."""

import datetime
import importlib.util
import json
import os
import sys
from pathlib import Path

from segcore import provenance

RESULTS = Path(__file__).resolve().parent.parent / "results"


def lesson(number):
    """What a lesson defines: its settings and functions, so that no copy can drift."""
    spec = importlib.util.spec_from_file_location(
        "notebooks", RESULTS.parent / "tools/notebooks.py"
    )
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool.definitions(number)


def write(what, runs, settings, name=None, **more):
    """Writes `results/NAME.json`; NAME is that of the script unless another is given.

    Holds what was measured, the command, date, processor, versions, settings, and
    `runs`, one dict a run with its arm and seed.
    """
    script = Path(sys.argv[0]).stem
    content = {
        "what": what,
        "command": " ".join(["python", f"experiments/{script}.py", *sys.argv[1:]]),
        "date": datetime.date.today().isoformat(),
        "cpu": provenance.processor(),
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
        "versions": provenance.versions(),
        "settings": settings,
        **more,
        "runs": runs,
    }
    path = RESULTS / f"{name or script}.json"
    beside = path.with_suffix(f".{os.getpid()}.part")
    beside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(beside, path)
    print(f"Wrote results/{path.name}.")
