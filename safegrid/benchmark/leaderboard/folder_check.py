"""Verification level 0: the folder of a submission is complete and its files are well-formed.

All other levels read its files only as they were checked here: see `Job`.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from safegrid.benchmark import policy_files
from safegrid.benchmark.leaderboard import packing, secret_seeds
from safegrid.benchmark.leaderboard.packing import cell
from safegrid.benchmark.leaderboard.schema import (
    RUNS,
    BoardLevel,
    BoardSuite,
    RunRow,
    Settings,
    Submission,
    canonical,
    digests,
    identity,
    member,
    read,
    read_rows,
)
from safegrid.benchmark.leaderboard.verdicts import Fault, fault
from safegrid.benchmark.policy_files import PolicyFile
from safegrid.benchmark.results import Cell
from safegrid.engine import registry
from safegrid.engine.contract.agents import check_setting
from safegrid.engine.contract.manifest import Manifest
from safegrid.engine.dynamics import Dynamics
from safegrid.engine.files import sha256
from safegrid.evaluation import replay

DEEPEST = 4  # names in the path of a replay or a policy


class Checked(NamedTuple):
    """What was read of a submission's folder; whatever is read of it later is bound to this."""

    submission: Submission | None  # None where submission.json is invalid
    rows: list[RunRow]  # none where they are invalid
    faults: list[Fault]
    of_agent: list[Fault]  # those of them that only a verifier with the agent's file finds

    @property
    def digest(self) -> str:
        """SHA-256 of submission.json, or of nothing where it is invalid."""
        return sha256(b"" if self.submission is None else canonical(self.submission))


class Job(NamedTuple):
    """One run and what its checks need."""

    folder: Path  # of the submission
    cell: Cell
    level: BoardLevel
    row: RunRow
    line: int  # number of the row in runs.jsonl
    digests: Mapping[str, str]  # SHA-256 of the run's files, by path
    seed: int | None  # the secret one of the run; None up to level 3
    kind: str  # of the agent, as its card says

    @property
    def dynamics(self) -> Dynamics:
        """Of the level, with the suite's own options."""
        return self.cell.make_dynamics()

    def replay(self) -> replay.Replay:
        """The run's replay. ValueError where its file is not one."""
        return replay.decode(member(self.folder, self.row.replay, self.digests))

    def policy(self) -> bytes | None:
        """The content of the run's policy file; None without one. ValueError as `member`."""
        if self.row.policy not in self.digests:
            return None
        return member(self.folder, self.row.policy, self.digests)

    def policy_file(self) -> PolicyFile | None:
        """The run's policy file; None without one. ValueError where it is not one."""
        content = self.policy()
        return None if content is None else policy_files.decode(content)


def jobs(
    folder: Path, checked: Checked, suite: BoardSuite, secret: bytes | None = None
) -> Iterator[Job]:
    """The runs of a submission, in the order of its rows.

    folder: of the submission. checked: what was read of it, without a fault. suite: of the board.
    secret: of the season, by which each run gets its secret seed; None for no seeds.
    """
    submission = checked.submission
    assert submission is not None
    levels, listed = {level.key: level for level in suite.levels}, digests(submission)
    kind = submission.card.kind
    for line, row in enumerate(checked.rows, 1):
        level = levels[row.key[:2]]
        own = {path: listed[path] for path in (row.replay, row.policy) if path in listed}
        seed = None
        if secret is not None:
            seed = secret_seeds.seed(secret, checked.digest, *row.key)
        yield Job(folder, cell(submission, level, row, suite), level, row, line, own, seed, kind)


def check(folder: Path, suite: BoardSuite) -> Checked:
    """V0: all files are present and unchanged, and their content is valid for the board's suite.

    What cannot be read is a fault, too.
    """
    submission, rows, faults, of_agent = None, list[RunRow](), list[Fault](), list[Fault]()
    try:
        submission = read(folder)
        faults += _members(folder, submission)
        faults += _names(folder, submission, suite)
        if all(each.file != RUNS for each in faults):
            rows = read_rows(folder, digests(submission))
            faults += _rows(submission, rows, suite)
        of_agent = list(_agent(submission, rows))
    except ValueError as error:
        faults.append(fault(0, folder.name, str(error)))
    except (OSError, OverflowError, RecursionError) as error:
        faults.append(fault(0, folder.name, f"it cannot be read: {type(error).__name__}"))
    return Checked(submission, rows, [*faults, *of_agent], of_agent)


def _members(folder: Path, submission: Submission) -> Iterator[Fault]:
    """Faults of the files: missing, unlisted, links, of another size or content."""
    listed = digests(submission)
    if list(listed) != sorted(file.path for file in submission.files):
        yield fault(0, "submission.json", "the files are not in the order of their paths")
    present = {path.relative_to(folder).as_posix(): path for path in _walk(folder)}
    for name, path in present.items():
        deep = name.count("/") + 1 == DEEPEST  # where files lie
        plain = (path.is_dir() and not deep) or name in listed or name == "submission.json"
        if path.is_symlink() or not plain:
            yield fault(0, name, "it is a link, or is not listed in submission.json")
    for file in submission.files:
        if file.path not in present or present[file.path].is_symlink():
            yield fault(0, file.path, "it is missing")
            continue
        try:
            if (size := len(member(folder, file.path, listed))) != file.size:
                message = f"it has {size} bytes: submission.json has {file.size}"
                yield fault(0, file.path, message)
        except ValueError as error:
            yield fault(0, file.path, str(error).removeprefix(f"{file.path}: "))


