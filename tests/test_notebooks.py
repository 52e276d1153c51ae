"""The form of the lessons: the set-up cell, true outputs, plain Markdown, alt text."""

import json
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
import yaml
from conftest import ROOT, load_tool, toc_pages

address_tool = load_tool("address")
notebook_tool = load_tool("notebooks")
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
IGNORED = "nbval-ignore-output"
HEADINGS = ["objectives", "quiz", "exercises", "summary"]
DIRECTIVE = re.compile(r"^\s*(`{3,}|~{3,}|:{3,})\s*\{[\w:-]+\}|^:::|\{[\w:-]+\}`", re.M)
MACHINE_PATH = re.compile(r"(/(home|root|tmp|usr|mnt|opt|Users|work)/|[A-Z]:\\)[\w.-]+")
LIMIT = 1_500_000  # bytes; GitHub and Colab open such a file at once


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def path(request):
    """Return the path of each lesson in turn."""
    return request.param


@pytest.fixture
def lesson(path):
    """Return each lesson in turn."""
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    """Return the code cells of a notebook."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text(notebook):
    """Return all Markdown of a notebook."""
    return "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


def tags(cell):
    """Return the tags of a cell."""
    return cell.metadata.get("tags", [])


def test_the_contents_list_the_lessons():
    listed = [name for name in toc_pages() if name.startswith("notebooks/")]
    assert listed == [f"notebooks/{path.stem}" for path in LESSONS]


def test_setup_cell_is_the_same_everywhere(lesson):
    first = code_cells(lesson)[0]
    assert first.source == notebook_tool.SETUP, "run make sync"
    assert IGNORED in tags(first)
    assert sum(notebook_tool.is_setup(cell) for cell in code_cells(lesson)) == 1


def test_the_address_stands_in_one_place():
    named = address_tool.current()
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert config["repository"]["url"] == named
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'"{named}"' in project
    for file in [*ROOT.glob("*.md"), *ROOT.glob("book/*.md"), *LESSONS]:
        links = re.findall(
            r"https://github\.com/[^/\s)\"\\]+/image-seg[\w-]+",
            file.read_text(encoding="utf-8"),
        )
        assert set(links) <= {named}, file.name


def test_every_cell_was_executed_in_order(lesson):
    counts = [cell.execution_count for cell in code_cells(lesson)]
    assert counts == list(range(1, len(counts) + 1)), "run make notebooks"


def test_no_error_and_no_stderr_is_stored(lesson):
    for cell in code_cells(lesson):
        for output in cell.outputs:
            assert output.output_type != "error", cell.source[:200]
            assert output.get("name") != "stderr", output.text[:300]


def test_at_least_half_of_the_cells_are_compared(lesson):
    cells = code_cells(lesson)
    compared = [cell for cell in cells if IGNORED not in tags(cell)]
    assert len(compared) >= len(cells) / 2, f"{len(compared)} of {len(cells)}"


def test_some_compared_cells_print(lesson):
    """A compared cell without output proves only that it runs."""
    printing = [c for c in code_cells(lesson) if c.outputs and IGNORED not in tags(c)]
    assert len(printing) >= 3


def test_an_ignored_cell_says_why(lesson):
    for cell in code_cells(lesson):
        assert "NBVAL" not in cell.source, "mark cells by tag, not by comment"
        if IGNORED in tags(cell):
            why = cell.metadata.get("nbval_reason", "")
            assert len(why.split()) >= 2, (
                f"set the cell metadata nbval_reason:\n{cell.source[:200]}"
            )


def test_figures_have_alternative_text_and_a_caption(path, lesson):
    """The caption is a paragraph below the figure, so that every host shows it."""
    number = 0
    for cell, after in zip(lesson.cells, [*lesson.cells[1:], None]):
        outputs = cell.get("outputs", [])
        kinds = {kind for output in outputs for kind in output.get("data", {})}
        if any(kind.startswith("image/") for kind in kinds):
            number += 1
            about = cell.metadata.get("mystnb", {})
            alt = about.get("image", {}).get("alt", "")
            assert len(alt) >= 15, f"metadata.mystnb.image.alt:\n{cell.source[:200]}"
            begins = f"**Figure {int(path.name[:2])}.{number}.** "
            said = after.source if after and after.cell_type == "markdown" else ""
            assert said.startswith(begins), f"{begins}\n{cell.source[:200]}"


def visible(cell):
    """Return the lines of code that a reader of the page sees, blank ones left out."""
    folded = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
    lines = [] if folded & set(tags(cell)) else cell.source.split("\n")
    return [line for line in lines if line.strip()]


def test_at_most_250_lines_of_code_are_visible(lesson):
    count = sum(len(visible(cell)) for cell in code_cells(lesson))
    assert count <= 250, f"{count} lines; fold plotting, bookkeeping and checks"


def test_verdicts_stand_in_folded_check_cells(lesson):
    """What is left visible teaches: asserts are folded, their sentence is shown."""
    for cell in code_cells(lesson):
        asserts = re.findall(r"^assert ", cell.source, re.M)
        if visible(cell):
            assert not asserts, f"move this into a check cell:\n{cell.source[:300]}"
        if "check" in tags(cell):
            assert "hide-input" in tags(cell), cell.source[:200]


def test_markdown_is_plain(lesson):
    """Colab shows MyST directives and roles raw."""
    for cell in lesson.cells:
        if cell.cell_type == "markdown":
            assert not DIRECTIVE.search(cell.source), cell.source[:300]


def test_details_are_closed_and_hold_no_heading(lesson):
    """A heading inside would end the fold on the site."""
    for cell in lesson.cells:
        if cell.cell_type == "markdown":
            opened = cell.source.count("<details")
            assert opened == cell.source.count("</details>"), cell.source[:300]
            for inside in re.findall(r"<details.*?</details>", cell.source, re.S):
                assert "<summary>" in inside
                prose = re.sub(r"```.*?```", "", inside, flags=re.S)
                assert not re.search(r"^#+ ", prose, re.M), inside[:300]


def test_lines_of_code_are_short(lesson):
    for cell in code_cells(lesson):
        for line in cell.source.split("\n"):
            assert len(line) <= 88, line


def test_a_lesson_has_its_parts(lesson):
    assert lesson.cells[0].source.startswith("# ")
    # The objectives may stand in a box.
    headings = re.findall(r"^(?:##+ |> \*\*)(.+)$", text(lesson), re.M)
    found = " | ".join(headings).lower()
    for heading in HEADINGS:
        assert heading in found, f"no heading {heading!r} among: {found}"
    assert (
        len(
            re.findall(r"^# ", re.sub(r"```.*?```", "", text(lesson), flags=re.S), re.M)
        )
        == 1
    )
    assert "<details>" in text(lesson), "solutions and answers are folded"


def test_links_lead_to_files(path, lesson):
    """Links are right in the repository, as ../book/glossary.md#iou is."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text(lesson)):
        if not target.startswith(("http", "#")):
            file = (path.parent / target.split("#")[0]).resolve()
            assert file.exists() and ROOT in file.parents, target


