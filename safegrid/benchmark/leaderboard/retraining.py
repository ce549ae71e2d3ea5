"""Verification level 5: runs of a submission, trained again from the agent's file.

Each run has a process of ours, which steps the environment and keeps the log of the training. The
agent learns in another one, that is confined: see `sandbox.sealed`. What it returns is data, from
which the values are computed here that are compared with the claims.
"""

import functools
from collections.abc import Callable, Iterator, Sequence

from safegrid.benchmark import policy_files
from safegrid.benchmark.leaderboard.folder_check import Job
from safegrid.benchmark.leaderboard.schema import LARGEST
from safegrid.benchmark.leaderboard.verdicts import Fault, fault
from safegrid.benchmark.processes import isolated
from safegrid.benchmark.sandbox import sealed
from safegrid.engine import registry
from safegrid.engine.files import sha256
from safegrid.engine.monitor import EpisodeLog
from safegrid.evaluation import measures
from safegrid.solver.backward_induction import TOLERANCE

WORTH = "mean_return", "performance", "cost", "length", "violation"  # compared with the claims
PRELOAD = ["safegrid.benchmark.leaderboard.retraining"]


def draw(jobs: Sequence[Job], count: int, nonce: bytes) -> list[Job]:
    """The runs to train again: those with the lowest digests of nonce, submission and path.

    nonce: that the verifier has drawn after the submission was made
    """

    def lot(job: Job) -> str:
        return sha256(nonce + f"{job.folder.name}/{job.row.policy}".encode())

    return sorted(jobs, key=lot)[:count]


def retrain(
    jobs: Sequence[Job], timeout: float, workers: int, done: Callable[[], None]
) -> list[list[Fault]]:
    """The faults of each run, trained again.

    timeout: seconds of one training
    workers: trainings at once
    done: is called after each
    """
    plugins = registry.plugins()
    calls = ((number, functools.partial(_check, job, plugins)) for number, job in enumerate(jobs))
    found: dict[int, list[Fault]] = {}
    for number, future in isolated(calls, workers, PRELOAD, timeout):
        try:
            found[number] = future.result()
        except TimeoutError:
            found[number] = [_failed(jobs[number], f"it took more than {timeout:g} seconds")]
        except Exception as error:  # the process of ours died
            found[number] = [_failed(jobs[number], type(error).__name__)]
        done()
    return [found[number] for number in range(len(jobs))]


def _failed(job: Job, reason: str) -> Fault:
    return _fault(job.row.policy, f"it cannot be trained again: {reason}")


def _fault(file: str, message: str) -> Fault:
    """A fault of level 5, which does not prove that a claim is false.

    file: the run's policy, which a later verdict names if its training succeeds
    message: the differing values

    On another processor an honest training may be another one, and have the same published table
    all the same.
    """
    return fault(5, file, message, proven=False)


def _check(job: Job, plugins: Sequence[str]) -> list[Fault]:
    """Faults of a run whose policy or violating episodes a new training does not give again.

    plugins: to register first.
    """
    for plugin in plugins:
        registry.register_later(plugin)
    log = EpisodeLog()
    try:
        submitted, learned = job.policy(), sealed.train(job.cell, log)
        if len(learned) > LARGEST:
            raise ValueError(f"its policy is larger than {LARGEST:,} bytes")
    except (ValueError, OSError) as error:
        reason = str(error) if isinstance(error, ValueError) else type(error).__name__
        return [_failed(job, reason)]
    faults = [] if learned == submitted else list(_compare(job, learned))
    return [*faults, *_count(job, log)]


def _count(job: Job, log: EpisodeLog) -> Iterator[Fault]:
    """Faults of the violating episodes of a training: their number, or how few ended at all.

    The latter where they decide the measure of the level: of short trainings few episodes end.
    """
    claimed, episodes = job.row.train_violations, log.episodes()
    violations, ended = int(episodes["violating"].sum()), int(episodes["length"].sum())
    if violations != claimed:
        told = "not told" if claimed is None else claimed
        message = f"train_violations is {told}: trained again it has {violations}"
        yield _fault(job.row.policy, message)
    is_measured = measures.BY_CATEGORY.get(job.dynamics.spec.category) == measures.TRAINING
    if is_measured and 2 * ended < log.steps:
        message = (
            f"train_violations leaves out most of the training: {ended} of {log.steps} steps are "
            "of episodes that ended"
        )
        yield _fault(job.row.policy, message)


def _compare(job: Job, learned: bytes) -> Iterator[Fault]:
    """Faults of a policy with other bytes, as another processor or library may give them.

    It must be worth what the run claims. Where it is not, the entry does not reach V5 and has no
    rank.
    """
    try:
        file = policy_files.decode(learned)
        if file.format is None:
            raise ValueError("its format is that of its agent")
        policy = policy_files.published(file, job.dynamics)
        values = measures.valuations(policy, job.dynamics, None, job.cell.episodes, job.row.run)
    except (ValueError, MemoryError) as error:
        reason = str(error) if isinstance(error, ValueError) else type(error).__name__
        message = f"trained again it is another policy: {reason}"
        yield _fault(job.row.policy, message)
        return
    for level, value in values.items():
        claim = job.row.values.get(level)
        for name in WORTH if claim is not None else ():
            stated, found = getattr(claim, name), getattr(value, name)
            if stated != found and (
                None in (stated, found) or not abs(stated - found) <= TOLERANCE
            ):
                message = f"{level}: trained again it has {name} {found}: the run claims {stated}"
                yield _fault(job.row.policy, message)
