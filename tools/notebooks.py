"""Keep the lessons in order: one set-up cell in all of them, outputs from a clean run.

python tools/notebooks.py sync [01 03]  put tools/setup_cell.py into lessons, fold cells
python tools/notebooks.py run [01 03]   execute lessons in place (all by default)
"""

import ast
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parent.parent
SETUP = (ROOT / "tools/setup_cell.py").read_text(encoding="utf-8").rstrip("\n")
SETUP_TAG = "set-up"
FOLDED = {"hide-input", "hide-cell"}
WHY = "versions and the device differ from machine to machine"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def lessons(names=()):
    """Return the notebooks whose file name starts with one of the names, or all."""
    found = sorted((ROOT / "notebooks").glob("*.ipynb"))
    names = [Path(name).name for name in names]
    for name in names:
        if not any(path.name.startswith(name) for path in found):
            sys.exit(f"notebooks/ has no lesson that starts with {name!r}")
    return [p for p in found if not names or p.name.startswith(tuple(names))]


def write(path, notebook):
    """Save a notebook, unless nothing changed: its time stamp then means something."""
    text = nbformat.writes(notebook, version=4) + "\n"
    if text != path.read_text(encoding="utf-8"):
        path.write_text(text, encoding="utf-8", newline="\n")


def is_setup(cell):
    """Recognise the set-up cell, whichever version of it."""
    first = cell.source.split("\n", 1)[0]
    return SETUP_TAG in cell.metadata.get("tags", []) or first == SETUP.split("\n")[0]


def put_setup(notebook):
    """Make the set-up cell the first code cell; every other cell stays as it is."""
    cells = notebook.cells
    where = [i for i, cell in enumerate(cells) if cell.cell_type == "code"]
    first = where[0] if where else len(cells)
    if not where or not is_setup(cells[first]):
        cells.insert(first, nbformat.v4.new_code_cell(id="set-up"))
    cell = cells[first]
    cell.source = SETUP
    tags = [SETUP_TAG, "hide-input", "nbval-ignore-output"]
    cell.metadata.update(tags=tags, nbval_reason=WHY)


def mark_folded(notebook):
    """Give folded cells the marks of Colab and Jupyter; MyST's tag is the rule."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            marks = {"source_hidden": True}
            if FOLDED & set(cell.metadata.get("tags", [])):
                if "hide-cell" in cell.metadata.tags:
                    marks["outputs_hidden"] = True
                cell.metadata.update(cellView="form", jupyter=marks)
            else:
                cell.metadata.pop("cellView", None)
                cell.metadata.pop("jupyter", None)


def definitions(lesson):
    """What a lesson defines, by name: functions, classes, CONSTANTS and its imports.

    Run are the cells that hold nothing else. So tests and experiments use the code that
    the page shows, and no copy of it.
    """
    space = {}
    for cell in nbformat.read(lessons([lesson])[0], as_version=4).cells:
        if cell.cell_type == "code" and not is_setup(cell):
            parts = ast.parse(cell.source).body
            if parts and all(_defines(part) for part in parts):
                exec(cell.source, space)
    return SimpleNamespace(**space)


def _defines(part):
    if isinstance(part, ast.Assign):
        # `plt.rcParams["figure.dpi"] = 100` stands beside the imports.
        names = [ast.unparse(target) for target in part.targets]
        constants = all(n.isidentifier() and n.isupper() for n in names)
        return constants or names[0].startswith("plt.rcParams")
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    return isinstance(part, kinds)


def tidy(notebook):
    """Drop what differs between runs without a meaning; join streams cut in pieces."""
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    mark_folded(notebook)
    for cell in notebook.cells:
        for key in ("execution", "ExecuteTime", "collapsed", "scrolled"):
            cell.metadata.pop(key, None)
        joined = []
        for output in cell.get("outputs", []):
            last = joined[-1] if joined else {}
            if output.output_type == "stream" and output.name == last.get("name"):
                last["text"] += output.text
            else:
                joined.append(output)
        if cell.cell_type == "code":
            cell.outputs = joined


def run(path):
    """Execute one lesson in its own folder and save it; return the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    put_setup(notebook)
    began = time.monotonic()
    NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    tidy(notebook)
    write(path, notebook)
    return time.monotonic() - began


def main(command="", *names):
    """Do what the command line says."""
    if command == "sync":
        for path in lessons(names):
            notebook = nbformat.read(path, as_version=4)
            put_setup(notebook)
            mark_folded(notebook)
            write(path, notebook)
    elif command == "run":
        total = 0.0
        for path in lessons(names):
            print(f"{path.name:40}", end=" ", flush=True)
            try:
                seconds = run(path)
            except CellExecutionError as error:
                sys.exit(f"failed; the file is left as it was\n\n{error}")
            total += seconds
            print(f"{seconds:6.1f} s")
        print(f"{'all':40} {total:6.1f} s")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
