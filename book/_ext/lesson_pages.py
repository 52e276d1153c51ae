"""What the site needs for lessons that are plain notebooks in another folder.

Stored outputs: MyST-NB's `auto` mode runs a notebook again as soon as one cell printed
nothing, as every import does. Here a notebook counts as executed when each of its code
cells has an execution count and none stored an error; only the others run in a build.

Links: notebooks/x.ipynb is book/notebooks/x.ipynb here, so the lessons' links to
../book/glossary.md, which are right in the repository, become ../glossary.md.

Form: lessons hold plain Markdown, which every host shows. Here a paragraph that begins
with **Figure 7.2.** gets the look of a caption, a quotation that begins with a bold
word the look of a box, a citation such as "Long et al., 2015" a link to its entry, and
a table one row of heads. The build warns of a citation that has no entry.

Thebe: Jupyter Book adds the scripts of this live-code tool to every page, twice, though
no page uses it. The browser logs an error, and one script names another host.
"""

import json
import re
import struct
import unicodedata
from pathlib import Path

from bs4 import BeautifulSoup
from docutils import nodes
from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.sorting import BaseSortingStyle
from sphinx.util import logging

logger = logging.getLogger(__name__)

CAPTION = re.compile(r"Figure \d+\.\d+\.?$")
YEAR = r"(?:19|20)\d\d[a-z]?\b"
NAME = r"[^\W\d_](?:[\w'’-]*\w)?"
CITATION = re.compile(
    rf"""\b(?P<names>{NAME}(?:(?:,\s+{NAME})*,?\s+(?:and|&)\s+{NAME})?)
    (?P<others>\s+et\s+al\.?)?
    (?P<gap>,?\s+\(?|,\s(?:(?!et\s+al)[^.()]){{3,150}}\()  # a title may stand between
    (?P<year>{YEAR})""",
    re.VERBOSE,
)
NEXT_YEAR = re.compile(rf"(?:[,;]|\s+and)\s+({YEAR})")
QUIET = (nodes.literal, nodes.reference, nodes.math, nodes.raw, nodes.citation)
MATHJAX = "tex-chtml.js"  # the one bundle that the pages load


# Stored outputs


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


# Links


def turn_links(app, docname, source):
    """Rewrite the lessons' links to the book's own pages, and to headings.

    Jupyter's anchor of "5. Quiz, with answers" is #5.-Quiz,-with-answers; here it is
    #5-quiz-with-answers, as on GitHub.
    """
    if docname.startswith("notebooks/"):
        source[0] = re.sub(
            r"(\]\([\w./-]*#)([^)\s]+)(?=\))",
            lambda match: match[1] + re.sub(r"[^\w-]", "", match[2].lower()),
            source[0].replace("](../book/", "](../"),
        )


class Labels(BaseLabelStyle):
    """Entries are named as the lessons name them: Chen et al., 2018b."""

    def format_labels(self, sorted_entries):
        """Yield the label of each entry."""
        for entry in sorted_entries:
            people = entry.persons["author"]
            names = [" ".join(p.prelast_names + p.last_names) for p in people]
            if len(names) > 2 or names[-1] == "others":
                names = [f"{names[0]} et al."]
            yield f"{' and '.join(names)}, {re.search(YEAR, entry.key).group()}"


class ByKey(BaseSortingStyle):
    """Keys are the first author's family name and the year."""

    def sorting_key(self, entry):
        """Return what an entry is sorted by."""
        return entry.key


class Lessons(Style):
    """References by author and year, family names first."""

    default_label_style = Labels
    default_name_style = "lastfirst"
    default_sorting_style = ByKey


def key(name, year):
    """Return the key of an entry: krahenbuhl2011 for Krähenbühl and 2011."""
    letters = unicodedata.normalize("NFKD", name.lower())
    return "".join(c for c in letters if c.isalnum() and c.isascii()) + year


def entries(app):
    """Return the keys of all references, if the book has a page of them."""
    if "references" not in app.env.found_docs:
        return set()
    return set(app.env.get_domain("cite").bibdata.data.entries)


def add_anchors(app, env):
    """Let references.md#long2015 lead to that entry."""
    for name in entries(app):
        slugs = env.metadata["references"].setdefault("myst_slugs", {})
        slugs[name] = (0, name, name)


