"""The built site: every page, link, picture and button; and builds that must fail."""

import json
import os
import re
import shutil
import sys
import urllib.parse

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import ROOT, build_book, toc_pages
from pybtex.database import parse_file

sys.path.insert(0, str(ROOT / "book/_ext"))
import lesson_pages

CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
# Links written for people to follow; everything else must lie in the site itself.
LOADS = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "link": "href",
}


@pytest.fixture(scope="session")
def pages(site):
    """Return the parsed pages of the site by path."""
    return {
        path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in site.rglob("*.html")
        if "_static" not in path.parts
    }


def is_external(url):
    """Tell whether a URL leaves the site."""
    return url.startswith(("http:", "https:", "//", "mailto:"))


def test_links_in_book_lead_to_the_root():
    for name in ("_config.yml", "_toc.yml", "notebooks"):
        link = ROOT / "book" / name
        assert link.is_symlink(), (
            f"book/{name} is no link: clone with git clone -c core.symlinks=true"
        )
        assert os.readlink(link) == f"../{name}"


def test_every_page_of_the_contents_is_built(site):
    for page in toc_pages():
        assert (site / f"{page}.html").exists(), page
    built = {
        path.relative_to(site).with_suffix("").as_posix()
        for path in [*site.glob("*.html"), *site.glob("notebooks/*.html")]
    }
    assert built - {"index", "search", "genindex"} == set(toc_pages())


def test_internal_links_and_anchors_resolve(site, pages):
    broken = []
    for path, page in pages.items():
        for element in page.find_all(True):
            for url in (element.get("href"), element.get("src")):
                if not url or url == "#" or is_external(url) or url.startswith("data:"):
                    continue
                parts = urllib.parse.urlsplit(url)
                target = (path.parent / urllib.parse.unquote(parts.path)).resolve()
                target = target if parts.path else path
                anchor = urllib.parse.unquote(parts.fragment)
                if not target.exists():
                    broken.append(f"{path.relative_to(site)}: {url}")
                elif anchor and target in pages and not pages[target].find(id=anchor):
                    broken.append(f"{path.relative_to(site)}: no such anchor {url}")
    assert not broken, "\n".join(broken)


def test_pictures_have_alternative_text(site, pages):
    for path, page in pages.items():
        for image in page.select("article img"):
            alt = (image.get("alt") or "").strip()
            where = f"{path.relative_to(site)}: {image.get('src')}"
            # Without a text of its own a picture gets its file name.
            assert alt and not alt.endswith(".png"), where


def test_nothing_is_loaded_from_another_host(site, pages):
    for path, page in pages.items():
        assert "unpkg.com" not in str(page) and "//cdn" not in str(page)
        for tag, attribute in LOADS.items():
            for element in page.find_all(tag):
                url = element.get(attribute) or ""
                assert not is_external(url), f"{path.relative_to(site)}: {url}"
    for sheet in site.glob("_static/**/*.css"):
        text = sheet.read_text(encoding="utf-8").replace("'", "").replace('"', "")
        assert "url(http" not in text and "url(//" not in text, sheet
        assert "@import http" not in text and "@import //" not in text, sheet


def test_colab_buttons_point_to_the_lesson(site, pages):
    place = CONFIG["repository"]["url"].removeprefix("https://github.com/")
    branch = CONFIG["repository"]["branch"]
    start = f"https://colab.research.google.com/github/{place}/blob/{branch}/"
    for name in toc_pages():
        links = [a.get("href", "") for a in pages[site / f"{name}.html"].find_all("a")]
        colab = {url for url in links if url.startswith("https://colab.research")}
        if name.startswith("notebooks/"):
            assert colab == {f"{start}{name}.ipynb"}
            assert (ROOT / f"{name}.ipynb").exists()
        else:
            assert not colab


def test_no_button_leads_to_a_missing_file(site, pages):
    """An edit button would: pages lie in book/, the theme knows one folder only."""
    for path, page in pages.items():
        for link in page.find_all("a"):
            assert "/edit/" not in link.get("href", ""), path.relative_to(site)


