"""Plays an environment, or trains an agent, and lists the faults against its contract.

On the command line `safegrid check NAME_OR_FILE`. What can be checked without running the code is
checked when a file is loaded (`engine/contract`); here is the rest.
"""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from safegrid.engine import kernels, registry
from safegrid.engine.chance import list_outcomes
from safegrid.engine.contract import code_faults
from safegrid.engine.contract.agents import AgentSpec, Run, Task
from safegrid.engine.contract.environments import EnvironmentSpec
from safegrid.engine.contract.random_play import (
    RandomStep,
    draw_chances,
    observe,
    random_play,
    step,
)
from safegrid.engine.dynamics import Dynamics, GridDynamics, make_dynamics
from safegrid.engine.examples import play
from safegrid.engine.gridworld import WALL
from safegrid.engine.monitor import EpisodeLog
from safegrid.engine.policies import Policy
from safegrid.evaluation.rollout import evaluate

PARAGRAPHS = ("Temptation", "Reward", "Performance", "Actions", "Source")
AMOUNTS = ("reward", "performance", "cost")
TRAINING = 256  # most steps of training in which agents are checked


def check(subject: str | Path) -> list[str]:
    """The faults of an environment or agent against its contract, one line each.

    subject: its name, or its file of Python, registered or not; a registered one is read again.
    ValueError where it is neither.
    """
    path = Path(subject)
    is_python = path.suffix == ".py"
    if is_python != path.is_file():
        raise ValueError(f"{path} is not a Python file: give one, or a name")
    if not is_python:
        return _check_named(str(subject))
    own, known = str(path.resolve()), registry.plugins()
    if own in registry.files() and own not in known:  # it comes with the package
        return _check_named(path.stem)
    try:
        name = registry.register(path)
    except ValueError as error:
        return [str(error)]
    try:
        return _check_named(name)
    finally:
        if own not in known:
            registry.unregister(path)


def _check_named(name: str) -> list[str]:
    environments, agents = registry.names(), registry.agents()
    if "/" in name:  # a Gymnasium id
        environments = [*environments, name]
    if name not in (*environments, *agents):
        raise registry.unknown("name", name, [*environments, *agents])
    found: EnvironmentSpec | AgentSpec
    try:
        found = registry.environment(name) if name in environments else registry.agent(name)
    except ValueError as error:
        return [str(error)]
    try:
        if isinstance(found, AgentSpec):
            return list(_agent_faults(found))
        return list(_environment_faults(found))
    except Exception as error:  # of any kind, since the code that is checked raised it
        return [code_faults.describe(error, Path(str(found.module.__file__)))]


def _environment_faults(spec: EnvironmentSpec) -> Iterator[str]:
    """Faults of the docstring, the examples, every level, and Gymnasium's own checker."""
    for title in (*PARAGRAPHS, *(["Observation"] if spec.kind == "grid" else [])):
        if not re.search(rf"^{title}: \S", spec.description, re.MULTILINE):
            yield f"the docstring has no paragraph '{title}: ...'"
    if spec.kind == "grid" and "honest" not in spec.examples:
        yield "EXAMPLES has no 'honest' episode"
    for title, example in spec.examples.items():
        try:
            played = play(spec.name, example)
        except (ValueError, IndexError) as error:
            yield f"EXAMPLES[{title!r}] cannot be played: {error}"
            continue
        declared = example.total, example.performance
        if not np.allclose(played, declared, rtol=0, atol=1e-9):
            yield (
                f"EXAMPLES[{title!r}] declares return {declared[0]:g} and performance "
                f"{declared[1]:g}: played, it has {played[0]:g} and {played[1]:g}"
            )
    for level in spec.levels:
        dynamics = make_dynamics(spec.name, level)
        faults = [_reset_faults(dynamics), _step_faults(dynamics)]
        if isinstance(dynamics, GridDynamics):
            faults += [_board_faults(dynamics), _ghost_faults(dynamics), _hidden_faults(dynamics)]
        for fault in dict.fromkeys(fault for each in faults for fault in each):
            yield f"level {level}: {fault}"
    yield from _gymnasium_faults(spec)


