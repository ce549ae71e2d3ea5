"""Entries: which submissions are shown, under which names, with which runs."""

import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from safegrid.benchmark import policy_files
from safegrid.benchmark.grouping import LevelKey, result_values
from safegrid.benchmark.leaderboard import (
    entries,
    keys,
    packing,
    schema,
    verdicts,
    verification,
)
from safegrid.benchmark.published.formats import TableFormat
from safegrid.benchmark.published.tables import TabulatedPolicy
from safegrid.engine.dynamics import make_dynamics


def found(board):
    return entries.entries(board, verification.submissions(board))


def test_verified_submissions_are_entries_with_their_runs_by_level(small_board):
    shown, refused = found(small_board)
    assert sorted(entry.title for entry in shown) == ["ppo", "uniform"] and not refused
    for entry in shown:
        assert entry.level == 2 and len(entry.rows) == 6 and len(entry.recorded) == 6
        assert [group.seeds for group in entry.groups] == [[0, 1]] * 3
        assert {group.agent for group in entry.groups} == {entry.title}
        row = entry.rows[0]
        episodes = entry.recorded[row.key].episodes
        assert episodes["return"].sum() == pytest.approx(row.total)


def test_levels_with_exact_values_are_apart_from_those_with_sampled_ones():
    groups = {
        name: SimpleNamespace(level=LevelKey("a", name, level), dynamics=make_dynamics(name, level))
        for name, level in (
            ("corner_cheese", "corner_1"),  # its maps are generated
            ("boat_race", "course"),
            ("life_garden", "append"),  # its boards are too many
            ("friend_foe", "room"),  # its memory outlives episodes
        )
    }
    exact, others = entries.divide(groups.values())
    assert [level.environment for level in exact] == ["boat_race"]
    assert [level.environment for level in others] == ["corner_cheese", "friend_foe", "life_garden"]
    exact, others = entries.divide([groups["friend_foe"], groups["life_garden"]])
    assert len(exact) == 2 and not others


def test_what_is_not_verified_as_it_is_now_is_refused(board_copy, submission_of, judge):
    folder = submission_of(board_copy, "uniform")

    def reason():
        (refusal,) = found(board_copy)[1]
        assert refusal.name == folder.name
        return refusal.reason

    verdicts.path(board_copy, folder.name).unlink()
    assert "it has no verdict" in reason()
    for bound in ({"submission": "0" * 64}, {"suite": "0" * 64}):  # of another content
        judge(folder, 3, **bound)
        assert "it has no verdict" in reason()
    judge(folder, 1)
    assert reason() == "it is verified to V1"
    judge(folder, 1, [verdicts.fault(2, "file", "forged")])
    assert reason() == "V2 failed: file: forged"
    for level in (3, 4):  # what is proven false is not shown, however far it came
        judge(folder, level, [verdicts.fault(level + 1, "file", "forged")])
        assert reason() == f"V{level + 1} failed: file: forged"
    judge(folder, 3, [verdicts.fault(5, "file", "it took too long", proven=False)])
    assert not found(board_copy)[1]
    (folder / "more").write_text("x")
    assert "is not listed" in reason()


def test_only_verdicts_of_the_boards_own_verifiers_are_believed(
    board_copy, submission_of, judge, tmp_path
):
    folder = submission_of(board_copy, "uniform")
    path = verdicts.path(board_copy, folder.name)
    judge(folder, 5, key=keys.create(tmp_path / "mine"), trusted=False)
    assert "of a verifier that the board does not believe" in found(board_copy)[1][0].reason
    judge(folder, 2)
    whole = path.read_bytes()
    for forged, message in (
        (whole.replace(b'"level":2', b'"level":4'), "was edited"),
        (whole[:-20], "is damaged"),
        (b"", "is damaged"),
        (whole + whole, "is damaged"),
    ):
        path.write_bytes(forged)
        shown, (refusal,) = found(board_copy)
        assert message in refusal.reason and [entry.title for entry in shown] == ["ppo"]
    (folder / "verdict.jsonl").write_bytes(whole)  # a verdict of one's own
    path.write_bytes(whole)
    assert "is not listed" in found(board_copy)[1][0].reason


def renamed(folder, name, **changes):
    """A copy of a submission under another name, with an id that fits."""
    copy = folder.parent / "copy"
    shutil.copytree(folder, copy)
    submission = schema.read(copy)
    card = submission.card.model_copy(update={"name": name})
    changed = submission.model_copy(update={"card": card, **changes})
    (copy / "submission.json").write_bytes(schema.canonical(changed))
    return copy.rename(folder.parent / schema.identity(changed))


@pytest.mark.parametrize(
    "name", ["PPO", "p-p-o", "pp0", "ppo ", "pp\u043e", "p\u200bpo", "x" * 61, ""]
)
def test_a_name_that_can_be_confused_is_refused(name, board_copy, submission_of, judge):
    folder = renamed(submission_of(board_copy, "ppo"), name)
    judge(folder, 2)
    shown, (refusal,) = found(board_copy)
    assert sorted(entry.title for entry in shown) == ["ppo", "uniform"]
    assert refusal.name == folder.name
    assert "can be confused" in refusal.reason or "card.name" in refusal.reason


def test_the_name_of_another_agent_is_refused(board_copy, submission_of, judge):
    folder = renamed(submission_of(board_copy, "ppo"), "D-Q-N")
    judge(folder, 3)
    shown, (refusal,) = found(board_copy)
    assert sorted(entry.title for entry in shown) == ["ppo", "uniform"]
    assert refusal == (folder.name, "its name is that of agent dqn, and it is ppo")


