"""Side-effect penalties that any agent can train under.

Each step costs `strength` times the deviation of the state it leads to from a baseline state. The
two are compared by the values that some goals have in them. A goal is an observation of the level;
its value in a state is the expectation of discount ** (steps until the observation), under the best
policy for it.

* Relative reachability (Krakovna et al. 2018, arXiv:1806.01186): the mean loss of goals' values.
* Attainable utility preservation (Turner et al. 2020, arXiv:1902.09725): the mean absolute change
  of goals' values. The goals are its auxiliary rewards, and its scale is one.

The baseline is the state at the start of the episode ("starting_state"), the state after inaction
since then ("inaction"), or the state after inaction in this step ("stepwise_inaction"); both papers
compare these. Baseline states are stepped beside those of the agent, under the same chance. A step
that ends the episode costs nothing: after the end no goal can be reached, so every way to end an
episode would cost the same.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import registry
from safegrid.engine.contract.agents import Penalty, Run, Task
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.enumeration import ENDED, StateNumbers, enumerate_all
from safegrid.engine.lanes import Lanes
from safegrid.engine.policies import Player
from safegrid.engine.row_index import compiled

GOALS = 512  # at most; of more observations, only every n-th is a goal
BASELINES = ("starting_state", "inaction", "stepwise_inaction")
MEASURES = {
    "relative_reachability": lambda base, state: np.maximum(base - state, 0).mean(axis=1),
    "attainable_utility": lambda base, state: np.abs(base - state).mean(axis=1),
}


def penalty(
    measure: str, baseline: str = "stepwise_inaction", strength: float = 10, discount: float = 0.99
) -> Callable[[Lanes], Penalty]:
    """A penalty for `Run`, subtracted from the reward of each step in training.

    The logged returns of episodes do not contain it. measure: one of MEASURES. baseline: one of
    BASELINES. strength: penalty for the loss of all goals' values. discount: factor of a goal's
    value for each step to it. ValueError for a measure or baseline that does not exist, for a
    discount out of range, and, from the penalty, for an environment whose states cannot be listed.
    """
    for what, value, allowed in (("measure", measure, MEASURES), ("baseline", baseline, BASELINES)):
        if value not in allowed:
            raise registry.unknown(what, value, allowed)
    if not 0 < discount < 1:
        raise ValueError(f"discount is {discount!r}: choose a number between 0 and 1")
    return functools.partial(
        charge, measure=measure, baseline=baseline, strength=strength, discount=discount
    )


def charge(lanes: Lanes, measure: str, baseline: str, strength: float, discount: float) -> Penalty:
    """The penalty of lanes; arguments and ValueError as of `penalty`."""
    twins = Twins(lanes, baseline, discount)
    return lambda actions: strength * MEASURES[measure](*twins(actions))


class Twins:
    """Copies of lanes that take the agent's actions and the baseline's, under the same chance.

    lanes: of the training. baseline: one of BASELINES. discount: of the goals' values. ValueError
    where the states of the level cannot be listed.
    """

    def __init__(self, lanes: Lanes, baseline: str, discount: float):
        dynamics = with_noop(lanes.dynamics)
        tables, states, boards, *_ = enumerate_all(dynamics)
        self._numbers = StateNumbers(dynamics, states)
        goals = np.arange(0, len(boards), -(-len(boards) // GOALS))
        probability = np.broadcast_to(tables.probability, tables.successor.shape)
        values = _reach(tables.successor, probability, tables.observation, goals, discount)
        self._values = np.concatenate((values, np.zeros((1, len(goals)))))  # [-1] after the end
        self._lanes, self._baseline = lanes, baseline
        self._agent, self._base = (Lanes(dynamics, lanes.count) for _ in range(2))
        self._inaction = np.full(lanes.count, dynamics.actions.index("noop"))

    def __call__(self, actions: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The goals' values [lanes, goals] in the baseline's next state, and in the agent's."""
        begins = self._lanes.records["elapsed"] == 0
        copied = begins | (self._baseline == "stepwise_inaction")
        for twin, chosen in ((self._agent, np.ones_like(begins)), (self._base, copied)):
            twin.copy(self._lanes, chosen)
        self._agent.step(actions)
        if self._baseline != "starting_state":
            self._base.step(self._inaction)
        reached, base = (self._numbers(twin.states) for twin in (self._agent, self._base))
        ended = self._agent.records["done"]
        return self._values[np.where(ended, reached, base)], self._values[reached]


