"""Verification of submissions: `folder_check` (V0), `run_checks` (V0 to V4), `retraining` (V5).

Replays are decoded and simulated in processes that never load a policy; policies run in others.
"""

import contextlib
import itertools
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from safegrid.benchmark.leaderboard import (
    folder_check,
    retraining,
    run_checks,
    secret_seeds,
    verdicts,
)
from safegrid.benchmark.leaderboard.folder_check import Checked, Job
from safegrid.benchmark.leaderboard.run_checks import SecretValues
from safegrid.benchmark.leaderboard.schema import BoardSuite, canonical, read_suite
from safegrid.benchmark.leaderboard.secret_seeds import Season
from safegrid.benchmark.leaderboard.verdicts import Fault, Verdict, fault
from safegrid.benchmark.processes import process_pool, usable_cores
from safegrid.engine import registry
from safegrid.engine.files import sha256
from safegrid.evaluation.valuation import Valuation

TIMEOUT = 600.0  # seconds of one check
RETRAINING = 3600.0  # seconds of one training
PRELOAD = ["safegrid.benchmark.leaderboard.run_checks"]
NAME = re.compile("[0-9a-f]{12}")  # of a submission's folder: see `schema.identity`
Progress = Callable[[str, int, int], None]  # takes level ("V1"), number of finished checks, of all
Found = Fault | SecretValues
Check = Callable[[Any], Iterable[Found]]


class Attained(NamedTuple):
    """The level of verification that a submission has reached so far."""

    checked: Checked  # what was read of its folder
    level: int | None  # None where V0 failed
    faults: list[Fault]  # of the level after it

    def after(self, level: int, faults: Iterable[Fault]) -> "Attained":
        """With the faults of the checks of a level, which is reached where there are none."""
        listed = list(faults)
        reached = (level - 1 if level else None) if listed else level
        return self._replace(level=reached, faults=listed)


def submissions(board: Path) -> list[Path]:
    """The folders of a board's submissions, sorted by name; others are left out.

    ValueError where it is not a board.
    """
    if not (board / "suite.json").is_file():
        raise ValueError(f"{str(board)!r} is not a board: it has no suite.json")
    return sorted(
        path
        for path in board.iterdir()
        if NAME.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    )


def verify(
    board: Path,
    folders: Sequence[Path],
    depth: int = 3,
    secret: bytes | None = None,
    sample: int = 1,
    key: Any = None,
    workers: int | None = None,
    progress: Progress = lambda what, done, count: None,
) -> dict[Path, Verdict]:
    """Checks submissions; records a signed verdict of each where a key is given.

    board: folder with suite.json and season.json
    folders: the submissions
    depth: last level to check
    secret: of one of the board's seasons, without which level 4 is not checked
    sample: runs of each submission that level 5 trains again
    key: the verifier's private key; None to record no verdict
    workers: number of processes; None for one on each usable core
    progress: is called after each check

    A recorded verdict keeps what an earlier one found of the content: see `verdicts.following`.
    None is recorded of a folder that is not what its submission.json says: whoever reads it finds
    that again. Returns the verdict of each folder. ValueError where the suite or the seasons are
    invalid, and where the secret is not that of a season.
    """
    suite, seasons = read_suite(board), secret_seeds.read(board)
    commitment = None if secret is None else sha256(secret)
    season = next((each for each in seasons if each.commitment == commitment), None)
    if secret is not None and season is None:
        raise ValueError(f"the secret is not the one that {board} is committed to")
    workers = workers or usable_cores()
    attained = {}
    for folder in folders:
        checked = folder_check.check(folder, suite)
        attained[folder] = Attained(checked, None, []).after(0, checked.faults)
    values: dict[Path, dict[str, dict[str, Valuation]]] = {folder: {} for folder in folders}
    scored = set[Path]()  # on secret seeds
    for stages in (
        ((0, run_checks.check_policy), (1, run_checks.check_sums), (2, run_checks.resimulate)),
        ((3, run_checks.replay_policy), (4, run_checks.score_on_secret_seeds)),
    ):
        with process_pool(workers, PRELOAD) as pool:
            for level, check in stages:
                if level > depth or (level == 4 and secret is None):
                    continue
                ready = _ready(level, board, season, attained)
                scored |= set(ready if level == 4 else ())
                tasks = list(_tasks(ready, attained, suite, level, secret))
                found = _run(pool, check, tasks, level, progress)
                for folder in ready:
                    faults = [each for each in found[folder] if isinstance(each, Fault)]
                    attained[folder] = attained[folder].after(level, faults)
                    values[folder] |= dict(
                        each for each in found[folder] if isinstance(each, tuple)
                    )
    drawn = _retrain(attained, suite, sample, workers, progress) if depth >= 5 else {}
    judged = {}
    for folder, (checked, reached, faults) in attained.items():
        failed = {each.file for each in faults if each.level == 5}
        trained = [job.row.policy for job in drawn.get(folder, [])]
        trained = [policy for policy in trained if policy not in failed]
        bound = _bound(checked, suite, season if folder in scored else None)
        seen = [each.commitment for each in seasons if each.secret is None]
        judged[folder] = verdicts.verdict(bound, reached, faults, values[folder], trained, seen)
        if key is not None and checked.submission and checked.faults == checked.of_agent:
            before = verdicts.believed(board, folder.name, checked.digest)
            own = checked.submission.agent_file
            judged[folder] = verdicts.following(judged[folder], before, own)
            verdicts.write(board, folder.name, judged[folder], key)
    return judged