def test_outputs_name_no_machine(lesson):
    for cell in code_cells(lesson):
        for output in cell.outputs:
            words = [output.get("text", ""), *output.get("data", {}).values()]
            plain = [word for word in words if isinstance(word, str)]
            kept = [word for word in plain if len(word) < 100_000]
            shown = "\n".join(w for w in kept if not re.fullmatch(r"[\w+/=\n]+", w))
            assert not MACHINE_PATH.search(shown), MACHINE_PATH.search(shown)


def test_compared_outputs_hold_no_addresses(lesson):
    """`<Legend at 0x7f...>` differs from run to run; end the cell with `plt.show()`."""
    for cell in code_cells(lesson):
        for output in cell.outputs if IGNORED not in tags(cell) else []:
            shown = output.get("data", {}).get("text/plain", "")
            assert " at 0x" not in shown, cell.source[-200:]


def test_file_is_small_and_tidy(path, lesson):
    assert path.stat().st_size < LIMIT
    assert lesson.metadata.kernelspec == notebook_tool.KERNEL
    assert "widgets" not in lesson.metadata
    for cell in code_cells(lesson):
        assert "execution" not in cell.metadata, "time stamps: run make notebooks"


# The tools themselves, on a copy.


@pytest.fixture
def copy(tmp_path):
    """Return a small copy of the tree with one scratch lesson."""
    for name in ("_config.yml", "pyproject.toml", "book/setup.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    (tmp_path / "notebooks").mkdir()
    badge = f"/github/{address_tool.slug(address_tool.current())}/blob/main/x.ipynb"
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell(
                f"# Lesson\n\n[Colab](https://c.example{badge})"
            ),
            nbformat.v4.new_code_cell("2 + 2", id="mine", metadata={"tags": ["kept"]}),
        ]
    )
    nbformat.write(notebook, tmp_path / "notebooks/09_scratch.ipynb")
    return tmp_path


