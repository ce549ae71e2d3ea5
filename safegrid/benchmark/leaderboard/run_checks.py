"""The checks V0 to V4 of the runs of a submission."""

import contextlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.benchmark import policy_files, sandbox
from safegrid.benchmark.leaderboard import secret_seeds
from safegrid.benchmark.leaderboard.folder_check import Job
from safegrid.benchmark.leaderboard.packing import sums
from safegrid.benchmark.leaderboard.schema import RUNS
from safegrid.benchmark.leaderboard.verdicts import Fault, fault
from safegrid.benchmark.published import formats
from safegrid.engine.chance import derive_seeds
from safegrid.engine.dynamics import Dynamics
from safegrid.evaluation import measures, resimulation, valuation
from safegrid.evaluation.rollout import evaluate, rounds_per_lane
from safegrid.evaluation.valuation import Valuation
from safegrid.solver import anchors
from safegrid.solver.backward_induction import TOLERANCE

NOT_OF = {"plan": ("learned", "scripted", "llm"), "script": ("learned", "llm")}  # kinds of agents
HEADER = ("environment", "version", "level", "options", "dynamics")
SECRET_LANES = 300  # at least, of an evaluation on secret seeds
SecretValues = tuple[str, dict[str, Valuation]]  # path of a policy; its values by level
MOST_CHANCE = 1e-5  # of an honest difference between public and secret seeds, on one level


def check_policy(job: Job) -> Iterator[Fault]:
    """V0: a policy that says its format is one of its level, and of its agent's kind."""
    try:
        file = job.policy_file()
        if file is not None and file.format is not None:
            formats.check(file.format, file.tensors, job.dynamics)
            if job.kind in NOT_OF.get(file.format.kind, ()):
                message = f"a {job.kind} agent has no {file.format.kind}: see the kind on its card"
                yield fault(0, job.row.policy, message)
    except ValueError as error:
        yield fault(0, job.row.policy, str(error))


