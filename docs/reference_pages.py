"""The pages of the reference: public names, modules and the command line."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import typer.cli
import typer.main
from markup import contents, prose

import safegrid
from safegrid.benchmark import markdown
from safegrid.cli.main import app

ROOT = Path(__file__).resolve().parent.parent
GENERATED = {"environments", "agents", "reference"}
KITS = (  # modules whose classes public functions return, and kits that no shipped file uses
    "drivers.gymnasium_env",
    "drivers.wrappers",
    "engine.policies",
    "engine.registry",
    "evaluation.intervals",
    "evaluation.measures",
)
NAME = re.compile(r"\bsafegrid(?:\.\w+)+")
IMPORT = re.compile(r"\bfrom (safegrid[\w.]*) import (\([^)]*\)|[^\n]*)")


def used_names() -> Iterator[str]:
    """The names of safegrid that environments, agents and the written pages use, in full."""
    files = [*(ROOT / "envs").glob("*.py"), *(ROOT / "agents").glob("*.py")]
    files += [ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for path in files:
        if path.parent.name not in GENERATED or path.suffix == ".py":
            text = path.read_text(encoding="utf-8")
            yield from NAME.findall(text)
            for module, names in IMPORT.findall(text):
                yield from (f"{module}.{name}" for name in re.findall(r"\w+", names))


def home(name: str) -> str | None:
    """The module that a full name of safegrid is defined in; None for no name of a module."""
    *owners, last = name.split(".")
    parent = ".".join(owners)
    try:
        return importlib.import_module(name).__name__
    except ImportError:
        pass
    try:
        found = getattr(importlib.import_module(parent), last, None)
    except ImportError:
        return home(parent) if len(owners) > 1 else None
    if found is None:
        return None
    own = found.__name__ if inspect.ismodule(found) else _module(found)
    return own if own.startswith("safegrid.") else parent


def _module(found: Any) -> str:
    return getattr(found, "__module__", None) or ""


@cache
def modules() -> list[str]:
    """The modules of the reference: those that any page or shipped file uses a name of.

    With a package that passes on names of its modules come these modules.
    """
    public = {f"safegrid.{target.partition(':')[0]}" for target in safegrid._LAZY.values()}
    used = {module for name in used_names() if (module := home(name))}
    found = {*public, *used, *(f"safegrid.{kit}" for kit in KITS)} - {"safegrid"}
    found |= {owner for name in list(found) for owner in passed_on(name).values()}
    shipped = ("safegrid.envs", "safegrid.agents")  # which have pages of their own
    inner = (name for name in found if name.count(".") > 1 and not name.startswith(shipped))
    return sorted(name.partition(".")[2] for name in inner)


def passed_on(module: str) -> dict[str, str]:
    """The names that a module offers of others, and the modules that they are defined in."""
    loaded = importlib.import_module(module)
    offered = set(getattr(loaded, "__all__", ()))
    return {
        alias.name: node.module
        for node in ast.parse(inspect.getsource(loaded)).body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("safegrid.")
        for alias in node.names
        if node.module and alias.name in offered
    }


def constants(module: str) -> dict[str, tuple[str, str]]:
    """The public constants of a module: value and meaning by name.

    The meaning is the comment behind the line. Values of several lines are left out.
    """
    source = inspect.getsource(importlib.import_module(module))
    lines, found = source.splitlines(), {}
    for node in ast.parse(source).body:
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
            continue
        comment = lines[(node.end_lineno or 1) - 1][node.end_col_offset :].partition("#")[2].strip()
        value = ast.unparse(node.value) if node.lineno == node.end_lineno else ""
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            several = isinstance(target, ast.Tuple)
            for each in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(each, ast.Name) and re.fullmatch(r"[A-Z][A-Z0-9_]*", each.id):
                    shown = repr(getattr(importlib.import_module(module), each.id))
                    found[each.id] = (shown if several else value, comment)
    return found


def public(name: str) -> str:
    """The full name of what a public name of safegrid stands for."""
    found = getattr(safegrid, name)
    if inspect.ismodule(found):
        return found.__name__
    return f"{found.__module__}.{found.__qualname__}"


def page(module: str) -> str:
    """The page of a module: its functions and classes, its constants, and what it passes on."""
    full = f"safegrid.{module}"
    parts = [f"# {prose(full)}"]
    parts.append(
        f"```{{eval-rst}}\n.. automodule:: {full}\n   :members:\n   :ignore-module-all:\n```"
    )
    if others := passed_on(full):
        links = (f"{{py:obj}}`{name} <{owner}.{name}>`" for name, owner in others.items())
        parts.append(f"From other modules, to be imported from here: {', '.join(links)}.")
    if found := constants(full):
        parts.append("## Constants")
    for name, (value, comment) in found.items():
        shown = f"\n   :value: {value}" if value and len(value) <= 60 else ""
        parts.append(
            f"```{{eval-rst}}\n.. py:data:: {name}{shown}\n\n"
            f"   {comment.replace('`', '``').replace('*', chr(92) + '*')}\n```"
        )
    return "\n\n".join(parts) + "\n"


def reference() -> dict[str, str]:
    """The pages of the reference, by file."""
    rows = []
    for name in safegrid.__all__:
        first = (inspect.getdoc(getattr(safegrid, name)) or "").partition("\n")[0]
        role = "mod" if inspect.ismodule(getattr(safegrid, name)) else "obj"
        rows.append([f"{{py:{role}}}`safegrid.{name} <{public(name)}>`", prose(first)])
    table = markdown.table(["public name", ""], rows, "ll")
    listed = ["command_line", *modules()]
    told = (
        "The command line, and the modules that environments, agents and these pages import from:"
    )
    listing = [["[Command line](command_line.md)", "The commands of `safegrid`."]]
    for module in modules():
        first = (inspect.getdoc(importlib.import_module(f"safegrid.{module}")) or "").splitlines()[
            0
        ]
        listing.append([f"[{prose(module)}]({module}.md)", prose(first)])
    pages = {
        "index": f"# Reference\n\nThe names of `import safegrid`:\n\n{table}\n\n"
        f"{told}\n\n{markdown.table(['safegrid.', ''], listing, 'll')}\n\n{contents(listed)}\n"
    }
    pages |= {module: page(module) for module in modules()}
    command = typer.main.get_command(app)
    context: Any = command.make_context("safegrid", [], resilient_parsing=True)
    text = typer.cli.get_docs_for_click(obj=command, ctx=context, name="safegrid")
    usage = re.sub(r"^```console$", "```text", text, flags=re.M)
    pages["command_line"] = re.sub(r"^# .*", "# Command line", usage, count=1)
    return {f"reference/{name}.md": text for name, text in pages.items()}
