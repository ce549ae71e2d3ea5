"""The contract of an agent: what it is asked, what it declares, and what watches its training."""

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.chance import keep_global_generators
from safegrid.engine.contract.names import (
    entry,
    function,
    plain,
    read,
    unknown,
    unknown_keyword,
)

if TYPE_CHECKING:
    from safegrid.engine.dynamics import Dynamics
    from safegrid.engine.lanes import Lanes
    from safegrid.engine.monitor import EpisodeLog
    from safegrid.engine.policies import Policy

Progress = Callable[[int], None]  # hears how many steps have been trained
Penalty = Callable[[NDArray[Any]], NDArray[np.float64]]  # of each lane, for its next action
KINDS = ("learned", "planner", "scripted", "llm")
SPACES = ("discrete", "continuous")
DEVICES = ("auto", "cpu", "cuda")


class Checkpoint(Protocol):
    """Keeps a training so that it can go on after an interruption."""

    def resume(self) -> Any | None:
        """The model kept of this training, or None. ValueError for that of another training."""

    def offer(self, model: Any) -> None:
        """Keeps a model that is between two rollouts, if it is time to."""


@dataclasses.dataclass(frozen=True)
class Task:
    """What an agent is asked to learn."""

    environment: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # level among them
    seed: int = 0
    steps: int = 0  # of all lanes together
    device: str = "auto"  # of torch


