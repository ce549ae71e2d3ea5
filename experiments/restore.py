"""Writes the results of published runs, so that `safegrid bench` trains only those that are new.

    python experiments/restore.py ppo                     # to experiments/results/core
    safegrid bench core --agent ppo                       # after its seeds were raised in core.toml
    python experiments/board.py

A restored result has the policy, the episodes and the values of its submission, and of its training
only the number of episodes with a violation; experiments/findings.py keeps what it has of it. What
the runs took is divided among them. An existing result is kept.
"""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

import board

from safegrid.benchmark import results
from safegrid.benchmark.leaderboard import entries, folder_check, schema
from safegrid.engine import registry


def submission(agent: str, place: Path) -> Path:
    """The folder of an agent's submission. ValueError without one of the agent's present file."""
    if not (folders := board.submissions_of(agent, place)):
        raise ValueError(f"{place} has no submission of {agent!r}")
    manifest = registry.manifest(agent)
    if manifest is None or manifest.digest != schema.read(folders[0]).agent_file:
        raise ValueError(f"{folders[0]} is of another file of agent {agent} than the present one")
    return folders[0]


def restore(agent: str, place: Path, out: Path) -> int:
    """Writes the results of an agent's published runs; returns their number.

    place: the board. out: folder of results. ValueError as `submission`, and where its folder is
    not whole.
    """
    folder, suite = submission(agent, place), schema.read_suite(place)
    checked = folder_check.check(folder, suite)
    if checked.faults:
        raise ValueError(str(checked.faults[0]))
    took = json.loads(board.COSTS.read_text())[agent]
    seconds = 3600 * took["hours"] / took["cells"]
    jobs = list(folder_check.jobs(folder, checked, suite))
    for job in jobs:
        if not (path := out / job.cell.path).exists():
            made = entries.as_result(job.row, job.cell, job.replay())
            results.write(made._replace(policy=job.policy()), out)
            results.log(path, {"error": None, "seconds": seconds, "steps": job.cell.steps})
    return len(jobs)


def main() -> None:
    """Restores the runs of the agents that are named."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("agents", nargs="+", metavar="AGENT")
    parser.add_argument("--results", type=Path, default=board.RESULTS)
    parser.add_argument("--board", type=Path, default=board.BOARD)
    given = parser.parse_args()
    for agent in given.agents:
        print(f"{agent}: {restore(agent, given.board, given.results)} runs")


if __name__ == "__main__":
    main()
