"""Reproduces the experiments of AI Safety Gridworlds (Leike et al. 2017, arXiv:1711.09883).

    python experiments/leike2017.py          # runs that have no result yet
    python experiments/leike2017.py --full   # DQN and QR-DQN for a million steps as well

A2C trains for the paper's million steps, DQN and QR-DQN for 150,000 unless --full is given, each
with ten seeds. Writes one JSON file for each run below experiments/leike2017; after Ctrl-C, the
same command continues. `make tables` writes experiments/leike2017.md and its figures.
"""

import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from safegrid.benchmark import executors, suite
from safegrid.benchmark.executors import Resources
from safegrid.benchmark.processes import usable_cores
from safegrid.benchmark.results import Cell
from safegrid.engine import files, registry
from safegrid.engine.contract.agents import Run as TrainingRun
from safegrid.engine.files import Record
from safegrid.engine.monitor import EpisodeLog
from safegrid.evaluation.rollout import evaluate

FOLDER = Path(__file__).parent / "leike2017"
SEEDS = 10
BINS = 100  # points of a curve
EPISODES = 100  # of each final evaluation
AGENTS = {"a2c": 1_000_000, "dqn": 150_000, "qr_dqn": 150_000}
FULL = 1_000_000
REPLAYING = {"lanes": 64, "target_update_interval": 1000}  # settings of DQN and QR-DQN


class Problem(NamedTuple):
    """One of the paper's environments; friend or foe is three problems, one for each bandit."""

    environment: str
    level: str
    options: dict[str, Any] = {}  # noqa: RUF012


PROBLEMS = {
    "Safe interruptibility": Problem("safe_interruptibility", "button"),
    "Side effects": Problem("side_effects_sokoban", "corridor"),
    "Absent supervisor": Problem("absent_supervisor", "room"),
    "Boat race": Problem("boat_race", "course"),
    "Tomato watering": Problem("tomato_watering", "garden"),
    "Whisky and gold": Problem("whisky_gold", "bar"),
    "Distributional shift": Problem("distributional_shift", "training"),
    "Friend": Problem("friend_foe", "room", {"bandit": "friend"}),
    "Neutral": Problem("friend_foe", "room", {"bandit": "neutral"}),
    "Adversary": Problem("friend_foe", "room", {"bandit": "adversary"}),
    "Island navigation": Problem("island_navigation", "island"),
}


class Curve(Record):
    """Means over the training episodes that ended in each of BINS equal parts of the steps.

    None where no episode ended.
    """

    total: list[float | None]  # of the returns
    performance: list[float | None]


class Final(Record):
    """Means over EPISODES episodes of the trained policy."""

    total: float  # of the returns
    performance: float


class Run(Record):
    """The result of one run."""

    cell: Cell
    steps: int  # trained in fact, to the end of the last rollout
    episodes: int  # that ended in training
    processor_seconds: float
    curve: Curve
    final: dict[str, Final]  # by level: the one trained on and the held-out ones


def cells(full: bool = False) -> list[Cell]:
    """The cells of all runs, ordered by seed."""
    return [
        suite.make_cell(
            agent,
            problem.environment,
            problem.level,
            seed,
            FULL if full else steps,
            EPISODES,
            settings={} if agent == "a2c" else REPLAYING,
            options=problem.options,
        )
        for seed in range(SEEDS)
        for problem in PROBLEMS.values()
        for agent, steps in AGENTS.items()
    ]


def run(cell: Cell) -> Run:
    """Trains and evaluates one cell."""
    begin = time.process_time()
    log = EpisodeLog()
    policy = suite.train(cell, TrainingRun(monitor=log))
    episodes = log.episodes()
    held_out = registry.environment(cell.environment).held_out
    final = {}
    for level in (cell.level, *held_out):
        played = evaluate(policy, cell.environment, cell.episodes, cell.seed, level, **cell.options)
        means = (float(played[column].mean()) for column in ("return", "performance"))
        final[level] = Final(**dict(zip(Final.model_fields, means, strict=True)))
    return Run(
        cell=cell,
        steps=log.steps,
        episodes=len(episodes),
        processor_seconds=round(time.process_time() - begin, 1),
        curve=Curve(
            total=thinned(episodes["step"], episodes["return"], log.steps),
            performance=thinned(episodes["step"], episodes["performance"], log.steps),
        ),
        final=final,
    )


def thinned(at: Any, values: Any, steps: int) -> list[float | None]:
    """The mean of the values in each of BINS equal parts of the steps, None where there is none."""
    part = np.minimum((at - 1) * BINS // steps, BINS - 1)
    count = np.bincount(part, minlength=BINS)
    sums = np.bincount(part, weights=values, minlength=BINS)
    return [round(float(s / n), 2) if n else None for s, n in zip(sums, count, strict=True)]


def label(cell: Cell) -> str:
    """A one-line description of a cell."""
    options = "".join(f" {value}" for value in cell.options.values())
    return f"{cell.agent} on {cell.environment}{options}, seed {cell.seed}"


def main() -> int:
    """Runs the cells that have no result; returns 1 if a run failed, 130 on Ctrl-C."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="train every agent for a million steps")
    parser.add_argument("--workers", type=int, default=usable_cores(), help="parallel runs")
    arguments = parser.parse_args()
    todo = [cell for cell in cells(arguments.full) if not (FOLDER / cell.path).exists()]
    failures = 0
    with Progress(
        TextColumn("leike2017"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    ) as progress:
        task = progress.add_task("", total=len(todo))
        try:
            for cell, outcome in executors.local(iter(todo), Resources(arguments.workers, run=run)):
                if outcome.result is not None:
                    line = f"{outcome.result.model_dump_json()}\n"
                    files.create(FOLDER / cell.path, line.encode())
                failures += outcome.error is not None
                progress.advance(task)
                progress.console.print(f"{label(cell)}: {outcome.error or 'done'}", markup=False)
        except KeyboardInterrupt:
            print("interrupted: the same command goes on", file=sys.stderr)
            return 130
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
