"""Entries of the leaderboard: the verified submissions of a board, with their episodes."""

from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from safegrid.benchmark.grouping import Group, is_current, level_key, present_dynamics, worth
from safegrid.benchmark.leaderboard import folder_check, verdict_log
from safegrid.benchmark.leaderboard.schema import (
    BoardLevel,
    BoardSuite,
    RunRow,
    Submission,
    canonical,
    read,
    read_rows,
    read_suite,
)
from safegrid.benchmark.leaderboard.verdict_log import Verdict
from safegrid.benchmark.results import Cell, Result
from safegrid.engine import monitor
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.files import sha256
from safegrid.evaluation import replay

REPRODUCED = 3  # lowest level at which the policies are those that played the replays
TRUSTED = 2  # lowest level of verification that is shown: all replays were simulated again


class LeaderboardEntry(NamedTuple):
    """A submission that is shown on the leaderboard."""

    folder: Path
    title: str  # name of its agent, unique on the board
    submission: Submission
    rows: list[RunRow]
    verdicts: list[Verdict]
    groups: list[Group]  # runs by level
    recorded: dict[tuple[str, str, int], replay.Replay]  # by environment, level and run

    @property
    def level(self) -> int:
        """The level of verification that the submission has reached."""
        return self.verdicts[-1].level or 0


class Refusal(NamedTuple):
    """A submission that is not shown, and the reason."""

    folder: Path
    reason: str


def entries(board: Path, folders: list[Path]) -> tuple[list[LeaderboardEntry], list[Refusal]]:
    """The submissions of a board that are verified to TRUSTED or more, and the others.

    ValueError where the board has no valid suite.json.
    """
    suite = read_suite(board)
    shown, refused = [], []
    for folder in folders:
        try:
            shown.append(_entry(folder, suite))
        except ValueError as error:
            refused.append(Refusal(folder, str(error)))
    return _distinct(shown), refused


def _entry(folder: Path, suite: BoardSuite) -> LeaderboardEntry:
    """The entry of a submission. ValueError where its present content is not verified."""
    for fault in folder_check.check(folder, suite):
        raise ValueError(str(fault))
    submission, rows, chain = read(folder), read_rows(folder), verdict_log.read(folder)
    if not chain or chain[-1].submission != sha256(canonical(submission)):
        raise ValueError("it has no verdict: run safegrid leaderboard verify")
    last = chain[-1]
    if last.level is None or last.level < TRUSTED:
        raise ValueError(str(last.faults[0]) if last.faults else f"it is verified to V{last.level}")
    levels = {level.key: level for level in suite.levels}
    recorded = {row.key: replay.read(folder / row.replay) for row in rows}
    results: dict[tuple[str, str], list[Result]] = {}
    for row in rows:
        cell = _cell(submission, levels[row.key[:2]], row, suite)
        if not is_current(cell):
            raise ValueError(f"{level_key(cell)} has other dynamics now: {present_dynamics(cell)}")
        path = folder / row.policy
        policy = path.read_bytes() if last.level >= REPRODUCED and path.exists() else None
        results.setdefault(row.key[:2], []).append(_result(row, cell, recorded[row.key], policy))
    title = submission.card.name
    groups = [Group(level_key(runs[0].cell), title, runs) for runs in results.values()]
    return LeaderboardEntry(folder, title, submission, rows, chain, groups, recorded)


def _result(row: RunRow, cell: Cell, recorded: replay.Replay, policy: bytes | None) -> Result:
    """A run as a result, with what its policy is worth; `policy` is the content of its file."""
    training = np.zeros(1 if row.trained else 0, monitor.STRETCH)
    training["step"], training["episodes"] = row.trained, 1
    training["violating"] = -1 if row.train_violations is None else row.train_violations
    result = Result(cell, recorded.episodes, training.view(np.recarray), policy)
    dynamics = make_dynamics(cell.environment, cell.level, **cell.options)
    return result._replace(values=worth(result, dynamics))


def _distinct(shown: list[LeaderboardEntry]) -> list[LeaderboardEntry]:
    """The entries with distinct titles: ids are appended to equal names."""
    names = [entry.title for entry in shown]
    distinct = []
    for entry in shown:
        if names.count(entry.title) > 1:
            title = f"{entry.title} ({entry.folder.name[:6]})"
            groups = [group._replace(agent=title) for group in entry.groups]
            entry = entry._replace(title=title, groups=groups)
        distinct.append(entry)
    return distinct


def _cell(submission: Submission, level: BoardLevel, row: RunRow, suite: BoardSuite) -> Cell:
    return Cell(
        agent=submission.card.agent,
        agent_version=submission.agent_version,
        settings=cast(dict[str, Any], submission.settings),
        steps=row.trained,
        environment=level.environment,
        dynamics=level.dynamics,
        level=level.level,
        options=cast(dict[str, Any], level.options),
        seed=row.run,
        episodes=suite.episodes,
    )