def test_stored_outputs_are_shown_and_not_executed(site):
    """A build takes seconds because executed lessons stay as they are."""
    for name in [page for page in toc_pages() if page.startswith("notebooks/")]:
        notebook = json.loads((ROOT / f"{name}.ipynb").read_text(encoding="utf-8"))
        page = (site / f"{name}.html").read_text(encoding="utf-8")
        stored = [
            "".join(output["text"]).split("\n")[0]
            for cell in notebook["cells"]
            for output in cell.get("outputs", [])
            if output["output_type"] == "stream"
        ]
        assert stored, f"{name} holds no outputs: run make notebooks"
        shown = BeautifulSoup(page, "html.parser").get_text()
        assert stored[0].strip() in shown


# References


BIBLIOGRAPHY = parse_file(ROOT / "book/references.bib").entries


def test_references_are_named_by_author_and_year_and_can_be_opened():
    seen = []
    for name, entry in BIBLIOGRAPHY.items():
        family = "".join(entry.persons["author"][0].last_names)
        family = re.sub(r"[{}\\\"'`]", "", family)
        assert re.fullmatch(
            lesson_pages.key(family, entry.fields["year"]) + "[b-z]?", name
        )
        assert "doi" in entry.fields or "eprint" in entry.fields, name
        seen.append(name)
    assert seen == sorted(seen)


def test_references_stand_by_author_with_a_link_each(site, pages):
    found = pages[site / "references.html"].select("div.citation")
    assert [entry["id"] for entry in found] == sorted(BIBLIOGRAPHY)
    labels = [entry.select_one(".label").get_text() for entry in found]
    assert "[Chen et al., 2017]" in labels and "[Yu and Koltun, 2016]" in labels
    for entry in found:
        links = [a["href"] for a in entry.find_all("a")]
        assert any(
            url.startswith(("https://doi.org/", "https://arxiv.org/abs/"))
            for url in links
        ), entry["id"]


def test_citations_in_lessons_lead_to_their_entries(site, pages):
    """An unknown one would have failed the build."""
    for name in [page for page in toc_pages() if page.startswith("notebooks/")]:
        article = pages[site / f"{name}.html"].find("article")
        for code in article.select("pre, code"):
            code.decompose()
        said = " ".join(article.get_text().split())
        cited = {
            entry for _, _, entry in lesson_pages.citations(said, set(BIBLIOGRAPHY))
        }
        links = {a["href"] for a in article.select("a.citation-link")}
        assert "" not in cited
        assert {f"../references.html#{entry}" for entry in cited} <= links, name


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("FCN (Long et al., 2015; U-Net: Ronneberger et al. 2015)", "long ronneberger"),
        ("by Long et al. (2015, section 3.1), and Zhao et al. (2017)", "long zhao"),
        ("Long, Shelhamer and Darrell (2015)", "long"),
        ("Krähenbühl and Koltun (2011)", "krahenbuhl"),
        ("DeepLab, Yu and Koltun (2016)", "yu"),
        ("Kirillov et al., *Panoptic Segmentation* (2019)", "kirillov"),
        ("Zhao et al., and later Chen et al. (2017)", "chen"),
        ("Chen et al., 2015, 2017 and 2018", "chen chen chen"),
        ("Otsu (1979); van der Walt et al., 2014", "otsu walt"),
        ("In 2015 all was well (see VOC 2012), Long before. (2015)", ""),
        ("Nobody et al., 2015", "?"),
        ("Long et al. (1999, section 2)", "?"),
    ],
)
def test_citations_are_recognised(text, names):
    found = [entry for _, _, entry in lesson_pages.citations(text, set(BIBLIOGRAPHY))]
    assert [re.sub(r"\d+$", "", entry) or "?" for entry in found] == names.split()


# Builds that must fail, and what a build makes of plain Markdown


