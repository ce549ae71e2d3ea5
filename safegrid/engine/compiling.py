"""Compilation by Numba of environments' functions and of loops over them, cached on disk."""

import contextlib
import hashlib
import os
import stat
import sys
import tempfile
import warnings
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numba
import numpy as np

COMPILE_SETTINGS = ("BOUNDSCHECK", "OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "DEBUGINFO_DEFAULT")
SYSTEM_CACHE = "/var/cache"
LIBRARIES = ("math", "numpy")  # modules whose constants do not change
FUNCTIONS = (
    "reset",
    "step",
    "observe",
    "canonical",
    "violates",
)  # of an environment, for templates to call


def njit(function: Any, **options: Any) -> Any:
    """A function compiled by Numba, without reference counting: it cannot allocate arrays.

    It is inlined where compiled code calls it, since passing a level takes longer than a step.
    """
    compiler: Any = numba.njit
    return compiler(function, error_model="numpy", _nrt=False, forceinline=True, **options)


def njit_called(function: Any) -> Any:
    """A function compiled as by `njit`, but called: for a reset, which takes longer than a call."""
    compiler: Any = numba.njit
    return compiler(function, error_model="numpy", _nrt=False)


def digest(template: Any, module: ModuleType) -> str:
    """Sixteen hexadecimal digits that change with the compiled copy of `template` for a module.

    They are a digest of the compile settings, and of the code and global constants of the template,
    of the module's functions, and of every compiled function that these call, directly or
    indirectly.
    """
    parts = set()
    for function in _called([template, *_functions(module).values()]):
        parts.add(f"{function.__module__}.{function.__qualname__}: {_code(function.__code__)!r}")
        for name, value in _globals(function).items():
            if isinstance(value, np.ndarray):
                value = value.dtype.str, value.shape, value.tobytes()
            if isinstance(value, (bool, int, float, str, tuple, np.generic)):
                parts.add(f"{function.__module__}.{name} = {value!r}")
    settings = [getattr(numba.config, name) for name in COMPILE_SETTINGS]
    content = hashlib.sha256(Path(__file__).read_bytes())
    content.update(repr((sorted(parts), numba.__version__, settings)).encode())
    return content.hexdigest()[:16]


def _code(code: CodeType) -> tuple[Any, ...]:
    """The instructions, names and constants of a code object, without file and line numbers."""
    constants = [_code(each) if isinstance(each, CodeType) else each for each in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, constants


def costs(state, level, outcome):  # type: ignore[no-untyped-def]
    """Whether a step was a violation, for environments that do not declare `violates`."""
    return outcome.cost > 0


def _functions(module: ModuleType) -> dict[str, Any]:
    """The functions of an environment that a template may call, by name."""
    own = {key: getattr(module, key) for key in FUNCTIONS if hasattr(module, key)}
    return {"violates": njit(costs), **own}  # a new one, since states are of different types


def _called(functions: list[Any]) -> set[Any]:
    """The plain Python functions behind some functions and all compiled ones that they call."""
    called: set[Any] = set()
    while functions:
        last = functions.pop()
        if (function := getattr(last, "py_func", last)) not in called:
            called.add(function)
            functions += [v for v in _globals(function).values() if hasattr(v, "py_func")]
    return called


def _globals(function: Any) -> dict[str, Any]:
    """The global values that a function uses, by name; also attributes of modules that it uses."""
    names = function.__code__.co_names
    used = {name: function.__globals__[name] for name in names if name in function.__globals__}
    for key, value in list(used.items()):
        if isinstance(value, ModuleType) and value.__name__ not in LIBRARIES:
            attributes = {name: getattr(value, name) for name in names if hasattr(value, name)}
            used |= {f"{key}.{name}": each for name, each in attributes.items()}
    return used


def specialise(template: Any, module: ModuleType) -> Any:
    """A compiled copy of `template` that calls `module`'s functions.

    Numba's cache on disk identifies a function by its file and name, not by the functions that it
    calls. The copy's name therefore ends with a digest of all of them: other processes load it from
    the cache, and never load an outdated one. Where the module cannot be imported, functions could
    not be loaded from the cache, and are not written to it.
    """
    name = f"{template.__name__}_{module.__name__.rpartition('.')[2]}_{digest(template, module)}"
    code: CodeType = template.__code__.replace(co_name=name, co_qualname=name)
    function = FunctionType(code, {**template.__globals__, **_functions(module)}, name)
    if sys.modules.get(module.__name__) is not module:
        return njit(function, nogil=True)
    return keep(lambda **options: njit(function, nogil=True, **options))


def keep(compiler: Any) -> Any:
    """A compiled function, cached on disk if some folder for the cache can be written to.

    That is Numba's own folder, or else one of the system's for caches or temporary files. The cache
    is a convenience: see `OptionalCache`.
    """
    try:
        function = compiler(cache=True)
    except RuntimeError:  # Numba finds no folder that can be written to
        own: str = numba.config.CACHE_DIR  # type: ignore[attr-defined]
        numba.config.CACHE_DIR = system_cache() or ""  # type: ignore[attr-defined]
        try:
            function = compiler(cache=True)
        except RuntimeError:
            OptionalCache.say("no folder can be written to")
            return compiler()
        finally:
            numba.config.CACHE_DIR = own  # type: ignore[attr-defined]
    if hasattr(function, "_cache"):  # not where Numba is disabled
        function._cache = OptionalCache(function._cache)
    return function


def system_cache() -> str | None:
    """A folder of the system's that nobody else can write to, for the cache; None without one."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    for parent in (os.environ.get("XDG_CACHE_HOME"), SYSTEM_CACHE, tempfile.gettempdir()):
        if not parent:
            continue
        folder = Path(parent, f"safegrid-{user}")
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, exist_ok=True)
            status = folder.lstat()
            ours = stat.S_ISDIR(status.st_mode) and status.st_uid == user
            if ours and not status.st_mode & 0o022 and os.access(folder, os.W_OK):
                return str(folder)
    return None


class OptionalCache:
    """Numba's cache of one function, without its errors.

    What cannot be read is compiled anew and replaced; what cannot be written is said once in a
    process.
    """

    said = False

    def __init__(self, cache: Any):
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def load_overload(self, signature: Any, context: Any) -> Any:
        """The compiled code for a signature; None where there is none that can be read."""
        try:
            return self._cache.load_overload(signature, context)
        except Exception:  # a damaged pickle raises anything
            with contextlib.suppress(OSError):
                self._cache.flush()
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Writes the compiled code for a signature, if it can be written."""
        try:
            self._cache.save_overload(signature, compiled)
        except Exception as error:
            self.say(f"{self._cache.cache_path} cannot be written: {error}")

    @classmethod
    def say(cls, reason: str) -> None:
        """Warns once in a process that compiled code is not kept."""
        if not OptionalCache.said:
            OptionalCache.said = True
            warnings.warn(
                f"compiled code cannot be kept, and each process compiles it again: {reason}; "
                "NUMBA_CACHE_DIR names a folder for it",
                stacklevel=4,
            )