def _reset_faults(dynamics: Dynamics) -> Iterator[str]:
    """Fields of the state that a reset does not write."""
    random = np.random.default_rng(1)
    chances = draw_chances(dynamics.reset_chance, 16, random)
    clean: NDArray[Any] = np.zeros(16, dynamics.state_type)
    used: NDArray[Any] = np.frombuffer(b"\x7f" * clean.nbytes, clean.dtype).copy()
    for field in dynamics.spec.memory:
        used[field] = clean[field]
    for states in (clean, used):
        dynamics.compiled(kernels.reset_states)(states, dynamics.level, chances)
    for field in clean.dtype.names or ():
        if clean[field].tobytes() != used[field].tobytes():
            yield f"reset does not write the field {field!r}"


def _step_faults(dynamics: Dynamics) -> Iterator[str]:
    """Faults of `step`, `observe` and `canonical` in random play."""
    spec, unit = dynamics.spec, dynamics.spec.unit
    for played in random_play(dynamics):
        boards = observe(dynamics, played.after)
        if not np.isfinite(boards).all():
            yield "observe writes a number that is not finite"
        for amount in AMOUNTS:
            values = played.outcomes[amount]
            if not np.isfinite(values).all():
                yield f"step gives a {amount} that is not finite"
            elif spec.kind == "grid" and (abs(values / unit - np.rint(values / unit)) > 1e-9).any():
                yield f"step gives a {amount} that is not a whole multiple of UNIT, {unit:g}"
        if (played.outcomes["cost"] < 0).any():
            yield "step gives a negative cost"
        if (played.outcomes["kinds"] >> len(spec.costs)).any():
            yield f"step sets a bit of `kinds` beyond the {len(spec.costs)} of COSTS"
        for i in range(0, len(played.after), 8):
            alone = step(dynamics, *(part[i : i + 1] for part in played[:3]))
            if alone[0] != played.after[i] or alone[1] != played.outcomes[i]:
                yield "step of a state depends on the states beside it"
        states = played.after.tobytes()
        if observe(dynamics, played.after).tobytes() != boards.tobytes():
            yield "observe gives another board when it is called again"
        if played.after.tobytes() != states:
            yield "observe changes the state"
        if spec.canonical is not None:
            yield from _canonical_faults(dynamics, played)


def _canonical_faults(dynamics: Dynamics, played: RandomStep) -> Iterator[str]:
    canonical = dynamics.compiled(kernels.canonical_states)
    mapped = played.before.copy()
    canonical(mapped)
    if (observe(dynamics, mapped) != observe(dynamics, played.before)).any():
        yield "canonical changes the observation of a state"
    following, outcomes = step(dynamics, mapped, played.actions, played.chances)
    expected = played.after.copy()
    for states in (following, expected):
        canonical(states)
    if (outcomes != played.outcomes).any() or (following != expected).any():
        yield "canonical changes the outcome or the next state of a step"


def _board_faults(dynamics: Dynamics) -> Iterator[str]:
    """Faults of the boards of a grid, and of where the agent is."""
    ground, agent = dynamics.level.board, dynamics.spec.tiles.index("A")
    states: NDArray[Any] = np.zeros(8, dynamics.state_type)
    chances = draw_chances(dynamics.reset_chance, 8, np.random.default_rng(2))
    dynamics.compiled(kernels.reset_states)(states, dynamics.level, chances)
    boards = observe(dynamics, states)
    places = np.arange(len(states)), states["row"], states["column"]
    if ((boards == agent).sum(axis=(1, 2)) != 1).any() or (boards[places] != agent).any():
        yield "the board after a reset does not have one agent, at the state's row and column"
    for played in random_play(dynamics):
        rows, columns = played.after["row"], played.after["column"]
        inside = (rows >= 0) & (rows < ground.shape[0]) & (columns >= 0)
        inside &= columns < ground.shape[1]
        if not inside.all():
            yield "the agent leaves the map"
            return
        if (ground[rows, columns] == WALL).any():
            yield "the agent is in a wall"
        if observe(dynamics, played.after).max() >= len(dynamics.spec.tiles):
            yield "observe writes a code that is beyond TILES"


def _ghost_faults(dynamics: GridDynamics) -> Iterator[str]:
    """Things that are still seen where `observe` has stopped drawing them.

    It draws over a copy of the level's background, which must not have what moves. What it draws
    over codes that stand for nothing is what it draws at all.
    """
    ground, nothing = dynamics.level.background, np.full_like(dynamics.level.background, 255)
    drawn = np.zeros((len(dynamics.tiles), *ground.shape), np.bool_)
    for played in random_play(dynamics):
        painted = observe(dynamics, played.before, nothing)
        for code in range(len(drawn)):
            drawn[code] |= (painted == code).any(axis=0)
        for row, column in np.argwhere((painted == 255).any(axis=0)):
            if drawn[ground[row, column], row, column]:
                tile = dynamics.tiles[ground[row, column]]
                yield (
                    f"{tile!r} is drawn by observe, moves, and is still seen where it was: "
                    "name it in MOVERS"
                )


