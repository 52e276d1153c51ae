"""The site as a reader meets it: headless Chromium on every page."""

import os
import re
from pathlib import Path

import pytest
from conftest import ROOT, toc_pages


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Return the folder for screenshots: SEGCORE_SCREENSHOTS, or a temporary one."""
    named = os.environ.get("SEGCORE_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def visit(browser, address):
    """Return a function that opens a page; complaints gather in `page.complaints`."""
    contexts = []

    def open_page(path, scheme="light", width=1280, **options):
        context = browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.complaints = complaints = []
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text)
                if message.type in ("error", "warning")
                else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((address, "data:", "blob:"))
                else complaints.append(f"another host: {request.url}")
            ),
        )
        page.on(
            "response",
            lambda answer: (
                complaints.append(f"{answer.status} {answer.url}")
                if answer.status >= 400
                else None
            ),
        )
        page.goto(f"{address}/{path}", wait_until="networkidle")
        return page

    yield open_page
    for context in contexts:
        context.close()


def load_pictures(page):
    """Load the pictures that would wait for the reader to come near."""
    page.evaluate(
        """() => Promise.all([...document.images].map(image => {
            image.loading = "eager";
            return image.complete || image.decode();
        }))"""
    )


def theme(page):
    """Return the name of the page's theme."""
    return page.evaluate("document.documentElement.dataset.theme")


def background(page):
    """Return the page's background colour."""
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


@pytest.mark.parametrize("name", toc_pages())
def test_page_opens_cleanly(visit, pictures, name):
    shades = {}
    for scheme in ("light", "dark"):
        page = visit(f"{name}.html", scheme)
        assert page.complaints == []
        assert page.title().strip() and page.locator("h1").first.inner_text().strip()
        assert theme(page) == scheme
        shades[scheme] = background(page)
        load_pictures(page)
        images = page.evaluate(
            """() => [...document.querySelectorAll("article img")].map(
                image => [image.src, image.alt, image.naturalWidth])"""
        )
        for source, alt, width in images:
            assert alt.strip() and width > 0, source
        unset = page.locator("article mjx-merror").count()
        assert unset == 0, "a formula that MathJax could not set"
        file = f"{name.replace('/', '_')}_{scheme}.png"
        page.screenshot(path=pictures / file, full_page=True)
    assert shades["light"] != shades["dark"]


def test_formulas_are_set_without_a_network(visit):
    page = visit("notebooks/03_metrics.html")
    assert page.locator("article mjx-container").count() > 0
    assert page.complaints == []


def test_theme_button_changes_the_page(visit):
    page = visit("intro.html")
    seen = {(theme(page), background(page))}
    for _ in range(2):  # auto, light, dark: two presses pass both themes
        page.locator("button.theme-switch-button:visible").first.click()
        page.wait_for_timeout(300)
        seen.add((theme(page), background(page)))
    assert {name for name, _ in seen} == {"light", "dark"}
    assert len({colour for _, colour in seen}) == 2


@pytest.mark.parametrize("width", [390, 1280])
def test_sidebar_buttons_open_and_close(visit, width):
    page = visit("notebooks/03_metrics.html", width=width)
    contents = page.locator(".bd-sidebar-primary a[href*=glossary]").first
    shown = contents.is_visible()
    assert shown == (width > 992)
    button = page.locator(".bd-header-article .primary-toggle")
    button.click()
    contents.wait_for(state="hidden" if shown else "visible")
    if shown:
        button.click()
    else:
        page.keyboard.press("Escape")
    contents.wait_for(state="visible" if shown else "hidden")

    on_page = page.locator("#pst-page-toc-nav a[href='#exercises']").first
    if width < 992:
        page.locator(".bd-header-article .secondary-toggle").click()
        on_page.wait_for(state="visible")
        on_page.click()
        on_page.wait_for(state="hidden")
    else:
        assert on_page.is_visible()
    assert page.complaints == []


LESSONS = [page for page in toc_pages() if page.startswith("notebooks/")]
WIDER = """selector => [...document.querySelectorAll(selector)]
    .filter(box => box.scrollWidth > box.clientWidth + 1)
    .map(box => box.textContent.slice(0, 80))"""


@pytest.mark.parametrize("name", LESSONS)
def test_outputs_can_be_read(visit, pictures, name):
    """On a phone: text wraps, figures are not shrunk to nothing; tables have room."""
    page = visit(f"{name}.html", width=390)
    load_pictures(page)
    assert page.evaluate(WIDER, ".cell_output .output pre") == []
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, "the page scrolls sideways"
    shrunk = page.evaluate(
        """() => [...document.querySelectorAll(".cell_output img")]
            .map(image => [image.alt, image.width / Math.min(image.naturalWidth, 600)])
            .filter(([, share]) => share < .9)"""
    )
    assert shrunk == []
    cells = page.evaluate(
        """() => [...document.querySelectorAll("table.dataframe")].flatMap(table => {
            const look = cell => {
                const style = getComputedStyle(cell);
                const sides = [style.paddingLeft, style.paddingRight].map(parseFloat);
                return [style.textAlign, Math.min(...sides)];
            };
            const rows = [...table.rows].map(row => [...row.cells].map(look));
            const heads = rows[0].slice(-1)[0], body = rows.slice(-1)[0].slice(-1)[0];
            const above = [...table.tHead.rows].slice(-1)[0].cells;
            return [[heads, body, above[above.length - 1].textContent]];
        })"""
    )
    for head, body, named in cells:
        assert head[0] == body[0] == "right" and min(head[1], body[1]) >= 4
        assert named.strip(), "a row for the names of the index alone"
    page.screenshot(path=pictures / f"{Path(name).name}_390.png", full_page=True)