def _ready(
    level: int, board: Path, season: Season | None, attained: dict[Path, Attained]
) -> list[Path]:
    """The submissions that have reached the level before and can be checked for this one."""
    ready = [folder for folder, a in attained.items() if a.level == max(0, level - 1)]
    if level == 3:  # without policies, the replays are all that can be verified
        ready = [folder for folder in ready if _has_policies(attained[folder].checked)]
    if level == 4:
        ready = [f for f in ready if _early(board, f, season, attained[f].checked)]
    return ready


def _has_policies(checked: Checked) -> bool:
    files = checked.submission.files if checked.submission is not None else ()
    return any(file.path.startswith("policies/") for file in files)


def _retrain(
    attained: dict[Path, Attained],
    suite: BoardSuite,
    sample: int,
    workers: int,
    progress: Progress,
) -> dict[Path, list[Job]]:
    """Level 5 of the learned submissions that have reached level 3: sets what they attained.

    Returns the runs that were trained again.
    """
    nonce, drawn = os.urandom(32), {}
    for folder, (checked, level, _) in attained.items():
        if level is not None and level >= 3 and _trainable(checked):
            runs = list(folder_check.jobs(folder, checked, suite))
            drawn[folder] = retraining.draw(runs, sample, nonce)
    jobs, done = [job for each in drawn.values() for job in each], itertools.count(1)
    found = retraining.retrain(
        jobs, RETRAINING, workers, lambda: progress("V5", next(done), len(jobs))
    )
    failed: dict[Path, list[Fault]] = defaultdict(list)
    for job, faults in zip(jobs, found, strict=True):
        failed[job.folder] += faults
    for folder in drawn:
        before = attained[folder]
        faults = [*before.faults, *failed[folder]]
        attained[folder] = before._replace(level=before.level if faults else 5, faults=faults)
    return drawn


def _trainable(checked: Checked) -> bool:
    """Whether the verifier has the file of the agent that a submission says has learned."""
    submission = checked.submission
    assert submission is not None
    manifest = registry.manifest(submission.card.agent)
    known = manifest is not None and manifest.digest == submission.agent_file
    return known and submission.card.kind == "learned"


def _early(board: Path, folder: Path, season: Season | None, checked: Checked) -> bool:
    """Whether the verifier has seen a submission before the season's secret was public."""
    if season is None or season.secret is None:
        return True
    before = verdicts.believed(board, folder.name, checked.digest)
    return before is not None and season.commitment in before.seen


def _bound(checked: Checked, suite: BoardSuite, season: Season | None) -> dict[str, str | None]:
    """The digests that a verdict is bound to."""
    manifest = None
    if checked.submission is not None:
        with contextlib.suppress(ValueError):
            manifest = registry.manifest(checked.submission.card.agent)
    return {
        "submission": checked.digest,
        "suite": sha256(canonical(suite)),
        "agent": None if manifest is None else manifest.digest,
        "season": None if season is None else season.commitment,
    }


def _tasks(
    folders: Iterable[Path],
    attained: Mapping[Path, Attained],
    suite: BoardSuite,
    level: int,
    secret: bytes | None,
) -> Iterator[tuple[Path, str, Any]]:
    """(folder, file, task) of each check: one run, or for level 4 all runs of one level.

    Checks of one environment's level follow one another, whatever their folder: a process solves a
    level once for all of them.
    """
    given = secret if level == 4 else None  # no other check needs it
    jobs = [
        job
        for folder in folders
        for job in folder_check.jobs(folder, attained[folder].checked, suite, given)
    ]
    jobs.sort(key=lambda job: job.row.key[:2])
    if level < 4:
        yield from ((job.folder, job.row.replay, job) for job in jobs)
        return
    for _, group in itertools.groupby(jobs, key=lambda job: (job.row.key[:2], job.folder)):
        listed = list(group)
        yield listed[0].folder, listed[0].row.policy, listed


def _run(
    pool: Any,
    check: Check,
    tasks: Iterable[tuple[Path, str, Any]],
    level: int,
    progress: Progress,
) -> dict[Path, list[Found]]:
    """What the checks of one level find in each folder."""
    waiting = [
        (folder, file, pool.schedule(_check, (check, task), timeout=TIMEOUT))
        for folder, file, task in tasks
    ]
    faults: dict[Path, list[Found]] = defaultdict(list)
    for done, (folder, file, future) in enumerate(waiting, 1):
        try:
            faults[folder] += future.result()
        except Exception as error:  # the process died, or exceeded TIMEOUT
            reason = f"the check did not end: {type(error).__name__}"
            faults[folder].append(fault(level, file, reason, proven=False))
        progress(f"V{level}", done, len(waiting))
    return faults


def _check(check: Check, task: Any) -> list[Found]:
    return list(check(task))
