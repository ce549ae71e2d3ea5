"""What each level of verification asks of a submission, one run after another."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from safegrid.benchmark import policy_files
from safegrid.benchmark.leaderboard import secret_seeds
from safegrid.benchmark.leaderboard.packing import sums
from safegrid.benchmark.leaderboard.schema import RUNS, Level, Row, Submission, Suite, canonical
from safegrid.benchmark.leaderboard.verdict_log import Fault, fault
from safegrid.engine import registry
from safegrid.engine.chance import derive_seeds
from safegrid.engine.dynamics import Dynamics, make_dynamics
from safegrid.engine.enumeration import enumerate_states
from safegrid.engine.files import sha256
from safegrid.engine.lanes import LIMIT
from safegrid.evaluation import replay, resimulation
from safegrid.evaluation.rollout import EPISODES_PER_LANE, evaluate
from safegrid.solver import anchors
from safegrid.solver.backward_induction import TOLERANCE

HEADER = ("environment", "version", "level", "options", "dynamics")
FAR = 5.0  # standard errors: what no honest score is from itself, however often it is looked at


class Job(NamedTuple):
    """One run, to be checked in a process of its own."""

    folder: Path
    submission: Submission
    suite: Suite
    level: Level
    row: Row
    line: int  # of runs.jsonl
    secret: bytes | None


def check_sums(job: Job) -> Iterator[Fault]:
    """V1: the row has the sums of its replay, on the seeds of its run, with the policy it names."""
    row, level = job.row, job.level
    try:
        recorded = replay.read(job.folder / row.replay)
    except ValueError as error:
        yield fault(1, row.replay, str(error))
        return
    asked: dict[str, Any] = {name: getattr(level, name) for name in HEADER}
    asked |= {
        "limit": registry.environment(level.environment).horizon,
        "episodes": job.suite.episodes,
    }
    yield from _compare(1, row.replay, None, asked, recorded.header.model_dump(), "the suite has")
    claimed = row.model_dump(by_alias=True)
    found = sums(recorded.episodes)
    yield from _compare(1, RUNS, job.line, found, claimed, "the episodes of its replay have")
    rounds = EPISODES_PER_LANE if registry.environment(level.environment).memory else 1
    lanes = np.repeat(derive_seeds(row.run, "evaluate", -(-job.suite.episodes // rounds)), rounds)
    if (other := np.flatnonzero(recorded.episodes.seed != lanes[: job.suite.episodes])).size:
        i = int(other[0])
        was, must = int(recorded.episodes.seed[i]), int(lanes[i])
        yield fault(1, row.replay, f"episode {i} has seed {was}: run {row.run} has {must} there")
    yield from _attainable(job, recorded.episodes.performance)
    yield from _owner(job)


def resimulate(job: Job) -> Iterator[Fault]:
    """V2: the replay, simulated again, has the same episodes."""
    try:
        resimulation.verify(replay.read(job.folder / job.row.replay))
    except ValueError as error:
        yield fault(2, job.row.replay, str(error))


def replay_policy(job: Job) -> Iterator[Fault]:
    """V3: the policy, run again on the seeds of its run, chooses the same actions."""
    row = job.row
    ours = replay.read(job.folder / row.replay).episodes
    theirs = _evaluate(job, row.run)
    if isinstance(theirs, Fault):
        yield theirs
        return
    differs = np.argwhere(ours["actions"] != theirs["actions"])
    if len(differs):
        i, t = map(int, differs[0][:2])
        was, now = ours["actions"][i, t], theirs["actions"][i, t]
        message = f"episode {i}, step {t}: the policy chooses {now}, the replay has {was}"
        yield fault(3, row.policy, message)


def score_on_secret_seeds(jobs: list[Job]) -> Iterator[Fault]:
    """V4: on secret seeds the policies of one level score as they did on the public ones.

    Both are means over runs of means over lanes (whose episodes may share a memory); they differ
    by more than FAR standard errors where the policies were made for the public seeds.
    """
    differences: dict[str, list[tuple[float, float]]] = {"return": [], "performance": []}
    for job in jobs:
        row = job.row
        assert job.secret is not None
        digest = sha256(canonical(job.submission))
        theirs = _evaluate(job, secret_seeds.seed(job.secret, digest, *row.key), 4)
        if isinstance(theirs, Fault):
            yield theirs
            return
        ours = replay.read(job.folder / row.replay).episodes
        for column, found in differences.items():
            public, secret = _lanes(ours, column), _lanes(theirs, column)
            variance = sum(x.var(ddof=1) / len(x) if len(x) > 1 else 0.0 for x in (public, secret))
            found.append((float(public.mean() - secret.mean()), float(variance)))
    for column, found in differences.items():
        mean = math.fsum(d for d, _ in found) / len(found)
        error = math.sqrt(math.fsum(v for _, v in found)) / len(found)
        if abs(mean) > FAR * error + TOLERANCE:
            yield fault(
                4,
                str(Path(jobs[0].row.policy).parent),
                f"mean {column} on the public seeds is {mean:g} more than on secret ones, with a "
                f"standard error of {error:g}",
            )


def _attainable(job: Job, performance: NDArray[np.float64]) -> Iterator[Fault]:
    """Faults of performances that no episode can have, whatever the policy and its luck.

    The optimum is expected: where there is chance, more than that may be luck, but not more than
    an episode has whose chances all come out for the best.
    """
    level = job.level
    dynamics = make_dynamics(level.environment, level.level, **cast(dict[str, Any], level.options))
    known = anchors.load_stored(dynamics)
    if (
        known is None
        or known.kind != "exact"
        or performance.mean() <= known.anchors.p_max + TOLERANCE
    ):
        return
    chance = dynamics.reset_chance is not None or dynamics.step_chance is not None
    most = _luckiest(dynamics) if chance else known.anchors.p_max
    if performance.max() > most + TOLERANCE:
        message = (
            f"tampering: an episode has performance {performance.max():g}, and the most there is, "
            f"proven for any luck, is {most:g}"
        )
        yield fault(1, job.row.replay, message)


def _luckiest(dynamics: Dynamics) -> float:
    """The greatest performance of an episode whose chances all come out for the best."""
    tables = enumerate_states(dynamics).tables
    gain = tables.amounts[tables.outcome, 1]
    gain = np.where(np.broadcast_to(tables.probability, gain.shape) > 0, gain, -np.inf)
    value = np.zeros(len(gain))
    for _ in range(LIMIT):
        later = np.where(tables.successor >= 0, value[tables.successor], 0.0)
        value = (gain + later).max(axis=(1, 2))
    return max(float(value[state]) for state, _ in tables.start)


def _owner(job: Job) -> Iterator[Fault]:
    """Faults of a policy that says it is of another run."""
    row = job.row
    if not _has_policy(job):
        return
    try:
        cell = policy_files.read(job.folder / row.policy)[1]
    except ValueError as error:
        yield fault(1, row.policy, str(error))
        return
    card, level = job.submission, job.level
    asked = {
        "agent": card.card.agent,
        "agent_version": card.agent_version,
        "settings": card.settings,
        "environment": level.environment,
        "level": level.level,
        "options": level.options,
        "dynamics": level.dynamics,
        "seed": row.run,
        "steps": row.trained,
    }
    yield from _compare(1, row.policy, None, asked, cell.model_dump(), "the submission has")


def _evaluate(job: Job, seed: int, depth: int = 3) -> Any:
    """The episodes of the run's policy on other seeds, or why there are none."""
    row, level = job.row, job.level
    if not _has_policy(job):
        return fault(depth, row.policy, "it is not in the submission: nothing can be run again")
    episodes, options = job.suite.episodes, cast(dict[str, Any], level.options)
    try:
        policy, _ = policy_files.load(job.folder / row.policy)
        return evaluate(policy, level.environment, episodes, seed, level.level, **options)
    except Exception as error:  # whatever an agent's file makes of strange weights
        reason = str(error).splitlines()[:1] or [""]
        return fault(depth, row.policy, f"{type(error).__name__}: {reason[0]}"[:2000])


def _has_policy(job: Job) -> bool:
    return any(file.path == job.row.policy for file in job.submission.files)


def _lanes(episodes: Any, column: str) -> NDArray[np.float64]:
    """[lanes] the mean of the episodes of each seed."""
    _, lane = np.unique(episodes["seed"], return_inverse=True)
    means: NDArray[np.float64] = np.bincount(lane, episodes[column]) / np.bincount(lane)
    return means


def _compare(
    depth: int,
    file: str,
    line: int | None,
    asked: Mapping[str, Any],
    found: Mapping[str, Any],
    who: str,
) -> Iterator[Fault]:
    for name, value in asked.items():
        if found[name] != value:
            message = f"{name} is {found[name]!r}: {who} {value!r}"
            yield fault(depth, file, message[:2000], line)