@pytest.fixture
def scratch(tmp_path):
    """Return a function that builds a book of one page and one notebook."""

    def build(text="# Page\n", code="print('fine')", lesson="# Lesson", tags=()):
        book = tmp_path / "book"
        (book / "notebooks").mkdir(parents=True)
        for name in ("_static", "_ext"):
            shutil.copytree(ROOT / "book" / name, book / name)
        shutil.copy(ROOT / "_config.yml", book)
        shutil.copy(ROOT / "book/references.bib", book)
        shutil.copy(ROOT / "book/glossary.md", book)
        shutil.copy(ROOT / "book/references.md", book)
        (book / "_toc.yml").write_text(
            "format: jb-book\nroot: page\nchapters:\n- file: glossary\n"
            "- file: references\n- file: notebooks/lesson\n"
        )
        (book / "page.md").write_text(text)
        cells = [
            nbformat.v4.new_markdown_cell(lesson),
            nbformat.v4.new_code_cell(code, metadata={"tags": tags}),
        ]
        nbformat.write(
            nbformat.v4.new_notebook(cells=cells), book / "notebooks/lesson.ipynb"
        )
        return build_book(book, tmp_path / "out")

    return build


def test_a_sound_scratch_book_builds(scratch):
    run = scratch(
        text="# Page\n\n[IoU](glossary.md#iou) {cite}`dice1945`",
        lesson="# Lesson\n\n[IoU](../book/glossary.md#iou)",
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]


PLAIN = """# Lesson

## Objectives

After this lesson you can

- see.

> **Limits.** Two seeds
> only.

**Figure 9.1.** What is seen.

By Long et al.
(2015), and as `Long et al., 2015` had it; [the entry](../book/references.md#zhao2017).
See [above](#1.-What,-and-why) or [here](#1-what-and-why).

## 1. What, and why
"""
DRAWN = """import pandas as pd

print("Verdict: the claim holds.")
pd.DataFrame({"score": [1, 2]}, index=pd.Index(["a", "b"], name="arm"))
"""


def test_plain_markdown_gets_its_form(scratch, tmp_path):
    run = scratch(lesson=PLAIN, code=DRAWN, tags=["hide-input", "check"])
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    file = tmp_path / "out/_build/html/notebooks/lesson.html"
    page = BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser").article
    assert (
        page.select_one("blockquote.box.box-limits").text.strip().startswith("Limits")
    )
    assert page.select_one(".box.box-objectives li").text.strip() == "see."
    assert page.select_one("p.figure-caption").text.startswith("Figure 9.1. What")
    links = {a.text: a["href"] for a in page.select("a[href*=references]")}
    assert links == {
        "Long et al.\n(2015": "../references.html#long2015",
        "the entry": "../references.html#zhao2017",
    }
    verdict = page.select_one(".cell.tag_check .cell_output")
    assert verdict.select_one("pre").text.strip() == "The claim holds."
    rows = [
        [cell.text for cell in row.find_all(["td", "th"])]
        for row in page.select("table.dataframe tr")
    ]
    assert rows == [["arm", "score"], ["a", "1"], ["b", "2"]]


BROKEN_PAGE = """# Page

[a link](nowhere.md), {ref}`a-reference`, {cite}`nobody2020`, ![a picture](gone.png)
"""
BROKEN_LESSON = (
    "# Lesson\n\n[a word](../book/glossary.md#no-such-word) by Nobody et al., 2020"
)


@pytest.mark.parametrize(
    ("broken", "messages"),
    [
        ({"code": "assert 1 == 2, 'the claim fails'"}, ["the claim fails"]),
        (
            {"text": BROKEN_PAGE},
            ["nowhere.md", "undefined label: 'a-reference'", "nobody2020", "gone.png"],
        ),
        ({"lesson": BROKEN_LESSON}, ["no-such-word", "Nobody et al., 2020"]),
    ],
    ids=["cell", "page", "lesson"],
)
def test_a_broken_book_does_not_build(scratch, broken, messages):
    run = scratch(**broken)
    assert run.returncode != 0
    for message in messages:
        assert message in run.stdout + run.stderr
