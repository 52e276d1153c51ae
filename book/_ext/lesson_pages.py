"""What the site needs for lessons that are plain notebooks in another folder.

Stored outputs: MyST-NB's `auto` mode runs a notebook again as soon as one cell printed
nothing, as every import does. Here a notebook counts as executed when each of its code
cells has an execution count and none stored an error; only the others run in a build.

Links: notebooks/x.ipynb is book/notebooks/x.ipynb here, so the lessons' links to
../book/glossary.md, which are right in the repository, become ../glossary.md.

Thebe: Jupyter Book adds the scripts of this live-code tool to every page, twice, though
no page uses it. The browser logs an error, and one script names another host.
"""

import json
from pathlib import Path


def executed(path):
    """Tell whether every code cell of a notebook has run without an error."""
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    return all(
        cell["execution_count"] is not None
        and all(output["output_type"] != "error" for output in cell["outputs"])
        for cell in cells
        if cell["cell_type"] == "code" and "".join(cell["source"]).strip()
    )


def keep_outputs(app, config):
    """Exclude executed notebooks from execution."""
    found = sorted(Path(app.srcdir, "notebooks").glob("*.ipynb"))
    kept = [f"notebooks/{path.name}" for path in found if executed(path)]
    config.nb_execution_excludepatterns = [
        *config.nb_execution_excludepatterns,
        *kept,
    ]


def turn_links(app, docname, source):
    """Rewrite the lessons' links to the book's own pages."""
    if docname.startswith("notebooks/"):
        source[0] = source[0].replace("](../book/", "](../")


def drop_thebe(app, pagename, templatename, context, doctree):
    """Take the scripts of Thebe out of a page."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in f"{script.filename} {script.attributes}".lower()
    ]


def setup(app):
    """Register before MyST-NB reads its own settings."""
    app.connect("config-inited", keep_outputs, priority=1)
    app.connect("source-read", turn_links)
    app.connect("html-page-context", drop_thebe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
