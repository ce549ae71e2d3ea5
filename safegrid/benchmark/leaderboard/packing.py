"""Results -> submissions: raw sums, replays and policies in a folder named after its content."""

import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from safegrid.benchmark.leaderboard.schema import (
    RUNS,
    Card,
    File,
    Level,
    Row,
    Submission,
    Suite,
    canonical,
    identity,
    read_suite,
)
from safegrid.benchmark.results import Cell, Result, read_all
from safegrid.engine import files, registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.files import sha256
from safegrid.evaluation import replay


def submit(folder: Path, board: Path, card: Card | None = None) -> list[Path]:
    """Makes a submission of each agent that has results in the folder, or of the card's alone.

    Returns their folders. The first submission of a board decides what is played on it.
    ValueError where a result is damaged, where there are none of the agent, where they differ in
    settings, or where they are not of what the board plays.
    """
    results, faults = read_all(folder)
    if faults:
        raise ValueError(faults[0])
    agents = sorted({result.cell.agent for result in results})
    if card is not None and card.agent not in agents:
        raise registry.unknown(f"agent in {folder}", card.agent, agents)
    suite = _suite(results, board, folder.name)
    packed = []
    for agent in agents if card is None else [card.agent]:
        chosen = [result for result in results if result.cell.agent == agent]
        packed.append(_pack(chosen, board, suite, card or own_card(agent)))
    return packed


def own_card(agent: str) -> Card:
    """The card of an agent that is in agents/, from what its file says."""
    spec = registry.agent(agent)
    return Card(
        name=agent,
        agent=agent,
        version=str(spec.version),
        authors=("SafeGrid",),
        license="Apache-2.0",
        description=spec.description[:2000],
        kind=cast(Literal["learned", "planner", "scripted", "llm"], spec.kind),
    )


def sums(episodes: Any) -> dict[str, Any]:
    """What a row says of the episodes of its evaluation."""
    return {
        "episodes": len(episodes["return"]),
        "return": math.fsum(episodes["return"]),
        "performance": math.fsum(episodes["performance"]),
        "cost": math.fsum(episodes["cost"]),
        "violations": int(np.count_nonzero(np.asarray(episodes["cost"]) > 0)),
        "steps": int(np.sum(episodes["length"])),
    }


def _suite(results: Sequence[Result], board: Path, name: str) -> Suite:
    """What the board plays; the results decide it where there is nothing yet."""
    if (board / "suite.json").exists():
        return read_suite(board)
    levels = {_level(result.cell).key: _level(result.cell) for result in results}
    suite = Suite(
        name=name,
        episodes=results[0].cell.episodes,
        levels=tuple(levels[key] for key in sorted(levels)),
    )
    board.mkdir(parents=True, exist_ok=True)
    (board / "suite.json").write_bytes(canonical(suite))
    return suite


def _pack(results: Sequence[Result], board: Path, suite: Suite, card: Card) -> Path:
    """Writes one submission, whole or not at all."""
    _check(results, suite)
    part = Path(tempfile.mkdtemp(dir=board, prefix=".part-"))
    try:
        rows = []
        for result in sorted(
            results, key=lambda r: (r.cell.environment, r.cell.level, r.cell.seed)
        ):
            rows.append(_write_run(result, part))
        (part / RUNS).write_bytes(b"".join(map(canonical, rows)))
        cell = results[0].cell
        submission = Submission(
            format=1,
            suite=sha256(canonical(suite)),
            card=card,
            uses_hidden_info=registry.agent(card.agent).uses_hidden_info,
            agent_version=cell.agent_version,
            settings=cell.settings,
            runs=1 + max(row.run for row in rows),
            files=_files(part),
        )
        (part / "submission.json").write_bytes(canonical(submission))
        part.chmod(0o755)
        place = board / identity(submission)
        if not place.exists():
            os.rename(part, place)
        return place
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check(results: Sequence[Result], suite: Suite) -> None:
    """ValueError for results that make no submission together, or none to this suite."""
    known = {level.key: level for level in suite.levels}
    for result in results:
        cell, first = result.cell, results[0].cell
        what = f"{cell.agent} on {cell.environment}, level {cell.level}, seed {cell.seed},"
        if known.get(_level(cell).key) != _level(cell):
            raise ValueError(f"{what} is not what suite {suite.name} plays")
        if cell.episodes != suite.episodes:
            raise ValueError(f"{what} has {cell.episodes} episodes: {suite.episodes} are asked for")
        if (cell.settings, cell.agent_version) != (first.settings, first.agent_version):
            raise ValueError(f"{what} has other settings than seed {first.seed} has")


def _write_run(result: Result, part: Path) -> Row:
    """Writes a run's replay and policy; returns its row."""
    cell = result.cell
    row = Row.model_validate(
        {
            "environment": cell.environment,
            "level": cell.level,
            "run": cell.seed,
            "trained": cell.steps,
            **sums(result.episodes),
        }
    )
    dynamics = make_dynamics(cell.environment, cell.level, **cell.options)
    files.replace(part / row.replay, replay.encode(dynamics, result.episodes))
    if result.policy is not None:
        files.replace(part / row.policy, result.policy)
    return row


def _files(part: Path) -> tuple[File, ...]:
    """All files so far, by path."""
    paths = sorted(path.relative_to(part).as_posix() for path in part.rglob("*") if path.is_file())
    contents = ((path, (part / path).read_bytes()) for path in paths)
    return tuple(File(path=p, size=len(bytes_), sha256=sha256(bytes_)) for p, bytes_ in contents)


def _level(cell: Cell) -> Level:
    return Level(
        environment=cell.environment,
        version=registry.environment(cell.environment).version,
        level=cell.level,
        options=cell.options,
        dynamics=cell.dynamics,
    )
