"""Loads the modules of environments and agents that are given as files or dotted names."""

import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

F = TypeVar("F")
_caches: list[Any] = []  # of `cached`


def source(plugin: str) -> Path | None:
    """The file of a plug-in, which is not run; None for a module that is not there."""
    if plugin.endswith(".py"):
        return Path(plugin).resolve()
    try:
        spec = importlib.util.find_spec(plugin)
    except ModuleNotFoundError:  # the package that it is in
        return None
    return None if spec is None or spec.origin is None else Path(spec.origin)


def load(plugin: str) -> ModuleType:
    """The module in a file, or of a dotted name. ValueError, in one line, where it fails."""
    path = Path(plugin)
    try:
        if path.suffix != ".py":
            return importlib.import_module(plugin)
        name = f"safegrid_plugins.{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path.resolve())
        assert spec is not None and spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    except (Exception, SystemExit) as error:
        sys.modules.pop(f"safegrid_plugins.{path.stem}", None)
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        if isinstance(error, FileNotFoundError) and not path.exists():
            reason = str(error.strerror)
        raise ValueError(f"plug-in {plugin} cannot be loaded: {reason}") from None


def cached(most: int | None = None) -> Callable[[F], F]:
    """Decorates a function of levels, which keeps its latest results until `forget` is called.

    most: results that are kept; all if None.
    """

    def decorate(function: F) -> F:
        kept: Any = functools.lru_cache(most)(function)  # type: ignore[arg-type]
        _caches.append(kept)
        return kept  # type: ignore[no-any-return]

    return decorate


def forget() -> None:
    """Empties what functions have kept: an environment has been registered, perhaps again."""
    for kept in _caches:
        kept.cache_clear()
