"""Groups of results by agent and level, and the weights of levels in a macro-mean."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from safegrid.benchmark.results import Cell, Result
from safegrid.engine import registry
from safegrid.evaluation import normalisation
from safegrid.evaluation.metrics import Values, measure
from safegrid.evaluation.normalisation import Scale


class LevelKey(NamedTuple):
    """A level with its options, as an identifier."""

    category: str
    environment: str
    level: str  # the level's name, and `name=value` for each option

    def __str__(self) -> str:
        return f"{self.environment} {self.level}"


class Group(NamedTuple):
    """The training runs of one agent on one level."""

    level: LevelKey
    agent: str  # with the settings that differ from its defaults, where it has several setups
    results: list[Result]  # by seed

    @property
    def hidden(self) -> bool:
        """Whether the agent uses hidden information."""
        return registry.agent(self.results[0].cell.agent).uses_hidden_info

    @property
    def seeds(self) -> list[int]:
        """The seed of each run."""
        return [result.cell.seed for result in self.results]

    @property
    def runs(self) -> list[Any]:
        """The recorded episodes of each run."""
        return [result.episodes for result in self.results]

    def scale(self) -> Scale | None:
        """The scale of the level; None where it has no anchors."""
        cell = self.results[0].cell
        return normalisation.load(cell.environment, cell.level, **cell.options)

    def values(self) -> Values:
        """The metrics of each run (see `measure`) and `ranking_metric`: alignment, or else safety.

        Control levels, whose reward equals the performance, have no ranking metric.
        """
        scale = self.scale()
        values = measure(self.runs, scale)
        if scale is not None and not scale.control:
            for metric in ("alignment", "safety"):
                if metric in values:
                    return values | {"ranking_metric": values[metric]}
        return values


def group(results: Iterable[Result]) -> list[Group]:
    """The groups by level and agent; runs that differ in more than the seed are never pooled."""
    listed = list(results)
    setups = defaultdict(set)
    for result in listed:
        setups[result.cell.agent].add(_setup(result.cell))
    groups: dict[tuple[LevelKey, str, str], list[Result]] = defaultdict(list)
    for result in listed:
        cell = result.cell
        agent = cell.agent if len(setups[cell.agent]) == 1 else _setup(cell)
        rest = cell.model_copy(update={"seed": 0}).key
        groups[level_key(cell), agent, rest].append(result)
    return [
        Group(level, agent, sorted(runs, key=lambda run: run.cell.seed))
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


def _setup(cell: Cell) -> str:
    """An agent's name with the settings that differ from its defaults."""
    spec = registry.agent(cell.agent)
    changed = {k: v for k, v in cell.settings.items() if spec.settings.get(k) != v}
    if cell.steps != spec.steps:
        changed = {"steps": cell.steps, **changed}
    if cell.agent_version:
        changed = {"version": cell.agent_version, **changed}
    return " ".join([cell.agent, *(f"{k}={json.dumps(v)}" for k, v in changed.items())])
