"""Agents x environments x levels x seeds: a suite's cells, their running, their results."""

import multiprocessing
import signal
import sys
import tomllib
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import product
from pathlib import Path
from typing import Any

import pydantic

from safegrid import registry
from safegrid.dynamics import Dynamics
from safegrid.evaluation import NO_ACTION, evaluate
from safegrid.fingerprint import fingerprint
from safegrid.replay import Strict, first
from safegrid.results import COLUMNS, Cell, Episodes, Result, read, write

Settings = dict[str, Any]
PRELOAD = ["safegrid.benchmark", "stable_baselines3", "safegrid.sb3"]


class SuiteAgent(Strict):
    """An agent as a suite file names it."""

    name: str
    steps: int | None = None  # the agent's own number where it is not given
    settings: Settings = pydantic.Field(default_factory=dict)


class SuiteEnvironment(Strict):
    """An environment as a suite file names it."""

    name: str
    levels: list[int | str] = pydantic.Field(default_factory=lambda: list[int | str]([0]))
    options: Settings = pydantic.Field(default_factory=dict)


class Suite(Strict):
    """A suite file: agents x environments x levels x seeds."""

    seeds: int = pydantic.Field(3, ge=1)  # 0 to seeds - 1
    episodes: int = pydantic.Field(100, ge=1)
    agents: list[SuiteAgent]
    environments: list[SuiteEnvironment]

    def cells(self) -> list[Cell]:
        """Every cell, those of one seed together. ValueError as `cell` raises it."""
        return [
            cell(
                agent.name,
                place.name,
                level,
                seed,
                agent.steps,
                self.episodes,
                agent.settings,
                place.options,
            )
            for seed in range(self.seeds)
            for place in self.environments
            for level, agent in product(place.levels, self.agents)
        ]  # fmt: skip


def cell(
    agent: str,
    environment: str,
    level: int | str = 0,
    seed: int = 0,
    steps: int | None = None,
    episodes: int = 100,
    settings: Settings | None = None,
    options: Settings | None = None,
) -> Cell:
    """A cell with everything settled. ValueError for a name, level, option or setting unknown."""
    module = registry.agent(agent)
    settled = registry.settle(agent, settings or {})
    if "level" in (options or {}):
        raise ValueError(f"options of {environment} have a level: give it as level")
    dynamics = Dynamics(environment, level, **(options or {}))
    return Cell(
        agent=agent,
        agent_version=getattr(module, "VERSION", 0),
        settings=settled,
        steps=module.STEPS if steps is None else steps,
        environment=environment,
        dynamics=fingerprint(dynamics),
        level=dynamics.level_name,
        options=dynamics.options,
        seed=seed,
        episodes=episodes,
    )


def read_suite(path: Path) -> Suite:
    """A suite file. ValueError, naming the file and the place, where it is not one."""
    try:
        return Suite.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"suite {path} cannot be read: {error}") from None
    except pydantic.ValidationError as error:
        raise ValueError(f"suite {path}: {first(error)}") from None


def train(
    cell: Cell, device: str = "cpu", progress: registry.Progress | None = None
) -> registry.Policy:
    """The policy of one cell."""
    return registry.agent(cell.agent).train(
        cell.environment,
        seed=cell.seed,
        steps=cell.steps,
        device=device,
        progress=progress,
        options={"level": cell.level, **cell.options},
        **cell.settings,
    )


def run(cell: Cell) -> Result:
    """Trains and evaluates one cell."""
    policy = train(cell)
    records = evaluate(
        policy, cell.environment, cell.episodes, cell.seed, cell.level, **cell.options
    )
    columns = {column: records[column].tolist() for column in COLUMNS}
    columns["actions"] = [
        "".join(map(str, actions[actions != NO_ACTION])) for actions in records["actions"]
    ]
    return Result(cell=cell, episodes=Episodes(**columns))


def run_all(
    cells: Sequence[Cell],
    folder: Path,
    workers: int,
    report: Callable[[Cell, str | None], None],
    job: Callable[[dict[str, Any], Path], Path] | None = None,
) -> None:
    """Runs the cells in processes of their own and writes their results.

    `job` runs one cell and writes what it gave below the folder; `run` and `write` unless given.
    `report` hears of each cell that is done, with its error where it failed. KeyboardInterrupt
    passes through; finished cells keep their files.
    """
    from pebble import ProcessPool

    forks = sys.platform == "linux"
    context = multiprocessing.get_context("forkserver" if forks else "spawn")
    if forks:
        context.set_forkserver_preload(PRELOAD)
    with ProcessPool(workers, max_tasks=1, initializer=_ignore_interrupts, context=context) as pool:
        waiting: dict[Future[Path], Cell] = {
            pool.schedule(job or _run_and_write, (cell.model_dump(), folder)): cell
            for cell in cells
        }
        try:
            while waiting:
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    error = future.exception()
                    report(waiting.pop(future), None if error is None else _one_line(error))
        except BaseException:
            pool.stop()  # type: ignore[no-untyped-call]
            raise


def missing(cells: Sequence[Cell], folder: Path) -> tuple[list[Cell], list[Path]]:
    """The cells without a sound result, and where damaged ones have been set aside."""
    todo, aside = [], []
    for cell in cells:
        path = folder / cell.path
        if path.exists():
            try:
                if read(path).cell == cell:
                    continue
                raise ValueError
            except ValueError:
                aside.append(path.rename(path.with_suffix(".damaged")))
        todo.append(cell)
    return todo, aside


def _run_and_write(cell: dict[str, Any], folder: Path) -> Path:
    return write(run(Cell.model_validate(cell)), folder)


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
