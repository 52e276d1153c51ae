"""Set the repository's public address everywhere: python tools/address.py URL"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WHERE = [
    "_config.yml",
    "pyproject.toml",
    "*.md",
    "book/*.md",
    "tools/setup_cell.py",
    "notebooks/*.ipynb",
]
# The set-up page admits that there is no address yet, until there is one.
ADMITTED = re.compile(
    r":::\{admonition\} The course has no public address yet\n.*?\n:::\n\n", re.S
)
FORM = r"https://[\w.-]+(:\d+)?(/[\w.-]+){2,}"


def current():
    """Return the address that the set-up cell names."""
    source = (ROOT / "tools/setup_cell.py").read_text(encoding="utf-8")
    return re.search(r'^REPOSITORY = "(.+)"$', source, re.MULTILINE).group(1)


def slug(url):
    """Return owner/name of an address."""
    return "/".join(url.split("/")[-2:])


def main(url=""):
    """Replace the old address by the new one, then update the notebooks."""
    new = url.strip().rstrip("/").removesuffix(".git")
    if not re.fullmatch(FORM, new):
        sys.exit(
            f"{url!r} is no repository address; give one like "
            "URL=https://github.com/owner/name"
        )
    old = current()
    # Links to Colab hold owner/name without the host.
    changes = {old: new, f"/github/{slug(old)}/": f"/github/{slug(new)}/"}
    for path in sorted(path for pattern in WHERE for path in ROOT.glob(pattern)):
        before = after = path.read_text(encoding="utf-8")
        for this, that in changes.items():
            after = after.replace(this, that)
        after = ADMITTED.sub("", after)
        if after != before:
            path.write_text(after, encoding="utf-8", newline="\n")
            print(path.relative_to(ROOT))
    sync = [sys.executable, str(ROOT / "tools/notebooks.py"), "sync"]
    subprocess.run(sync, check=True)
    if not new.startswith("https://github.com/"):
        print("Colab opens github.com only: take launch_buttons out of _config.yml")


if __name__ == "__main__":
    main(*sys.argv[1:2])
