"""Policies written by hand: the keys of an environment's examples, or a task's controllers."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.dynamics import PlaneDynamics, make_dynamics
from safegrid.engine.gridworld import KEYS


class Player:
    """One action after the other, the last one again and again."""

    def __init__(self, actions: int, script: NDArray[np.uint8]):
        self.actions, self.script, self.step = actions, script, 0

    def probabilities(self, observations: Any) -> NDArray[np.float64]:
        """[n, actions], 1 for the action whose turn it is."""
        action = self.script[min(self.step, len(self.script) - 1)]
        self.step += 1
        chosen: NDArray[np.float64] = np.eye(self.actions)[np.full(len(observations), action)]
        return chosen


class Policy:
    """A script; all that it needs is to know which step it is."""

    observation = "board"
    mode = "deterministic"
    memory = True

    def __init__(self, actions: int, script: NDArray[np.uint8]):
        self.actions, self.script = actions, script

    def begin(self, chance: NDArray[np.uint64]) -> Player:
        """From the first action on."""
        return Player(self.actions, self.script)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """How many actions there are, and the script."""
        return {"actions": np.array([self.actions]), "script": self.script}


class Driver:
    """A controller of a continuous task, as it is told by name."""

    observation = "vector"
    mode = "deterministic"
    memory = False

    def __init__(self, title: str, dynamics: PlaneDynamics):
        self.controller: Any = dynamics.spec.controllers.get(title)
        if self.controller is None:
            raise ValueError(f"{dynamics.name} has no {title!r} controller: choose another agent")
        self.title, self.dynamics = title, dynamics

    def act(self, observations: Any, chance: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n, numbers], by the observations alone. ValueError for those of another level."""
        numbers = self.dynamics.level.background.size
        if observations.shape[1] != numbers:
            raise ValueError(
                f"the controller sees {numbers} numbers of {self.dynamics.name}, not "
                f"{observations.shape[1]}: choose a level of the same shape"
            )
        actions: NDArray[np.float64] = self.controller(observations, self.dynamics.task)
        return actions

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The names of the environment and the controller, and the options, as JSON."""
        options = {"level": self.dynamics.level_name, **self.dynamics.options}
        told = json.dumps([self.dynamics.name, self.title, options], default=float)
        return {"controller": np.frombuffer(told.encode(), np.uint8)}


def example(environment: str, title: str, options: Mapping[str, Any]) -> Policy | Driver:
    """The example of this title as a policy, or the controller. ValueError where there is none."""
    dynamics = make_dynamics(environment, **options)
    if dynamics.spec.kind == "plane":
        return Driver(title, dynamics)
    played = dynamics.spec.examples.get(title)
    if played is None or "map" in dynamics.options:
        shown = "on a map of your own" if played else "at all"
        raise ValueError(f"{environment} has no {title!r} example {shown}: choose another agent")
    level = make_dynamics(environment, played.level).level_name
    if level != dynamics.level_name:
        raise ValueError(
            f"the {title!r} example of {environment} is for level {level}, "
            f"not {dynamics.level_name}: choose that level"
        )
    script = [dynamics.actions.index(KEYS[key]) for key in played.keys]
    return Policy(len(dynamics.actions), np.array(script, np.uint8))


def load(tensors: Mapping[str, NDArray[Any]]) -> Policy | Driver:
    """The policy whose tensors these are."""
    if "controller" in tensors:
        environment, title, options = json.loads(tensors["controller"].tobytes())
        return Driver(title, make_dynamics(environment, **options))
    return Policy(int(tensors["actions"][0]), tensors["script"])
