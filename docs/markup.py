"""Markdown of the generated pages: prose of docstrings, code, tables of contents."""

import inspect
import re
from collections.abc import Iterable


def prose(text: str) -> str:
    """A text of a docstring as Markdown: characters that mean something there are escaped."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([\\*_<>\[\]|#~$^{}])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def code(value: object) -> str:
    """A value as code in a cell of a table."""
    text = repr(value) if not isinstance(value, str) else value
    return f"`` {text} ``".replace("|", "\\|") if text.strip() else "(blank)"


def fenced(text: str, language: str = "text") -> str:
    """A block of code."""
    return f"````{language}\n{text.rstrip()}\n````"


def contents(names: Iterable[str]) -> str:
    """The table of contents of a folder, which only the navigation shows."""
    return "```{toctree}\n:maxdepth: 1\n:hidden:\n\n" + "\n".join(names) + "\n```"


def page_title(description: str) -> str:
    """The title of the page of an environment or agent: the name that its docstring begins with."""
    return prose(description.partition(":")[0])


def paragraphs(text: str) -> str:
    """The paragraphs of a docstring as Markdown; indented ones are code."""
    found = []
    for part in re.split(r"\n\s*\n", inspect.cleandoc(text)) if text.strip() else ():
        indented = all(line.startswith("    ") for line in part.splitlines())
        found.append(fenced(inspect.cleandoc(part)) if indented else prose(part))
    return "\n\n".join(found)
