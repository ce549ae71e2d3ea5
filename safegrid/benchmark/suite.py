"""Suites: the cells of agents x levels x seeds, and the training and evaluation of one cell."""

import contextlib
import json
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pydantic

from safegrid.benchmark import policy_files
from safegrid.benchmark.export.writers import Target
from safegrid.benchmark.results import Cell, Result, read
from safegrid.benchmark.tensorboard import Curves, run_name
from safegrid.engine import registry
from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.files import Options, Record, first_error, reason
from safegrid.engine.fingerprint import fingerprint
from safegrid.engine.monitor import EpisodeLog
from safegrid.engine.policies import Policy
from safegrid.evaluation import measures, replay
from safegrid.evaluation.rollout import evaluate

Settings = dict[str, Any]


class SuiteAgent(Record):
    """An agent as a suite file names it."""

    name: str
    steps: int | None = pydantic.Field(None, ge=0)  # the agent's own where it is not given
    settings: Settings = pydantic.Field(default_factory=dict)
    seeds: int | None = pydantic.Field(None, ge=1, le=10_000)  # the suite's where it is not given
    classes: list[str] | None = pydantic.Field(None, min_length=1)  # of environments; None for all


class SuiteEnvironment(Record):
    """An environment as a suite file names it."""

    name: str
    levels: list[int | str] = pydantic.Field(
        default_factory=lambda: list[int | str]([0]), min_length=1
    )
    options: Options = pydantic.Field(default_factory=dict)
    classes: list[str] = pydantic.Field(default_factory=list)  # names that agents choose by


class Suite(Record):
    """A suite file: agents x environments x levels x seeds.

    An agent with classes is run on the environments that have one of them. To run it with other
    steps or settings on others, the file names it again.
    """

    seeds: int = pydantic.Field(3, ge=1, le=10_000)  # 0 to seeds - 1
    episodes: int = pydantic.Field(100, ge=1)
    seconds: float | None = pydantic.Field(None, gt=0)  # that a cell may take
    memory: float | None = pydantic.Field(None, gt=0)  # GiB that a cell may take, on Linux
    agents: list[SuiteAgent] = pydantic.Field(min_length=1)
    environments: list[SuiteEnvironment] = pydantic.Field(min_length=1)

    @pydantic.model_validator(mode="after")
    def _classes_exist(self) -> "Suite":
        known = {name for place in self.environments for name in place.classes}
        for name in (name for agent in self.agents for name in agent.classes or ()):
            if name not in known:
                raise registry.unknown("class of environments", name, sorted(known))
        return self

    def cells(self, agents: Sequence[str] = ()) -> list[Cell]:
        """Every cell once, those of one seed together.

        agents: whose cells; of all by default. ValueError as `make_cell`, and for an agent that the
        suite does not name.
        """
        named = {agent.name for agent in self.agents}
        for name in agents:
            if name not in named:
                raise registry.unknown("agent of the suite", name, sorted(named))
        listed = [
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
            for seed in range(max([self.seeds, *(agent.seeds or 0 for agent in self.agents)]))
            for place in self.environments
            for level, agent in product(place.levels, self.agents)
            if agent.name in (agents or named)
            and seed < (agent.seeds or self.seeds)
            and (agent.classes is None or set(agent.classes) & set(place.classes))
        ]  # fmt: skip
        return list({cell.key: cell for cell in listed}.values())


def make_cell(
    agent: str,
    environment: str,
    level: int | str = 0,
    seed: int = 0,
    steps: int | None = None,
    episodes: int = 100,
    settings: Settings | None = None,
    options: Settings | None = None,
    held_out: bool = False,
) -> Cell:
    """A cell with all defaults filled in.

    agent, environment, level: names. seed: of the training and its evaluation. steps: of the
    training; the agent's own number where it is None. episodes: of the evaluation. settings: of the
    agent. options: of the environment. held_out: whether an agent may learn on a level that is held
    out. ValueError for what does not exist, for an agent of the other kind of actions, and for one
    that would learn on a level that is held out and may not; and for more episodes than a replay
    can have.
    """
    spec = registry.agent(agent)
    registry.check_options(environment, options or {})
    dynamics = make_dynamics(environment, level, **(options or {}))
    spec.check_space(dynamics)
    replay.check_episodes(dynamics, episodes)
    if spec.steps and not held_out and dynamics.level_name in dynamics.spec.held_out:
        trained = [name for name in dynamics.spec.levels if name not in dynamics.spec.held_out]
        raise ValueError(
            f"level {dynamics.level_name} of {environment} is held out: train on "
            f"{', '.join(trained)}, or by safegrid train --held-out"
        )
    return Cell(
        agent=agent,
        agent_version=spec.version,
        settings=spec.settle(settings or {}),
        steps=spec.steps if steps is None else steps,
        environment=dynamics.name,
        dynamics=fingerprint(dynamics),
        level=dynamics.level_name,
        options=json.loads(json.dumps(dynamics.options, default=float)),  # as read back
        seed=seed,
        episodes=episodes,
    )


