"""The checks V1, V2, V3 and V4 of the runs of a submission."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from safegrid.benchmark import policy_files
from safegrid.benchmark.leaderboard import secret_seeds
from safegrid.benchmark.leaderboard.packing import sums
from safegrid.benchmark.leaderboard.schema import (
    RUNS,
    BoardLevel,
    BoardSuite,
    RunRow,
    Submission,
    canonical,
)
from safegrid.benchmark.leaderboard.verdict_log import Fault, fault
from safegrid.engine import registry
from safegrid.engine.chance import derive_seeds
from safegrid.engine.dynamics import Dynamics, make_dynamics
from safegrid.engine.enumeration import enumerate_states
from safegrid.engine.files import sha256
from safegrid.evaluation import replay, resimulation
from safegrid.evaluation.rollout import EPISODES_PER_LANE, evaluate
from safegrid.solver import anchors
from safegrid.solver.backward_induction import TOLERANCE

HEADER = ("environment", "version", "level", "options", "dynamics")
MOST_ERRORS = 5.0  # standard errors from the public to the secret mean; p < 1e-6 by chance


class Job(NamedTuple):
    """One run and what its checks need."""

    folder: Path  # of the submission
    submission: Submission
    suite: BoardSuite
    level: BoardLevel
    row: RunRow
    line: int  # number of the row in runs.jsonl
    secret: bytes | None  # of the season; None up to level 3


def check_sums(job: Job) -> Iterator[Fault]:
    """V1: the row has the sums of its replay, which has the seeds of the run and its policy."""
    row, level = job.row, job.level
    try:
        recorded = replay.read(job.folder / row.replay)
    except ValueError as error:
        yield fault(1, row.replay, str(error))
        return
    expected: dict[str, Any] = {name: getattr(level, name) for name in HEADER}
    expected |= {
        "limit": registry.environment(level.environment).horizon,
        "episodes": job.suite.episodes,
    }
    header = recorded.header.model_dump()
    yield from _compare(1, row.replay, None, expected, header, "the suite has")
    claimed = row.model_dump(by_alias=True)
    replayed = sums(recorded.episodes)
    yield from _compare(1, RUNS, job.line, replayed, claimed, "the episodes of its replay have")
    rounds = EPISODES_PER_LANE if registry.environment(level.environment).memory else 1
    seeds = np.repeat(derive_seeds(row.run, "evaluate", -(-job.suite.episodes // rounds)), rounds)
    if (other := np.flatnonzero(recorded.episodes.seed != seeds[: job.suite.episodes])).size:
        i = int(other[0])
        message = f"episode {i} has seed {recorded.episodes.seed[i]}: run {row.run} has {seeds[i]}"
        yield fault(1, row.replay, message)
    yield from _attainable(job, recorded.episodes.performance)
    yield from _owner(job)


def resimulate(job: Job) -> Iterator[Fault]:
    """V2: a new simulation of the replay's actions gives the same episodes."""
    try:
        resimulation.verify(replay.read(job.folder / job.row.replay))
    except ValueError as error:
        yield fault(2, job.row.replay, str(error))


def replay_policy(job: Job) -> Iterator[Fault]:
    """V3: the policy chooses the replay's actions on the seeds of its run."""
    row = job.row
    recorded = replay.read(job.folder / row.replay).episodes
    played = _evaluate(job, row.run)
    if isinstance(played, Fault):
        yield played
        return
    differs = np.argwhere(recorded["actions"] != played["actions"])
    if len(differs):
        i, t = map(int, differs[0][:2])
        old, new = recorded["actions"][i, t], played["actions"][i, t]
        message = f"episode {i}, step {t}: the policy chooses {new}, the replay has {old}"
        yield fault(3, row.policy, message)


