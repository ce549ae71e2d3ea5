"""Groups of results by agent and level, and the weights of levels in a macro-mean."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from statistics import fmean
from typing import Any, NamedTuple, TypeVar

import numpy as np

from safegrid.benchmark import policy_files
from safegrid.benchmark.results import Cell, Result
from safegrid.engine import registry
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.fingerprint import fingerprint
from safegrid.engine.policies import Policy
from safegrid.evaluation import few_valued, intervals, measures, normalisation, valuation
from safegrid.evaluation.behaviour import NUMBER, RANGES, STEP, Evidence, Find
from safegrid.evaluation.intervals import Interval
from safegrid.evaluation.metrics import (
    LIMITS,
    Anchored,
    Constraint,
    Score,
    Values,
    level_metrics,
    summary,
)
from safegrid.evaluation.normalisation import Scale
from safegrid.evaluation.valuation import Valuation

Row = TypeVar("Row")


class LevelKey(NamedTuple):
    """A level with its options, as an identifier."""

    category: str
    environment: str
    level: str  # the level's name, and `name=value` for each option

    def __str__(self) -> str:
        return f"{self.environment} {self.level}"


class Observed(NamedTuple):
    """A behaviour over the training runs of an agent on a level."""

    mean: Interval
    exact: bool  # in every run
    error: float  # standard error of the mean that is due to sampled episodes
    beside: float | None  # mean of what it is compared with


class Group(NamedTuple):
    """The training runs of one agent on one level, all of the same dynamics."""

    level: LevelKey
    agent: str  # with what differs from its defaults, where it has several setups on a level
    results: list[Result]  # by seed
    hidden: bool = False  # whether the agent or one in its settings uses hidden information
    ranked: bool = True  # whether it may have a rank
    trained: bool = True  # if not, equal runs are one policy, and say nothing about others

    @property
    def seeds(self) -> list[int]:
        """The seed of each run."""
        return [result.cell.seed for result in self.results]

    @property
    def runs(self) -> list[Any]:
        """The recorded episodes of each run."""
        return [result.episodes for result in self.results]

    def scale(self) -> Scale | None:
        """The scale of the level; None where it has no anchors, or has changed since the runs."""
        return normalisation.scale_of(self.dynamics) if is_current(self.results[0].cell) else None

    @property
    def dynamics(self) -> Dynamics:
        """Of the level as it is now."""
        return self.results[0].cell.make_dynamics()

    @property
    def measure_name(self) -> str | None:
        """What the level's measure is: see `measures.MEASURES`."""
        return measures.measure_name(self.dynamics, self.scale())

    def values(self) -> Values:
        """The metrics of each run: see `level_metrics`."""
        dynamics = self.dynamics
        valued = [result_values(result, dynamics) for result in self.results]
        training = [result.training for result in self.results]
        return level_metrics(self.runs, dynamics, valued, training)

    def score(self) -> Score:
        """The metrics over the runs."""
        limit = self.dynamics.spec.cost_limit
        score = summary(self.values(), self.runs, self.scale(), limit, self.measure_name)
        return score if self.trained else _certain(score)

    def completed(self) -> "Group":
        """The group with what each policy is worth in its result: see `result_values`."""
        dynamics = self.dynamics
        complete = [each._replace(values=result_values(each, dynamics)) for each in self.results]
        return self._replace(results=complete)

    def errors(self) -> dict[str, float] | None:
        """Standard errors of the means over runs that are due to sampled episodes, by column.

        None where every value is exact.
        """
        own = [
            result_values(each, self.dynamics)[self.dynamics.level_name] for each in self.results
        ]
        if all(each.exact for each in own):
            return None
        errors = np.linalg.norm([each.errors for each in own], axis=0) / len(own)
        return dict(zip(valuation.COLUMNS, errors.tolist(), strict=True))

    def evidence(self) -> list[Evidence]:
        """What is known of each run."""
        dynamics, values = self.dynamics, self.values()
        return [
            Evidence(
                dynamics,
                result_values(result, dynamics),
                {name: column[number] for name, column in values.items()},
                result.episodes,
                result.training,
                policy_of(result),
            )
            for number, result in enumerate(self.results)
        ]


def is_trained(kind: str, steps: int) -> bool:
    """Whether runs of an agent of this kind, with so many steps, have policies that may differ."""
    return steps > 0 or kind not in ("planner", "scripted")


def observe(
    find: Find, runs: Iterable[Evidence], trained: bool, kind: str = NUMBER
) -> Observed | None:
    """A behaviour over training runs; None where that of a run is not known.

    find: that of one run. trained: as of `Group`. kind: of a STEP the greatest counts, no mean.
    """
    amounts = [find(run) for run in runs]
    known = [each for each in amounts if each is not None]
    if len(known) < len(amounts):
        return None
    values = [each.value for each in known]
    mean = intervals.mean([values], limits=RANGES.get(kind, few_valued.OPEN), fixed=not trained)
    besides = [each.beside for each in known if each.beside is not None]
    return Observed(
        Interval(max(values), None, None) if kind == STEP else mean,
        all(each.exact for each in known),
        float(np.linalg.norm([each.error for each in known])) / len(known),
        fmean(besides) if len(besides) == len(known) else None,
    )


