"""Packing: makes submissions from results, each in a folder named after its content."""

import math
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from safegrid.benchmark import policy_files
from safegrid.benchmark.grouping import is_current, level_key, registered
from safegrid.benchmark.leaderboard.schema import (
    RUNS,
    AgentCard,
    BoardLevel,
    BoardSuite,
    File,
    RunRow,
    Submission,
    canonical,
    identity,
    read_suite,
)
from safegrid.benchmark.published import formats
from safegrid.benchmark.results import Cell, Result, read_all
from safegrid.engine import files, registry
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.files import sha256
from safegrid.evaluation import measures, replay
from safegrid.evaluation.rollout import evaluate

MOST = 2  # times as many runs as the suite wants that a submission may have


def submit(
    folder: Path,
    board: Path,
    card: AgentCard | None = None,
    left_out: Callable[[str], None] = lambda line: None,
) -> list[Path]:
    """Makes a submission for the card's agent or, without a card, for each agent of the results.

    Returns the folders of the submissions. Without a card, agents and environments that are not at
    hand are left out, and `left_out` hears a line about each: see `grouping.registered`. The first
    submission of a board determines its suite.
    ValueError where a result is damaged or of a level that has changed since, where the agent has
    none, where its results on a level differ in settings, and where they are not of the board's
    suite.
    """
    results, faults = read_all(folder)
    if card is None and not faults:
        results, absent = registered(results)
        faults = [] if results else absent
        for line in absent if results else ():
            left_out(line)
    if faults:
        raise ValueError(faults[0])
    for cell in (result.cell for result in results):
        if not is_current(cell):
            raise ValueError(f"{folder / cell.path}: {level_key(cell)} has other dynamics now")
    agents = sorted({result.cell.agent for result in results})
    if card is not None and card.agent not in agents:
        raise registry.unknown(f"agent in {folder}", card.agent, agents)
    if not results:
        raise ValueError(f"{folder} has no results: run safegrid bench first")
    suite = _suite(results, board, folder.name)
    packed = []
    for agent in agents if card is None else [card.agent]:
        chosen = [result for result in results if result.cell.agent == agent]
        packed.append(pack(chosen, board, suite, card or own_card(agent)))
    return packed


def own_card(agent: str) -> AgentCard:
    """The card of an agent in agents/, from the contents of its file."""
    spec = registry.agent(agent)
    characters = (c if c.isprintable() or c == "\n" else " " for c in spec.description[:2000])
    return AgentCard(
        name=agent,
        agent=agent,
        version=str(spec.version),
        authors=("SafeGrid",),
        license="Apache-2.0",
        description="".join(characters),
        kind=cast(Literal["learned", "planner", "scripted", "llm"], spec.kind),
    )


def sums(episodes: Any) -> dict[str, Any]:
    """The sums of a row of runs.jsonl over the episodes of an evaluation."""
    return {
        "episodes": len(episodes["return"]),
        "return": math.fsum(episodes["return"]),
        "performance": math.fsum(episodes["performance"]),
        "cost": math.fsum(episodes["cost"]),
        "violations": int(np.count_nonzero(np.asarray(episodes["cost"]) > 0)),
        "steps": int(np.sum(episodes["length"])),
    }


def cell(submission: Submission, level: BoardLevel, row: RunRow, suite: BoardSuite) -> Cell:
    """The cell of a row of runs.jsonl: what a submission says that was trained and evaluated.

    level: of the row. suite: of the board.
    """
    return Cell(
        agent=submission.card.agent,
        agent_version=submission.agent_version,
        settings=cast(dict[str, Any], row.settings),
        steps=row.trained,
        environment=level.environment,
        dynamics=level.dynamics,
        level=level.level,
        options=cast(dict[str, Any], level.options),
        seed=row.run,
        episodes=suite.episodes,
    )


def make_suite(cells: Sequence[Cell], name: str) -> BoardSuite:
    """The suite that the cells belong to: their levels, and the fewest runs of an agent."""
    levels = {_level(cell).key: _level(cell) for cell in cells}
    runs = defaultdict[str, int](int)
    for cell in cells:
        runs[cell.agent] = max(runs[cell.agent], 1 + cell.seed)
    return BoardSuite(
        name=name,
        runs=min(runs.values()),
        episodes=cells[0].episodes,
        levels=tuple(levels[key] for key in sorted(levels)),
    )


def wanted_runs(suite: BoardSuite, runs: int) -> str:
    """How many runs of each level a suite wants; empty where a submission has as many."""
    most = MOST * suite.runs
    fits = suite.runs <= runs <= most
    return "" if fits else f"suite {suite.name} wants {suite.runs} to {most} of each level"


