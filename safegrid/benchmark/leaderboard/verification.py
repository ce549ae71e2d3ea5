"""Verification: submissions are believed as far as they can be done again.

Replays are decoded and simulated in processes that never hold a policy, and policies run in others.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from safegrid.benchmark.executors import ONE_THREAD, environment
from safegrid.benchmark.leaderboard import folder_check, run_checks, secret_seeds, verdict_log
from safegrid.benchmark.leaderboard.run_checks import Job
from safegrid.benchmark.leaderboard.schema import Suite, content, read, read_rows, read_suite
from safegrid.benchmark.leaderboard.verdict_log import Fault, Verdict, fault
from safegrid.engine.files import sha256

PATIENCE = 600.0  # seconds that one check may take
CONTEXT = "forkserver" if sys.platform == "linux" else "spawn"
PRELOAD = ["safegrid.benchmark.leaderboard.run_checks"]
Progress = Callable[[str, int, int], None]  # what is done, checks done of all
Check = Callable[[Any], Iterable[Fault]]


class Standing(NamedTuple):
    """How far a submission has come."""

    level: int | None
    faults: list[Fault]


def submissions(board: Path) -> list[Path]:
    """The folders of a board's submissions, by name. ValueError where there is no board."""
    if not (board / "suite.json").is_file():
        raise ValueError(f"{str(board)!r} is no board: there is no suite.json in it")
    return sorted(path for path in board.iterdir() if path.is_dir() and path.name[0] != ".")


def verify(
    board: Path,
    folders: Sequence[Path],
    depth: int = 3,
    secret: bytes | None = None,
    workers: int = os.cpu_count() or 1,
    progress: Progress = lambda what, done, count: None,
) -> dict[Path, Verdict]:
    """Checks submissions up to a level, level 4 with the season's secret, and appends verdicts.

    ValueError where the board, its season or a chain of verdicts is not sound.
    """
    suite, current = read_suite(board), secret_seeds.read(board)
    for folder in folders:
        verdict_log.read(folder)
    if secret is not None and (current is None or sha256(secret) != current.commitment):
        raise ValueError(f"the secret is not the one that {board} is committed to")
    standing = {folder: _stand(0, folder_check.check(folder, suite)) for folder in folders}
    last = depth if depth < 4 or secret is not None else 3
    for stages in (
        ((1, run_checks.check_sums), (2, run_checks.resimulate)),
        ((3, run_checks.replay_policy), (4, run_checks.score_on_secret_seeds)),
    ):
        with _pool(workers) as pool:
            for level, check in stages:
                if level <= last:
                    ready = [folder for folder, s in standing.items() if s.level == level - 1]
                    tasks = list(_tasks(ready, suite, level, secret))
                    found = _run(pool, check, tasks, f"V{level}", progress)
                    standing |= {folder: _stand(level, found.get(folder, [])) for folder in ready}
    commitment = None if secret is None or current is None else current.commitment
    return {
        folder: verdict_log.append(folder, _digest(folder), level, faults, commitment)
        for folder, (level, faults) in standing.items()
    }


def _stand(level: int, faults: Iterable[Fault]) -> Standing:
    """A level is reached where there is no fault."""
    found = list(faults)
    return Standing((level - 1 if level else None) if found else level, found)


def _tasks(
    folders: Iterable[Path], suite: Suite, level: int, secret: bytes | None
) -> Iterator[tuple[Path, str, Any]]:
    """What there is to check: for levels 1 to 3 each run, for level 4 all runs on each level."""
    levels = {known.key: known for known in suite.levels}
    for folder in folders:
        submission = read(folder)
        jobs: dict[tuple[str, ...], list[Job]] = {}
        for line, row in enumerate(read_rows(folder), 1):
            key = row.key[:2]
            job = Job(folder, submission, suite, levels[key], row, line, secret)
            jobs.setdefault(key, []).append(job)
        for group in jobs.values():
            if level == 4:
                yield folder, group[0].row.policy, group
            else:
                yield from ((folder, job.row.replay, job) for job in group)


def _run(
    pool: Any,
    check: Check,
    tasks: Iterable[tuple[Path, str, Any]],
    what: str,
    progress: Progress,
) -> dict[Path, list[Fault]]:
    """The faults of each folder."""
    waiting = [
        (folder, file, pool.schedule(_check, (check, task), timeout=PATIENCE))
        for folder, file, task in tasks
    ]
    found: dict[Path, list[Fault]] = {folder: [] for folder, _, _ in waiting}
    for done, (folder, file, future) in enumerate(waiting, 1):
        try:
            found[folder] += future.result()
        except Exception as error:  # the process died, or took too long
            reason = f"the check did not end: {type(error).__name__}: {error}"
            found[folder].append(fault(int(what[1]), file, reason))
        progress(what, done, len(waiting))
    return found


def _check(check: Check, task: Any) -> list[Fault]:
    return list(check(task))


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[Any]:
    """Processes that end at once where the work is interrupted."""
    from pebble import ProcessPool

    context = multiprocessing.get_context(CONTEXT)
    if CONTEXT == "forkserver":
        context.set_forkserver_preload(PRELOAD)
    with (
        environment(ONE_THREAD),
        ProcessPool(workers, initializer=_ignore_interrupts, context=context) as pool,
    ):
        try:
            yield pool
        except BaseException:
            pool.stop()  # type: ignore[no-untyped-call]
            raise


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _digest(folder: Path) -> str:
    """Of submission.json, whatever it is."""
    try:
        return sha256(content(folder / "submission.json"))
    except ValueError:
        return sha256(b"")