def _hidden_faults(dynamics: Dynamics) -> Iterator[str]:
    """States that look alike and step differently, where nothing is said to be hidden."""
    if not re.search(r"Nothing\s+is\s+hidden\.", dynamics.spec.description):
        return
    seen: dict[bytes, Any] = {}
    chances = [outcome for outcome, _ in list_outcomes(dynamics.step_chance) or [(0, 1.0)]][:16]
    actions = np.repeat(np.arange(len(dynamics.actions)), len(chances))
    for played in random_play(dynamics):
        for state, board in zip(played.before, observe(dynamics, played.before), strict=True):
            first = seen.setdefault(board.tobytes(), state)
            if state["ended"] or first["ended"] or state == first:
                continue
            (one, had), (other, has) = (
                step(dynamics, np.repeat(each[None], len(actions)), actions,
                     np.array(chances * len(dynamics.actions)))
                for each in (first, state)
            )  # fmt: skip
            if (had != has).any() or (observe(dynamics, one) != observe(dynamics, other)).any():
                fields = [
                    name for name in state.dtype.names or () if (state[name] != first[name]).any()
                ]
                yield (
                    "the docstring says that nothing is hidden: states that differ in "
                    f"{', '.join(fields)} look alike and step differently"
                )


def _gymnasium_faults(spec: EnvironmentSpec) -> Iterator[str]:
    from gymnasium.utils.env_checker import check_env

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            check_env(gymnasium.make(spec.identifier).unwrapped, skip_render_check=True)
        except Exception as error:  # of any kind, as the checker raises
            yield f"Gymnasium's check_env fails: {str(error).splitlines()[0]}"


def _agent_faults(spec: AgentSpec) -> Iterator[str]:
    """Faults of an agent in a short training, and of its policy."""
    log = EpisodeLog()
    task, policy = _train_somewhere(spec, log)
    for attribute in ("observation", "mode", "memory", "tensors"):
        if not hasattr(policy, attribute):
            yield f"its policy has no attribute {attribute!r}"
            return
    if policy.mode not in ("deterministic", "stochastic"):
        yield f"its policy has mode {policy.mode!r}: choose 'deterministic' or 'stochastic'"
    if policy.memory and not spec.memory:
        yield "its policy has memory, and MEMORY is not True"
    if spec.kind == "learned" and task.steps and not log.steps:
        yield "its training is not logged: pass `run` to sb3.make, Lanes or another agent"
    again = spec.learn(task, Run(), {})
    tensors = {key: np.asarray(value) for key, value in policy.tensors().items()}
    repeated = {key: np.asarray(value).tobytes() for key, value in again.tensors().items()}
    if {key: value.tobytes() for key, value in tensors.items()} != repeated:
        yield "the same seed gives another policy"
    played, loaded = (
        evaluate(each, task.environment, episodes=5, seed=1, max_episode_steps=50, **task.options)
        for each in (policy, spec.load(tensors))
    )
    if played.tobytes() != loaded.tobytes():
        yield "load(policy.tensors()) plays differently from the policy"


def _train_somewhere(spec: AgentSpec, log: EpisodeLog) -> tuple[Task, Policy]:
    """A task that the agent can train on, and its policy. ValueError if it trains on none.

    spec: of the agent. log: of the training's episodes.
    """
    suited = [n for n in registry.names() if make_dynamics(n).space == spec.spaces[0]]
    specs = {name: registry.environment(name) for name in suited}
    limited = next(name for name in suited if specs[name].cost_limit is not None)
    changing = [name for name in suited if specs[name].reward_parameters]
    steps = min(spec.steps, TRAINING)
    others: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in (limited, *changing)]
    for name, options in [(suited[0], {}), (suited[0], {"noop": True}), *others]:
        task = Task(name, options, 1, steps, "cpu")
        try:
            return task, spec.learn(task, Run(monitor=log), {})
        except ValueError as error:  # some need noop, a cost limit or REWARD_PARAMETERS
            refused = error
    raise refused
