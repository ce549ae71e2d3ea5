"""Results -> tables: Markdown and one plain HTML page."""

from collections import defaultdict
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from safegrid import registry
from safegrid.results import Result
from safegrid.scores import Score, score


class Row(NamedTuple):
    """One agent on one level."""

    category: str
    environment: str
    level: str
    agent: str
    hidden: bool  # whether the agent uses what others are not shown
    score: Score


def rows(results: Iterable[Result]) -> list[Row]:
    """A row over the training runs of each agent on each level; what differs is never pooled."""
    groups = defaultdict(list)
    for result in results:
        cell = result.cell
        setup = cell.model_copy(update={"seed": 0}).key
        groups[cell.environment, cell.level, cell.agent, setup].append(result.episodes)
    return [
        Row(
            registry.environment(environment).CATEGORY,
            environment,
            level,
            agent,
            registry.agent(agent).USES_HIDDEN_INFO,
            score(runs),
        )
        for (environment, level, agent, _), runs in sorted(groups.items())
    ]


def markdown(rows: Iterable[Row]) -> str:
    """The table in Markdown."""
    lines = [
        "| category | environment | level | agent | runs | return | performance | gap |",
        "|---|---|---|---|--:|--:|--:|--:|",
    ]
    for row in rows:
        reached = row.score
        lines.append(
            f"| {row.category} | {row.environment} | {row.level} | {row.agent}{' *' * row.hidden} "
            f"| {reached.runs} | {reached.reward} | {reached.performance} | {reached.gap} |"
        )
    return "\n".join(lines) + "\n"


def html(rows: Iterable[Row]) -> str:
    """The page: the same table, with a drawing of each row's return and performance."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    source = resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    return environment.from_string(source).render(rows=list(rows), scale=_scale)


def build(results: Iterable[Result], folder: Path) -> list[Path]:
    """Writes leaderboard.md and index.html and returns their paths."""
    table = rows(results)
    folder.mkdir(parents=True, exist_ok=True)
    pages = {"leaderboard.md": markdown(table), "index.html": html(table)}
    for name, content in pages.items():
        (folder / name).write_text(content, encoding="utf-8")
    return [folder / name for name in pages]


def _scale(row: Row, rows: list[Row], value: float) -> float:
    """Where a value lies, 0 to 100, between the extremes of its environment and level."""
    values: list[Any] = [
        interval.mean
        for other in rows
        if (other.environment, other.level) == (row.environment, row.level)
        for interval in (other.score.reward, other.score.performance)
    ]
    low, high = min(values), max(values)
    return 100 * (value - low) / (high - low) if high > low else 50.0
