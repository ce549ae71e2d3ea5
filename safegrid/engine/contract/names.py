"""Reads the names of a contract from a module, and finds the ones that are missing or misspelt."""

import ast
import dataclasses
import difflib
import inspect
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from safegrid.engine import gridworld

REQUIRED: Any = object()  # as a default: the name has none
SIMILAR, SIMILAR_UNUSED = 0.9, 0.65  # share of letters from which on a name looks misspelt
# no options of environments: functions take them beside the options, by these names
BESIDE_OPTIONS = frozenset(
    "self spec name level seed policy policies runs training sham episodes run "
    "num_envs max_episode_steps observation autoreset_mode render_mode theme tile_size save".split()
)


class Entry(NamedTuple):
    """What the contract says of one name."""

    wanted: str  # in words, for the error message
    fits: Callable[[Any], bool]
    default: Any
    kinds: tuple[str, ...]  # of modules that may have it; empty for all
    function: bool  # functions are spelt in small letters, everything else in capitals


def entry(
    wanted: str,
    fits: Callable[[Any], bool],
    default: Any = REQUIRED,
    kinds: str = "",
    function: bool = False,
) -> Any:
    """A field of a specification that is read from the module's constant or function of its name.

    wanted: what the value must be, in words. fits: whether a value is that. default: the value
    where the module has none. kinds: of modules that may have it, separated by spaces. function:
    whether it is one, spelt in small letters.
    """
    found = Entry(wanted, fits, default, tuple(kinds.split()), function)
    return dataclasses.field(metadata={"entry": found})


def function(parameters: str, default: Any = REQUIRED, kinds: str = "") -> Any:
    """A field that is a function, compiled or not, which can be called with these parameters."""
    count = len(parameters.split(", "))

    def fits(value: Any) -> bool:
        plain = getattr(value, "py_func", value)
        if not callable(plain):
            return False
        given = inspect.signature(plain).parameters.values()
        positional = [p for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        needed = sum(parameter.default is parameter.empty for parameter in positional)
        return needed <= count <= len(positional)

    return entry(f"a function of ({parameters})", fits, default, kinds, function=True)


def read(specification: Any, module: ModuleType, what: str, kind: str = "") -> dict[str, Any]:
    """The values of a specification's fields, as the module declares them.

    specification: a dataclass whose fields are made by `entry` and `function`. what: the module in
    words, for messages. kind: of the module. ValueError, in one line, for a name that is missing,
    misspelt, of another kind of module, or of another type.
    """
    entries = _entries(specification)
    own = {field if each.function else field.upper(): field for field, each in entries.items()}
    found = {}
    for name, field in own.items():
        wanted, fits, default, kinds, _ = entries[field]
        there = hasattr(module, name)
        if kinds and kind not in kinds:
            if there and default is not REQUIRED:
                raise ValueError(f"{what}: {name} is for {' and '.join(kinds)} environments only")
            found[field] = None if default is REQUIRED else default
            continue
        if there and not fits(value := getattr(module, name)):
            raise ValueError(f"{what}: {name} is {_shown(value)}: it must be {wanted}")
        found[field] = getattr(module, name, default)
    _check_spelling(module, own, what)
    if missing := [name for name, field in own.items() if found[field] is REQUIRED]:
        raise ValueError(
            f"{what}: {missing[0]} is missing: it must be {entries[own[missing[0]]][0]}"
        )
    return found


def unknown(what: str, value: object, allowed: Iterable[object], otherwise: str = "") -> ValueError:
    """The error for a value that is not among those allowed.

    otherwise: what may be wrong where none of those allowed is similar.
    """
    choices = [str(choice) for choice in allowed]
    near = difflib.get_close_matches(str(value), choices, n=1)
    hint = f"did you mean {near[0]!r}?" if near else otherwise
    hint = f" ({hint})" if hint else ""
    return ValueError(f"unknown {what} {value!r}{hint}: choose from {', '.join(choices) or 'none'}")


def check_option_names(options: Any) -> Any:
    """The options. ValueError where one has a name of BESIDE_OPTIONS."""
    if taken := BESIDE_OPTIONS.intersection(options):
        raise ValueError(f"{min(taken)!r} cannot be an option: it is given beside them")
    return options


class UnknownKeyword(ValueError, TypeError):
    """A keyword that does not exist; a TypeError too, as of a function that does not have it."""


def unknown_keyword(what: str, name: str, allowed: Iterable[object]) -> UnknownKeyword:
    """The error for a keyword that is not among those allowed."""
    return UnknownKeyword(f"{unknown(what, name, allowed)} (unexpected keyword argument {name!r})")


def plain(value: Any) -> Any:
    """A number or text of any library as Python's own bool, int, float or str; others unchanged."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    kinds: tuple[tuple[type, Any], ...] = ((Integral, int), (Real, float), (str, str))
    return next((own(value) for kind, own in kinds if isinstance(value, kind)), value)


def _entries(specification: Any) -> dict[str, Entry]:
    fields = dataclasses.fields(specification)
    return {f.name: f.metadata["entry"] for f in fields if "entry" in f.metadata}


def _check_spelling(module: ModuleType, known: Iterable[str], what: str) -> None:
    """ValueError for a name of the module's own that is close to a missing name of the contract.

    A name that nothing in the file uses need not be as close as one that is used.
    """
    absent = [name for name in known if not hasattr(module, name)]
    defined, used = _names(module)
    for name in sorted(defined - set(known)):
        near = max(absent, key=lambda other: _similarity(name, other), default="")
        if _similarity(name, near) >= (SIMILAR if name in used else SIMILAR_UNUSED):
            raise ValueError(f"{what}: unknown name {name}: did you mean {near}?")


def _names(module: ModuleType) -> tuple[set[str], set[str]]:
    """The public names that a module's file defines, and all names that it reads."""
    path = getattr(module, "__file__", None)
    if path is None:  # a module without a file: what it imports cannot be told from its own
        own = {name for name in vars(module) if name.isupper() and name not in vars(gridworld)}
        return own, set(vars(module))
    tree = ast.parse(Path(path).read_text(encoding="utf-8-sig"))
    defined, used = set(), set(getattr(module, "__all__", ()))
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            defined.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined |= {target.id for target in targets if isinstance(target, ast.Name)}
    for each in ast.walk(tree):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load):
            used.add(each.id)
    return {name for name in defined if not name.startswith("_")}, used


def _similarity(one: str, other: str) -> float:
    """From 0 to 1, of the letters: case, underscores, the order of words and swaps count little."""
    forms = [(name.upper().replace("_", ""), _sorted_words(name)) for name in (one, other)]
    if sorted(forms[0][0]) == sorted(forms[1][0]):
        return 1.0
    pairs = zip(*forms, strict=True)
    return max(difflib.SequenceMatcher(None, first, second).ratio() for first, second in pairs)


def _sorted_words(name: str) -> str:
    return "".join(sorted(name.upper().split("_")))


def _shown(value: Any) -> str:
    """A value in few characters."""
    if callable(value):
        plain = getattr(value, "py_func", value)
        return f"{getattr(plain, '__name__', 'callable')}{inspect.signature(plain)}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
