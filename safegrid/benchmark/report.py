"""Report of a set of results: standings, tables of each level, missing results, versions."""

import json
import platform
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from safegrid.benchmark.grouping import Group, LevelKey, group
from safegrid.benchmark.results import Failure, Result
from safegrid.benchmark.standings import Pair, ResultTable, Standing
from safegrid.benchmark.versions import package_versions
from safegrid.evaluation.goodhart import Goodhart, goodhart
from safegrid.evaluation.intervals import SCORES
from safegrid.evaluation.metrics import Score
from safegrid.evaluation.normalisation import Scale
from safegrid.evaluation.safetywashing import Safetywashing, safetywashing
from safegrid.evaluation.training_cost import TrainingCost, training_cost
from safegrid.rendering.charts import Chart, LinearScale
from safegrid.rendering.palette import INK, PERFORMANCE

LINE = 46  # pixels of the chart for one agent
FEW = 10  # runs of a level; fewer may not show a rare catastrophe


class LevelEntry(NamedTuple):
    """One agent on one level."""

    agent: str
    seeds: list[int]
    score: Score
    worst: str  # path of the result of the run with the lowest performance
    training: TrainingCost | None  # None where the training of a run was not recorded


class LevelReport(NamedTuple):
    """One level and the agents on it."""

    key: LevelKey
    scale: Scale | None
    measure_name: str | None  # of measures.MEASURES; None where the level has none
    goodhart: Goodhart  # over the episodes of all agents
    entries: list[LevelEntry]


class Report(NamedTuple):
    """A report of results; `markdown.text` writes it for readers."""

    overall: list[Standing]
    categories: dict[str, list[Standing]]
    measured: list[tuple[str, str, str]]  # category, measure, what it is
    pairs: list[Pair]
    levels: list[LevelReport]
    safetywashing: dict[str, dict[str, Safetywashing]]  # by category and metric; see FEWEST
    missing: list[str]
    faults: list[str]  # damaged files
    few: bool  # whether an agent has fewer than FEW runs of a level
    command: str  # that made the report
    versions: dict[str, str]  # of Python and packages
    dynamics: dict[str, str]  # fingerprint of each level
    suite: str  # content of a suite file that produces results of the same cells


def report(
    results: Iterable[Result],
    command: str = "",
    faults: Sequence[str] = (),
    failures: Sequence[Failure] = (),
) -> Report:
    """The report of a set of results.

    results: of all agents, levels and seeds; combinations without a result are reported as missing
    command: the command line that made the report
    faults: descriptions of damaged files
    failures: cells that were tried without success

    ValueError without results.
    """
    groups = group(results)
    if not groups:
        raise ValueError("there are no results to report: run safegrid bench first")
    table = ResultTable(groups)
    categories = sorted({level.category for level in table.levels})
    overall = table.standings()
    standings = {category: table.standings(category) for category in categories}
    washed = {category: _safetywashing(table, rows) for category, rows in standings.items()}
    return Report(
        overall=overall,
        categories=standings,
        measured=table.measured(),
        pairs=table.pairs(overall),
        levels=[_level(level, table) for level in table.levels],
        safetywashing={category: each for category, each in washed.items() if each},
        missing=_missing(table, failures),
        faults=list(faults),
        few=min(len(each.results) for each in groups) < FEW,
        command=command,
        versions={"python": platform.python_version(), **package_versions()},
        dynamics={str(each.level): each.results[0].cell.dynamics for each in groups},
        suite=suite(groups),
    )


def chart(report: Report) -> str:
    """The mean measure of each agent as SVG: a dot for each run below the mean and its interval."""
    rows = [(row.agent, row.measure) for row in report.overall if row.measure is not None]
    bottom = 20 + LINE * len(rows)
    x = LinearScale(-1, 1, 20, 620)
    picture = Chart(640, bottom + 50)
    picture.x_axis(x, LinearScale(0, 1, bottom, 10), "mean measure")
    for top, (agent, measure) in zip(range(20, bottom, LINE), rows, strict=True):
        picture.text((x.start + 4, top + 12), agent)
        _, low, high, _ = measure.within(*SCORES)
        if low is not None and high is not None:
            ends = (x(low), top + 24), (x(high), top + 24)
            picture.line(*ends, stroke=PERFORMANCE, stroke_width=4, stroke_opacity=".4")
        picture.circle((x(measure.mean), top + 24), 5, fill=PERFORMANCE)
        runs = [run for level in measure.runs for run in level]
        picture.runs(((x(run), top + 36) for run in runs), fill=INK, fill_opacity=".6")
    return picture.svg()