def find(name: Path) -> Path:
    """The file of a suite: a path, or the name of one that comes with the package.

    ValueError where there is neither.
    """
    if name.is_file():
        return name
    package = Path(__file__).resolve().parents[1]
    folders = package / "suites", package.parent / "experiments" / "suites"  # installed, checkout
    shipped = {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}
    if str(name) not in shipped:
        raise ValueError(
            f"suite {str(name)!r} does not exist: give a file, or one of {', '.join(shipped)}"
        )
    return shipped[str(name)]


def read_suite(path: Path) -> Suite:
    """A suite file. ValueError, naming the file and the place, where it is not one."""
    try:
        return Suite.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"suite {path} cannot be read: {reason(error)}") from None
    except pydantic.ValidationError as error:
        raise ValueError(f"suite {path}: {first_error(error, Suite)}") from None


def suite_of(cells: Sequence[Cell]) -> str:
    """The content of a suite file that has these cells, and those of seeds missing between them.

    Empty without cells.
    """
    if not cells:
        return ""
    seeds = max(cell.seed for cell in cells) + 1
    agents: dict[str, list[Cell]] = defaultdict(list)
    classes: dict[tuple[str, str], list[str]] = {_place(cell): [] for cell in cells}
    for cell in cells:
        entry = {"name": cell.agent, "steps": cell.steps, "settings": cell.settings}
        agents[_toml(entry)].append(cell)
    blocks = [_toml({"seeds": seeds, "episodes": max(cell.episodes for cell in cells)})]
    for number, (text, own) in enumerate(agents.items(), 1):
        if (last := max(cell.seed for cell in own) + 1) < seeds:
            text += _toml({"seeds": last})
        if (places := set(map(_place, own))) != set(classes):
            text += _toml({"classes": [f"agent {number}"]})
            for place in places:
                classes[place].append(f"agent {number}")
        blocks.append(f"[[agents]]\n{text}")
    levels: dict[str, list[str]] = defaultdict(list)
    for (text, level), names in classes.items():
        levels[text + _toml({"classes": names})].append(level)
    for text, own_levels in levels.items():
        blocks.append(f"[[environments]]\n{text}{_toml({'levels': own_levels})}")
    return "\n".join(blocks)


def _place(cell: Cell) -> tuple[str, str]:
    """The entries of a cell's environment in a suite file, and the level."""
    return _toml({"name": cell.environment, "options": cell.options}), cell.level


def _toml(table: Mapping[str, Any]) -> str:
    """The entries of a table in TOML; those that are empty, or None, are left out."""
    return "".join(
        f"{key} = {_value(value)}\n" for key, value in table.items() if value not in (None, {}, [])
    )


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = (f"{key} = {_value(each)}" for key, each in value.items() if each is not None)
        return f"{{{', '.join(inner)}}}"
    return json.dumps(value, ensure_ascii=False)


def train(cell: Cell, run: Run | None = None, device: str = "cpu") -> Policy:
    """The policy of one cell.

    run: what watches the training. device: of torch. ValueError as the agent raises it, and before
    the training for an agent that keeps no checkpoints where the run has one.
    """
    run = run or Run()
    if run.checkpoint is not None and not registry.agent(cell.agent).checkpoints:
        keep = [name for name in registry.agents() if registry.agent(name).checkpoints]
        raise ValueError(
            f"{cell.agent} keeps no checkpoints: leave --checkpoint out, or choose from "
            f"{', '.join(keep)}"
        )
    options = {"level": cell.level, **cell.options}
    task = Task(cell.environment, options, cell.seed, cell.steps, device)
    return registry.agent(cell.agent).learn(task, run, cell.settings)


def run(cell: Cell, curves: Target | None = None) -> Result:
    """Trains and evaluates one cell.

    curves: where the cell's curves are written; None for no curves
    """
    log = EpisodeLog()
    with contextlib.ExitStack() as stack:
        written = None
        if curves is not None:
            run_folder = curves.folder / run_name(cell)
            written = stack.enter_context(Curves(run_folder, log, cell.steps, curves.library))
        progress = None if written is None else lambda steps: written.write()
        policy = train(cell, Run(progress, log))
        episodes = evaluate(
            policy, cell.environment, cell.episodes, cell.seed, cell.level, **cell.options
        )
        if written is not None:
            written.write_evaluation(episodes)
    limit = registry.environment(cell.environment).cost_limit
    training = log.curve(0.0 if limit is None else limit)
    dynamics = cell.make_dynamics()
    values = measures.valuations(policy, dynamics, episodes, cell.episodes, cell.seed)
    return Result(cell, episodes, training, policy_files.encode(policy, cell), values)


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