def policy_of(result: Result) -> Policy | None:
    """The policy of a result; None where it has none, or its agent has changed since."""
    if result.policy is None:
        return None
    try:
        return policy_files.make(policy_files.decode(result.policy))
    except ValueError:
        return None


def registered(results: Iterable[Result]) -> tuple[list[Result], list[str]]:
    """The results whose agent and environment are there, and a line about each that is not."""
    agents, environments = set(registry.agents()), set(registry.names())
    found, absent = [], {}
    for result in results:
        cell, known = result.cell, True
        for what, name, there in (
            ("agent", cell.agent, cell.agent in agents),
            ("environment", cell.environment, cell.environment in environments),
        ):
            if known and not there:
                absent[name] = f"{what} {name}: it has no file here; name one with --plugin"
            known &= there
        found += [result] * known
    return found, list(absent.values())


def is_current(cell: Cell) -> bool:
    """Whether the cell's level behaves now as it did when the cell was run."""
    return present_dynamics(cell) == cell.dynamics


def present_dynamics(cell: Cell) -> str | None:
    """The fingerprint of the cell's level as it is now; None where there is no such level."""
    try:
        return fingerprint(cell.make_dynamics())
    except ValueError:
        return None


def result_values(result: Result, dynamics: Dynamics) -> Mapping[str, Valuation]:
    """What a result's policy is worth: as the file has it, or else computed from the policy.

    From the recorded episodes where neither is at hand, or the level has changed since.
    dynamics: of its level.
    """
    if result.values:
        return result.values
    cell, policy = result.cell, policy_of(result) if is_current(result.cell) else None
    if policy is not None:
        return measures.valuations(policy, dynamics, result.episodes, cell.episodes, cell.seed)
    return {dynamics.level_name: valuation.sampled(result.episodes, dynamics)}


def group(results: Iterable[Result]) -> list[Group]:
    """The groups by level and agent; runs that differ in more than the seed are never pooled.

    Where an agent has several setups or numbers of episodes on one level, its names have them.
    """
    listed = list(results)
    setups = defaultdict(set)
    counts = defaultdict(set)
    for result in listed:
        setups[result.cell.agent, level_key(result.cell)].add(setup(result.cell))
        counts[_evaluated(result.cell)].add(result.cell.episodes)
    compared = {agent for (agent, _), found in setups.items() if len(found) > 1}
    several = {one for (one, *_), numbers in counts.items() if len(numbers) > 1}
    groups: dict[tuple[LevelKey, str, str], list[Result]] = defaultdict(list)
    for result in listed:
        cell = result.cell
        own = setup(cell)
        agent = own if cell.agent in compared else cell.agent
        agent += f" episodes={cell.episodes}" if own in several else ""
        rest = cell.model_copy(update={"seed": 0}).key
        groups[level_key(cell), agent, rest].append(result)
    return [
        Group(
            level,
            agent,
            sorted(runs, key=lambda run: run.cell.seed),
            registry.uses_hidden_info(runs[0].cell.agent, runs[0].cell.settings),
            trained=is_trained(registry.agent(runs[0].cell.agent).kind, runs[0].cell.steps),
        )
        for (level, agent, _), runs in sorted(groups.items())
    ]


def level_key(cell: Cell) -> LevelKey:
    """The level and options of a cell."""
    options = [f"{key}={json.dumps(value)}" for key, value in sorted(cell.options.items())]
    category = registry.environment(cell.environment).category
    return LevelKey(category, cell.environment, " ".join([cell.level, *options]))


def weights(levels: Collection[LevelKey]) -> list[float]:
    """The weight of each level: equal for categories, for the environments of each, for levels."""
    inside = defaultdict(set)
    for each in levels:
        inside["suite"].add(each.category)
        inside[each.category].add(each.environment)
        inside[each.category, each.environment].add(each.level)  # type: ignore[index]
    return [
        1
        / len(inside["suite"])
        / len(inside[each.category])
        / len(inside[each.category, each.environment])  # type: ignore[index]
        for each in levels
    ]


def _evaluated(cell: Cell) -> tuple[str, LevelKey, str]:
    """What was evaluated: the agent's setup, the level and its dynamics."""
    return setup(cell), level_key(cell), cell.dynamics


def setup(cell: Cell) -> str:
    """An agent's name with its settings, steps and version that are not today's defaults."""
    spec = registry.agent(cell.agent)
    own, names = cell.settings, {**cell.settings, **spec.settings}
    changed = {name: own.get(name) for name in names if own.get(name) != spec.settings.get(name)}
    if cell.steps != spec.steps:
        changed = {"steps": cell.steps, **changed}
    if cell.agent_version != spec.version:
        changed = {"version": cell.agent_version, **changed}
    return " ".join([cell.agent, *(f"{k}={json.dumps(v)}" for k, v in changed.items())])


def _certain(metrics: Row) -> Row:
    """The metrics of an agent that is not trained: runs that are alike are of one policy."""
    certain: dict[str, Any] = {}
    for name, value in metrics._asdict().items():  # type: ignore[attr-defined]
        if isinstance(value, Interval) and value.alike:
            limits = LIMITS.get(name, few_valued.OPEN)
            certain[name] = intervals.mean(value.runs, limits=limits, fixed=True)
        elif isinstance(value, Anchored | Constraint):
            certain[name] = _certain(value)
    return metrics._replace(**certain)  # type: ignore[attr-defined,no-any-return]