def test_a_phone_shows_a_verdict_as_a_box(visit):
    said = {
        name: (ROOT / f"{name}.ipynb").read_text(encoding="utf-8") for name in LESSONS
    }
    name = next(
        name for name in LESSONS if re.search(r'^ *"check",?$', said[name], re.M)
    )
    page = visit(f"{name}.html", width=390)
    boxes = page.locator(".cell.tag_check .cell_output:has(pre)")
    assert boxes.count() > 0
    look = """box => [getComputedStyle(box).borderLeftWidth,
        getComputedStyle(box, "::before").content]"""
    assert boxes.first.evaluate(look) == ["4px", '"Verdict"']


def test_the_keyboard_can_be_seen(visit):
    page = visit("notebooks/03_metrics.html")
    outlines = set()
    for _ in range(25):
        page.keyboard.press("Tab")
        outlines.add(
            page.evaluate(
                """() => {
                const style = getComputedStyle(document.activeElement);
                return [document.activeElement.tagName, style.outlineStyle,
                    parseFloat(style.outlineWidth) >= 2].join(" ");
            }"""
            )
        )
    assert {"BUTTON solid true", "A solid true"} <= outlines
    assert all(line.endswith("solid true") for line in outlines), outlines


def test_a_citation_jumps_to_its_entry(visit):
    page = visit("notebooks/07_fcn.html")
    page.locator("a.citation-link[href$='#long2015']").first.click()
    top = "document.getElementById('long2015').getBoundingClientRect().top"
    page.wait_for_function(f"0 <= {top} && {top} < 450", timeout=5000)
    page.locator("#long2015 a[href^='https://arxiv.org/abs/1411.4038']").wait_for()


def test_paper_is_light_with_open_answers(visit):
    page = visit("notebooks/03_metrics.html", scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    closed = (
        "document.querySelectorAll('article details:not(.hide):not([open])').length"
    )
    assert page.evaluate(closed) > 0
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(closed) == 0 and theme(page) == "light"
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(closed) > 0 and theme(page) == "dark"


@pytest.mark.parametrize("word", ["掩码", "插值"])
def test_search_finds_two_chinese_letters(visit, word):
    """The second is a part of longer words."""
    page = visit(f"search.html?q={word}")
    page.locator("#search-results li a[href*=glossary]").first.click()
    page.locator("article .highlighted").first.wait_for(state="visible")
    top = "document.querySelector('article .highlighted').getBoundingClientRect().top"
    page.wait_for_function(f"0 <= {top} && {top} < 900", timeout=5000)


def test_search_finds_a_page(visit):
    page = visit("search.html?q=Jaccard")
    page.wait_for_selector("#search-results li a")
    found = page.eval_on_selector_all("#search-results li a", "a => a.map(x => x.href)")
    assert any("glossary.html" in url for url in found)
    assert page.complaints == []


def test_glossary_link_jumps_to_the_term(visit):
    page = visit("glossary.html#iou")
    top = "document.getElementById('iou').getBoundingClientRect().top"
    page.wait_for_function(f"0 <= {top} && {top} < 450", timeout=5000)


@pytest.mark.parametrize("name", LESSONS)
def test_colab_button_can_be_pressed(visit, name):
    page = visit(f"{name}.html")
    page.locator(".dropdown-launch-buttons button").first.click()
    link = page.locator(".dropdown-launch-buttons a[href*=colab]").first
    link.wait_for(state="visible")
    assert link.get_attribute("href").endswith(f"/{name}.ipynb")


def moves(page, picture):
    """Tell whether a picture changes within five seconds."""
    picture.scroll_into_view_if_needed()
    first = picture.screenshot()
    for _ in range(20):
        page.wait_for_timeout(250)
        if picture.screenshot() != first:
            return True
    return False


def test_the_animation_plays_until_it_is_stopped(visit):
    """A moving PNG: what stands on the page changes without a click."""
    page = visit("notebooks/05_upsampling.html")
    output = page.locator(".cell_output:has(img[data-moving])").first
    assert moves(page, output)
    output.locator("button").click()
    assert not moves(page, output)
    output.locator("button").click()
    assert moves(page, output)


def test_the_animation_waits_for_who_wants_no_motion(visit):
    page = visit("notebooks/05_upsampling.html", reduced_motion="reduce")
    output = page.locator(".cell_output:has(img[data-moving])").first
    assert output.locator("button").inner_text() == "Play"
    assert not moves(page, output)
