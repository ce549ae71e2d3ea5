"""Sections of a report: tables of text, each with one line that says what it shows.

The Markdown report and the pages of the leaderboard show the same sections.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import NamedTuple

from safegrid.benchmark.grouping import Observed
from safegrid.benchmark.report import LevelEntry, LevelReport
from safegrid.benchmark.standings import Standing
from safegrid.evaluation.behaviour import ABOUT, BEHAVIOURS, COUNT, NUMBER, SHARE, STEP, Behaviour
from safegrid.evaluation.intervals import Interval
from safegrid.evaluation.safetywashing import FEWEST, Safetywashing
from safegrid.rendering.charts import Chart, LinearScale
from safegrid.rendering.palette import INK, PERFORMANCE

LINE = 46  # pixels of the chart for one agent

NONE = "-"  # not defined, or not known
TRAINING = {  # columns of the section, and what they are
    "violations": "episodes of a training with a violation",
    "cost per step": "mean cost of a training step",
    "relative": "cost of an episode, as a multiple of that of uniform play",
    "strong regret": "sum over the episodes of the cost above the limit",
    "weak regret": "the same sum, less what other episodes remain below the limit",
    "longest": "longest sequence of steps with a cost, mean over the episodes",
    "last violation": "training step of the last violation in any run",
    "drawdown": "greatest fall of the safety score below what it had been",
}
AGREEMENT = {
    "tau": "Kendall's tau over pairs of episodes: 1 if more return always means more performance",
    "Goodhart drop": "how much lower the mean safety is among the episodes of the greatest return "
    "than where it is best",
    "at the greatest return": "least and greatest performance of the episodes with it",
}
WASHING = {
    "correlation": "Spearman's, with the capability on control levels of other categories",
    "slope": "change of the score for one standard deviation of capability",
    "agents": "number of agents",
}
SAMPLED = {
    "anchors": "reference: what the best known policies reach; bound: proven limits that may not "
    "be attainable",
    "measure": "what ranks the agents on the level",
}
Row = tuple[list[str], list["TableCell"]]  # names, and numbers


class TableCell(NamedTuple):
    """A number of a table, and a note to it."""

    text: str
    note: str = ""

    def __str__(self) -> str:
        return f"{self.text} ({self.note})" if self.note else self.text


class Section(NamedTuple):
    """A table with its explanation."""

    title: str
    about: str  # one line
    meanings: Mapping[str, str]  # what columns show
    names: list[str]  # titles of the columns of names, which come first
    columns: list[str]  # titles of the columns of numbers
    rows: list[Row]


def sections(
    levels: Sequence[LevelReport], washed: Mapping[str, Mapping[str, Safetywashing]] | None
) -> list[Section]:
    """All sections that have something to show.

    levels: of a report. washed: by category and metric; None leaves that section out.
    """
    found = [*behaviours(levels), training(levels), agreement(levels), sampled(levels)]
    shown = [each for each in found if each.rows]
    return shown if washed is None else [*shown, washing(washed)]


def behaviours(levels: Sequence[LevelReport]) -> list[Section]:
    """What the agents do, a section for each category."""
    found = []
    for category, columns in BEHAVIOURS.items():
        rows = [
            (names, [_observed(column, entry.behaviour[column.name]) for column in columns])
            for level in levels
            if level.key.category == category
            for names, entry in _entries(level)
        ]
        meanings = {column.name: column.meaning for column in columns}
        found.append(_section(category.capitalize(), ABOUT[category], meanings, rows))
    return found


def training(levels: Sequence[LevelReport]) -> Section:
    """What training cost, on levels where some agent did harm in training."""
    rows = [
        (names, _training(entry))
        for level in levels
        if any(map(_harmed, level.entries))
        for names, entry in _entries(level)
        if entry.steps or entry.training
    ]
    about = "What happened while the agents learned, from the trainer's log of all episodes."
    some = [any(cells[i].text != NONE for _, cells in rows) for i in range(len(TRAINING))]
    known = [(names, list(compress(cells, some))) for names, cells in rows]
    return _section("Training cost", about, dict(compress(TRAINING.items(), some)), known)


def agreement(levels: Sequence[LevelReport]) -> Section:
    """Whether return and performance agree, on each level."""
    rows = []
    for level in levels:
        found = level.goodhart
        best = " to ".join(dict.fromkeys(f"{round(each, 2):g}" for each in found.best))
        numbers = [_number(found.tau), TableCell(f"{found.drop:z.2f}"), TableCell(best)]
        rows.append(([str(level.key)], numbers))
    about = (
        "Whether more return means more performance, over the episodes of all agents. A high tau "
        "is no proof: the episodes of the greatest return may be the exceptions."
    )
    title = "Agreement of return and performance (Goodhart)"
    return _section(title, about, AGREEMENT, rows, ["level"])


def washing(washed: Mapping[str, Mapping[str, Safetywashing]]) -> Section:
    """Whether the scores of categories only measure capability."""
    rows = []
    for category, metrics in washed.items():
        for metric, each in metrics.items():
            numbers = [each.correlation.text(2), f"{each.slope:z.2f}", str(each.agents)]
            rows.append(([category, metric], list(map(TableCell, numbers))))
    about = (
        "Whether a safety score only measures the capability of trained agents: then it says "
        "nothing about safety."
    )
    if not rows:
        about += f" It takes {FEWEST} such agents with results on a level for capability only."
    title = "Correlation of safety with capability (safetywashing)"
    return _section(title, about, WASHING, rows, ["category", "score"])


def sampled(levels: Sequence[LevelReport]) -> Section:
    """The stage of levels on which nothing is exact: continuous tasks, and levels with bounds."""
    rows = [
        (names, _sampled(level, entry))
        for level in levels
        if level.sampled
        for names, entry in _entries(level)
    ]
    about = (
        "Continuous tasks and levels that cannot be listed: means of sampled episodes, with their "
        "standard errors."
    )
    columns = ("anchors", "return", "performance", "cost", "capability", "safety", "measure")
    meanings = {column: SAMPLED.get(column, "") for column in columns}
    return _section("Sampled levels", about, meanings, rows)


def _section(
    title: str,
    about: str,
    columns: Mapping[str, str],
    rows: list[Row],
    names: Sequence[str] = ("level", "agent"),
) -> Section:
    meanings = {column: meaning for column, meaning in columns.items() if meaning}
    return Section(title, about, meanings, list(names), list(columns), rows)


def _entries(level: LevelReport) -> Iterable[tuple[list[str], LevelEntry]]:
    return (([str(level.key), entry.agent], entry) for entry in level.entries)


def _observed(behaviour: Behaviour, found: Observed | None) -> TableCell:
    if found is None:
        return TableCell(NONE)
    notes = []
    if behaviour.beside and found.beside is not None:
        notes.append(f"{behaviour.beside} {_amount(behaviour.kind, found.beside)}")
    if not found.exact:
        error = f"{found.error:.1%}" if behaviour.kind == SHARE else f"{found.error:.2f}"
        notes.append(f"sampled ± {error}" if found.error else "sampled")
    return TableCell(_mean(behaviour.kind, found.mean), ", ".join(notes))


def _mean(kind: str, mean: Interval) -> str:
    if kind == NUMBER:
        return mean.text(2)
    if kind == COUNT:
        return _count(mean)
    return "none" if kind == STEP and not mean.mean else _amount(kind, mean.mean)


def _count(mean: Interval) -> str:
    return mean.within(0, math.inf).text(0)


def _amount(kind: str, value: float) -> str:
    if kind == SHARE:
        return percent(value)
    return f"{value:z.2f}" if kind == NUMBER else f"{value:,.0f}"


def percent(share: float) -> str:
    """A share that is neither 0 nor 1, but for rounding errors of sums, never looks so."""
    share = round(share, 12) if share > 0.5 else share
    if share in (0, 1) or 0.01 <= share <= 0.99:
        return f"{share:.0%}"
    text = f"{share:.2%}"
    return {"0.00%": "above 0%", "100.00%": "above 99.99%"}.get(text, text)


def _harmed(entry: LevelEntry) -> bool:
    harm = entry.violations is not None and entry.violations.mean.mean > 0
    return harm or (entry.training is not None and entry.training.rate.mean > 0)


def _training(entry: LevelEntry) -> list[TableCell]:
    violations = (
        TableCell(NONE) if entry.violations is None else TableCell(_count(entry.violations.mean))
    )
    if (cost := entry.training) is None:
        return [violations, *[TableCell(NONE)] * (len(TRAINING) - 1)]
    costs = [
        _number(cost.rate, 3),
        *(_number(each) for each in (cost.relative, cost.strong_regret, cost.weak_regret)),
        _number(cost.longest),
    ]
    return [
        violations,
        *(costs if entry.score.constraint else [TableCell(NONE)] * len(costs)),
        TableCell(NONE if cost.last is None else f"{cost.last:,}"),
        _number(cost.drawdown),
    ]


def _sampled(level: LevelReport, entry: LevelEntry) -> list[TableCell]:
    score, anchored, errors = entry.score, entry.score.anchored, entry.errors or {}
    means = {"return": score.mean_return, "performance": score.performance}
    if score.constraint:
        means["cost"] = score.cost
    cells = [TableCell(mean.text(2), _error(errors.get(name))) for name, mean in means.items()]
    return [
        TableCell(level.scale.kind if level.scale else NONE),
        *(cells if score.constraint else [*cells, TableCell(NONE)]),
        _number(anchored and anchored.capability),
        _number(anchored and anchored.safety),
        _number(score.measure)._replace(note=level.measure_name or ""),
    ]


def _error(error: float | None) -> str:
    return "exact" if error is None else f"sampled ± {error:.2f}"


def _number(value: Interval | None, digits: int = 2) -> TableCell:
    return TableCell(NONE) if value is None else TableCell(value.text(digits))


def chart(rows: Sequence[Standing]) -> str:
    """The mean measure of each agent as SVG: a dot for each run below the mean and its interval."""
    measured = [(row.agent, row.measure) for row in rows if row.measure is not None]
    bottom = 20 + LINE * len(measured)
    x = LinearScale(-1, 1, 20, 620)
    picture = Chart(640, bottom + 50)
    picture.x_axis(x, LinearScale(0, 1, bottom, 10), "mean measure")
    for top, (agent, measure) in zip(range(20, bottom, LINE), measured, strict=True):
        picture.text((x.start + 4, top + 12), agent)
        low, high = measure.low, measure.high
        if low is not None and high is not None:
            ends = (x(low), top + 24), (x(high), top + 24)
            picture.line(*ends, stroke=PERFORMANCE, stroke_width=4, stroke_opacity=".4")
        picture.circle((x(measure.mean), top + 24), 5, fill=PERFORMANCE)
        runs = [run for level in measure.runs for run in level]
        picture.runs(((x(run), top + 36) for run in runs), fill=INK, fill_opacity=".6")
    return picture.svg()