def with_noop(dynamics: Dynamics) -> Dynamics:
    """The same level with the action `noop`."""
    if "noop" in dynamics.actions:
        return dynamics
    return dynamics.under(noop=True)


@compiled
def _reach(successor: Any, probability: Any, seen: Any, goals: Any, discount: float) -> Any:
    """float64[states, goals]: the goals' values, by value iteration for one goal after the other.

    successor, probability: of the tables. seen: [states] the observation of each. goals: numbers
    of observations. discount: for each step to a goal.
    """
    states, actions, branches = successor.shape
    values = np.zeros((states, len(goals)))
    for k in range(len(goals)):
        value = (seen == goals[k]).astype(np.float64)
        change = 1.0
        while change > 1e-9:
            change = 0.0
            for s in range(states):
                best = value[s]
                for a in range(actions):
                    ahead = 0.0
                    for b in range(branches):
                        if successor[s, a, b] != ENDED:
                            ahead += probability[s, a, b] * value[successor[s, a, b]]
                    best = max(best, discount * ahead)
                change = max(change, best - value[s])
                value[s] = best
        values[:, k] = value
    return values


class PenalisedPolicy:
    """The policy that an agent has learned under a penalty, with the name of that agent."""

    def __init__(self, agent: str, learned: Any):
        self.agent, self.learned = agent, learned
        self.observation, self.mode, self.memory = learned.observation, learned.mode, learned.memory

    def probabilities(self, observations: Any) -> NDArray[np.float64]:
        """float64[n, actions]: those of the agent's policy."""
        chosen: NDArray[np.float64] = self.learned.probabilities(observations)
        return chosen

    def act(self, observations: Any, chance: NDArray[np.float64]) -> NDArray[Any]:
        """[n, numbers]: continuous actions of the agent's policy; `chance` float64[n, numbers]."""
        chosen: NDArray[Any] = self.learned.act(observations, chance)
        return chosen

    def begin(self, chance: NDArray[np.uint64]) -> Player:
        """Begins n episodes of the agent's policy; `chance` uint64[n] is its randomness."""
        player: Player = self.learned.begin(chance)
        return player

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The tensors of the agent's policy, and `agent` uint8[bytes]: its name in UTF-8."""
        return {**self.learned.tensors(), "agent": np.frombuffer(self.agent.encode(), np.uint8)}


def train(
    measure: str,
    task: Task,
    run: Run,
    *,
    agent: str,
    baseline: str,
    strength: float,
    discount: float,
    settings: Mapping[str, Any],
) -> PenalisedPolicy:
    """The policy that an agent learns under a penalty.

    measure, baseline, strength, discount: as for `penalty`. task, run: those of an agent's `train`.
    agent: the name of the one that learns. settings: of that agent. ValueError as for `penalty`,
    and for an agent or setting that does not exist.
    """
    return learn(agent, task, run, penalty(measure, baseline, strength, discount), settings)


def learn(
    agent: str,
    task: Task,
    run: Run,
    penalty: Callable[[Lanes], Penalty],
    settings: Mapping[str, Any],
) -> PenalisedPolicy:
    """The policy that an agent learns under any penalty.

    agent: its name. task, run: those of an agent's `train`. penalty: as for `Run`. settings: of the
    agent. ValueError for an agent or setting that does not exist, for an agent that does not learn
    from rewards, and for a run that has a penalty already, which this one would replace.
    """
    learner = registry.agent(agent)
    if not learner.steps:
        raise ValueError(f"agent is {agent!r}, which does not learn from rewards")
    if run.penalty is not None:
        raise ValueError("the run has a penalty already: agents that charge one cannot be nested")
    charged = dataclasses.replace(run, penalty=penalty)
    return PenalisedPolicy(agent, learner.learn(task, charged, settings))


def load(tensors: Mapping[str, NDArray[Any]]) -> PenalisedPolicy:
    """The policy with these tensors, as its method `tensors` returned them."""
    own = dict(tensors)
    agent = own.pop("agent").tobytes().decode()
    return PenalisedPolicy(agent, registry.agent(agent).load(own))
