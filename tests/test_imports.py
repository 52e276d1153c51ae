"""Imports run one way: what a part of segcore may know."""

import ast
from pathlib import Path

import segcore

HERE = Path(segcore.__file__).parent
SERVICE = {"errors", "files", "progress", ""}  # "": the package itself
# Part: what it may import beside the service modules and itself.
MAY = {
    "errors": set(),
    "files": set(),
    "progress": set(),
    "provenance": set(),
    "results": set(),
    "plotting": set(),
    "losses": set(),
    "metrics": set(),
    "data": set(),
    "nn": set(),
    "backbones": {"nn"},
    "models": {"nn", "backbones"},
    "floors": {"nn"},
    "crf": set(),
    "tasks": {"losses", "metrics", "data"},
    "inference": {"tasks", "data", "nn"},
    "training": {"tasks", "data", "inference"},
    "runs": {"models", "training"},
    "exercises": {"*"},
    "cli": {"*"},
    "__main__": {"cli"},
}


def part_of(path):
    """The part of segcore that a file belongs to."""
    name = path.relative_to(HERE).parts[0].removesuffix(".py")
    return "" if name == "__init__" else name


def imported(path):
    """The parts of segcore that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            first, *rest = name.split(".")
            if first == "segcore":
                part = rest[0] if rest else ""
                # `from segcore import __version__` asks the package itself.
                found.add(part if (HERE / part).is_dir() or rest_is(part) else "")
    return found


def rest_is(part):
    return (HERE / f"{part}.py").exists()


def test_imports_run_one_way():
    for path in HERE.rglob("*.py"):
        part = part_of(path)
        if not part:
            continue
        assert part in MAY, f"{part} is new: say in MAY what it may import"
        known = imported(path) - SERVICE - {part}
        if MAY[part] == {"*"}:
            known &= {"cli"} if part == "exercises" else set()
            assert not known, (path, known)
        assert MAY[part] == {"*"} or known <= MAY[part], (path, known - MAY[part])


def test_nobody_imports_the_command_line():
    root = HERE.parent
    places = [HERE, root / "experiments", root / "tools", root / "notebooks"]
    for path in (p for place in places for p in place.rglob("*")):
        if path.suffix not in (".py", ".ipynb") or path.parts[-2:-1] == ("cli",):
            continue
        if path.name == "__main__.py":
            continue
        text = path.read_text(encoding="utf-8")
        assert "segcore.cli" not in text and "segcore import cli" not in text, path


def test_training_and_inference_name_no_network():
    from segcore.models import MODELS

    for path in [*(HERE / "training").glob("*.py"), HERE / "inference.py"]:
        assert "segcore.models" not in path.read_text(encoding="utf-8")
        names = {
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant)
        }
        assert not names & set(MODELS), path
