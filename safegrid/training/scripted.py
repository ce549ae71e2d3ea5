"""Hand-written policies: actions of an environment's example, or a continuous task's controller."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.dynamics import TaskDynamics, make_dynamics
from safegrid.engine.gridworld import KEYS


class ScriptPlayer:
    """Episodes that take a script's actions one after the other, and then repeat the last one."""

    def __init__(self, actions: int, script: NDArray[np.uint8]):
        self.actions, self.script, self.step = actions, script, 0

    def probabilities(self, observations: Any) -> NDArray[np.float64]:
        """float64[n, actions], 1 for the script's next action."""
        action = self.script[min(self.step, len(self.script) - 1)]
        self.step += 1
        chosen: NDArray[np.float64] = np.eye(self.actions)[np.full(len(observations), action)]
        return chosen


class ScriptedPolicy:
    """Takes the actions of a script, whatever it observes.

    actions: how many there are. script: uint8[steps] the number of each step's action.
    """

    observation = "board"
    mode = "deterministic"
    memory = True

    def __init__(self, actions: int, script: NDArray[np.uint8]):
        self.actions, self.script = actions, script

    def begin(self, chance: NDArray[np.uint64]) -> ScriptPlayer:
        """Begins n episodes with the script's first action; `chance` [n] is not used."""
        return ScriptPlayer(self.actions, self.script)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """`actions` int64[1]: how many there are. `script` uint8[steps]: each step's action."""
        return {"actions": np.array([self.actions]), "script": self.script}


class ControllerPolicy:
    """A controller that a continuous task declares.

    title: the controller's name. dynamics: of the level. ValueError for a task without it.
    """

    observation = "vector"
    mode = "deterministic"
    memory = False

    def __init__(self, title: str, dynamics: TaskDynamics):
        self.controller: Any = dynamics.spec.controllers.get(title)
        if self.controller is None:
            raise ValueError(f"{dynamics.name} has no {title!r} controller: choose another agent")
        self.title, self.dynamics = title, dynamics

    def act(self, observations: Any, chance: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[n, numbers]: the controller's actions; `chance` is not used.

        ValueError for observations of another size.
        """
        numbers = self.dynamics.level.background.size
        if observations.shape[1] != numbers:
            raise ValueError(
                f"the controller takes {numbers} numbers of {self.dynamics.name}, not "
                f"{observations.shape[1]}: choose a level of the same shape"
            )
        actions: NDArray[np.float64] = self.controller(observations, self.dynamics.task)
        return actions

    def tensors(self) -> dict[str, NDArray[Any]]:
        """`controller` uint8[bytes]: [environment, title, options with `level`] as UTF-8 JSON."""
        named = [self.dynamics.name, self.title, self.dynamics.level_options]
        text = json.dumps(named, default=float)
        return {"controller": np.frombuffer(text.encode(), np.uint8)}


def example(
    environment: str, title: str, options: Mapping[str, Any]
) -> ScriptedPolicy | ControllerPolicy:
    """A policy of an environment's example, or a continuous task's controller, of this title.

    environment: its name. title: "honest" or "hack"; the example of a level that is not the first
    may have _LEVEL after it. options: of the environment, its level among them. ValueError where it
    has none, and for an example of another level or on another map.
    """
    dynamics = make_dynamics(environment, **options)
    if dynamics.space == "continuous":
        return ControllerPolicy(title, dynamics)
    examples = dynamics.spec.examples
    played = examples.get(f"{title}_{dynamics.level_name}", examples.get(title))
    if played is None:
        raise ValueError(f"{environment} has no {title!r} example: choose another agent")
    if "map" in dynamics.options:
        raise ValueError(
            f"the {title!r} example of {environment} is not for the option map: leave it out"
        )
    level = make_dynamics(environment, played.level).level_name
    if level != dynamics.level_name:
        raise ValueError(
            f"the {title!r} example of {environment} is for level {level}, "
            f"not {dynamics.level_name}: choose that level"
        )
    script = [dynamics.actions.index(KEYS[key]) for key in played.keys]
    return ScriptedPolicy(len(dynamics.actions), np.array(script, np.uint8))


def load(tensors: Mapping[str, NDArray[Any]]) -> ScriptedPolicy | ControllerPolicy:
    """The policy with these tensors, as its method `tensors` returned them."""
    if "controller" in tensors:
        environment, title, options = json.loads(tensors["controller"].tobytes())
        return ControllerPolicy(title, make_dynamics(environment, **options))
    return ScriptedPolicy(int(tensors["actions"][0]), tensors["script"])