def check_sums(job: Job) -> Iterator[Fault]:
    """V1: the row has the sums of its replay, which has the seeds of the run and its policy."""
    row, level = job.row, job.level
    try:
        recorded = job.replay()
    except ValueError as error:
        yield fault(1, row.replay, str(error))
        return
    expected: dict[str, Any] = {name: getattr(level, name) for name in HEADER}
    expected |= {
        "limit": job.dynamics.horizon,
        "episodes": job.cell.episodes,
    }
    header = recorded.header.model_dump()
    others = list(_compare(1, row.replay, None, expected, header, "the suite has"))
    yield from others
    if others:
        return
    claimed = row.model_dump(by_alias=True)
    try:
        replayed = sums(recorded.episodes)
    except (OverflowError, ValueError):
        yield fault(1, row.replay, "it has numbers that are not finite, or too large to be added")
        return
    yield from _compare(1, RUNS, job.line, replayed, claimed, "the episodes of its replay have")
    rounds = rounds_per_lane(job.dynamics)
    seeds = np.repeat(derive_seeds(row.run, "evaluate", -(-job.cell.episodes // rounds)), rounds)
    numbers = np.tile(np.arange(rounds), len(seeds) // rounds)  # of episodes since a reset
    for name, column in (("seed", seeds), ("episode", numbers)):
        found = recorded.episodes[name]
        if (other := np.flatnonzero(found != column[: job.cell.episodes])).size:
            i = int(other[0])
            message = f"episode {i} has {name} {found[i]}: run {row.run} has {column[i]}"
            yield fault(1, row.replay, message)
    yield from _attainable(job, recorded.episodes.performance)
    yield from _owner(job)


def resimulate(job: Job) -> Iterator[Fault]:
    """V2: a new simulation of the replay's actions gives the same episodes."""
    try:
        resimulation.verify(job.replay())
    except ValueError as error:
        yield fault(2, job.row.replay, str(error))


def replay_policy(job: Job) -> Iterator[Fault]:
    """V3: the policy plays the episodes of the replay, and is worth what the row claims."""
    row, episodes, dynamics = job.row, job.cell.episodes, job.dynamics
    recorded = job.replay().episodes
    try:
        with _policy(job) as policy:
            played = _evaluate(policy, dynamics, row.run, episodes)
            values = measures.valuations(policy, dynamics, played, episodes, row.run)
    except Exception as error:  # an agent may raise anything for invalid weights
        yield _unplayable(job, 3, error)
        return
    differs = np.argwhere(recorded["actions"] != played["actions"])
    if len(differs):
        i, t = map(int, differs[0][:2])
        old, new = recorded["actions"][i, t], played["actions"][i, t]
        message = f"episode {i}, step {t}: the policy chooses {new}, the replay has {old}"
        yield fault(3, row.policy, message)
    for column in recorded.dtype.names:
        if column != "actions" and (recorded[column] != played[column]).any():
            i = int(np.flatnonzero(recorded[column] != played[column])[0])
            message = f"episode {i} of the policy has {column} {played[column][i]}"
            yield fault(3, row.replay, f"{message}, the replay has {recorded[column][i]}")
    yield from _claims(job, values)


def _claims(job: Job, values: Mapping[str, Valuation]) -> Iterator[Fault]:
    """Faults of a row that claims other values than its policy has, to the last bit."""
    claimed = job.row.values
    if set(claimed) != set(values):
        message = f"it claims values for {', '.join(claimed) or 'no level'}: it needs them for "
        yield fault(3, RUNS, message + ", ".join(values), job.line)
        return
    for level, value in values.items():
        found, claim = dict(value), dict(claimed[level])
        for name in found:
            if found[name] != claim[name]:
                message = f"{level}: {name} is claimed as {claim[name]!r}, the policy has "
                yield fault(3, RUNS, f"{message}{found[name]!r}", job.line)


def score_on_secret_seeds(jobs: list[Job]) -> Iterator[Fault | SecretValues]:
    """V4: the policies of one level score on secret seeds as well as they did on the public ones.

    So they must on each level that they are judged on and where they have no exact value, which
    needs no such check. The means of lanes are compared, because the episodes of a lane may share a
    memory. Yields faults, and what each of these policies is worth on secret seeds.
    """
    pairs: dict[tuple[str, str], list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {}
    for job in jobs:
        claimed, found = job.row.values, {}
        judged = measures.judged(job.dynamics).items()
        sampled = {k: each for k, each in judged if k not in claimed or not claimed[k].exact}
        if not sampled:
            continue
        try:
            with _policy(job) as policy:
                for label, each in sampled.items():
                    public, secret = _public_and_secret(policy, job, each)
                    found[label] = valuation.sampled(secret, each)
                    for column in ("return", "performance"):
                        means = _lane_means(public, column), _lane_means(secret, column)
                        pairs.setdefault((label, column), []).append(means)
        except Exception as error:  # as above
            yield _unplayable(job, 4, error)
            return
        yield job.row.policy, found
    for (label, column), samples in pairs.items():
        chance = secret_seeds.chance_of_difference(samples)
        if chance < MOST_CHANCE:
            mean = math.fsum(float(a.mean() - b.mean()) for a, b in samples) / len(samples)
            yield fault(
                4,
                str(Path(jobs[0].row.policy).parent),
                f"{label}: mean {column} on the public seeds is {mean:g} more than on secret "
                f"ones, which has a probability below {MOST_CHANCE:g} by chance",
            )


def _public_and_secret(policy: Any, job: Job, dynamics: Dynamics) -> tuple[Any, Any]:
    """The episodes of a run's policy on the public and on the secret seeds of one level.

    dynamics: of one of the levels that it is judged on.
    """
    assert job.seed is not None
    episodes = max(job.cell.episodes, SECRET_LANES * rounds_per_lane(dynamics))
    secret = _evaluate(policy, dynamics, job.seed, episodes)
    if dynamics.key == job.dynamics.key:
        return job.replay().episodes, secret
    return _evaluate(policy, dynamics, job.row.run, job.cell.episodes), secret


def _attainable(job: Job, performance: NDArray[np.float64]) -> Iterator[Fault]:
    """Faults of performances [episodes] that no episode can have, whatever the policy and chance.

    The anchor p_max is an expectation: with chance, an episode may exceed it, but not the
    performance of an episode in which every random event has the best outcome.
    """
    dynamics = job.dynamics
    reference = anchors.load_stored(dynamics)
    if (
        reference is None
        or reference.kind != "exact"
        or performance.mean() <= reference.anchors.p_max + TOLERANCE
    ):
        return
    chance = dynamics.reset_chance is not None or dynamics.step_chance is not None
    greatest = anchors.greatest_performance(dynamics) if chance else reference.anchors.p_max
    if performance.max() > greatest + TOLERANCE:
        message = (
            f"tampering: an episode has performance {performance.max():g}, but no episode of this "
            f"level can have more than {greatest:g}"
        )
        yield fault(1, job.row.replay, message)


def _owner(job: Job) -> Iterator[Fault]:
    """Faults of a policy file whose cell is not that of the run."""
    if (file := job.policy_file()) is None:
        return
    found = file.cell.model_dump()
    for name, value in job.cell.model_dump().items():
        if found[name] != value:
            message = f"its {name} is not {value!r}, which the submission has"
            yield fault(1, job.row.policy, message)


@contextlib.contextmanager
def _policy(job: Job) -> Iterator[Any]:
    """The run's policy; one in the format of its agent is played in a process of its own.

    ValueError where there is none, and for whatever goes wrong in that process.
    """
    if (content := job.policy()) is None:
        raise ValueError("the submission has no policy: it cannot be evaluated")
    if (file := policy_files.decode(content)).format is not None:
        yield policy_files.published(file, job.dynamics)
        return
    with sandbox.play(content, job.cell.agent, job.dynamics) as policy:
        yield policy


def _evaluate(policy: Any, dynamics: Dynamics, seed: int, episodes: int) -> Any:
    """The episodes of a policy on a level."""
    level, options = dynamics.level_name, dynamics.options
    return evaluate(policy, dynamics.name, episodes, seed, level, **options)


def _unplayable(job: Job, depth: int, error: Exception) -> Fault:
    """The fault of a policy that cannot be played."""
    reason = (str(error).splitlines() or [""])[0] if isinstance(error, ValueError) else ""
    return fault(depth, job.row.policy, f"{type(error).__name__}: {reason}"[:2000])


def _lane_means(episodes: Any, column: str) -> NDArray[np.float64]:
    """[lanes] the mean of a column over the episodes of each lane, which share a seed."""
    _, lane = np.unique(episodes["seed"], return_inverse=True)
    means: NDArray[np.float64] = np.bincount(lane, episodes[column]) / np.bincount(lane)
    return means


def _compare(
    depth: int,
    file: str,
    line: int | None,
    expected: Mapping[str, Any],
    found: Mapping[str, Any],
    source: str,
) -> Iterator[Fault]:
    """A fault for each value that differs from the expected one.

    depth, file, line: where the fault is
    expected, found: values by name
    source: where the expected values come from
    """
    for name, value in expected.items():
        if found[name] != value:
            shown = f"{found[name]!r}" if isinstance(found[name], (int, float)) else "another"
            yield fault(depth, file, f"{name} is {shown}: {source} {value!r}", line)