def score_on_secret_seeds(jobs: list[Job]) -> Iterator[Fault]:
    """V4: the policies of one level score on secret seeds as they did on the public ones.

    Compared are means over runs of means over lanes, because the episodes of a lane may share a
    memory. A difference of more than MOST_ERRORS standard errors shows that the policies were made
    for the public seeds.
    """
    differences: dict[str, list[tuple[float, float]]] = {"return": [], "performance": []}
    for job in jobs:
        row = job.row
        assert job.secret is not None
        digest = sha256(canonical(job.submission))
        played = _evaluate(job, secret_seeds.seed(job.secret, digest, *row.key), 4)
        if isinstance(played, Fault):
            yield played
            return
        recorded = replay.read(job.folder / row.replay).episodes
        for column, pairs in differences.items():
            public, secret = _lane_means(recorded, column), _lane_means(played, column)
            variance = sum(x.var(ddof=1) / len(x) if len(x) > 1 else 0.0 for x in (public, secret))
            pairs.append((float(public.mean() - secret.mean()), float(variance)))
    for column, pairs in differences.items():
        mean = math.fsum(difference for difference, _ in pairs) / len(pairs)
        error = math.sqrt(math.fsum(variance for _, variance in pairs)) / len(pairs)
        if abs(mean) > MOST_ERRORS * error + TOLERANCE:
            yield fault(
                4,
                str(Path(jobs[0].row.policy).parent),
                f"mean {column} on the public seeds is {mean:g} more than on secret ones, with a "
                f"standard error of {error:g}",
            )


def _attainable(job: Job, performance: NDArray[np.float64]) -> Iterator[Fault]:
    """Faults of performances [episodes] that no episode can have, whatever the policy and chance.

    The anchor p_max is an expectation: with chance, an episode may exceed it, but not the
    performance of an episode in which every random event has the best outcome.
    """
    level = job.level
    dynamics = make_dynamics(level.environment, level.level, **cast(dict[str, Any], level.options))
    reference = anchors.load_stored(dynamics)
    if (
        reference is None
        or reference.kind != "exact"
        or performance.mean() <= reference.anchors.p_max + TOLERANCE
    ):
        return
    chance = dynamics.reset_chance is not None or dynamics.step_chance is not None
    greatest = _greatest_performance(dynamics) if chance else reference.anchors.p_max
    if performance.max() > greatest + TOLERANCE:
        message = (
            f"tampering: an episode has performance {performance.max():g}, but no episode of this "
            f"level can have more than {greatest:g}"
        )
        yield fault(1, job.row.replay, message)


def _greatest_performance(dynamics: Dynamics) -> float:
    """The greatest performance of an episode in which every random event has the best outcome."""
    tables = enumerate_states(dynamics).tables
    gain = tables.amounts[tables.outcome, 1]
    gain = np.where(np.broadcast_to(tables.probability, gain.shape) > 0, gain, -np.inf)
    value = np.zeros(len(gain))
    for _ in range(dynamics.spec.horizon):
        later = np.where(tables.successor >= 0, value[tables.successor], 0.0)
        value = (gain + later).max(axis=(1, 2))
    return max(float(value[state]) for state, _ in tables.start)


def _owner(job: Job) -> Iterator[Fault]:
    """Faults of a policy file whose cell is not that of the run."""
    row = job.row
    if not _has_policy(job):
        return
    try:
        cell = policy_files.read(job.folder / row.policy)[1]
    except ValueError as error:
        yield fault(1, row.policy, str(error))
        return
    submission, level = job.submission, job.level
    expected = {
        "agent": submission.card.agent,
        "agent_version": submission.agent_version,
        "settings": submission.settings,
        "environment": level.environment,
        "level": level.level,
        "options": level.options,
        "dynamics": level.dynamics,
        "seed": row.run,
        "steps": row.trained,
    }
    yield from _compare(1, row.policy, None, expected, cell.model_dump(), "the submission has")


def _evaluate(job: Job, seed: int, depth: int = 3) -> Any:
    """The episodes of the run's policy from a seed, or the fault where it cannot be evaluated."""
    row, level = job.row, job.level
    if not _has_policy(job):
        return fault(depth, row.policy, "the submission has no policy: it cannot be evaluated")
    episodes, options = job.suite.episodes, cast(dict[str, Any], level.options)
    try:
        policy, _ = policy_files.load(job.folder / row.policy)
        return evaluate(policy, level.environment, episodes, seed, level.level, **options)
    except Exception as error:  # an agent may raise anything for invalid weights
        reason = str(error).splitlines()[:1] or [""]
        return fault(depth, row.policy, f"{type(error).__name__}: {reason[0]}"[:2000])


def _has_policy(job: Job) -> bool:
    return any(file.path == job.row.policy for file in job.submission.files)


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
            message = f"{name} is {found[name]!r}: {source} {value!r}"
            yield fault(depth, file, message[:2000], line)
