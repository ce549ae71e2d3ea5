"""Which environments and agents there are: files of envs/ and agents/, plug-ins, packages.

An installed package adds its own by the entry-point groups `safegrid.environments` and
`safegrid.agents`: the name of an entry is that of the environment or agent, its value the module.
"""

import functools
import importlib
import os
import pkgutil
import warnings
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from gymnasium.envs import registration

from safegrid.engine.contract import loading
from safegrid.engine.contract.agents import AgentSpec, read_agent
from safegrid.engine.contract.environments import (
    EnvironmentSpec,
    camel_case,
    read_environment,
)
from safegrid.engine.contract.manifest import Manifest, assigned_names, read_manifest
from safegrid.engine.contract.names import unknown, unknown_keyword

__all__ = ["unknown"]
UNREGISTERED = "one of your own needs --plugin FILE, or safegrid.register(FILE)"
_FOLDERS = {"environment": "envs", "agent": "agents"}
_registered: dict[str, dict[str, ModuleType]] = {"environment": {}, "agent": {}}
_waiting: dict[str, str] = {}  # agents' plug-ins that have not been run, by name
_plugins: list[str] = []  # what `register` was given, for other processes


def names() -> list[str]:
    """The environments' names, in alphabetical order."""
    return _names("environment")


def grids() -> list[str]:
    """The names of the environments on a board."""
    return [name for name in names() if environment(name).kind == "grid"]


def agents() -> list[str]:
    """The agents' names, in alphabetical order."""
    return _names("agent")


def environment(name: str) -> EnvironmentSpec:
    """The environment of this name, or of this Gymnasium id: safegrid/BoatRace-v0 is boat_race.

    ValueError where there is none, and for its first fault.
    """
    if isinstance(name, str) and "/" in name:
        return _of_id(name)
    module = _module("environment", name)
    return _environment(name, module)


def _of_id(identifier: str) -> EnvironmentSpec:
    """The environment of a Gymnasium id, with or without the module before a colon."""
    wanted = identifier.rpartition(":")[2]
    # its own environment first, because a file is only read when it is needed
    for name in sorted(names(), key=lambda each: f"/{camel_case(each)}-v" not in wanted):
        if wanted in environment(name).identifiers:
            return environment(name)
    raise unknown("environment", identifier, [environment(name).identifier for name in names()])


def agent(name: str) -> AgentSpec:
    """The agent of this name. ValueError where there is none, and for its first fault."""
    module = _module("agent", name)
    return _agent(name, module)


_environment = functools.cache(read_environment)
_agent = functools.cache(read_agent)
_READERS: dict[str, Any] = {"environment": _environment, "agent": _agent}


def manifest(name: str) -> Manifest | None:
    """What the file of an agent states, read without running it; None where there is no such file.

    ValueError where it does not state what an agent must.
    """
    if (path := _agent_file(name)) is None:
        return None
    try:
        return read_manifest(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"agent {name}: {error}") from None


def uses_hidden_info(name: str, settings: Mapping[str, Any]) -> bool:
    """Whether an agent, or one that its settings name, uses hidden information."""
    return any(agent(each).uses_hidden_info for each in [name, *named_agents(settings)])


def named_agents(settings: Any) -> list[str]:
    """The agents that settings name, at any depth, in alphabetical order."""
    if isinstance(settings, Mapping | list):
        values = settings.values() if isinstance(settings, Mapping) else settings
        return sorted({name for value in values for name in named_agents(value)})
    return [settings] if isinstance(settings, str) and settings in agents() else []


def register(plugin: str | Path | ModuleType) -> str:
    """Adds an environment or an agent for this process; returns its name.

    plugin: the path of a Python file, a module, or the dotted name of one. The name is that of the
    file. ValueError where it cannot be loaded, breaks the contract, or has a name that is taken.
    """
    module = plugin if isinstance(plugin, ModuleType) else loading.load(str(plugin))
    name = module.__name__.rpartition(".")[2]
    what = "agent" if hasattr(module, "train") else "environment"
    known = _registered[what].get(name)
    same = known and getattr(known, "__file__", None) == getattr(module, "__file__", None)
    if name in _names(what) and not same:
        raise ValueError(f"{what} {name} is there already: give {plugin} another name")
    _READERS[what](name, module)
    _registered[what][name] = module
    loading.forget()
    if what == "environment":
        _register_id(environment(name))
    told = module.__name__ if isinstance(plugin, ModuleType) else str(plugin)
    told = str(Path(told).resolve()) if told.endswith(".py") else told
    if told not in _plugins:
        _plugins.append(told)
    return name


def register_later(plugin: str) -> None:
    """As `register`, but an agent's code runs only once the agent is asked for.

    plugin: the path of a Python file, or the dotted name of a module. ValueError for one that does
    not assign STEPS, as agents do, or LEVELS, as environments do, and as `register`.
    """
    path, name = loading.source(plugin), Path(plugin).stem if plugin.endswith(".py") else plugin
    name = name.rpartition(".")[2]
    assigned = assigned_names(path.read_bytes()) if path is not None and path.is_file() else set()
    if "STEPS" in assigned:
        told = str(path) if plugin.endswith(".py") else plugin
        if told not in _plugins:
            if name in _names("agent"):
                raise ValueError(f"agent {name} is there already: give {plugin} another name")
            _waiting[name] = told
            _plugins.append(told)
    elif "LEVELS" in assigned or path is None or not path.is_file():
        register(plugin)
    else:
        raise ValueError(f"plug-in {plugin} assigns neither STEPS nor LEVELS: it must do so itself")