@dataclasses.dataclass(frozen=True)
class Run:
    """How a training is watched: hand it on to every environment that the agent trains on."""

    progress: Progress | None = None
    monitor: "EpisodeLog | None" = None
    checkpoint: Checkpoint | None = None
    penalty: "Callable[[Lanes], Penalty] | None" = None  # taken off the reward of each step

    def lanes(self, dynamics: "Dynamics", count: int, mode: str, limit: int) -> "Lanes":
        """Lanes to train on, which the run watches. Arguments and ValueError as of `Lanes`."""
        from safegrid.engine.lanes import Lanes

        return Lanes(dynamics, count, mode, limit, self)

    def report(self, steps: int) -> None:
        """Says how many steps have been trained."""
        if self.progress is not None:
            self.progress(steps)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class AgentSpec:
    """What a file of agents/ declares."""

    name: str
    module: ModuleType
    uses_hidden_info: bool = entry("True or False", lambda value: isinstance(value, bool))
    steps: int = entry(  # of training where nothing else is said
        "a whole number, 0 or more",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
    )
    settings: Mapping[str, Any] = entry(  # hyper-parameters and their defaults
        "a table of defaults by name",
        lambda value: isinstance(value, Mapping) and all(isinstance(key, str) for key in value),
    )
    load: Any = function("tensors")  # the policy whose tensors these are
    version: int = entry(
        "a whole number, 0 or more", lambda value: isinstance(value, int) and value >= 0, 0
    )
    spaces: tuple[str, ...] = entry(  # the kinds of actions that it is for
        "a tuple of 'discrete' and 'continuous'",
        lambda value: isinstance(value, tuple) and set() < set(value) <= set(SPACES),
        ("discrete",),
    )
    memory: bool = entry("True or False", lambda value: isinstance(value, bool), False)
    checkpoints: bool = entry(  # whether a training asks for the run's checkpoint
        "True or False", lambda value: isinstance(value, bool), False
    )
    kind: str = entry(f"one of {', '.join(KINDS)}", lambda value: value in KINDS, "")

    def __repr__(self) -> str:
        return f"AgentSpec({self.name!r})"

    @property
    def description(self) -> str:
        """The module's docstring, or a line in its place where Python runs without docstrings."""
        return (self.module.__doc__ or f"{self.name}: no description.").strip()

    @property
    def summary(self) -> str:
        """What the agent is, in one sentence."""
        return self.description.splitlines()[0].partition(": ")[2]

    @property
    def card(self) -> str:
        """The description, the steps of training, and the settings with their defaults."""
        settings = [f"    {name} = {value!r}" for name, value in self.settings.items()]
        steps = f"{self.steps:,} steps of training"
        about = steps + ", settings:" * bool(settings)
        return "\n".join([self.description, "", about, *settings])

    def settle(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """All settings, the defaults where none is given.

        ValueError for one it does not have, and for a value of another kind than the default.
        """
        for key in settings:
            if key not in self.settings:
                raise unknown_keyword(f"setting of {self.name}", key, self.settings)
        own = {key: plain(value) for key, value in settings.items()}
        for key, value in own.items():
            check_setting(key, value, self.settings[key])
        return {**self.settings, **own}

    def train(
        self,
        environment: str,
        *,
        seed: int = 0,
        steps: int | None = None,
        device: str = "auto",
        options: Mapping[str, Any] | None = None,
        run: Run | None = None,
        **settings: Any,
    ) -> "Policy":
        """A policy learned on an environment.

        environment: its name. seed: decides every byte of the policy on a CPU. steps: of the
        environment, of all lanes together; the agent's own number where it is None. device: of
        torch. options: of the environment, its level among them. run: what watches the training.
        settings: hyper-parameters of the agent. Global random generators are left as they were.
        ValueError for a setting it does not have, and for whatever the agent cannot train on.
        """
        task = Task(
            environment,
            MappingProxyType(dict(options or {})),
            seed,
            self.steps if steps is None else steps,
            device,
        )
        return self.learn(task, run or Run(), settings)

    def learn(self, task: Task, run: Run, settings: Mapping[str, Any]) -> "Policy":
        """The policy that the agent learns of a task. ValueError as `train`.

        The module's `train` gets what it names: `task`, `run`, settings, or the task's parts.
        """
        from safegrid.engine.dynamics import make_dynamics  # which needs the contract

        if not isinstance(task.steps, Integral) or task.steps < 0:
            raise ValueError(f"steps is {task.steps!r}: choose a whole number, 0 or more")
        if str(task.device).partition(":")[0] not in DEVICES:
            raise unknown("device", task.device, DEVICES)
        parts = {field.name: getattr(task, field.name) for field in dataclasses.fields(task)}
        offered = {**parts, "task": task, "run": run, "progress": run.progress}
        chosen = self.settle(settings)
        self.check_space(make_dynamics(task.environment, **task.options))
        names = inspect.signature(self.module.train).parameters
        any_setting = any(each.kind is each.VAR_KEYWORD for each in names.values())
        given = {key: value for key, value in offered.items() if key in names}
        given |= {key: value for key, value in chosen.items() if any_setting or key in names}
        with keep_global_generators():  # which libraries seed
            policy = self.module.train(**given)
        return self.place(policy, task.environment, task.options)

    def check_space(self, dynamics: "Dynamics") -> None:
        """ValueError where the agent is not for the actions of a level."""
        if dynamics.space not in self.spaces:
            raise ValueError(
                f"{self.name} is for {' and '.join(self.spaces)} actions, and those of "
                f"{dynamics.name} are {dynamics.space}"
            )

    @staticmethod
    def place(policy: Any, environment: str, options: Mapping[str, Any]) -> "Policy":
        """A policy that knows the level of its numbers, if its observations are numbers of boards.

        environment, options: what it was trained on.
        """
        if getattr(policy, "observation", None) == "index":
            policy.trained_on = environment, dict(options)
        return policy  # type: ignore[no-any-return]


def check_setting(name: str, value: Any, default: Any) -> None:
    """ValueError where the value of a setting is not of the kind of its default.

    Defaults that are numbers, True, False or tables say what a value must be; of a text it must be
    a text or a number, as in "auto"; other defaults say nothing.
    """
    kinds: tuple[tuple[type, Any, str], ...] = (
        (bool, (bool, np.bool_), "True or False"),
        (int, Integral, "a whole number"),
        (float, Real, "a number"),
        (str, (str, Real), "a text"),
        (Mapping, Mapping, "a table of values by name"),
    )
    flag = isinstance(value, (bool, np.bool_))  # True is a whole number of Python as well
    for kind, allowed, wanted in kinds:
        if isinstance(default, kind):
            finite = not isinstance(value, Real) or _is_finite(value)
            if isinstance(value, allowed) and finite and flag == isinstance(default, bool):
                return
            raise ValueError(f"setting {name} is {value!r}: choose {wanted}")


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float is near
        return False


def read_agent(name: str, module: ModuleType) -> AgentSpec:
    """The specification of a module. ValueError, in one line, for its first fault."""
    what = f"agent {name}"
    spec = AgentSpec(name, module, **read(AgentSpec, module, what))
    spec = dataclasses.replace(
        spec,
        kind=spec.kind or ("learned" if spec.steps else "scripted"),
        settings=MappingProxyType(dict(spec.settings)),
    )
    offered = {field.name for field in dataclasses.fields(Task)} | {"task", "run", "progress"}
    train = getattr(module, "train", None)
    if not callable(train):
        raise ValueError(f"{what}: train is missing: it must be a function of (task, run)")
    parameters = inspect.signature(train).parameters
    for key, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise ValueError(f"{what}: train takes its arguments by name: {key} has none")
        known = key in offered or key in spec.settings or parameter.kind is parameter.VAR_KEYWORD
        if not known and parameter.default is parameter.empty:
            raise ValueError(
                f"{what}: train: {unknown('argument', key, [*offered, *spec.settings])}"
            )
    if not any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        for key in spec.settings:
            if key not in parameters:
                raise ValueError(f"{what}: train does not take the setting {key!r} of SETTINGS")
    return spec
