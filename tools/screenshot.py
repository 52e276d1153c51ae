"""Take one picture of a built page, light beside dark.

python tools/screenshot.py PAGE PICTURE.png [FIGURE]

PAGE as intro or notebooks/03_metrics; the page is scrolled to its figure number FIGURE.
The README's: python tools/screenshot.py notebooks/01_what_is_segmentation \
book/_static/site.png 2
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
SIZE = {"width": 1120, "height": 760}


def take(page_file, figure):
    """Return the light and the dark picture of a page."""
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=arguments
        )
        for scheme in ("light", "dark"):
            page = browser.new_page(color_scheme=scheme, viewport=SIZE)
            page.goto(page_file.as_uri(), wait_until="networkidle")
            if figure:
                image = page.locator("article img").nth(figure - 1)
                image.evaluate("image => image.scrollIntoView({block: 'center'})")
                page.wait_for_timeout(500)
            yield Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        browser.close()


def main(name="", picture="", figure="0"):
    """Put both pictures side by side into one small file."""
    page_file = ROOT / f"book/_build/html/{name}.html"
    if not name or not picture:
        sys.exit(__doc__)
    if not page_file.exists():
        sys.exit(f"{page_file.relative_to(ROOT)} is not there: run make book first")
    light, dark = take(page_file, int(figure))
    both = Image.new("RGB", (light.width * 2, light.height))
    both.paste(light, (0, 0))
    both.paste(dark, (light.width, 0))
    both = both.resize((1600, 1600 * both.height // both.width), Image.LANCZOS)
    # 256 colours are enough for a page and keep the file small.
    both.quantize(256).save(picture, optimize=True)
    print(f"{picture}: {Path(picture).stat().st_size // 1000} kB")


if __name__ == "__main__":
    main(*sys.argv[1:4])
