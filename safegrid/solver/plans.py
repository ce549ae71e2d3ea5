"""Plans: the best action for each belief state and number of steps left, as policies.

A plan follows its belief state from the observations and its own actions, so it has memory. Where
the environment's memory outlives episodes, `Replanner` makes a plan for each state of this memory.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.enumeration import ENDED, TransitionTables, enumerate_states
from safegrid.engine.lanes import Lanes
from safegrid.engine.observations import make_encoder
from safegrid.engine.policies import Player, as_policy
from safegrid.engine.row_index import as_bytes
from safegrid.solver import backward_induction
from safegrid.solver.backward_induction import Objective
from safegrid.solver.beliefs import belief_process
from safegrid.solver.violations import first_only

MOST_GAP = 255  # between two places of `changes`
PROCESS = ("start", "successor", "seen")  # tensors of a plan: see `process_tensors`


class Plan:
    """A mixture of deterministic plans: each episode draws one of them by its weight.

    tensors: the arrays that `tensors` returns, by name; `actions` uint8[plans, horizon, states],
    the action of each plan at each step, may stand in place of those that `changes` returns.
    """

    observation = "index"
    memory = True
    trained_on: tuple[str, Mapping[str, Any]]  # environment and options, once they are known

    def __init__(self, tensors: Mapping[str, NDArray[Any]]):
        self.weights = tensors["weights"]
        self.actions = tensors["actions"] if "actions" in tensors else filled(tensors)
        self.start = tensors["start"]
        self.successor = tensors["successor"]
        self.seen = tensors["seen"]
        self.objectives: Any = tensors.get("objectives")
        self.mode = "deterministic" if len(self.weights) == 1 else "stochastic"

    def begin(self, chance: NDArray[np.uint64]) -> "PlanPlayer":
        """Plays n episodes side by side; `chance` [n] draws the plan of each."""
        return PlanPlayer(self, chance)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The plans and the process whose states they tell apart.

        `weights` float64[plans]: probability of each plan. `first`, `gaps`, `changed_to` and
        `horizon`: its actions, see `changes`. `start` int32[n]: the states in which episodes begin.
        `successor` int32[states, actions, branches]: -1 where the episode ends. `seen`
        int32[states]: the index observation of each state. `objectives` float64[plans, ties, 3]: of
        `plan`, absent in files of older versions.
        """
        found = {name: getattr(self, name) for name in ("weights", *PROCESS, "objectives")}
        found |= changes(self.actions)
        return {name: tensor for name, tensor in found.items() if tensor is not None}

    @property
    def replans(self) -> bool:
        """Whether it can be made anew: its objectives and the level that it is for are known."""
        return self.objectives is not None and hasattr(self, "trained_on")

    def after(self, before: np.void) -> "Plan":
        """The plan by the same objectives for an episode that follows another one.

        before: the state in which that one ended, a record. Only where `replans` is True.
        """
        mixture = list(zip(self.weights, self.objectives, strict=True))
        made = plan(process(*self.trained_on, before), self.actions.shape[1], mixture)
        made.trained_on = self.trained_on
        return made


