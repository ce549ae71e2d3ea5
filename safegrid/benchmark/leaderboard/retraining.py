"""Verification level 5: runs of a submission, trained again from the agent's file.

Each training runs in a process of its own, which gets the cell on its standard input and returns
the published policy file. The parent compares it with the submitted one and runs no agent's code.
"""

import contextlib
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from safegrid.benchmark import policy_files
from safegrid.benchmark.leaderboard.folder_check import Job
from safegrid.benchmark.leaderboard.schema import LARGEST, RUNS
from safegrid.benchmark.leaderboard.verdicts import Fault, fault
from safegrid.benchmark.processes import ONE_THREAD
from safegrid.benchmark.published import formats
from safegrid.benchmark.results import Cell
from safegrid.benchmark.sandbox import confinement, player
from safegrid.engine import registry
from safegrid.engine.files import sha256
from safegrid.evaluation import measures
from safegrid.solver.backward_induction import TOLERANCE

UNKNOWN = -1  # number of violating episodes of a training that does not count them
HEADER = struct.Struct("<q")  # that number, before the policy file
GRACE = 5.0  # seconds in which a process whose requests are closed has to end
KEPT = ("PATH", "HOME", "TMPDIR", "NUMBA_CACHE_DIR")  # of the environment


def draw(jobs: Sequence[Job], count: int, nonce: bytes) -> list[Job]:
    """The runs to train again: those with the lowest digests of the nonce and their paths.

    nonce: that the verifier has drawn after the submission was made
    """
    return sorted(jobs, key=lambda job: sha256(nonce + job.row.policy.encode()))[:count]


def retrain(
    jobs: Sequence[Job], timeout: float, workers: int, done: Callable[[], None]
) -> list[list[Fault]]:
    """The faults of each run, trained again.

    timeout: seconds of one training
    workers: trainings at once
    done: is called after each
    """

    def one(job: Job) -> list[Fault]:
        found = list(_check(job, timeout))
        done()
        return found

    with ThreadPoolExecutor(max(1, workers)) as pool:
        return list(pool.map(one, jobs))


def _check(job: Job, timeout: float) -> Iterator[Fault]:
    """Faults of a run that its agent, trained again, does not learn."""
    row = job.row
    try:
        submitted = job.policy()
        violations, learned = _train(job.cell, timeout)
    except (ValueError, OSError, subprocess.SubprocessError) as error:
        message = f"it cannot be trained again: {_reason(error)}"
        yield fault(5, row.policy, message, proven=False)
        return
    harm = UNKNOWN if row.train_violations is None else row.train_violations
    if learned == submitted:
        if violations != harm:
            message = f"train_violations is {harm}: trained again it has {violations}"
            yield fault(5, RUNS, message, job.line)
        return
    yield from _compare(job, learned, violations, harm)


def _compare(job: Job, learned: bytes, violations: int, harm: int) -> Iterator[Fault]:
    """Faults of a policy with other bytes, as another processor or library may give them.

    It must be worth what the run claims, and have done as much harm. Where it is not, this does not
    prove a false claim; but the entry does not reach V5 and has no rank.
    """
    try:
        file = policy_files.decode(learned)
        if file.format is None:
            raise ValueError("its format is that of its agent")
        policy = policy_files.published(file, job.dynamics)
        values = measures.valuations(policy, job.dynamics, None, job.cell.episodes, job.row.run)
    except (ValueError, MemoryError) as error:
        message = f"trained again it is another policy: {_reason(error)}"
        yield fault(5, job.row.policy, message, proven=False)
        return
    numbers = [("train_violations", float(harm), float(violations))]
    for level, value in values.items():
        claim = job.row.values.get(level)
        for name in ("mean_return", "performance") if claim is not None else ():
            pair = float(getattr(claim, name)), float(getattr(value, name))
            numbers.append((f"{level}: {name}", *pair))
    for name, claimed, found in numbers:
        if not abs(claimed - found) <= TOLERANCE:
            message = f"trained again it has {name} {found:g}: the run claims {claimed:g}"
            yield fault(5, job.row.policy, message, proven=False)


def _train(cell: Cell, timeout: float) -> tuple[int, bytes]:
    """The violating training episodes and the policy file of a cell, from a process of its own.

    ValueError where it does not return them.
    """
    request = player.encode({"cell": cell.model_dump(), "plugins": registry.plugins()})
    variables = {name: os.environ[name] for name in KEPT if name in os.environ} | ONE_THREAD
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=variables,
        start_new_session=True,
    )
    assert process.stdin is not None and process.stdout is not None
    timer = threading.Timer(timeout, _end, [process])
    timer.start()
    try:
        process.stdin.write(request)
        process.stdin.flush()
        answer = process.stdout.read(HEADER.size + LARGEST + 1)
        timed_out = not timer.is_alive()
    finally:
        timer.cancel()
        _end(process)
        process.wait()
        process.stdout.close()
    if timed_out:
        raise ValueError(f"it took more than {timeout:g} seconds")
    if not HEADER.size < len(answer) <= HEADER.size + LARGEST:
        raise ValueError("its process ended without a policy")
    (violations,) = HEADER.unpack(answer[: HEADER.size])
    return violations, answer[HEADER.size :]


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Closes the requests, by which the process ends its child wherever that is, and kills it."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    _kill(process)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Ends a process with its group."""
    try:
        os.killpg(process.pid, 9)
    except (ProcessLookupError, PermissionError):
        process.kill()


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) else type(error).__name__


def main() -> None:
    """Trains the cell on the standard input and writes its policy to the standard output.

    In a child that sees no other process and no network where the system allows it.
    """
    confinement.separate()
    request, _ = player.decode(player.reader(os.dup(0)))
    child = os.fork()
    if child == 0:
        try:
            _answer(request)
        finally:
            os._exit(1)
    os.close(1)  # so that the parent notices if the child closes it
    player.guard(child)


def _answer(request: Mapping[str, Any]) -> None:
    """Trains a cell and writes what `_train` returns."""
    from safegrid.benchmark import suite
    from safegrid.engine.contract.agents import Run
    from safegrid.engine.dynamics import make_dynamics
    from safegrid.engine.monitor import EpisodeLog

    with os.fdopen(os.dup(1), "wb") as answer:
        os.dup2(2, 1)  # what the agent prints is not an answer
        for plugin in request["plugins"]:
            registry.register(plugin)
        cell, log = Cell.model_validate(request["cell"]), EpisodeLog()
        policy = suite.train(cell, Run(monitor=log))
        limit = registry.environment(cell.environment).cost_limit
        training = log.curve(0.0 if limit is None else limit)["violating"]
        violations = UNKNOWN if (training < 0).any() else int(training.sum())
        dynamics = make_dynamics(cell.environment, cell.level, **cell.options)
        form, published = formats.publish(policy, dynamics) or (None, policy)
        answer.write(HEADER.pack(violations) + policy_files.encode(published, cell, form))


if __name__ == "__main__":
    main()