def citations(text, known):
    """Yield start, end and key of each citation in a text, "" for an unknown one."""
    for match in CITATION.finditer(text):
        for name in re.finditer(NAME, match["names"]):
            if key(name[0], match["year"]) in known:
                yield (
                    name.start() + match.start(),
                    match.end(),
                    key(name[0], match["year"]),
                )
                following = NEXT_YEAR.match(text, match.end())
                while following:
                    entry = key(name[0], following[1])
                    yield (*following.span(1), entry if entry in known else "")
                    following = NEXT_YEAR.match(text, following.end())
                break
        else:
            if match["others"] and len(match["gap"].split()) < 2:
                yield match.start(), match.end(), ""


def link_citations(app, doctree, docname):
    """Turn citations by author and year into links to their entries."""
    known = entries(app)
    if not known:
        return
    page = app.builder.get_relative_uri(docname, "references")
    for block in list(doctree.findall(nodes.TextElement)):
        if not isinstance(block, (nodes.paragraph, nodes.term)):
            continue
        join_texts(block)
        leaves, text = [], ""
        for leaf in block.findall(nodes.Text):
            said = str(leaf)
            if inside(leaf, QUIET):
                said = "\0" * len(said)
            else:
                leaves.append((len(text), leaf))
            text += said
        found = list(citations(text, known))
        for begin, end, name in found:
            if not name:
                logger.warning("no reference for %r", text[begin:end], location=block)
        for offset, leaf in leaves:
            said, parts, done = str(leaf), [], 0
            for begin, end, name in found:
                begin, end = begin - offset, min(end - offset, len(said))
                if name and 0 <= begin < len(said):
                    end = begin + len(said[begin:end].rstrip(" ,(\n"))
                    link = nodes.reference(
                        "", said[begin:end], refuri=f"{page}#{name}", internal=True
                    )
                    link["classes"].append("citation-link")
                    parts += [nodes.Text(said[done:begin]), link]
                    done = end
            if parts:
                leaf.parent.replace(leaf, [*parts, nodes.Text(said[done:])])


def join_texts(block):
    """Join neighbouring texts: a line break in the source cuts them."""
    for parent in list(block.findall(nodes.Element)):
        joined = []
        for child in parent.children:
            last = joined[-1] if joined else None
            if isinstance(child, nodes.Text) and isinstance(last, nodes.Text):
                child = nodes.Text(joined.pop() + child)
            joined.append(child)
        if len(joined) < len(parent.children):
            parent.children = []
            parent.extend(joined)


def inside(node, kinds):
    """Tell whether a node lies in a node of these kinds."""
    while node.parent is not None:
        node = node.parent
        if isinstance(node, kinds):
            return True
    return False


# Form


def first_strong(block):
    """Return the bold words that open a paragraph, or nothing."""
    first = next((child for child in block.children if child.astext()), None)
    return first.astext() if isinstance(first, nodes.strong) else ""


def shape(app, doctree, docname):
    """Give captions, boxes and verdicts their classes; tidy tables."""
    for block in doctree.findall(nodes.paragraph):
        if CAPTION.match(first_strong(block)):
            block["classes"].append("figure-caption")
    for quote in doctree.findall(nodes.block_quote):
        first = quote.children[0] if quote.children else None
        word = first_strong(first) if isinstance(first, nodes.paragraph) else ""
        if word:
            quote["classes"] += ["box", nodes.make_id(f"box {word}")]
    for section in doctree.findall(nodes.section):
        if "objectives" in section["ids"]:
            box_objectives(section)
    for cell in doctree.findall(nodes.container):
        if "tag_check" in cell["classes"]:
            for output in cell.findall(nodes.literal_block):
                if "stream" in output["classes"]:
                    say_verdict(output)
    for table in list(doctree.findall(nodes.raw)):
        if table["format"] == "html" and 'class="dataframe"' in table.astext():
            table.children = [nodes.Text(tidy_table(table.astext()))]


def box_objectives(section):
    """Put the list that opens a section into a box, with the words before it."""
    kinds = [type(child) for child in section.children[1:4]]
    if nodes.bullet_list in kinds:
        end = kinds.index(nodes.bullet_list) + 2
        if all(kind is nodes.paragraph for kind in kinds[: end - 2]):
            box = nodes.container("", *section.children[1:end])
            box["classes"] += ["box", "box-objectives"]
            section.children[1:end] = []
            section.insert(1, box)


def say_verdict(output):
    """Take the word out of a text: the box says it."""
    said = re.sub(r"^Verdict: +(\w)", lambda m: m[1].upper(), output.astext())
    output.rawsource = said
    output.children = [nodes.Text(said)]


