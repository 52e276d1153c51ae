"""The lessons' exercises: stubs are open, solutions right, wrong answers found."""

import importlib
import re

import nbformat
import pytest
from conftest import ROOT

from segcore import exercises

LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CHECK = re.compile(r"^exercises\.check\(\"(\d\d\.\d+)\", (\w+)\)$", re.M)
SOLUTION = re.compile(
    r"<details>\s*<summary>Solution</summary>.*?```python\n(.*?)```.*?</details>", re.S
)
IMPORT = re.compile(r"^(from|import) ", re.M)

WRONG, ALSO_RIGHT = {}, {}
for file in sorted((ROOT / "tests").glob("wrong_answers_*.py")):
    answers = importlib.import_module(file.stem)
    WRONG |= answers.WRONG
    ALSO_RIGHT |= getattr(answers, "ALSO_RIGHT", {})


def found():
    """Each exercise of each lesson: its number and name, imports, stub and solution."""
    for path in LESSONS:
        cells = nbformat.read(path, as_version=4).cells
        imports = "\n".join(
            cell.source
            for cell in cells
            if cell.cell_type == "code"
            and IMPORT.match(cell.source)
            and "set-up" not in cell.metadata.get("tags", [])
        )
        for cell, after in zip(cells, [*cells[1:], None]):
            for name, answer in CHECK.findall(cell.source):
                if cell.cell_type == "code":
                    yield pytest.param(name, answer, imports, cell, after, id=name)


EXERCISES = list(found())
by_exercise = pytest.mark.parametrize("name, answer, imports, stub, after", EXERCISES)


def answered(imports, code, answer):
    """What a cell leaves under the name `answer`; its check is not called."""
    space = {}
    exec(imports, space)
    exec(CHECK.sub("", code), space)
    return space[answer]


@by_exercise
def test_the_stub_is_open(name, answer, imports, stub, after, capsys):
    state, sentence = exercises.verdict(name, answered(imports, stub.source, answer))
    assert (state, sentence) == ("open", "not answered yet.")
    exercises.check(name, answered(imports, stub.source, answer))
    said = capsys.readouterr().out
    assert [output.text for output in stub.outputs] == [said]


@by_exercise
def test_the_solution_is_right(name, answer, imports, stub, after):
    assert after is not None and after.cell_type == "markdown", "no solution follows"
    solutions = SOLUTION.findall(after.source)
    assert len(solutions) == 1, "one folded solution, with one block of Python"
    state, sentence = exercises.verdict(name, answered(imports, solutions[0], answer))
    assert state == "right", sentence


@by_exercise
def test_wrong_answers_get_a_hint(name, answer, imports, stub, after):
    assert WRONG.get(name), "tests/wrong_answers_*.py holds no wrong answer"
    for wrong in WRONG[name]:
        state, sentence = exercises.verdict(name, wrong)
        assert state == "wrong", f"{wrong} was taken for {state}: {sentence}"
        assert len(sentence.split()) >= 5, sentence


@pytest.mark.parametrize("name", sorted(ALSO_RIGHT))
def test_right_answers_in_other_ways_are_taken(name):
    for answer in ALSO_RIGHT[name]:
        state, sentence = exercises.verdict(name, answer)
        assert state == "right", f"{answer} was refused: {sentence}"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_lesson_has_exercises_of_its_own(path):
    lesson = path.name[:2]
    names = [param.id for param in EXERCISES if param.id.startswith(lesson)]
    assert len(names) >= 2
    assert names == [f"{lesson}.{k}" for k in range(1, len(names) + 1)]
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    assert code.count("exercises.check(") == len(names), "a check was not recognised"


def test_no_wrong_answer_without_an_exercise():
    assert set(WRONG) | set(ALSO_RIGHT) <= {param.id for param in EXERCISES}
