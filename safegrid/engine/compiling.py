"""Compilation by Numba: of environments' functions, of loops over them, and its cache on disk."""

import hashlib
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numba
import numpy as np

COMPILE_SETTINGS = ("BOUNDSCHECK", "OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "DEBUGINFO_DEFAULT")
LIBRARIES = ("math", "numpy")  # whose constants do not change
FUNCTIONS = ("reset", "step", "observe", "canonical")  # what a template may call


def njit(function: Any, **options: Any) -> Any:
    """Compiled by Numba without reference counting, so that it cannot make new arrays.

    What an environment's functions call is inlined: passing a level costs more than a step.
    """
    compiler: Any = numba.njit
    return compiler(function, error_model="numpy", _nrt=False, forceinline=True, **options)


def digest(template: Any, module: ModuleType) -> str:
    """Of everything a compiled copy of `template` is made from, and of the compile settings.

    That is the source files and the global constants of the template, of the module's functions,
    and of every compiled function that these call, however indirectly.
    """
    content = hashlib.sha256()
    files, constants = {__file__}, set()
    for function in _called([template, *_functions(module).values()]):
        files.add(function.__code__.co_filename)
        for name, value in _globals(function).items():
            if isinstance(value, np.ndarray):
                value = value.dtype.str, value.shape, value.tobytes()
            if isinstance(value, (bool, int, float, str, tuple, np.generic)):
                constants.add(f"{function.__module__}.{name}={value!r}")
    for source in sorted(files):
        content.update(Path(source).read_bytes())
    settings = [getattr(numba.config, name) for name in COMPILE_SETTINGS]
    content.update(repr((sorted(constants), numba.__version__, settings)).encode())
    return content.hexdigest()[:16]


def _functions(module: ModuleType) -> dict[str, Any]:
    """What a template may call of an environment."""
    return {key: getattr(module, key) for key in FUNCTIONS if hasattr(module, key)}


def _called(functions: list[Any]) -> set[Any]:
    """The plain Python functions behind some functions and all compiled ones that they call."""
    found: set[Any] = set()
    while functions:
        last = functions.pop()
        if (function := getattr(last, "py_func", last)) not in found:
            found.add(function)
            functions += [v for v in _globals(function).values() if hasattr(v, "py_func")]
    return found


def _globals(function: Any) -> dict[str, Any]:
    """The global names that a function uses, those of modules by their attributes."""
    names = function.__code__.co_names
    found = {name: function.__globals__[name] for name in names if name in function.__globals__}
    for key, value in list(found.items()):
        if isinstance(value, ModuleType) and value.__name__ not in LIBRARIES:
            attributes = {name: getattr(value, name) for name in names if hasattr(value, name)}
            found |= {f"{key}.{name}": each for name, each in attributes.items()}
    return found


def specialise(template: Any, module: ModuleType) -> Any:
    """A compiled copy of `template` that calls `module`'s functions.

    Numba's cache on disk knows a function by its file and name, not by the functions it calls. The
    copy's name therefore holds a digest of all of them: other processes find it, and never stale.
    """
    name = f"{template.__name__}_{module.__name__.rpartition('.')[2]}_{digest(template, module)}"
    code: CodeType = template.__code__.replace(co_name=name, co_qualname=name)
    function = FunctionType(code, {**template.__globals__, **_functions(module)}, name)
    return keep(lambda **options: njit(function, nogil=True, **options))


def keep(compiler: Any) -> Any:
    """A compiled function, kept on disk where there is a place for it."""
    try:
        return compiler(cache=True)
    except RuntimeError:  # no folder can be written to
        return compiler()