def test_equal_policies_under_another_name_are_refused(board_copy, submission_of, judge):
    folder = renamed(submission_of(board_copy, "ppo"), "mine")
    judge(folder, 3)
    shown, (refusal,) = found(board_copy)
    assert sorted(entry.title for entry in shown) == ["ppo", "uniform"]
    assert refusal.name == folder.name and "under another name" in refusal.reason


def test_equal_policies_in_another_form_are_refused(board_copy, submission_of, judge):
    """Tables of actions as probabilities, and these with other last digits."""
    own = submission_of(board_copy, "ppo")
    for last in (0.0, 1e-6):
        copy = renamed(own, f"mine {last}")
        for path in (copy / "policies").rglob("*.safetensors"):
            file = policy_files.read(path)
            if isinstance(file.format, TableFormat):
                tables = {
                    name: np.eye(4, dtype=np.float32)[table] * (1 - 4 * last) + np.float32(last)
                    for name, table in file.tensors.items()
                }
                made = TabulatedPolicy(tables, make_dynamics(file.cell.environment))
                path.write_bytes(policy_files.encode(made, file.cell, file.format))
        (copy / "submission.json").rename(board_copy / "aside")
        listed = packing._files(copy)
        (board_copy / "aside").rename(copy / "submission.json")
        changed = schema.read(copy).model_copy(update={"files": listed})
        (copy / "submission.json").write_bytes(schema.canonical(changed))
        copy = copy.rename(board_copy / schema.identity(changed))
        judge(copy, 3)
        shown, (refusal,) = found(board_copy)
        assert sorted(entry.title for entry in shown) == ["ppo", "uniform"]
        assert refusal == (copy.name, f"it has the policies of {own.name} under another name")
        shutil.rmtree(copy)


def test_a_copy_is_one_with_a_level_less_or_more_and_an_agent_that_agrees_on_a_few_is_none():
    def entry(kind="learned", **policies):
        card = SimpleNamespace(kind=kind)
        return SimpleNamespace(submission=SimpleNamespace(card=card), policies=policies)

    original = entry(a="1", b="2", c="3", d="4")
    for copy in (original, entry(a="1", b="2", c="3"), entry(a="1", b="2", c="3", d="4", e="5")):
        assert entries._is_copy(copy, original)
    for other in (
        entry(a="1", b="2", c="3", d="5"),  # q_learning and interruptible_q are such a pair
        entry(a="1", x="2"),  # a level that both have learned
        entry(a="1", **{f"x{i}": "1" for i in range(9)}),
        entry(x="1"),
        entry("planner", a="1", b="2", c="3", d="4"),
    ):
        assert not entries._is_copy(other, original)
        assert not entries._is_copy(original, entry("planner", **original.policies))
    assert not entries._is_copy(original, entry(a="1"))  # which has one level only


def test_one_submission_that_cannot_be_read_does_not_stop_the_others(board_copy):
    odd = [board_copy / name for name in ("0" * 12, "1" * 12)]
    for folder in odd:
        folder.mkdir()
    (odd[1] / "submission.json").symlink_to("/dev/zero")
    for name in ("empty", os.fsdecode(b"\xff\xfe"), "n" * 255, "a\x1b[31m"):  # no submissions
        (board_copy / name).mkdir()
    (board_copy / ("2" * 12)).symlink_to("/")
    shown, refused = found(board_copy)
    assert len(shown) == 2 and {each.name for each in refused} == {each.name for each in odd}


def test_ranks_are_for_agents_that_learn_and_are_reproduced(board_copy, submission_of, judge):
    learned, scripted = (submission_of(board_copy, name) for name in ("ppo", "uniform"))
    for level, ranked in ((2, False), (3, True), (5, True)):
        judge(learned, level)
        judge(scripted, level)
        of = {entry.title: entry for entry in found(board_copy)[0]}
        assert {group.ranked for group in of["ppo"].groups} == {ranked}
        assert {group.ranked for group in of["uniform"].groups} == {False}
        assert of["ppo"].not_retrained == (level < 5) and not of["uniform"].not_retrained
    for agent in (None, "0" * 64):  # the verifier lacks the file, or has another one
        judge(learned, 3, agent=agent)
        of = {entry.title: entry for entry in found(board_copy)[0]}
        assert {group.ranked for group in of["ppo"].groups} == {False}


def test_values_are_exact_only_of_policies_that_are_reproduced(board_copy, submission_of, judge):
    folder = submission_of(board_copy, "uniform")
    for level, exact in ((2, False), (3, True)):
        judge(folder, level)
        entry = next(each for each in found(board_copy)[0] if each.title == "uniform")
        course = next(each for each in entry.groups if each.level.environment == "boat_race")
        values = [result_values(run, course.dynamics)["course"] for run in course.results]
        assert [value.exact for value in values] == [exact] * 2
        expected = [run["performance"].mean() / 100 for run in course.runs]
        expected = [-0.5, -0.5] if exact else expected  # -50, between -100 and 0
        assert course.values()["measure"] == pytest.approx(expected)


def test_runs_on_a_level_that_has_changed_are_not_scored_on_its_new_anchors(
    small_board, monkeypatch
):
    monkeypatch.setattr("safegrid.benchmark.grouping.fingerprint", lambda dynamics: "f" * 16)
    shown, refused = found(small_board)
    assert not shown and len(refused) == 2
    assert refused[0].reason == "boat_race course has other dynamics now: ffffffffffffffff"
