"""Makes the submissions of the published leaderboard from the results of its suite.

    safegrid bench core               # with --engine ray on a cluster; goes on where it stopped
    python experiments/board.py       # agents with results, on the levels that have them all
    safegrid leaderboard verify --board submissions
    make site

An agent's card has the number of trials and steps by which its settings were chosen: see
experiments/tuning.py. A submission replaces the one that its agent had before; agents without
results keep theirs, so that several machines can make a board. Where the suite has changed, all
others are removed, because they are bound to it. Writes experiments/board.json: the cells, training
steps and core hours of each agent of the published board.
"""

import json
import os
import platform
import shutil
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tuning import effort

from safegrid.benchmark import results
from safegrid.benchmark.leaderboard import packing, schema, verdicts, verification
from safegrid.benchmark.leaderboard.schema import AgentCard, BoardSuite, Tuning
from safegrid.benchmark.results import Cell
from safegrid.benchmark.suite import find, missing, read_suite
from safegrid.engine import files

HERE = Path(__file__).parent
SUITE = "core"
RESULTS = HERE / "results" / SUITE
COSTS = HERE / "board.json"
BOARD = HERE.parent / "submissions"


def card(agent: str) -> AgentCard:
    """The card of an agent of agents/, with what the choice of its settings took."""
    trials, steps = effort(agent)
    tuning = Tuning(trials=trials, steps=steps)
    hardware = f"one core of {os.cpu_count()}, {platform.machine()}"
    own = packing.own_card(agent)
    return own.model_copy(update={"tuning": tuning, "hardware": hardware})


def prepare(board: Path, suite: BoardSuite) -> None:
    """Makes the suite that of the board; removes what is bound to another one."""
    board.mkdir(parents=True, exist_ok=True)
    content, path = schema.canonical(suite), board / "suite.json"
    if path.exists() and path.read_bytes() != content:
        for folder in verification.submissions(board):
            remove(folder)
    files.replace(path, content)


def submissions_of(agent: str, board: Path) -> list[Path]:
    """The folders of an agent's submissions."""
    folders = verification.submissions(board)
    return [folder for folder in folders if schema.read(folder).card.agent == agent]


def remove(folder: Path) -> None:
    """Removes a submission and its verdict."""
    verdicts.path(folder.parent, folder.name).unlink(missing_ok=True)
    shutil.rmtree(folder)


def update_costs(board: Path, costs: dict[str, dict[str, float]], agents: Sequence[str]) -> None:
    """Writes what new submissions took beside what those that stay did, in the order of agents."""
    known = {**json.loads(COSTS.read_text()), **costs}
    published = {schema.read(folder).card.agent for folder in verification.submissions(board)}
    others = sorted(published.difference(agents))  # which the suite no longer has
    kept = {a: known[a] for a in [*agents, *others] if a in published and a in known}
    files.replace(COSTS, (json.dumps(kept, indent=1) + "\n").encode())


def publish(cells: Sequence[Cell], folder: Path, board: Path) -> Path:
    """The submission of an agent's cells, which replaces the one before."""
    agent = cells[0].agent
    found = [results.read(folder / cell.path) for cell in cells]
    new = packing.pack(found, board, schema.read_suite(board), card(agent))
    for each in submissions_of(agent, board):
        if each != new:
            remove(each)
    return new


def hours(cells: Sequence[Cell], folder: Path) -> float:
    """The core hours of the attempts at the cells, by their logs: a cell has one process."""
    logs = ((folder / cell.path).with_suffix(".log") for cell in cells)
    logged = (entry for log in logs for entry in results.attempts(log))
    return sum(float(entry.get("seconds") or 0.0) for entry in logged) / 3600


def complete(cells: Sequence[Cell], folder: Path) -> Iterator[list[Cell]]:
    """The cells of each agent on the levels that have all its results; says what is missing."""
    for agent in dict.fromkeys(cell.agent for cell in cells):
        own = [cell for cell in cells if cell.agent == agent]
        left, damaged = missing(own, folder)
        if left:
            print(f"{agent}: {len(left)} of {len(own)} results missing, {len(damaged)} damaged")
        lacking = {(cell.environment, cell.level) for cell in left}
        if whole := [cell for cell in own if (cell.environment, cell.level) not in lacking]:
            yield whole


def main() -> None:
    """Publishes every agent on the levels that have all its results."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--board", type=Path, default=BOARD)
    given = parser.parse_args()
    cells = read_suite(find(Path(SUITE))).cells()
    prepare(given.board, packing.make_suite(cells, SUITE))
    costs = {}
    for own in complete(cells, given.results):
        print(publish(own, given.results, given.board), own[0].agent, flush=True)
        steps, taken = sum(cell.steps for cell in own), hours(own, given.results)
        costs[own[0].agent] = {"cells": len(own), "steps": steps, "hours": round(taken, 3)}
    if given.board == BOARD:
        update_costs(BOARD, costs, list(dict.fromkeys(cell.agent for cell in cells)))


if __name__ == "__main__":
    main()