def tidy_table(html):
    """Join the rows of heads of a pandas table; leave its own style out.

    pandas gives the names of the index a row of their own, empty but for them.
    """
    table = BeautifulSoup(html, "html.parser").find("table")
    del table["border"]
    for row in table.find_all("tr"):
        del row["style"]
    rows = table.select("thead tr")
    first = table.select_one("tbody tr")
    names = len(first.find_all("th")) if first else 0
    cells = [row.find_all("th") for row in rows[-2:]] or [[]]
    only_names = not any(cell.text.strip() for cell in cells[-1][names:])
    if len(rows) > 1 and len(cells[0]) == len(cells[1]) and only_names:
        for above, below in list(zip(*cells))[:names]:
            said = [cell.text.strip() for cell in (below, above)]
            above.string = " \\ ".join(filter(None, said))
        rows.pop().decompose()
    for row in rows:
        for head in row.find_all("th")[:names]:
            head["class"] = "of-index"
    for head in table.find_all("th"):
        if not head.text.strip():
            head.name = "td"  # a head without a text names nothing
        else:
            head["scope"] = "col" if head.find_parent("thead") else "row"
    # A number and its spread stand in one line.
    return re.sub(r" ([±×]) ", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", str(table))


# Pages


def finish_page(app, pagename, templatename, context, doctree):
    """Drop Thebe's scripts, describe the page, size its pictures."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in f"{script.filename} {script.attributes}".lower()
    ]
    if pagename == app.config.root_doc:
        context["docstitle"] = ""  # it is this page's own title
    if doctree:
        texts = (p.astext() for p in doctree.findall(nodes.paragraph))
        words = " ".join(next((t for t in texts if len(t) > 60), "").split())
        words = words if len(words) <= 160 else f"{words[:157].rsplit(' ', 1)[0]} ..."
        words = words.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
        context["metatags"] += f'\n<meta name="description" content="{words}">\n'
    if "body" in context:
        files = {name: path for path, (_, name) in app.env.images.items()}
        body = re.sub(
            r'<img [^>]*src="[^"]*_images/([^"]+)"[^>]*?(?=/?>)',
            lambda match: picture(match, Path(app.srcdir, files.get(match[1], "_"))),
            context["body"],
        )
        body = re.sub(r"<th([^>]*)><p></p></th>", r"<td\1></td>", body)  # nameless
        # Labels that contradict the text, and a role that is no longer one.
        body = body.replace(' aria-label="Toggle hidden content"', "")
        context["body"] = body.replace('role="doc-biblioentry"', 'role="listitem"')


def picture(match, path):
    """Return the tag of a picture with its size; it loads when it comes near."""
    added = ' loading="lazy" decoding="async"'
    if path.is_file() and path.suffix == ".png":
        data = path.read_bytes()
        width, height = struct.unpack(">II", data[16:24])
        added += f' width="{width}" height="{height}" style="--natural: {width}px"'
        if b"acTL" in data[:1000]:  # what makes a PNG move
            added += ' data-moving="true"'
    return f"{match[0].rstrip()}{added} "


SEARCH = {
    # Two Chinese letters are a word, and may be part of a longer one.
    "if (word.length > 2) {": "if (word.length > 2 || /[^\\x00-\\x7f]/.test(word)) {",
    # What is only printed is not what a page says first.
    '[".headerlink", "script", "style"]': '["#jb-print-docs-body", ".headerlink", '
    '"script", "style"]',
}


def finish_static(app, error):
    """Leave out what no page loads, MathJax's other bundles and maps; mend search."""
    if error:
        return
    static = Path(app.outdir, "_static")
    for path in [*static.glob("mathjax/*.js"), *static.rglob("*.js.map")]:
        if path.name != MATHJAX:
            path.unlink()
    tools = static / "searchtools.js"
    code = tools.read_text(encoding="utf-8")
    for old, new in SEARCH.items():
        if old not in code and new not in code:
            logger.warning("searchtools.js has no %r: look at SEARCH again", old)
        code = code.replace(old, new) if new not in code else code
    tools.write_text(code, encoding="utf-8")


def setup(app):
    """Register before MyST-NB reads its own settings."""
    register_plugin("pybtex.style.formatting", "lessons", Lessons)
    app.connect("config-inited", keep_outputs, priority=1)
    app.connect("source-read", turn_links)
    app.connect("env-updated", add_anchors)
    app.connect("doctree-resolved", shape)
    app.connect("doctree-resolved", link_citations)
    app.connect("html-page-context", finish_page)
    app.connect("build-finished", finish_static)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
