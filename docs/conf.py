"""Settings of the documentation: `make docs` builds it with Sphinx."""

import inspect
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import pages

project = "SafeGrid"
author = copyright = "SafeGrid contributors"
version = release = metadata.version("safegrid-rl")
extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
autodoc_preserve_defaults = True
smartquotes = False
html_theme = "furo"
html_title = "SafeGrid"
html_copy_source = False
html_show_sphinx = False
FIELD = r"^\s*{name}: .*?(?:  # (.*))?$"  # of a named tuple: its meaning stands behind it


def write_pages(_: Any) -> None:
    """Writes the generated pages before the sources are read."""
    pages.write()


def field_meaning(owner: type, name: str) -> str:
    """The comments in front of and behind a field of a named tuple."""
    lines = inspect.getsource(owner).splitlines()
    for number, line in enumerate(lines):
        if found := re.match(FIELD.format(name=re.escape(name)), line):
            before = number
            while lines[before - 1].strip().startswith("#"):
                before -= 1
            above = [each.strip().lstrip("# ") for each in lines[before:number]]
            return " ".join([*above, found[1] or ""]).strip()
    return ""


def docstring(_: Any, what: str, name: str, found: Any, __: Any, lines: list[str]) -> None:
    """Rewrites a docstring, which is plain text, as reStructuredText.

    Names in single back quotes are code, paragraphs that are indented are literal blocks, and a
    list of `name: meaning` lines is a list.
    """
    if what in ("attribute", "property") and lines and lines[0].startswith("Alias for field"):
        module, _, owner = name.rpartition(".")[0].rpartition(".")
        kind = getattr(sys.modules.get(module), owner, None)
        lines[:] = [field_meaning(kind, name.rpartition(".")[2])] if kind else [""]
    lines[:] = rewrite("\n".join(lines)).splitlines()


def rewrite(text: str) -> str:
    """Plain text as reStructuredText."""
    parts = []
    for part in re.split(r"\n\s*\n", text.rstrip()):
        rows = part.splitlines()
        if rows and all(row.startswith("    ") for row in rows):
            parts.append("::\n\n" + part)
        elif len(rows) > 1 and all(re.match(r"[\w, *]+: |    ", row) for row in rows):
            items = re.split(r"\n(?!    )", part)
            parts.append("\n".join(f"* {escape(' '.join(item.split()))}" for item in items))
        else:
            parts.append(escape(" ".join(row.strip() for row in rows)))
    return "\n\n".join(parts)


def escape(text: str) -> str:
    """A paragraph in which only the names in back quotes mean something: they are code."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([\\*|]|_(?=\W|$))", r"\\\1", part) for part in parts[::2]]
    for i, part in enumerate(parts[1::2]):
        parts[2 * i + 1] = f"``{part}``"
        if re.match(r"\w", parts[2 * i + 2]):
            parts[2 * i + 2] = "\\ " + parts[2 * i + 2]
    return "".join(parts)


def setup(application: Any) -> None:
    """Registers what is done before a build and for each docstring."""
    application.connect("builder-inited", write_pages)
    application.connect("autodoc-process-docstring", docstring)
