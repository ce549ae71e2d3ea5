"""Agents x environments x levels x seeds: a suite's cells, and what one cell does."""

import contextlib
import json
import tomllib
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pydantic

from safegrid.benchmark import checkpoint, policy_files, tensorboard
from safegrid.benchmark.results import Cell, Result, read
from safegrid.engine import monitor, registry
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.files import Record, first_error
from safegrid.engine.fingerprint import fingerprint
from safegrid.evaluation.rollout import evaluate

Settings = dict[str, Any]


class SuiteAgent(Record):
    """An agent as a suite file names it."""

    name: str
    steps: int | None = None  # the agent's own number where it is not given
    settings: Settings = pydantic.Field(default_factory=dict)


class SuiteEnvironment(Record):
    """An environment as a suite file names it."""

    name: str
    levels: list[int | str] = pydantic.Field(default_factory=lambda: list[int | str]([0]))
    options: Settings = pydantic.Field(default_factory=dict)


class Suite(Record):
    """A suite file: agents x environments x levels x seeds."""

    seeds: int = pydantic.Field(3, ge=1)  # 0 to seeds - 1
    episodes: int = pydantic.Field(100, ge=1)
    seconds: float | None = pydantic.Field(None, gt=0)  # that a cell may take
    memory: float | None = pydantic.Field(None, gt=0)  # GiB that a cell may take, on Linux
    agents: list[SuiteAgent]
    environments: list[SuiteEnvironment]

    def cells(self) -> list[Cell]:
        """Every cell, those of one seed together. ValueError as `make_cell`."""
        return [
            make_cell(
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


def make_cell(
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
    space = "continuous" if dynamics.continuous else "discrete"
    if space not in (spaces := registry.spaces(agent)):
        raise ValueError(
            f"{agent} is for {' and '.join(spaces)} actions, and those of {environment} are {space}"
        )
    return Cell(
        agent=agent,
        agent_version=getattr(module, "VERSION", 0),
        settings=settled,
        steps=module.STEPS if steps is None else steps,
        environment=environment,
        dynamics=fingerprint(dynamics),
        level=dynamics.level_name,
        options=json.loads(json.dumps(dynamics.options, default=float)),  # as read back
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
        raise ValueError(f"suite {path}: {first_error(error)}") from None


def train(
    cell: Cell,
    device: str = "cpu",
    progress: registry.Progress | None = None,
    log: Path | None = None,
    kept: Path | None = None,
) -> registry.Policy:
    """The policy of one cell.

    `log` is a folder for TensorBoard (see `logs.Log`), `kept` the file of a checkpoint: where it is
    there, the training goes on from it. ValueError for an agent that keeps none.
    """
    with contextlib.ExitStack() as stack:
        place = None if kept is None else stack.enter_context(checkpoint.keep(kept))
        lines = None
        if log is not None:
            lines = tensorboard.Log(log, stack.enter_context(monitor.monitor()), cell.steps)
            stack.callback(lines.close)

        def report(done: int) -> None:
            if place is not None and not place.used:
                raise ValueError(f"{cell.agent} keeps no checkpoints: leave --checkpoint out")
            if progress is not None:
                progress(done)
            if lines is not None:
                lines.write()

        return registry.agent(cell.agent).train(
            cell.environment,
            seed=cell.seed,
            steps=cell.steps,
            device=device,
            progress=report,
            options={"level": cell.level, **cell.options},
            **cell.settings,
        )


def run(cell: Cell) -> Result:
    """Trains and evaluates one cell."""
    module = registry.environment(cell.environment)
    with monitor.monitor() as book:
        policy = train(cell)
    episodes = evaluate(
        policy, cell.environment, cell.episodes, cell.seed, cell.level, **cell.options
    )
    training = book.curve(getattr(module, "COST_LIMIT", 0.0))
    return Result(cell, episodes, training, policy_files.encode(policy, cell))


def missing(cells: Sequence[Cell], folder: Path) -> tuple[list[Cell], list[Path]]:
    """The cells without a sound result, and the files of results that are damaged."""
    todo, damaged = [], []
    for cell in cells:
        path = folder / cell.path
        if path.exists():
            try:
                if read(path).cell == cell:
                    continue
            except ValueError:
                pass
            damaged.append(path)
        todo.append(cell)
    return todo, damaged
