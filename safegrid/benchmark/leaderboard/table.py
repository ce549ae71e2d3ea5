"""Results as a table in Markdown."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from safegrid.benchmark.results import Result
from safegrid.engine import registry
from safegrid.evaluation.metrics import Score, score


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
            registry.environment(environment).category,
            environment,
            level,
            agent,
            registry.agent(agent).uses_hidden_info,
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
