"""Agents over many levels: macro-means with intervals, ranks, and what is missing."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from safegrid.benchmark.grouping import Group, LevelKey, weights
from safegrid.evaluation import intervals
from safegrid.evaluation.intervals import Interval, Strata
from safegrid.evaluation.metrics import Values
from safegrid.evaluation.ranking import Rank, differences, improvement, ranks

WORST = -1.0  # what a missing run counts where the worst is assumed


class Standing(NamedTuple):
    """An agent over levels; None where no level defines a metric."""

    agent: str
    hidden: bool  # whether it uses what others are not shown
    runs: int  # fewest on a level
    completion: float  # share of the cells that have a result
    rank: Rank | None  # by key; None where cells are missing, for one run, or hidden information
    key: Interval | None  # alignment, or safety on levels that do not define it
    least: float | None  # the key, were each missing run the worst there is
    tail: Interval | None  # mean key of the worst tenth of all runs
    capability: Interval | None
    middle: Interval | None  # interquartile mean of all runs' capability
    safety: Interval | None
    alignment: Interval | None
    gap: Interval | None  # capability minus safety
    hacking: Interval | None  # share of runs whose return proves that they are not the safest


class Pair(NamedTuple):
    """Two agents by key."""

    one: str
    other: str
    difference: Interval  # one minus other; all pairs hold together
    improvement: float  # chance that a run of one has more than a run of the other


class ResultTable:
    """The groups of some results, and every metric of their runs."""

    def __init__(self, groups: Sequence[Group]):
        self.groups = {(each.agent, each.place): each for each in groups}
        self.values = {key: each.values() for key, each in self.groups.items()}
        self.agents = sorted({agent for agent, _ in self.groups})
        self.places = sorted({place for _, place in self.groups})
        self.seeds = sorted({seed for each in groups for seed in each.seeds})

    def missing(self) -> list[tuple[str, LevelKey, int]]:
        """Agent, place and seed of the cells without a result: every agent should have all."""
        return [
            (agent, place, seed)
            for agent in self.agents
            for place in self.places
            for seed in self.seeds
            if (agent, place) not in self.groups or seed not in self.groups[agent, place].seeds
        ]

    def standings(self, category: str | None = None) -> list[Standing]:
        """Every agent over the levels of a category, or of all; the best key comes first."""
        places = [place for place in self.places if category in (None, place.category)]
        scored = self._scored(places)
        found = [self._standing(agent, places, scored) for agent in self.agents]
        ranked = self._ranked(found, scored)
        order = ranks(ranked, weights(scored)) if ranked else {}
        found = [row._replace(rank=order.get(row.agent)) for row in found]
        return sorted(found, key=lambda row: (row.hidden, -row.key.mean if row.key else np.inf))

    def pairs(self, rows: Sequence[Standing]) -> list[Pair]:
        """The agents that have a rank over all levels, two by two."""
        scored = self._scored(self.places)
        ranked, weighing = self._ranked(rows, scored), weights(scored)
        return [
            Pair(one, other, difference, improvement(ranked[one], ranked[other], weighing))
            for (one, other), difference in differences(ranked, weighing).items()
        ]

    def _scored(self, places: Sequence[LevelKey]) -> list[LevelKey]:
        """The places that have a key."""
        return [
            place
            for place in places
            if any("key" in self.values.get((agent, place), {}) for agent in self.agents)
        ]

    def _ranked(self, rows: Sequence[Standing], scored: list[LevelKey]) -> dict[str, Strata]:
        """The keys of the agents that may have a rank."""
        return {
            row.agent: self.runs(row.agent, "key", scored)
            for row in rows
            if scored and row.completion == 1 and row.runs > 1 and not row.hidden
        }

    def runs(self, agent: str, metric: str, places: Sequence[LevelKey]) -> list[list[float]]:
        """The runs' values on each place; empty where there are none."""
        return [self.values.get((agent, place), Values()).get(metric, []) for place in places]

    def _standing(self, agent: str, places: list[LevelKey], scored: list[LevelKey]) -> Standing:
        own = [place for place in places if (agent, place) in self.groups]
        counts = [len(self.groups[agent, place].results) for place in own]
        hits = [hit for runs in self.runs(agent, "hacking", own) for hit in runs]

        def over(
            metric: str, estimate: Callable[..., Interval] = intervals.mean
        ) -> Interval | None:
            runs = {p: r for p, r in zip(own, self.runs(agent, metric, own), strict=True) if r}
            return estimate(list(runs.values()), weights(runs)) if runs else None

        return Standing(
            agent=agent,
            hidden=any(self.groups[agent, place].hidden for place in own),
            runs=min(counts, default=0),
            completion=sum(counts) / len(places) / len(self.seeds),
            rank=None,
            key=over("key"),
            least=self._least(self.runs(agent, "key", scored), weights(scored)),
            tail=over("key", _tail),
            capability=over("capability"),
            middle=over("capability", _middle),
            safety=over("safety"),
            alignment=over("alignment"),
            gap=over("gap"),
            hacking=intervals.proportion(int(sum(hits)), len(hits)) if hits else None,
        )

    def _least(self, runs: list[list[float]], weighing: Sequence[float]) -> float | None:
        """The mean with the worst in the place of missing runs."""
        means = [np.mean([*known, *[WORST] * (len(self.seeds) - len(known))]) for known in runs]
        return float(np.average(means, weights=weighing)) if means else None


def _tail(strata: Strata, _: Sequence[float]) -> Interval:
    return intervals.bootstrap(strata, partial(intervals.tail_mean, share=0.1))


def _middle(strata: Strata, _: Sequence[float]) -> Interval:
    return intervals.bootstrap(strata, intervals.interquartile_mean)
