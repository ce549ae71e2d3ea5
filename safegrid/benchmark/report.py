"""Report of a set of results: standings, tables of each level, missing results, versions."""

import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from safegrid.benchmark.grouping import (
    Group,
    LevelKey,
    Observed,
    group,
    is_current,
    observe,
    present_dynamics,
)
from safegrid.benchmark.results import Failure, Result
from safegrid.benchmark.standings import TERMS, Pair, ResultTable, Standing, Term
from safegrid.benchmark.suite import suite_of
from safegrid.benchmark.versions import package_versions
from safegrid.evaluation.behaviour import BEHAVIOURS, COUNT, violations_in_training
from safegrid.evaluation.goodhart import Goodhart, goodhart
from safegrid.evaluation.metrics import Score, score
from safegrid.evaluation.normalisation import Scale
from safegrid.evaluation.safetywashing import FEWEST, Safetywashing, safetywashing
from safegrid.evaluation.training_cost import TrainingCost, training_cost

FEW = 10  # runs of a level; fewer may not show a rare catastrophe


class LevelEntry(NamedTuple):
    """One agent on one level."""

    agent: str
    seeds: list[int]
    score: Score
    steps: int  # of a training
    worst: str  # path of the result of the run with the lowest performance
    training: TrainingCost | None  # None where the training of a run was not recorded
    violations: Observed | None  # episodes of a training with a violation
    behaviour: dict[str, Observed | None]  # of the category, by the names in behaviour.BEHAVIOURS
    errors: dict[str, float] | None  # standard errors of sampled means, by column; None: exact


class OtherDynamics(NamedTuple):
    """Runs of one agent on a level that has changed since; they have no scores."""

    agent: str
    level: LevelKey
    dynamics: str  # fingerprint of the level in these runs
    present: str | None  # fingerprint of the level now; None where there is no such level
    seeds: list[int]
    score: Score  # without a scale

    def __str__(self) -> str:
        now = "it is gone" if self.present is None else f"it has {self.present} now"
        runs = f"{len(self.seeds)} run{'s' * (len(self.seeds) > 1)} of {self.agent}"
        return f"{runs} on {self.level}: its dynamics were {self.dynamics}, and {now}"


class LevelReport(NamedTuple):
    """One level and the agents on it."""

    key: LevelKey
    scale: Scale | None
    measure_name: str | None  # of measures.MEASURES; None where the level has none
    goodhart: Goodhart  # over the episodes of all agents
    entries: list[LevelEntry]

    @property
    def sampled(self) -> bool:
        """Whether no policy can have exact scores here: continuous, bounded or not listed."""
        return self.scale is None or self.scale.kind != "exact"


class Report(NamedTuple):
    """A report of results; `markdown.text` writes it for readers."""

    overall: list[Standing]
    categories: dict[str, list[Standing]]
    measured: list[tuple[str, str, str]]  # category, measure, what it is
    pairs: list[Pair]
    levels: list[LevelReport]
    safetywashing: dict[str, dict[str, Safetywashing]]  # by category and metric; see FEWEST
    other_dynamics: list[OtherDynamics]  # in no other part of the report
    missing: list[str]
    faults: list[str]  # damaged files
    few: bool  # whether an agent has fewer than FEW runs of a level
    command: str  # that made the report
    versions: dict[str, str]  # of Python and packages
    dynamics: dict[str, str]  # fingerprint of each level
    suite: str  # content of a suite file that produces results of the same cells
    terms: dict[str, Term]  # names in the tables, and meanings, of the metrics in the JSON


def report(
    results: Iterable[Result],
    command: str = "",
    faults: Sequence[str] = (),
    failures: Sequence[Failure] = (),
) -> Report:
    """The report of a set of results.

    results: of all agents, levels and seeds; combinations without a result are reported as missing,
    and runs on levels that have changed since are kept apart
    command: the command line that made the report
    faults: descriptions of damaged files
    failures: cells that were tried without success

    ValueError without results.
    """
    every = group(results)
    if not every:
        raise ValueError("there are no results to report: run safegrid bench first")
    groups = [each for each in every if is_current(each.results[0].cell)]
    changed = [each for each in every if not is_current(each.results[0].cell)]
    table = ResultTable(groups)
    overall, standings = table.standings(), table.by_category()
    return Report(
        overall=overall,
        categories=standings,
        measured=table.measured(),
        pairs=table.pairs(overall),
        levels=level_reports(table),
        safetywashing=safetywashing_by_category(table, standings),
        other_dynamics=[_other_dynamics(each) for each in changed],
        missing=_missing(table, failures),
        faults=list(faults),
        few=any(len(each.results) < FEW for each in groups),
        command=command,
        versions={"python": platform.python_version(), **package_versions()},
        dynamics={str(each.level): each.results[0].cell.dynamics for each in groups},
        suite=suite_of([result.cell for each in groups for result in each.results]),
        terms=TERMS,
    )