def unregister(plugin: str | Path) -> None:
    """Removes what was registered from a file."""
    path = str(Path(plugin).resolve())
    name = Path(plugin).stem
    _waiting.pop(name, None)
    _plugins.remove(path)
    if name in _registered["environment"]:
        for identifier in environment(name).identifiers:
            registration.registry.pop(identifier, None)
    for modules in _registered.values():
        modules.pop(name, None)


def plugins() -> list[str]:
    """What has been registered in this process, for `register` in another one."""
    return list(_plugins)


def plugins_of(*modules: ModuleType) -> list[str]:
    """The plug-ins, as `plugins` gives them, that these modules of environments or agents are."""
    told = {module.__name__ for module in modules}
    told |= {str(Path(str(module.__file__)).resolve()) for module in modules}
    return [plugin for plugin in _plugins if plugin in told]


def register_ids() -> None:
    """Registers every environment with Gymnasium."""
    for name in names():
        _register_id(environment(name))


def source(name: str) -> Path:
    """The file of an environment."""
    return Path(str(environment(name).module.__file__))


def files() -> set[str]:
    """The files of all environments and agents."""
    modules = [environment(name).module for name in names()]
    modules += [agent(name).module for name in agents()]
    return {str(Path(str(module.__file__)).resolve()) for module in modules}


def check_options(
    name: str, given: Iterable[str], common: tuple[str, ...] = ("map", "noop")
) -> None:
    """UnknownKeyword for what is neither an option of the environment nor one in common.

    The level is given beside options, not among them.
    """
    spec = environment(name)
    if other := set(given) - {*common, *spec.options}:
        allowed = sorted({"level", *common, *spec.options} - other)
        raise unknown_keyword(f"option of {spec.name}", min(other), allowed)


def _register_id(spec: EnvironmentSpec) -> None:
    limit = spec.horizon if isinstance(spec.horizon, int) else None  # None: each level has its own
    for identifier in spec.identifiers:
        registration.registry.pop(identifier, None)
        registration.register(
            id=identifier,
            entry_point=f"safegrid.drivers.gymnasium_env:{'Single' if limit else 'limited'}",
            vector_entry_point="safegrid.drivers.gymnasium_env:Vector",
            max_episode_steps=limit,
            kwargs={"name": spec.name},
        )


def _names(what: str) -> list[str]:
    waiting = _waiting if what == "agent" else ()
    return sorted({*_shipped(what), *_installed(what), *_registered[what], *waiting})


def _shipped(what: str) -> list[str]:
    """The files of a folder, listed anew when it has changed."""
    folders = importlib.import_module(f"safegrid.{_FOLDERS[what]}").__path__
    return _modules(*((folder, os.stat(folder).st_mtime_ns) for folder in folders))


@functools.lru_cache
def _modules(*folders: tuple[str, int]) -> list[str]:
    return [module.name for module in pkgutil.iter_modules([folder for folder, _ in folders])]


@functools.cache
def _installed(what: str) -> dict[str, ModuleType]:
    """The modules that installed packages add; those at fault are left out with a warning."""
    modules: dict[str, ModuleType] = {}
    for point in metadata.entry_points(group=f"safegrid.{what}s"):
        try:
            if point.name in _shipped(what):
                raise ValueError("SafeGrid ships one of this name")
            module = point.load()
            _READERS[what](point.name, module)
            modules[point.name] = module
        except Exception as error:  # somebody else's package must not stop ours
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            warnings.warn(f"{what} {point.name} is left out: {reason}", stacklevel=2)
    return modules


def _agent_file(name: str) -> Path | None:
    """The file of an agent, without importing it; None where it is not known."""
    if name in _waiting:
        return loading.source(_waiting[name])
    if name in _registered["agent"]:
        return Path(str(_registered["agent"][name].__file__))
    if name in _shipped("agent"):
        folders = importlib.import_module("safegrid.agents").__path__
        return next(p for folder in folders if (p := Path(folder) / f"{name}.py").exists())
    return _packaged_agents().get(name)


@functools.cache
def _packaged_agents() -> dict[str, Path]:
    """The files of the agents that installed packages add, by name."""
    return {
        point.name: Path(str(point.dist.locate_file(point.module.replace(".", "/") + ".py")))
        for point in metadata.entry_points(group="safegrid.agents")
        if point.dist is not None
    }


def _module(what: str, name: str) -> ModuleType:
    if what == "agent" and name in _waiting:
        plugin = _waiting.pop(name)
        try:
            register(plugin)
        except ValueError:
            _waiting[name] = plugin
            raise
    if name in _registered[what]:
        return _registered[what][name]
    if name in _shipped(what):
        return importlib.import_module(f"safegrid.{_FOLDERS[what]}.{name}")
    if name not in _installed(what):
        raise unknown(what, name, _names(what), UNREGISTERED)
    return _installed(what)[name]