def tool(tree, name, *arguments):
    """Run a tool of a copied tree."""
    command = [sys.executable, str(tree / "tools" / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_sync_puts_the_cell_first_and_keeps_the_rest(copy):
    path = copy / "notebooks/09_scratch.ipynb"
    assert tool(copy, "notebooks.py", "sync").returncode == 0
    once = path.read_bytes()
    first, second = code_cells(nbformat.read(path, as_version=4))
    assert first.source == notebook_tool.SETUP
    assert (second.source, second.id, tags(second)) == ("2 + 2", "mine", ["kept"])
    assert tool(copy, "notebooks.py", "sync").returncode == 0
    assert path.read_bytes() == once


def test_run_stores_outputs_and_fails_loudly(copy):
    path = copy / "notebooks/09_scratch.ipynb"
    (copy / "tools/setup_cell.py").write_text("# Set-up\nprint('ready')\n")
    assert tool(copy, "notebooks.py", "run", "09").returncode == 0
    first, second = code_cells(nbformat.read(path, as_version=4))
    assert first.outputs[0].text == "ready\n"
    assert second.outputs[0].data["text/plain"] == "4"

    broken = path.read_text().replace("2 + 2", "2 / 0")
    path.write_text(broken)
    run = tool(copy, "notebooks.py", "run")
    assert run.returncode == 1 and "ZeroDivisionError" in run.stderr
    assert path.read_text() == broken

    run = tool(copy, "notebooks.py", "run", "42_none")
    assert run.returncode == 1 and "42_none" in run.stderr


def test_address_is_set_everywhere(copy):
    old, new = address_tool.current(), "https://github.com/someone/a-course"
    run = tool(copy, "address.py", new + ".git/")
    assert run.returncode == 0, run.stderr
    for path in copy.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            body = path.read_text(encoding="utf-8")
            assert old not in body and address_tool.slug(old) not in body, path
    assert new in (copy / "_config.yml").read_text()
    lesson = json.loads((copy / "notebooks/09_scratch.ipynb").read_text())
    assert f'REPOSITORY = "{new}"\n' in lesson["cells"][1]["source"]
    assert "/github/someone/a-course/blob" in "".join(lesson["cells"][0]["source"])


@pytest.mark.parametrize(
    "url", ["", "github.com/a/b", "https://github.com/a", "https:// /b"]
)
def test_a_bad_address_is_refused(copy, url):
    before = (copy / "_config.yml").read_bytes()
    run = tool(copy, "address.py", url)
    assert run.returncode == 1 and "no repository address" in run.stderr
    assert "Traceback" not in run.stderr
    assert (copy / "_config.yml").read_bytes() == before


def test_nothing_hosted_elsewhere_is_named():
    """Packages come from the reader's own index, except Paddle's GPU builds."""
    for path in ROOT.glob("requirements*.txt"):
        hosts = re.findall(r"https?://([\w.-]+)", path.read_text(encoding="utf-8"))
        assert set(hosts) <= {"www.paddlepaddle.org.cn"}, path.name
