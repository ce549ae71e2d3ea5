"""Level 0: a complete folder has no fault, and whatever is changed has one."""

import json

import numpy as np
import pytest

from safegrid.benchmark.leaderboard import folder_check, schema, verification
from safegrid.engine.files import sha256


def test_any_changed_byte_of_any_file_is_noticed(board_copy):
    copy = verification.submissions(board_copy)[0]
    suite, dice = schema.read_suite(board_copy), np.random.default_rng(0)
    assert not folder_check.check(copy, suite).faults
    for path in sorted(path for path in copy.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for at in dice.integers(0, len(content), 5):
            changed = bytearray(content)
            changed[at] ^= 1 << int(dice.integers(8))
            path.write_bytes(changed)
            assert folder_check.check(copy, suite).faults, (path, at)
        path.write_bytes(content)


def rewrite(folder, change):
    """Changes the lines of runs.jsonl, each as a dictionary, and lists the file as it is then."""
    path, manifest = folder / schema.RUNS, folder / "submission.json"
    lines = change([json.loads(line) for line in path.read_bytes().splitlines()])
    path.write_bytes(b"".join(map(schema.canonical, lines)))
    content = json.loads(manifest.read_bytes())
    (listed,) = (file for file in content["files"] if file["path"] == schema.RUNS)
    listed |= {"size": path.stat().st_size, "sha256": sha256(path.read_bytes())}
    manifest.write_bytes(schema.canonical(content))


FAULTS = [
    (lambda f: (f / schema.RUNS).unlink(), "runs.jsonl: it is missing"),
    (lambda f: (f / "more").write_text("x"), "more: it is a link, or is not listed"),
    (lambda f: (f / "link").symlink_to("/etc"), "link: it is a link"),
    (lambda f: rewrite(f, lambda rows: rows[1:]), "it must have all of 0 to 1"),
    (lambda f: rewrite(f, lambda rows: rows[::-1]), "is not after"),
    (lambda f: rewrite(f, lambda rows: rows[1:]), "the files do not match the runs"),
    (
        lambda f: rewrite(f, lambda rows: [*rows, {**rows[-1], "level": "nowhere"}]),
        "is not a level of suite",
    ),
    (lambda f: (f / "submission.json").write_text("{}"), "submission.json: "),
]


@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_a_fault_of_the_folder_is_named(number, board_copy):
    change, message = FAULTS[number]
    folder, suite = verification.submissions(board_copy)[0], schema.read_suite(board_copy)
    assert not folder_check.check(folder, suite).faults
    change(folder)
    faults = folder_check.check(folder, suite).faults
    assert all(fault.level == 0 for fault in faults)
    assert message in " | ".join(map(str, faults))


def test_a_setting_of_another_type_than_its_agents_is_named(board_copy, submission_of):
    folder, suite = submission_of(board_copy, "ppo"), schema.read_suite(board_copy)
    for name, value, wanted in (
        ("lanes", "many", "a whole number"),
        ("lanes", 1.5, "a whole number"),
        ("gamma", None, "a number"),
        ("gamma", 10**400, "a number"),  # which is no float
    ):
        rewrite(
            folder,
            lambda rows, change={name: value}: [  # in all rows
                {**row, "settings": {**row["settings"], **change}} for row in rows
            ],
        )
        faults = folder_check.check(folder, suite).faults
        assert f"setting {name} is {value!r}: choose {wanted}" in " | ".join(map(str, faults))


def test_an_agent_within_the_settings_may_not_use_hidden_information(board_copy, submission_of):
    folder, suite = submission_of(board_copy, "ppo"), schema.read_suite(board_copy)
    for inner, refused in (("cloning", True), ("q_learning", False)):
        settings = {"base": [{"teacher": inner}]}
        rewrite(folder, lambda rows, new=settings: [{**row, "settings": new} for row in rows])
        faults = " | ".join(map(str, folder_check.check(folder, suite).faults))
        told = f"its settings name {inner}, which uses hidden information: ppo does not"
        assert (told in faults) == refused


def test_an_agent_that_learns_has_training_steps(board_copy, submission_of):
    suite = schema.read_suite(board_copy)
    for agent, refused in (("ppo", True), ("uniform", False)):
        folder = submission_of(board_copy, agent)
        rewrite(folder, lambda rows: [{**row, "trained": 0} for row in rows])
        faults = " | ".join(map(str, folder_check.check(folder, suite).faults))
        assert ("trained is 0: an agent that learns has training steps" in faults) == refused


def test_a_submission_to_another_suite_is_named(board_copy):
    folder, suite = verification.submissions(board_copy)[0], schema.read_suite(board_copy)
    (fault,) = folder_check.check(folder, suite.model_copy(update={"name": "other"})).faults
    assert "the board's suite.json has SHA-256" in str(fault)


def test_line_ends_that_git_has_changed_are_said_to_be(board_copy):
    suite = schema.read_suite(board_copy)
    folder = verification.submissions(board_copy)[0]
    for name in ("submission.json", schema.RUNS):
        path = folder / name
        before = path.read_bytes()
        path.write_bytes(before.replace(b"\n", b"\r\n"))
        faults = [str(each) for each in folder_check.check(folder, suite).faults]
        assert any("its line ends have become CRLF" in each for each in faults), faults
        path.write_bytes(before)