def plain(value: Any) -> Any:
    """A report, or a part of one, as lists, dictionaries, numbers and strings for JSON."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


def _other_dynamics(each: Group) -> OtherDynamics:
    cell = each.results[0].cell
    present = present_dynamics(cell)
    return OtherDynamics(
        each.agent, each.level, cell.dynamics, present, each.seeds, score(each.runs)
    )


def _missing(table: ResultTable, failures: Sequence[Failure]) -> list[str]:
    """Lines for the combinations without a result, and for all other failures."""
    errors = {(f.agent, f.environment, f.level, f.seed): f.error for f in failures}
    lines, known = [], set()
    for agent, level, seed in table.missing():
        key = agent.split()[0], level.environment, level.level.split()[0], seed
        lines.append(f"{agent} on {level}, seed {seed}: {errors.get(key, 'no result')}")
        known.add(key)
    return lines + [
        f"{agent} on {environment} {level}, seed {seed}: {error}"
        for (agent, environment, level, seed), error in errors.items()
        if (agent, environment, level, seed) not in known
    ]


def level_reports(table: ResultTable) -> list[LevelReport]:
    """The report of each level of a table."""
    return [_level(level, table) for level in table.levels]


def safetywashing_by_category(
    table: ResultTable, standings: Mapping[str, list[Standing]]
) -> dict[str, dict[str, Safetywashing]]:
    """The correlations with capability of each category that has some, by metric.

    standings: of each category. Its own control levels are left out: their capability is a part of
    its scores.
    """
    control, found = control_capabilities(table), {}
    for category, rows in standings.items():
        others = {
            agent: [mean for (own, _), mean in means.items() if own != category]
            for agent, means in control.items()
        }
        if washed := _safetywashing(others, rows):
            found[category] = washed
    return found


def control_capabilities(table: ResultTable) -> dict[str, dict[tuple[str, str], float]]:
    """The capability of agents on control levels, by category and environment.

    It is a mean over the control levels of an environment, of which some have many that are alike.
    The levels are those that half of all agents that are trained without hidden information have,
    and FEWEST at least; the agents are those of them that have all of these levels. There is none
    where these are fewer than half of the control levels that any of those agents has.
    """
    groups = {key: each for key, each in table.groups.items() if each.trained and not each.hidden}
    agents = sorted({agent for agent, _ in groups})
    counts = Counter(level for _, level in groups)
    scales = {level: each.scale() for (_, level), each in groups.items()}
    known = [level for level, scale in scales.items() if scale is not None and scale.control]
    control = [level for level in known if counts[level] >= max(FEWEST, len(agents) / 2)]
    whole = [agent for agent in agents if all(table.runs(agent, "capability", control))]
    own = {level for agent, level in groups if agent in whole}.intersection(known)
    if not control or len(control) < len(own) / 2:
        return {}

    def capability(agent: str, place: tuple[str, str]) -> float:
        levels = [level for level in control if level[:2] == place]
        return fmean(map(fmean, table.runs(agent, "capability", levels)))

    places = sorted({level[:2] for level in control})
    return {agent: {place: capability(agent, place) for place in places} for agent in whole}


def _level(level: LevelKey, table: ResultTable) -> LevelReport:
    groups = [each for (_, where), each in sorted(table.groups.items()) if where == level]
    scale, behaviours = groups[0].scale(), BEHAVIOURS.get(level.category, [])
    entries = []
    for each in groups:
        cell = each.results[0].cell
        metrics = each.score()
        worst = each.results[metrics.worst].cell.path.as_posix()
        recorded = [run.training for run in each.results if run.training is not None]
        training = None
        if len(recorded) == len(each.results) and all(run["episodes"].sum() for run in recorded):
            training = training_cost(recorded, cell.environment, cell.level, **cell.options)
        runs = each.evidence()
        entries.append(
            LevelEntry(
                each.agent,
                each.seeds,
                metrics,
                cell.steps,
                worst,
                training,
                observe(violations_in_training, runs, each.trained, COUNT),
                {one.name: observe(one.find, runs, each.trained, one.kind) for one in behaviours},
                each.errors(),
            )
        )
    played = [run for each in groups for run in each.runs]
    return LevelReport(level, scale, groups[0].measure_name, goodhart(played, scale), entries)


def _safetywashing(
    control: Mapping[str, Sequence[float]], rows: list[Standing]
) -> dict[str, Safetywashing]:
    """Correlation of a category's scores with capability, by metric.

    control: the capabilities of each agent
    """
    correlations = {}
    for metric in ("measure", "safety", "alignment"):
        scores = {
            row.agent: value.mean for row in rows if (value := getattr(row, metric)) is not None
        }
        if (washed := safetywashing(control, scores)) is not None:
            correlations[metric] = washed
    return correlations
