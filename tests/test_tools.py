"""The tools that keep the lessons in order, on copies."""

import shutil
import subprocess
import sys

import nbformat
from conftest import ROOT, load_tool

notebooks = load_tool("notebooks")


def cell(*tags, **metadata):
    """Return a code cell with tags."""
    about = {"tags": [*tags], **metadata} if tags else metadata
    return nbformat.v4.new_code_cell("1", metadata=about)


def test_folded_cells_are_folded_on_every_host():
    """MyST reads the tag, Colab `cellView`, Jupyter `source_hidden`."""
    marked = {"cellView": "form", "jupyter": {"source_hidden": True}}
    book = nbformat.v4.new_notebook(
        cells=[
            cell("hide-input", "check"),
            cell("hide-cell"),
            cell("check", **marked),  # the tag was taken out again
            cell(),
            nbformat.v4.new_markdown_cell("text"),
        ]
    )
    notebooks.tidy(book)
    nbformat.validate(book)
    said, both, *others = (dict(cell.metadata) for cell in book.cells)
    assert said == {"tags": ["hide-input", "check"], **marked}
    assert both["cellView"] == "form"
    assert both["jupyter"] == {"source_hidden": True, "outputs_hidden": True}
    assert others == [{"tags": ["check"]}, {}, {}]


def test_lessons_carry_the_marks():
    for path in notebooks.lessons():
        book = nbformat.read(path, as_version=4)
        before = [dict(cell.metadata) for cell in book.cells]
        notebooks.mark_folded(book)
        after = [dict(cell.metadata) for cell in book.cells]
        assert before == after, f"{path.name}: run make sync"


def test_the_set_up_page_admits_a_missing_address_until_there_is_one(tmp_path):
    for name in ("tools", "book", "notebooks"):
        (tmp_path / name).mkdir()
    for name in ("_config.yml", "book/setup.md", "tools/address.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("notebooks.py", "setup_cell.py"):
        shutil.copy(ROOT / "tools" / name, tmp_path / "tools")
    page = tmp_path / "book/setup.md"
    if "PLACEHOLDER" not in page.read_text(encoding="utf-8"):
        return  # the course has an address
    assert "no public address yet" in page.read_text(encoding="utf-8")
    url = "https://github.com/someone/a-course"
    tool = [sys.executable, str(tmp_path / "tools/address.py"), url]
    subprocess.run(tool, check=True, capture_output=True)
    after = page.read_text(encoding="utf-8")
    assert "PLACEHOLDER" not in after and "\n\n\n" not in after
