"""The site as a reader meets it: headless Chromium on every page."""

import os
from pathlib import Path

import pytest
from conftest import toc_pages


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

    def open_page(path, scheme="light"):
        context = browser.new_context(
            color_scheme=scheme, viewport={"width": 1280, "height": 900}
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


@pytest.mark.parametrize("name", [p for p in toc_pages() if p.startswith("notebooks/")])
def test_colab_button_can_be_pressed(visit, name):
    page = visit(f"{name}.html")
    page.locator(".dropdown-launch-buttons button").first.click()
    link = page.locator(".dropdown-launch-buttons a[href*=colab]").first
    link.wait_for(state="visible")
    assert link.get_attribute("href").endswith(f"/{name}.ipynb")


def test_the_animation_plays(visit):
    """A moving PNG: what stands on the page changes without a click."""
    page = visit("notebooks/05_upsampling.html")
    picture = page.locator("img[alt^='A moving picture']").first
    picture.scroll_into_view_if_needed()
    first = picture.screenshot()
    for _ in range(20):
        page.wait_for_timeout(250)
        if picture.screenshot() != first:
            return
    pytest.fail("the picture stood still for five seconds")
