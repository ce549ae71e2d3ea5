"""Verification level 0: the folder of a submission is complete and its files are well-formed."""

import os
from collections.abc import Iterator
from pathlib import Path

from safegrid.benchmark.leaderboard.schema import (
    RUNS,
    BoardSuite,
    RunRow,
    Submission,
    canonical,
    content,
    identity,
    read,
    read_rows,
)
from safegrid.benchmark.leaderboard.verdicts import Fault, fault
from safegrid.engine import registry
from safegrid.engine.contract.manifest import Manifest
from safegrid.engine.files import changed_line_ends, sha256

DEEPEST = 4  # names in the path of a replay or a policy


def check(folder: Path, suite: BoardSuite) -> Iterator[Fault]:
    """V0: all files are present and unchanged, and their content is valid for the board's suite."""
    submission = rows = None
    try:
        submission = read(folder)
        rows = read_rows(folder)
    except ValueError as error:
        yield fault(0, folder.name, str(error))
    if submission is not None:
        yield from _members(folder, submission)
        yield from _names(folder, submission, suite)
    if submission is not None and rows is not None:
        yield from _rows(submission, rows, suite)


def _members(folder: Path, submission: Submission) -> Iterator[Fault]:
    """Faults of the files: missing, unlisted, links, of another size or content."""
    listed = {file.path: file for file in submission.files}
    if list(listed) != sorted(file.path for file in submission.files):
        yield fault(0, "submission.json", "the files are not in the order of their paths")
    present = {path.relative_to(folder).as_posix(): path for path in _walk(folder)}
    for name, path in present.items():
        deep = name.count("/") + 1 == DEEPEST  # where files lie
        plain = (path.is_dir() and not deep) or name in {*listed, "submission.json"}
        if path.is_symlink() or not plain:
            yield fault(0, name, "it is a link, or is not listed in submission.json")
    for name, file in listed.items():
        if name not in present or present[name].is_symlink():
            yield fault(0, name, "it is missing")
            continue
        try:
            bytes_ = content(present[name])
        except ValueError as error:
            yield fault(0, name, str(error))
            continue
        if (digest := sha256(bytes_)) != file.sha256 or len(bytes_) != file.size:
            message = f"its SHA-256 is {digest}: submission.json has {file.sha256}"
            message += changed_line_ends(bytes_, file.sha256)
            yield fault(0, name, message)


def _walk(folder: Path, depth: int = DEEPEST) -> list[Path]:
    """The files and folders below a folder to a depth, in order; links are not followed."""
    found = []
    for entry in sorted(os.scandir(folder), key=lambda each: each.name):
        found.append(Path(entry.path))
        if depth > 1 and entry.is_dir(follow_symlinks=False):
            found += _walk(Path(entry.path), depth - 1)
    return found


def _names(folder: Path, submission: Submission, suite: BoardSuite) -> Iterator[Fault]:
    """Faults of the id, the suite, and of what is claimed of the agent."""
    if folder.name != identity(submission):
        message = f"its content has the id {identity(submission)}: the folder is {folder.name}"
        yield fault(0, "submission.json", message)
    if submission.suite != (digest := sha256(canonical(suite))):
        message = f"suite is {submission.suite}: the board's suite.json has SHA-256 {digest}"
        yield fault(0, "submission.json", message)
    if submission.runs != suite.runs:
        message = f"runs is {submission.runs}: suite {suite.name} has {suite.runs} of each level"
        yield fault(0, "submission.json", message)
    try:
        manifest = registry.manifest(submission.card.agent)
    except ValueError as error:
        yield fault(0, "submission.json", str(error))
        return
    if manifest is not None:
        yield from _claims(submission, manifest)


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
    if manifest.settings is not None and set(submission.settings) != set(manifest.settings):
        message = f"settings are not those of agent {agent}: {', '.join(manifest.settings)}"
        yield fault(0, "submission.json", message)


def _rows(submission: Submission, rows: list[RunRow], suite: BoardSuite) -> Iterator[Fault]:
    """Faults of the rows: their order, missing runs, unknown levels, files without a row."""
    if not 0 < len(rows) <= 2 * suite.runs * len(suite.levels):
        message = f"it has {len(rows)} runs: suite {suite.name} has {suite.runs} of each level"
        yield fault(0, RUNS, message)
        return
    keys = [row.key for row in rows]
    for i in range(1, len(keys)):
        if keys[i] <= keys[i - 1]:
            yield fault(0, RUNS, f"{keys[i]} is not after {keys[i - 1]}", i + 1)
    levels = {level.key for level in suite.levels}
    for i, row in enumerate(rows, 1):
        if row.key[:2] not in levels:
            yield fault(0, RUNS, f"{row.key[:2]} is not a level of suite {suite.name}", i)
    for level in sorted({key[:2] for key in keys}):
        runs = {key[2] for key in keys if key[:2] == level}
        if runs != set(range(suite.runs)):
            last = suite.runs - 1
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