def plain(value: Any) -> Any:
    """A report, or a part of one, as lists, dictionaries, numbers and strings for JSON."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


def suite(groups: Sequence[Group]) -> str:
    """The content of a suite file with every agent, level and seed of the groups."""
    cells = [result.cell for each in groups for result in each.results]
    head = {
        "seeds": max(cell.seed for cell in cells) + 1,
        "episodes": max(cell.episodes for cell in cells),
    }
    agents = [
        {"name": cell.agent, "steps": cell.steps, "settings": cell.settings} for cell in cells
    ]
    levels: dict[str, list[str]] = defaultdict(list)
    for cell in cells:
        levels[_toml({"name": cell.environment, "options": cell.options})].append(cell.level)
    blocks = [_toml(head)]
    blocks += [f"[[agents]]\n{text}" for text in dict.fromkeys(map(_toml, agents))]
    for text, names in levels.items():
        blocks.append(
            f"[[environments]]\n{text}levels = {json.dumps(list(dict.fromkeys(names)))}\n"
        )
    return "\n".join(blocks)


def _missing(table: ResultTable, failures: Sequence[Failure]) -> list[str]:
    """Lines for the combinations without a result, and for all other failures."""
    errors = {(f.agent, f.environment, f.level, f.seed): f.error for f in failures}
    missing = {
        (agent.split()[0], level.environment, level.level.split()[0], seed): (agent, level)
        for agent, level, seed in table.missing()
    }
    lines = [
        f"{agent} on {level}, seed {key[-1]}: {errors.get(key, 'no result')}"
        for key, (agent, level) in missing.items()
    ]
    return lines + [
        f"{agent} on {environment} {level}, seed {seed}: {error}"
        for (agent, environment, level, seed), error in errors.items()
        if (agent, environment, level, seed) not in missing
    ]


def _level(level: LevelKey, table: ResultTable) -> LevelReport:
    groups = [each for (_, where), each in sorted(table.groups.items()) if where == level]
    scale = groups[0].scale()
    entries = []
    for each in groups:
        cell = each.results[0].cell
        metrics = each.score()
        worst = each.results[metrics.worst].cell.path.as_posix()
        recorded = [run.training for run in each.results if run.training is not None]
        training = None
        if len(recorded) == len(each.results) and all(run["episodes"].sum() for run in recorded):
            training = training_cost(recorded, cell.environment, cell.level, **cell.options)
        entries.append(LevelEntry(each.agent, each.seeds, metrics, worst, training))
    runs = [run for each in groups for run in each.runs]
    return LevelReport(level, scale, groups[0].measure_name, goodhart(runs, scale), entries)


def _safetywashing(table: ResultTable, rows: list[Standing]) -> dict[str, Safetywashing]:
    """Correlation of safety and alignment in a category with capability on control levels."""
    scales = {level: each.scale() for (_, level), each in table.groups.items()}
    control = [level for level, scale in scales.items() if scale is not None and scale.control]
    capabilities = {
        agent: [float(np.mean(runs)) for runs in table.runs(agent, "capability", control)]
        for agent in table.agents
        if all(table.runs(agent, "capability", control))
    }
    correlations = {}
    for metric in ("safety", "alignment"):
        scores = {
            row.agent: value.mean for row in rows if (value := getattr(row, metric)) is not None
        }
        if control and (washed := safetywashing(capabilities, scores)) is not None:
            correlations[metric] = washed
    return correlations


def _toml(table: Mapping[str, Any]) -> str:
    """The entries of a table in TOML, which cannot hold None: such entries are left out."""
    return "".join(
        f"{key} = {_value(value)}\n" for key, value in table.items() if value not in (None, {})
    )


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = (f"{key} = {_value(each)}" for key, each in value.items() if each is not None)
        return f"{{{', '.join(inner)}}}"
    return json.dumps(value)
