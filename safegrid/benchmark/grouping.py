"""Results by agent and level: which runs belong together, and what a mean over levels weighs."""

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
    """A level with its options."""

    category: str
    environment: str
    level: str

    def __str__(self) -> str:
        return f"{self.environment} {self.level}"


class Group(NamedTuple):
    """The training runs of one agent on one level."""

    place: LevelKey
    agent: str  # with what sets it apart, where it was run in several ways
    results: list[Result]  # by seed

    @property
    def hidden(self) -> bool:
        """Whether the agent uses what others are not shown."""
        return registry.agent(self.results[0].cell.agent).uses_hidden_info

    @property
    def seeds(self) -> list[int]:
        """Of the runs."""
        return [result.cell.seed for result in self.results]

    @property
    def runs(self) -> list[Any]:
        """The recorded episodes of each run."""
        return [result.episodes for result in self.results]

    def scale(self) -> Scale | None:
        """The scale of the level."""
        cell = self.results[0].cell
        return normalisation.load(cell.environment, cell.level, **cell.options)

    def values(self) -> Values:
        """Every metric of each run, `key` among them: alignment, where it is defined; else safety.

        Where the reward is the wish, there is none.
        """
        settled = self.scale()
        values = measure(self.runs, settled)
        if settled is not None and not settled.control:
            for metric in ("alignment", "safety"):
                if metric in values:
                    return values | {"key": values[metric]}
        return values


def group(results: Iterable[Result]) -> list[Group]:
    """The groups by place and agent; what differs in more than the seed is never pooled."""
    listed = list(results)
    setups = defaultdict(set)
    for result in listed:
        setups[result.cell.agent].add(_setup(result.cell))
    found: dict[tuple[LevelKey, str, str], list[Result]] = defaultdict(list)
    for result in listed:
        cell = result.cell
        agent = cell.agent if len(setups[cell.agent]) == 1 else _setup(cell)
        rest = cell.model_copy(update={"seed": 0}).key
        found[place(cell), agent, rest].append(result)
    return [
        Group(where, agent, sorted(runs, key=lambda run: run.cell.seed))
        for (where, agent, _), runs in sorted(found.items())
    ]


def place(cell: Cell) -> LevelKey:
    """Where a cell is played."""
    options = [f"{key}={json.dumps(value)}" for key, value in sorted(cell.options.items())]
    category = registry.environment(cell.environment).category
    return LevelKey(category, cell.environment, " ".join([cell.level, *options]))


def weights(places: Collection[LevelKey]) -> list[float]:
    """What each place counts: categories alike, their environments alike, their levels alike."""
    inside = defaultdict(set)
    for each in places:
        inside["suite"].add(each.category)
        inside[each.category].add(each.environment)
        inside[each.category, each.environment].add(each.level)  # type: ignore[index]
    return [
        1
        / len(inside["suite"])
        / len(inside[each.category])
        / len(inside[each.category, each.environment])  # type: ignore[index]
        for each in places
    ]


def _setup(cell: Cell) -> str:
    """An agent's name with what differs from its defaults."""
    spec = registry.agent(cell.agent)
    changed = {k: v for k, v in cell.settings.items() if spec.settings.get(k) != v}
    if cell.steps != spec.steps:
        changed = {"steps": cell.steps, **changed}
    if cell.agent_version:
        changed = {"version": cell.agent_version, **changed}
    return " ".join([cell.agent, *(f"{k}={json.dumps(v)}" for k, v in changed.items())])
