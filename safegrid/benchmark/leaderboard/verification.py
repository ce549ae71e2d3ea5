"""Verification of submissions: runs the checks of `folder_check` (V0) and `run_checks` (V1 to V4).

Replays are decoded and simulated in processes that never load a policy; policies run in others.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from safegrid.benchmark.leaderboard import folder_check, run_checks, secret_seeds, verdict_log
from safegrid.benchmark.leaderboard.run_checks import Job
from safegrid.benchmark.leaderboard.schema import BoardSuite, content, read, read_rows, read_suite
from safegrid.benchmark.leaderboard.verdict_log import Fault, Verdict, fault
from safegrid.benchmark.processes import process_pool
from safegrid.engine.files import sha256

TIMEOUT = 600.0  # seconds of one check
PRELOAD = ["safegrid.benchmark.leaderboard.run_checks"]
Progress = Callable[[str, int, int], None]  # takes level ("V1"), number of finished checks, of all
Check = Callable[[Any], Iterable[Fault]]


class Attained(NamedTuple):
    """The level of verification that a submission has reached so far."""

    level: int | None  # None where V0 failed
    faults: list[Fault]  # of the level after it


def submissions(board: Path) -> list[Path]:
    """The folders of a board's submissions, sorted by name. ValueError where it is not a board."""
    if not (board / "suite.json").is_file():
        raise ValueError(f"{str(board)!r} is not a board: it has no suite.json")
    return sorted(path for path in board.iterdir() if path.is_dir() and path.name[0] != ".")


def verify(
    board: Path,
    folders: Sequence[Path],
    depth: int = 3,
    secret: bytes | None = None,
    workers: int = os.cpu_count() or 1,
    progress: Progress = lambda what, done, count: None,
) -> dict[Path, Verdict]:
    """Checks submissions and appends a verdict to each.

    board: folder with suite.json and season.json
    folders: the submissions
    depth: last level to check
    secret: of the season, without which level 4 is not checked
    workers: number of processes
    progress: is called after each check

    Returns the verdict of each folder. ValueError where the suite, the season or a log of verdicts
    is invalid, and where the secret is not that of the season.
    """
    suite, current = read_suite(board), secret_seeds.read(board)
    for folder in folders:
        verdict_log.read(folder)
    if secret is not None and (current is None or sha256(secret) != current.commitment):
        raise ValueError(f"the secret is not the one that {board} is committed to")
    attained = {folder: _attained(0, folder_check.check(folder, suite)) for folder in folders}
    last = depth if depth < 4 or secret is not None else 3
    for stages in (
        ((1, run_checks.check_sums), (2, run_checks.resimulate)),
        ((3, run_checks.replay_policy), (4, run_checks.score_on_secret_seeds)),
    ):
        with process_pool(workers, PRELOAD) as pool:
            for level, check in stages:
                if level <= last:
                    ready = [folder for folder, a in attained.items() if a.level == level - 1]
                    tasks = list(_tasks(ready, suite, level, secret))
                    found = _run(pool, check, tasks, level, progress)
                    attained |= {f: _attained(level, found.get(f, [])) for f in ready}
    commitment = None if secret is None or current is None else current.commitment
    return {
        folder: verdict_log.append(folder, _digest(folder), level, faults, commitment)
        for folder, (level, faults) in attained.items()
    }


def _attained(level: int, faults: Iterable[Fault]) -> Attained:
    """A level is reached where its checks find no fault."""
    listed = list(faults)
    return Attained((level - 1 if level else None) if listed else level, listed)


def _tasks(
    folders: Iterable[Path], suite: BoardSuite, level: int, secret: bytes | None
) -> Iterator[tuple[Path, str, Any]]:
    """(folder, file, task) of each check: one run, or for level 4 all runs of one level."""
    levels = {each.key: each for each in suite.levels}
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
    level: int,
    progress: Progress,
) -> dict[Path, list[Fault]]:
    """The faults that the checks of one level find in each folder."""
    waiting = [
        (folder, file, pool.schedule(_check, (check, task), timeout=TIMEOUT))
        for folder, file, task in tasks
    ]
    faults: dict[Path, list[Fault]] = {folder: [] for folder, _, _ in waiting}
    for done, (folder, file, future) in enumerate(waiting, 1):
        try:
            faults[folder] += future.result()
        except Exception as error:  # the process died, or exceeded TIMEOUT
            reason = f"the check did not end: {type(error).__name__}: {error}"
            faults[folder].append(fault(level, file, reason))
        progress(f"V{level}", done, len(waiting))
    return faults


def _check(check: Check, task: Any) -> list[Fault]:
    return list(check(task))


def _digest(folder: Path) -> str:
    """SHA-256 of submission.json, or of nothing where it cannot be read."""
    try:
        return sha256(content(folder / "submission.json"))
    except ValueError:
        return sha256(b"")
