"""What a policy is worth on a level: exactly wherever that is possible, by sampling elsewhere."""

from typing import Any

import numpy as np
import pydantic
from numpy.typing import NDArray

from safegrid.engine.contract.loading import cached
from safegrid.engine.dynamics import Dynamics, from_key
from safegrid.engine.files import Record
from safegrid.engine.policies import as_policy
from safegrid.evaluation.rollout import evaluate
from safegrid.solver import backward_induction, plans, timed
from safegrid.solver.beliefs import belief_process
from safegrid.solver.plans import Plan
from safegrid.solver.solution import Solution
from safegrid.solver.timed import TimedPolicy
from safegrid.solver.violations import first_only

MOST_STATES = 300_000  # of a level that is solved, and on which policies have exact values
COLUMNS = ("return", "performance", "cost", "length")


class Violating(Record):
    """The shortest episode with a violation, as its actions and outcomes of chance."""

    reset_chance: int
    actions: tuple[int, ...]
    chances: tuple[int, ...]


class Valuation(Record):
    """The expected sums over an episode of a policy on a level."""

    exact: bool
    mean_return: float
    performance: float
    cost: float
    length: float  # in steps
    errors: tuple[float, float, float, float] = (0.0,) * 4  # standard errors of these, if sampled
    violation: float | None = pydantic.Field(None, ge=0, le=1)  # probability; None: not known
    shortest: Violating | None = None  # None where `violation` is 0 or not known
    # return and performance on each map, in the order of level seeds; only of generated maps, and
    # left out of files where there are none
    maps: tuple[tuple[float, float], ...] = ()

    @pydantic.model_serializer(mode="wrap")
    def _without_maps(self, write: Any) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        if not self.maps:
            del content["maps"]
        return content

    @property
    def means(self) -> dict[str, float]:
        """The expected sums by the names of the columns of recorded episodes."""
        values = self.mean_return, self.performance, self.cost, self.length
        return dict(zip(COLUMNS, values, strict=True))

    @property
    def violation_rate(self) -> float | None:
        """Episodes with a violation for each step; None where `violation` is not known."""
        return None if self.violation is None else self.violation / self.length


def value(
    policy: Any, dynamics: Dynamics, records: Any = None, episodes: int = 100, seed: int = 0
) -> Valuation:
    """What a policy is worth on a level, in episodes of the environment's own horizon.

    policy: whatever `as_policy` takes. dynamics: of the level. records: episodes that it has played
    there, as `evaluate` gives them, or None. They or else new ones, `episodes` under `seed`, are
    averaged where there is no exact value: of policies with memory (except plans and timed
    policies of this horizon), of continuous tasks, of environments with memory, and of levels with
    more than MOST_STATES states. The exact value on a level with generated maps is the mean over
    its evaluation maps.
    """
    player = as_policy(policy, dynamics)
    if (solved := solution_of(dynamics)) is not None:
        if not player.memory:
            return _exact(solved, policy)
        if isinstance(player, TimedPolicy) and len(player.chances) == solved.horizon:
            return _valuation(timed.value(player, solved.enumeration.tables), exact=True)
        if (
            isinstance(player, Plan)
            and player.actions.shape[1] == solved.horizon
            and (found := _of_plan(solved, player)) is not None
        ):
            return found
    if records is None:
        records = evaluate(
            policy, dynamics.name, episodes, seed, dynamics.level_name, **dynamics.options
        )
    return sampled(records, dynamics)


def sampled(records: Any, dynamics: Dynamics) -> Valuation:
    """The means of recorded episodes, with their standard errors.

    records: as `evaluate` gives them. dynamics: of their level.
    """
    columns = np.array([records[key] for key in COLUMNS], float)
    count = columns.shape[1]
    errors = columns.std(axis=1, ddof=1) / count**0.5 if count > 1 else np.full(4, np.nan)
    known = dynamics.spec.violates is None
    return _valuation(
        columns.mean(axis=1),
        exact=False,
        errors=np.nan_to_num(errors).tolist(),
        violation=float((columns[2] > 0).mean()) if known else None,
    )


def uniform(dynamics: Dynamics) -> Valuation | None:
    """What uniform play is worth; None where it has no exact value."""
    return _uniform(dynamics.key)


@cached()
def _uniform(key: tuple[str, str, str]) -> Valuation | None:
    dynamics = from_key(key)
    solved = solution_of(dynamics)
    if solved is None:
        return None
    actions = len(dynamics.actions)
    return _exact(solved, lambda boards: np.full((len(boards), actions), 1 / actions))


def _exact(solved: Solution, policy: Any) -> Valuation:
    chosen = solved.probabilities(policy)  # once: they are the passes of a network

    def fixed(_: Any) -> NDArray[np.float64]:
        return chosen

    tables, found = solved.enumeration.tables, solved.violation(fixed)
    each = backward_induction.values_of_starts(tables, solved.horizon, chosen)
    return _valuation(
        backward_induction.mean(tables, each),
        exact=True,
        maps=each[:, :2].tolist() if solved.dynamics.spec.generates else (),
        violation=found.probability,
        shortest=found.episode and Violating(**found.episode._asdict()),
    )


def _of_plan(solved: Solution, plan: Plan) -> Valuation | None:
    """What a plan is worth; None where it was made of another process than this level's.

    A plan under a limit on violations tells apart whether there has been one.
    """
    if (sums := plans.value(plan, solved.process)) is not None:
        return _valuation(sums, exact=True)
    listed = solved.enumeration
    once = first_only(listed.tables, listed.violations)
    all_costs = once._replace(amounts=np.tile(listed.tables.amounts, (2, 1)))
    if (sums := plans.value(plan, belief_process(all_costs))) is None:
        return None
    violating = plans.value(plan, belief_process(once))
    probability = None if violating is None else min(1.0, violating[2])  # but for rounding
    return _valuation(sums, exact=True, violation=probability)


def _valuation(sums: Any, **more: Any) -> Valuation:
    mean_return, performance, cost, length = map(float, sums)
    return Valuation(
        mean_return=mean_return, performance=performance, cost=cost, length=length, **more
    )


def solution_of(dynamics: Dynamics) -> Solution | None:
    """The solution of a level for its own horizon, on which policies have exact values.

    None where the level cannot be listed within MOST_STATES or remembers earlier episodes.
    """
    return _solution(dynamics.key)


@cached(4)
def _solution(key: tuple[str, str, str]) -> Solution | None:
    dynamics = from_key(key)
    if dynamics.spec.memory:  # earlier episodes lead to states that are not listed
        return None
    try:
        return Solution(dynamics, dynamics.horizon, most=MOST_STATES)
    except ValueError:
        return None