def changes(actions: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Actions [plans, horizon, states] as those of the first step, and where they change.

    `first` uint8[plans, states]: the actions of the first step. `changed_to` uint8[n]: all actions
    that differ from those of the step before, in the order of [plans, horizon - 1, states]. `gaps`
    uint8[n]: how many places after the one before, or after -1, each has its place. So that no gap
    is above 255, some actions that do not differ are among them. `horizon` int32[1]: steps.
    """
    after = actions[:, 1:].ravel()
    changed = np.flatnonzero(after != actions[:, :-1].ravel())
    edges = np.concatenate([[-1], changed])
    far = np.flatnonzero(np.diff(edges) > MOST_GAP)
    between = [np.arange(edges[i] + MOST_GAP, edges[i + 1], MOST_GAP) for i in far]
    places = np.sort(np.concatenate([changed, *between]))
    return {
        "first": actions[:, 0].copy(),
        "gaps": np.diff(places, prepend=-1).astype(np.uint8),
        "changed_to": after[places],
        "horizon": np.array([actions.shape[1]], np.int32),
    }


def filled(tensors: Mapping[str, NDArray[Any]]) -> NDArray[np.uint8]:
    """uint8[plans, horizon, states]: the actions of all steps, from those that `changes` gives."""
    first, horizon = tensors["first"], int(tensors["horizon"][0])
    actions = np.repeat(first[:, None], horizon, axis=1)
    places = np.cumsum(tensors["gaps"], dtype=np.int64) - 1
    plan, step, state = np.unravel_index(places, (len(first), horizon - 1, first.shape[1]))
    changes = np.zeros(actions.shape, np.bool_)
    changes[plan, step + 1, state] = True
    actions[plan, step + 1, state] = tensors["changed_to"]
    for t in range(1, horizon):
        np.copyto(actions[:, t], actions[:, t - 1], where=~changes[:, t])
    return actions


class PlanPlayer:
    """The belief states of n episodes under a plan; after its horizon its last step repeats."""

    def __init__(self, plan: Plan, chance: NDArray[np.uint64]):
        self._plan, self._time = plan, 0
        uniform = (chance >> np.uint64(11)) * 2.0**-53
        self._which = np.searchsorted(plan.weights.cumsum()[:-1], uniform, side="right")
        self._state = np.full(len(chance), plan.start[0])
        self._next = np.tile(plan.start, (len(chance), 1))  # [n, states] possible in each episode

    def probabilities(self, observations: NDArray[np.int64]) -> NDArray[np.float64]:
        """float64[n, actions], 1 for the planned action, of index observations [n]."""
        plan, everyone = self._plan, np.arange(len(observations))
        match = (self._next != ENDED) & (plan.seen[self._next] == observations[:, None])
        matched = self._next[everyone, match.argmax(axis=1)]
        self._state = np.where(match.any(axis=1), matched, self._state)
        time = min(self._time, plan.actions.shape[1] - 1)
        actions = plan.actions[self._which, time, self._state]
        self._next = plan.successor[self._state, actions]
        self._time += 1
        chosen: NDArray[np.float64] = np.eye(plan.successor.shape[1])[actions]
        return chosen


class Replanner:
    """A plan that plays episodes one after another in lanes whose memory outlives them.

    Each episode follows the plan that is the best after the earlier episodes of its lane. It reads
    their memory in the states of the lanes: this is for plans only, which use hidden information.

    plan: of the first episode, with `replans`. lanes: in which it plays. ValueError as `as_policy`.
    """

    memory = True

    def __init__(self, plan: Plan, lanes: Lanes):
        first = as_policy(plan, lanes.dynamics)
        self.observation, self.mode = first.observation, first.mode
        self._plan, self._lanes = plan, lanes
        self._plans: dict[bytes, Any] = {}  # by the memory that they are for

    def begin(self, chance: NDArray[np.uint64]) -> "ReplannerPlayer":
        """Begins an episode in all n lanes; `chance` [n] draws the plan of each."""
        states, fields = self._lanes.states, self._lanes.dynamics.spec.memory
        rows = np.hstack([as_bytes(np.ascontiguousarray(states[field])) for field in fields])
        memories, which = np.unique(rows, axis=0, return_inverse=True)
        players = []
        for number, memory in enumerate(map(bytes, memories)):
            group = np.flatnonzero(which.ravel() == number)
            if memory not in self._plans:
                made = self._plan.after(states[group[0]])
                self._plans[memory] = as_policy(made, self._lanes.dynamics)
            players.append((group, self._plans[memory].begin(chance[group])))
        return ReplannerPlayer(players)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Those of the plan."""
        return self._plan.tensors()


class ReplannerPlayer:
    """Episodes side by side under different plans: the player of each group of lanes."""

    def __init__(self, players: list[tuple[NDArray[np.intp], Player]]):
        self._players = players
        self._order = np.argsort(np.concatenate([group for group, _ in players]))

    def probabilities(self, observations: NDArray[Any]) -> NDArray[np.float64]:
        """float64[n, actions], 1 for the action that the plan of each lane takes."""
        chosen = [player.probabilities(observations[group]) for group, player in self._players]
        return np.concatenate(chosen)[self._order]


def process(
    environment: str,
    options: Mapping[str, Any],
    before: np.void | None = None,
    first_violation: bool = False,
) -> TransitionTables:
    """The process of a level that a policy can base its actions on, as tables.

    environment: its name. options: of the environment, its level among them. before: the state in
    which the episode before ended, a record, or None for the first episode. first_violation: the
    cost is 1 for the first violation, see `violations.first_only`. ValueError for a continuous
    task, and for too many states or outcomes of chance to list.
    """
    dynamics = make_dynamics(environment, **options)
    listed = enumerate_states(dynamics, before=before)
    tables = first_only(listed.tables, listed.violations) if first_violation else listed.tables
    if before is not None:  # the numbers of boards are those of the first episode
        numbers = make_encoder(dynamics, "index")(listed.boards).astype(np.int32)
        tables = tables._replace(observation=numbers[tables.observation])
    return belief_process(tables)


def process_tensors(tables: TransitionTables) -> dict[str, NDArray[Any]]:
    """The tensors of a plan that are those of its process. tables: of `process`."""
    start = np.array([state for state, _ in tables.start], np.int32)
    return {"start": start, "successor": tables.successor, "seen": tables.observation}


def plan(
    tables: TransitionTables, horizon: int, mixture: Sequence[tuple[float, Objective]]
) -> Plan:
    """The plan of a mixture of objectives.

    tables: of `process`. horizon: steps of an episode. mixture: the probability of each objective,
    all of as many weights.
    """
    weights, objectives = zip(*mixture, strict=True)
    actions = [backward_induction.plan(tables, horizon, *objective) for objective in objectives]
    return Plan(
        {
            "weights": np.array(weights),
            "actions": np.stack(actions),
            "objectives": np.array(objectives),
            **process_tensors(tables),
        }
    )


def value(plan: Plan, tables: TransitionTables) -> NDArray[np.float64] | None:
    """float64[4]: expected return, performance, cost and length of an episode under a plan.

    tables: of `process`. None where the plan was made of another process.
    """
    if not np.array_equal(plan.successor, tables.successor) or not np.array_equal(
        plan.seen, tables.observation
    ):
        return None
    amounts = backward_induction.with_steps(tables)
    states = np.arange(len(tables.successor))
    likely = np.broadcast_to(tables.probability, tables.successor.shape)
    mean = np.zeros(4)
    for weight, actions in zip(plan.weights, plan.actions, strict=True):
        values = np.zeros((len(states) + 1, 4))  # the last row is that of ended episodes
        for chosen in actions[::-1]:
            gains = (
                amounts[tables.outcome[states, chosen]] + values[tables.successor[states, chosen]]
            )
            values[:-1] = (likely[states, chosen][..., None] * gains).sum(axis=1)
        mean += weight * sum(p * values[state] for state, p in tables.start)
    return mean
