"""Plays an environment or trains an agent, and says where it breaks its contract.

`safegrid check NAME|FILE` on the command line. What can be read off a file without running it is
checked when it is loaded (`engine/contract`); this is the rest.
"""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from safegrid.engine import kernels, registry
from safegrid.engine.chance import count_outcomes, list_outcomes
from safegrid.engine.contract.agents import AgentSpec, Run, Task
from safegrid.engine.contract.environments import EnvironmentSpec
from safegrid.engine.dynamics import Dynamics, make_dynamics
from safegrid.engine.examples import play
from safegrid.engine.gridworld import OUTCOME, WALL
from safegrid.engine.monitor import EpisodeLog
from safegrid.engine.policies import Policy
from safegrid.evaluation.rollout import evaluate

PARAGRAPHS = ("Temptation", "Reward", "Performance", "Actions", "Source")
AMOUNTS = ("reward", "performance", "cost")
LANES, STEPS = 32, 40  # of the random play that environments are watched in
TRAINING = 256  # steps of an agent's training, at most


class Moment(NamedTuple):
    """One step of random play in every lane."""

    before: NDArray[Any]  # states
    actions: NDArray[Any]
    chances: NDArray[np.int64]
    after: NDArray[Any]
    outcomes: NDArray[Any]


def check(subject: str | Path) -> list[str]:
    """What is wrong with an environment or agent, a sentence each; empty where nothing is.

    subject: its name, or the path of a file, which need not be registered.
    """
    path = Path(subject)
    if path.suffix != ".py":
        return _check_named(str(subject))
    if str(path.resolve()) in registry.files():
        return _check_named(path.stem)
    try:
        name = registry.register(path)
    except ValueError as error:
        return [str(error)]
    try:
        return _check_named(name)
    finally:
        registry.unregister(path)


def _check_named(name: str) -> list[str]:
    known = name in registry.names(), name in registry.agents()
    if not any(known):
        return [str(registry.unknown("name", name, [*registry.names(), *registry.agents()]))]
    try:
        if known[0]:
            return list(_environment_faults(registry.environment(name)))
        return list(_agent_faults(registry.agent(name)))
    except Exception as error:  # whatever somebody's code does
        return [f"{name}: {type(error).__name__}: {error}".splitlines()[0]]


def _environment_faults(spec: EnvironmentSpec) -> Iterator[str]:
    """Faults of the docstring, the examples, every level, and Gymnasium's own checker."""
    for title in (*PARAGRAPHS, *(["Observation"] if spec.kind == "grid" else [])):
        if not re.search(rf"^{title}: \S", spec.description, re.MULTILINE):
            yield f"the docstring has no paragraph '{title}: ...'"
    if spec.kind == "grid" and "honest" not in spec.examples:
        yield "EXAMPLES has no 'honest' episode"
    for title, example in spec.examples.items():
        try:
            found = play(spec.name, example)
        except (ValueError, IndexError) as error:
            yield f"EXAMPLES[{title!r}] cannot be played: {error}"
            continue
        said = (example.total, example.performance)
        if not np.allclose(found, said, rtol=0, atol=1e-9):
            yield (
                f"EXAMPLES[{title!r}] says return {said[0]:g}, performance {said[1]:g}: played, it "
                f"has return {found[0]:g}, performance {found[1]:g}"
            )
    for level in spec.levels:
        dynamics = make_dynamics(spec.name, level)
        faults = [_reset_faults(dynamics), _step_faults(dynamics)]
        if spec.kind == "grid":
            faults.append(_board_faults(dynamics))
        for fault in dict.fromkeys(fault for each in faults for fault in each):
            yield f"level {level}: {fault}"
    yield from _gymnasium_faults(spec)


def _reset_faults(dynamics: Dynamics) -> Iterator[str]:
    """Fields that a reset does not write, and what it shows."""
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
    """What random play shows to be wrong."""
    spec, unit = dynamics.spec, dynamics.spec.unit
    for moment in random_play(dynamics):
        boards = observe(dynamics, moment.after)
        if not np.isfinite(boards).all():
            yield "observe writes a number that is not finite"
        for amount in AMOUNTS:
            values = moment.outcomes[amount]
            if not np.isfinite(values).all():
                yield f"step gives a {amount} that is not finite"
            elif spec.kind == "grid" and (abs(values / unit - np.rint(values / unit)) > 1e-9).any():
                yield f"step gives a {amount} that is not a whole multiple of UNIT, {unit:g}"
        if (moment.outcomes["cost"] < 0).any():
            yield "step gives a negative cost"
        if (moment.outcomes["kinds"] >> len(spec.costs)).any():
            yield f"step sets a bit of `kinds` beyond the {len(spec.costs)} of COSTS"
        for i in range(0, len(moment.after), 8):
            alone = step(dynamics, *(part[i : i + 1] for part in moment[:3]))
            if alone[0] != moment.after[i] or alone[1] != moment.outcomes[i]:
                yield "step of a state depends on the states beside it"
        seen = moment.after.tobytes()
        if observe(dynamics, moment.after).tobytes() != boards.tobytes():
            yield "observe shows something else the second time"
        if moment.after.tobytes() != seen:
            yield "observe changes the state"
        if spec.canonical is not None:
            yield from _canonical_faults(dynamics, moment)


def _canonical_faults(dynamics: Dynamics, moment: Moment) -> Iterator[str]:
    canonical = dynamics.compiled(kernels.canonical_states)
    alike = moment.before.copy()
    canonical(alike)
    if (observe(dynamics, alike) != observe(dynamics, moment.before)).any():
        yield "canonical changes what is seen"
    following, outcomes = step(dynamics, alike, moment.actions, moment.chances)
    expected = moment.after.copy()
    for states in (following, expected):
        canonical(states)
    if (outcomes != moment.outcomes).any() or (following != expected).any():
        yield "canonical changes what the state leads to"


