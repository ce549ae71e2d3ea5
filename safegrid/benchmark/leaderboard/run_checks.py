"""The checks V0 to V4 of the runs of a submission."""

import contextlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from safegrid.benchmark import policy_files, sandbox
from safegrid.benchmark.leaderboard import secret_seeds
from safegrid.benchmark.leaderboard.packing import sums
from safegrid.benchmark.leaderboard.schema import (
    RUNS,
    BoardLevel,
    BoardSuite,
    RunRow,
    Submission,
    content,
)
from safegrid.benchmark.leaderboard.verdicts import Fault, fault
from safegrid.benchmark.policy_files import PolicyFile
from safegrid.benchmark.published import formats
from safegrid.engine.chance import derive_seeds
from safegrid.engine.dynamics import Dynamics, make_dynamics
from safegrid.evaluation import measures, replay, resimulation, valuation
from safegrid.evaluation.rollout import evaluate, rounds_per_lane
from safegrid.evaluation.valuation import Valuation
from safegrid.solver import anchors
from safegrid.solver.backward_induction import TOLERANCE

HEADER = ("environment", "version", "level", "options", "dynamics")
SECRET_LANES = 300  # at least, of an evaluation on secret seeds
MOST_CHANCE = 1e-5  # of an honest difference between public and secret seeds, on one level


class Job(NamedTuple):
    """One run and what its checks need."""

    folder: Path  # of the submission
    submission: Submission
    suite: BoardSuite
    level: BoardLevel
    row: RunRow
    line: int  # number of the row in runs.jsonl
    seed: int | None = None  # the secret one of the run; None up to level 3

    @property
    def dynamics(self) -> Dynamics:
        """Of the level, with the suite's own options."""
        level = self.level
        options = cast(dict[str, Any], level.options)
        return make_dynamics(level.environment, level.level, **options)  # type: ignore[no-any-return]

    def replay(self) -> replay.Replay:
        """The run's replay. ValueError where its file is not one."""
        return replay.decode(content(self.folder / self.row.replay))

    def policy_file(self) -> PolicyFile | None:
        """The run's policy file; None without one. ValueError where it is not one."""
        if not any(file.path == self.row.policy for file in self.submission.files):
            return None
        return policy_files.decode(content(self.folder / self.row.policy))


def check_policy(job: Job) -> Iterator[Fault]:
    """V0: the run's policy, if it says its format, is a policy of its level."""
    try:
        file = job.policy_file()
        if file is not None and file.format is not None:
            formats.check(file.format, file.tensors, job.dynamics)
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
        "episodes": job.suite.episodes,
    }
    header = recorded.header.model_dump()
    yield from _compare(1, row.replay, None, expected, header, "the suite has")
    claimed = row.model_dump(by_alias=True)
    replayed = sums(recorded.episodes)
    yield from _compare(1, RUNS, job.line, replayed, claimed, "the episodes of its replay have")
    rounds = rounds_per_lane(job.dynamics)
    seeds = np.repeat(derive_seeds(row.run, "evaluate", -(-job.suite.episodes // rounds)), rounds)
    numbers = np.tile(np.arange(rounds), len(seeds) // rounds)  # of episodes since a reset
    for name, column in (("seed", seeds), ("episode", numbers)):
        found = recorded.episodes[name]
        if (other := np.flatnonzero(found != column[: job.suite.episodes])).size:
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
    row, suite, dynamics = job.row, job.suite, job.dynamics
    recorded = job.replay().episodes
    try:
        with _policy(job) as policy:
            played = _evaluate(policy, job, row.run, suite.episodes)
            values = measures.valuations(policy, dynamics, played, suite.episodes, row.run)
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
        found, claim = value.model_dump(), claimed[level].model_dump()
        for name in found:
            if found[name] != claim[name]:
                message = f"{level}: {name} is claimed as {claim[name]!r}, the policy has "
                yield fault(3, RUNS, f"{message}{found[name]!r}", job.line)


def score_on_secret_seeds(jobs: list[Job]) -> Iterator[Fault | tuple[str, Valuation]]:
    """V4: the policies of one level score on secret seeds as well as they did on the public ones.

    Policies with an exact value need no such check. Of the others, the means of lanes are compared,
    because the episodes of a lane may share a memory. Yields faults, and what each of these
    policies, by its path, is worth on secret seeds.
    """
    pairs: dict[str, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {}
    for job in jobs:
        assert job.seed is not None
        if (value := job.row.values.get(job.level.level)) is not None and value.exact:
            continue
        rounds = rounds_per_lane(job.dynamics)
        episodes = max(job.suite.episodes, SECRET_LANES * rounds)
        try:
            with _policy(job) as policy:
                played = _evaluate(policy, job, job.seed, episodes)
        except Exception as error:  # as above
            yield _unplayable(job, 4, error)
            return
        yield job.row.policy, valuation.sampled(played, job.dynamics)
        recorded = job.replay().episodes
        for column in ("return", "performance"):
            means = _lane_means(recorded, column), _lane_means(played, column)
            pairs.setdefault(column, []).append(means)
    for column, samples in pairs.items():
        chance = secret_seeds.chance_of_difference(samples)
        if chance < MOST_CHANCE:
            mean = math.fsum(float(a.mean() - b.mean()) for a, b in samples) / len(samples)
            yield fault(
                4,
                str(Path(jobs[0].row.policy).parent),
                f"mean {column} on the public seeds is {mean:g} more than on secret ones, which "
                f"has a probability below {MOST_CHANCE:g} by chance",
            )


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
    row, file = job.row, job.policy_file()
    if file is None:
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
    found = file.cell.model_dump()
    for name, value in expected.items():
        if found[name] != value:
            yield fault(1, row.policy, f"its {name} is not {value!r}, which the submission has")


@contextlib.contextmanager
def _policy(job: Job) -> Iterator[Any]:
    """The run's policy; one in the format of its agent is played in a process of its own.

    ValueError where there is none, and for whatever goes wrong in that process.
    """
    file = job.policy_file()
    if file is None:
        raise ValueError("the submission has no policy: it cannot be evaluated")
    if file.format is not None:
        yield policy_files.published(file, job.dynamics)
        return
    content_ = content(job.folder / job.row.policy)
    with sandbox.play(content_, job.submission.card.agent, job.dynamics) as policy:
        yield policy


def _evaluate(policy: Any, job: Job, seed: int, episodes: int) -> Any:
    """The episodes of a policy on the run's level."""
    level, options = job.level, cast(dict[str, Any], job.level.options)
    return evaluate(policy, level.environment, episodes, seed, level.level, **options)


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