def _walk(folder: Path, depth: int = DEEPEST) -> list[Path]:
    """The files and folders below a folder to a depth, in order; links are not followed."""
    found = []
    for entry in sorted(os.scandir(folder), key=lambda each: each.name):
        found.append(Path(entry.path))
        if depth > 1 and entry.is_dir(follow_symlinks=False):
            found += _walk(Path(entry.path), depth - 1)
    return found


def _names(folder: Path, submission: Submission, suite: BoardSuite) -> Iterator[Fault]:
    """Faults of the id and the suite."""
    if folder.name != identity(submission):
        message = f"its content has the id {identity(submission)}: the folder is {folder.name}"
        yield fault(0, "submission.json", message)
    if submission.suite != (digest := sha256(canonical(suite))):
        message = f"suite is {submission.suite}: the board's suite.json has SHA-256 {digest}"
        yield fault(0, "submission.json", message)
    if wanted := packing.wanted_runs(suite, submission.runs):
        yield fault(0, "submission.json", f"runs is {submission.runs}: {wanted}")


def _agent(submission: Submission, rows: list[RunRow]) -> Iterator[Fault]:
    """Faults of what is claimed of the agent, its settings and the agents that these name."""
    try:
        manifest = registry.manifest(submission.card.agent)
    except ValueError as error:
        yield fault(0, "submission.json", str(error))
        return
    if manifest is not None:
        yield from _claims(submission, manifest)
    yield from _settings(submission, rows, manifest)
    yield from _hidden(submission, rows)


def _claims(submission: Submission, manifest: Manifest) -> Iterator[Fault]:
    """Faults of statements that the agent's file contradicts."""
    agent = submission.card.agent
    for name, claimed, stated in (
        ("kind", submission.card.kind, manifest.kind),
        ("agent_version", submission.agent_version, manifest.version),
        ("uses_hidden_info", submission.uses_hidden_info, manifest.uses_hidden_info),
    ):
        if claimed != stated:
            message = f"{name} is {claimed!r}: the file of agent {agent} has {stated!r}"
            yield fault(0, "submission.json", message)


def _settings(
    submission: Submission, rows: list[RunRow], manifest: Manifest | None
) -> Iterator[Fault]:
    """Faults of the settings: such as the agent's file does not declare, or not one for a level."""
    agent = submission.card.agent
    first: dict[tuple[str, str], Settings] = {}
    for i, row in enumerate(rows, 1):
        if row.settings != first.setdefault(row.key[:2], row.settings):
            message = f"its settings differ from those of the first line of {row.key[:2]}"
            yield fault(0, RUNS, message, i)
        if manifest is None or manifest.settings is None:  # its file computes them
            continue
        if set(row.settings) != set(manifest.settings):
            message = f"settings are not those of agent {agent}: {', '.join(manifest.settings)}"
            yield fault(0, RUNS, message, i)
            continue
        for name, default in manifest.settings.items():
            try:
                check_setting(name, row.settings[name], default)
            except ValueError as error:
                yield fault(0, RUNS, str(error), i)


def _hidden(submission: Submission, rows: list[RunRow]) -> Iterator[Fault]:
    """Faults of settings that name an agent with hidden information, where this one has none."""
    if submission.uses_hidden_info:
        return
    agent = submission.card.agent
    for i, row in enumerate(rows, 1):
        for name in registry.named_agents(row.settings):
            if (inner := registry.manifest(name)) is not None and inner.uses_hidden_info:
                message = (
                    f"its settings name {name}, which uses hidden information: {agent} does not"
                )
                yield fault(0, RUNS, message, i)


def _rows(submission: Submission, rows: list[RunRow], suite: BoardSuite) -> Iterator[Fault]:
    """Faults of the rows: their order, missing runs, unknown levels, files without a row."""
    most = packing.MOST * suite.runs * len(suite.levels)
    if not 0 < len(rows) <= most:
        message = f"it has {len(rows)} runs: suite {suite.name} wants 1 to {most}"
        yield fault(0, RUNS, message)
        return
    keys = [row.key for row in rows]
    for i in range(1, len(keys)):
        if keys[i] <= keys[i - 1]:
            yield fault(0, RUNS, f"{keys[i]} is not after {keys[i - 1]}", i + 1)
    levels = {level.key for level in suite.levels}
    trained = submission.card.kind == "learned" and not submission.uses_hidden_info  # from steps
    for i, row in enumerate(rows, 1):
        if trained and not row.trained:
            yield fault(0, RUNS, "trained is 0: an agent that learns has training steps", i)
        if row.key[:2] not in levels:
            yield fault(0, RUNS, f"{row.key[:2]} is not a level of suite {suite.name}", i)
    for level in sorted({key[:2] for key in keys}):
        runs = {key[2] for key in keys if key[:2] == level}
        if runs != set(range(submission.runs)):
            last = submission.runs - 1
            message = f"{level} has runs {sorted(runs)}: it must have all of 0 to {last}"
            yield fault(0, RUNS, message)
        steps = {row.trained for row in rows if row.key[:2] == level}
        if len(steps) > 1:
            found = f"{level} has runs of {min(steps)} to {max(steps)} training steps"
            yield fault(0, RUNS, f"{found}: it must have one number of them")
    files = {file.path for file in submission.files}
    needed = {RUNS, *(row.replay for row in rows)}
    for name in sorted((needed - files) | (files - needed - {row.policy for row in rows})):
        yield fault(0, name, "the files do not match the runs in runs.jsonl")