def _board_faults(dynamics: Dynamics) -> Iterator[str]:
    """What is wrong with the boards of a grid."""
    ground, agent = dynamics.level.board, dynamics.spec.tiles.index("A")
    begun: NDArray[Any] = np.zeros(8, dynamics.state_type)
    chances = draw_chances(dynamics.reset_chance, 8, np.random.default_rng(2))
    dynamics.compiled(kernels.reset_states)(begun, dynamics.level, chances)
    boards = observe(dynamics, begun)
    places = np.arange(len(begun)), begun["row"], begun["column"]
    if ((boards == agent).sum(axis=(1, 2)) != 1).any() or (boards[places] != agent).any():
        yield "a new episode does not show one agent, where the state has it"
    for moment in random_play(dynamics):
        rows, columns = moment.after["row"], moment.after["column"]
        inside = (rows >= 0) & (rows < ground.shape[0]) & (columns >= 0)
        inside &= columns < ground.shape[1]
        if not inside.all():
            yield "the agent leaves the map"
            return
        if (ground[rows, columns] == WALL).any():
            yield "the agent stands in a wall"
        if observe(dynamics, moment.after).max() >= len(dynamics.spec.tiles):
            yield "observe paints a code that is beyond TILES"


def _gymnasium_faults(spec: EnvironmentSpec) -> Iterator[str]:
    from gymnasium.utils.env_checker import check_env

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            check_env(gymnasium.make(spec.identifier).unwrapped, skip_render_check=True)
        except Exception as error:  # of whatever kind the checker raises
            yield f"Gymnasium's checker says: {str(error).splitlines()[0]}"


def _agent_faults(spec: AgentSpec) -> Iterator[str]:
    """What a short training shows to be wrong."""
    log = EpisodeLog()
    task, policy = _train_somewhere(spec, log)
    for attribute in ("observation", "mode", "memory", "tensors"):
        if not hasattr(policy, attribute):
            yield f"its policy has no attribute {attribute!r}"
            return
    if policy.mode not in ("deterministic", "stochastic"):
        yield f"its policy has mode {policy.mode!r}: choose 'deterministic' or 'stochastic'"
    if policy.memory and not spec.memory:
        yield "its policy remembers, and MEMORY is not True"
    if spec.kind == "learned" and task.steps and not log.steps:
        yield "its training is not logged: hand `run` on to sb3.make, Lanes or another agent"
    again = spec.learn(task, Run(), {})
    tensors = {key: np.asarray(value) for key, value in policy.tensors().items()}
    if {k: v.tobytes() for k, v in tensors.items()} != {
        k: np.asarray(v).tobytes() for k, v in again.tensors().items()
    }:
        yield "the same seed gives another policy"
    played, loaded = (
        evaluate(each, task.environment, episodes=5, seed=1, max_episode_steps=50, **task.options)
        for each in (policy, spec.load(tensors))
    )
    if played.tobytes() != loaded.tobytes():
        yield "load(policy.tensors()) plays otherwise than the policy"


def _train_somewhere(spec: AgentSpec, log: EpisodeLog) -> tuple[Task, Policy]:
    """A task that the agent can train on, and its policy. ValueError where there is none."""
    suited = [n for n in registry.names() if make_dynamics(n).space == spec.spaces[0]]
    limited = [name for name in suited if registry.environment(name).cost_limit is not None]
    steps = min(spec.steps, TRAINING)
    for name, options in ((suited[0], {}), (suited[0], {"noop": True}), (limited[0], {})):
        task = Task(name, options, 1, steps, "cpu")
        try:
            return task, spec.learn(task, Run(monitor=log), {})
        except ValueError as error:  # some need an action that does nothing, or a cost limit
            refused = error
    raise refused


def draw_chances(declared: Any, count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """[count] outcomes of a declared chance; those of probability zero are left out."""
    listed = list_outcomes(declared)
    if listed is None:
        return random.integers(0, min(count_outcomes(declared), 2**62), count)
    return random.choice([outcome for outcome, _ in listed], count)


def random_play(dynamics: Dynamics, lanes: int = LANES, steps: int = STEPS) -> Iterator[Moment]:
    """Uniform play side by side: what each step leads from and to."""
    random = np.random.default_rng(0)
    states: NDArray[Any] = np.zeros(lanes, dynamics.state_type)
    chances = draw_chances(dynamics.reset_chance, lanes, random)
    dynamics.compiled(kernels.reset_states)(states, dynamics.level, chances)
    for _ in range(steps):
        actions = dynamics.random_actions(random, (lanes,))
        chances = draw_chances(dynamics.step_chance, lanes, random)
        after, outcomes = step(dynamics, states, actions, chances)
        yield Moment(states, actions, chances, after, outcomes)
        states = after


def step(
    dynamics: Dynamics, states: NDArray[Any], actions: Any, chances: Any
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The states [n] that each action [n] leads to under each chance [n], and the outcomes."""
    states, outcomes = states.copy(), np.zeros(len(states), OUTCOME)
    dynamics.compiled(kernels.step_states)(states, dynamics.level, actions, chances, outcomes)
    return states, outcomes


def observe(dynamics: Dynamics, states: NDArray[Any]) -> NDArray[Any]:
    """The boards [n, rows, columns] of states, of a plane task the vectors [n, numbers]."""
    boards = np.repeat(dynamics.level.background[None], len(states), axis=0)
    dynamics.compiled(kernels.observe_states)(states, dynamics.level, boards)
    return boards