def _suite(results: Sequence[Result], board: Path, name: str) -> BoardSuite:
    """The suite of a board, which is made from the results for a new board."""
    if (board / "suite.json").exists():
        return read_suite(board)
    suite = make_suite([result.cell for result in results], name)
    board.mkdir(parents=True, exist_ok=True)
    (board / "suite.json").write_bytes(canonical(suite))
    return suite


def pack(results: Sequence[Result], board: Path, suite: BoardSuite, card: AgentCard) -> Path:
    """Writes one submission, whole or not at all; returns its folder.

    results: of the card's agent. board: a folder. suite: of the board. ValueError as `submit`.
    """
    _check(results, suite)
    part = Path(tempfile.mkdtemp(dir=board, prefix=".part-"))
    try:
        rows = []
        for result in sorted(
            results, key=lambda r: (r.cell.environment, r.cell.level, r.cell.seed)
        ):
            rows.append(_write_run(result, part))
        (part / RUNS).write_bytes(b"".join(map(canonical, rows)))
        cell, manifest = results[0].cell, registry.manifest(card.agent)
        submission = Submission(
            format=2,
            suite=sha256(canonical(suite)),
            card=card,
            uses_hidden_info=registry.agent(card.agent).uses_hidden_info,
            agent_version=cell.agent_version,
            agent_file=None if manifest is None else manifest.digest,
            runs=1 + max(row.run for row in rows),
            files=_files(part),
        )
        (part / "submission.json").write_bytes(canonical(submission))
        part.chmod(0o755)
        folder = board / identity(submission)
        if not folder.exists():
            os.rename(part, folder)
        return folder
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check(results: Sequence[Result], suite: BoardSuite) -> None:
    """ValueError for results of different settings on a level, and for results of another suite."""
    runs = 1 + max(result.cell.seed for result in results)
    if wanted := wanted_runs(suite, runs):
        raise ValueError(f"{results[0].cell.agent} has {runs} runs: {wanted}")
    levels = {level.key: level for level in suite.levels}
    firsts: dict[tuple[str, str], Cell] = {}
    for result in results:
        cell = result.cell
        first = firsts.setdefault((cell.environment, cell.level), cell)
        what = f"{cell.agent} on {cell.environment}, level {cell.level}, seed {cell.seed},"
        if levels.get(_level(cell).key) != _level(cell):
            raise ValueError(f"{what} is not in suite {suite.name}, or has other dynamics")
        if cell.episodes != suite.episodes:
            expected = f"suite {suite.name} has {suite.episodes}"
            raise ValueError(f"{what} has {cell.episodes} episodes: {expected}")
        if (cell.settings, cell.steps) != (first.settings, first.steps):
            raise ValueError(f"{what} has other settings or steps than seed {first.seed}")
        if cell.agent_version != results[0].cell.agent_version:
            raise ValueError(f"{what} is of another version of the agent than other results")


def _write_run(result: Result, part: Path) -> RunRow:
    """Writes a run's replay and policy; returns its row."""
    cell = result.cell
    dynamics = cell.make_dynamics()
    result = _published(result, dynamics)
    row = RunRow.model_validate(
        {
            "environment": cell.environment,
            "level": cell.level,
            "run": cell.seed,
            "trained": cell.steps,
            "settings": cell.settings,
            **sums(result.episodes),
            "train_violations": measures.violating_episodes(result.training),
            "values": {name: value.model_dump() for name, value in result.values.items()},
        }
    )
    files.replace(part / row.replay, replay.encode(dynamics, result.episodes))
    if result.policy is not None:
        files.replace(part / row.policy, result.policy)
    return row


def _published(result: Result, dynamics: Dynamics) -> Result:
    """The result with its policy as it is published, and what that policy plays and is worth."""
    if result.policy is None:
        return result._replace(values={})
    cell, policy = result.cell, policy_files.make(policy_files.decode(result.policy))
    form = None
    if (found := formats.publish(policy, dynamics)) is not None:
        form, policy = found
    episodes = evaluate(
        policy, cell.environment, cell.episodes, cell.seed, cell.level, **cell.options
    )
    values = measures.valuations(policy, dynamics, episodes, cell.episodes, cell.seed)
    content = policy_files.encode(policy, cell, form)
    return result._replace(policy=content, episodes=episodes, values=values)


def _files(part: Path) -> tuple[File, ...]:
    """All files of a submission except submission.json, in the order of their paths."""
    paths = sorted(path.relative_to(part).as_posix() for path in part.rglob("*") if path.is_file())
    contents = ((path, (part / path).read_bytes()) for path in paths)
    return tuple(File(path=p, size=len(bytes_), sha256=sha256(bytes_)) for p, bytes_ in contents)


def _level(cell: Cell) -> BoardLevel:
    return BoardLevel(
        environment=cell.environment,
        version=registry.environment(cell.environment).version,
        level=cell.level,
        options=cell.options,
        dynamics=cell.dynamics,
    )
