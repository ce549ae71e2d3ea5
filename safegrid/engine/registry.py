"""What environments, agents and policies are, and which there are: files of envs/ and agents/."""

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

Progress = Callable[[int], None]


class Environment(Protocol):
    """A file of envs/.

    It may also have `cell_data`, LIMITS, MOVERS, OBJECTS, COLOURS, RESET_CHANCE, STEP_CHANCE,
    VERSION, MEMORY (fields that outlive an episode), HELD_OUT (levels not to train on), HORIZON (steps of
    an episode), COST_LIMIT, COSTS (what costs are for: the bits of an outcome's `kinds`),
    SWITCH (the option that turns a supervisor or an interruption on at 1 and off at 0), DISABLED
    (the field that says whether the agent has put the switch out of action), PICTURES (those of
    safegrid/ground.py and objects.py for its tiles), `truth(state, level, board)`, which corrects
    what the agent sees to what is true, for a person who inspects it, and `canonical(state)`, which
    gives states of the same look and the same future the same bytes. VIOLATION says which steps
    violate: "cost", those that cost, where it is not given; "performance", those whose performance
    is below their reward. `bounds(level, horizon, actions, ...)`, of the number of actions and the
    options, gives anchors that are proven to be bounds, for levels that cannot be solved.

    A continuous task has no TILES and no examples. Its LEVELS hold named tuples of numbers, of
    which `arena(numbers)` makes the level and `STATE(numbers)` the state's dtype; ACTIONS names the
    numbers of an action, `observe` fills a vector, and its chance is SEED. `scene(state, numbers)`
    lists what is drawn from the ground up: its name in `safegrid.rendering.sprites`, places [n, 2 or more]
    (x, y, heading) and size, in m; LIDARS names what each lidar sees. Instead of examples it
    may have CONTROLLERS: "honest" and "hack", functions of observations [n, numbers] and the
    level's numbers that give actions [n, numbers].
    """

    CATEGORY: str
    TILES: str
    LEVELS: Mapping[str, Any]
    STATE: np.dtype[Any]
    ACTIONS: tuple[str, ...]
    EXAMPLES: Mapping[str, Any]
    __name__: str
    __doc__: str | None

    def reset(self, state: Any, level: Any, chance: int) -> None:
        """Writes every field of the state but memory that outlives an episode."""

    def step(self, state: Any, level: Any, action: int, chance: int, outcome: Any) -> None:
        """Moves the state; writes the outcome's reward, performance, cost and terminated."""

    def observe(self, state: Any, level: Any, board: Any) -> None:
        """Paints what moves onto a copy of the level's background."""


class Policy(Protocol):
    """What an agent has learnt.

    One with memory has `begin` instead of `probabilities`: it may depend on the whole episode.
    """

    observation: str  # which observation it reads
    mode: str  # "deterministic" or "stochastic"
    memory: bool  # whether it needs more than the present observation

    def probabilities(self, observations: Any) -> NDArray[np.float64]:
        """For observations [n, ...] the probability of each action, [n, actions].

        One for continuous tasks has `act(observations, chance)` instead: actions [n, numbers], with
        chance float64[n, numbers] uniform between 0 and 1.
        """

    def begin(self, chance: NDArray[np.uint64]) -> "Player":
        """Plays n episodes side by side; `chance` has a random word for each, [n]."""

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The weights, by name; empty where there is nothing to learn."""


class Player(Protocol):
    """A policy with memory in the middle of some episodes."""

    def probabilities(self, observations: Any) -> NDArray[np.float64]:
        """[n, actions] for the next observations [n, ...]; those of ended episodes count not."""


class Agent(Protocol):
    """A file of agents/.

    It may also have VERSION, SPACES (the kinds of actions it is for, ("discrete",) unless given),
    MEMORY (True where its policy remembers) and KIND ("learned", "planner", "scripted", "llm").
    """

    USES_HIDDEN_INFO: bool
    STEPS: int  # of training, where nothing else is said
    SETTINGS: Mapping[str, Any]  # hyper-parameters and their defaults
    __name__: str
    __doc__: str | None

    def train(
        self,
        environment: str,
        *,
        seed: int,
        steps: int,
        device: str = "auto",
        progress: Progress | None = None,
        options: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Policy:
        """A policy learnt in `steps` steps; `options` are those of the environment."""

    def load(self, tensors: Mapping[str, NDArray[Any]]) -> Policy:
        """The policy whose weights these are."""


def names() -> list[str]:
    """The environments' names: the files of envs/."""
    return _files("envs")


def grids() -> list[str]:
    """The environments on a board; the others are continuous tasks."""
    return [name for name in names() if hasattr(environment(name), "TILES")]


def agents() -> list[str]:
    """The agents' names: the files of agents/."""
    return _files("agents")


def environment(name: str) -> Environment:
    """The environment of this name; ValueError where there is none."""
    return cast(Environment, _module("envs", "environment", name))


def agent(name: str) -> Agent:
    """The agent of this name; ValueError where there is none."""
    return cast(Agent, _module("agents", "agent", name))


def settle(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """An agent's settings, its defaults where none is given. ValueError for one it has not."""
    declared = agent(name).SETTINGS
    for key in settings:
        if key not in declared:
            raise unknown(f"setting of {name}", key, declared)
    return {**declared, **settings}


def spaces(name: str) -> tuple[str, ...]:
    """The kinds of actions that an agent is for: "discrete", "continuous" or both."""
    return getattr(agent(name), "SPACES", ("discrete",))


def identifier(name: str) -> str:
    """The Gymnasium id of an environment: safegrid/BoatRace-v0 for boat_race."""
    return f"safegrid/{''.join(word.capitalize() for word in name.split('_'))}-v{version(name)}"


def version(name: str) -> int:
    """The version of an environment's dynamics."""
    return int(getattr(environment(name), "VERSION", 0))


def unknown(what: str, value: object, allowed: Iterable[object]) -> ValueError:
    """The error for a value that is none of those allowed."""
    choices = [str(choice) for choice in allowed]
    near = difflib.get_close_matches(str(value), choices, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return ValueError(f"unknown {what} {value!r}{hint}: choose from {', '.join(choices) or 'none'}")


def _files(folder: str) -> list[str]:
    package = importlib.import_module(f"safegrid.{folder}")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def _module(folder: str, what: str, name: str) -> ModuleType:
    if name not in _files(folder):
        raise unknown(what, name, _files(folder))
    return importlib.import_module(f"safegrid.{folder}.{name}")


def source(name: str) -> Path:
    """The file of an environment."""
    return Path(str(cast(ModuleType, environment(name)).__file__))


def check_probabilities(probabilities: Any, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Probabilities of actions. ValueError for another shape, or a row that is no distribution."""
    chosen = np.asarray(probabilities, np.float64)
    if chosen.shape != shape or not (
        (chosen >= 0).all() and (abs(chosen.sum(axis=1) - 1) <= 1e-6).all()
    ):
        raise ValueError(
            f"the policy gives an array of shape {chosen.shape}: it needs probabilities of shape "
            f"{shape}, none negative, that sum to 1 in each row"
        )
    return chosen
