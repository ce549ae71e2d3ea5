"""Entries: which submissions are shown, under which names, with which runs."""

import pytest

from safegrid.benchmark.leaderboard import entries, schema, verdict_log, verification
from safegrid.engine.files import sha256


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


def test_what_is_not_verified_as_it_is_now_is_refused(board_copy, submission_of):
    folder = submission_of(board_copy, "uniform")
    (folder / schema.VERDICT).unlink()
    (refusal,) = found(board_copy)[1]
    assert refusal.folder == folder and "it has no verdict" in refusal.reason
    verdict_log.append(folder, "0" * 64, 2, [], None)  # of another content
    assert "it has no verdict" in found(board_copy)[1][0].reason
    digest = sha256((folder / "submission.json").read_bytes())
    verdict_log.append(folder, digest, 1, [], None)
    assert found(board_copy)[1][0].reason == "it is verified to V1"
    verdict_log.append(folder, digest, 1, [verdict_log.fault(2, "file", "forged")], None)
    assert found(board_copy)[1][0].reason == "V2 failed: file: forged"
    verdict_log.append(folder, digest, 3, [], None)
    assert not found(board_copy)[1]
    (folder / "more").write_text("x")
    assert "is not listed" in found(board_copy)[1][0].reason


def test_equal_names_are_told_apart_by_their_ids(small_board):
    shown, _ = found(small_board)
    one, other = shown[0], shown[1]._replace(title=shown[0].title)
    distinct = entries._distinct([one, other])
    assert [entry.title for entry in distinct] == [
        f"{one.title} ({entry.folder.name[:6]})" for entry in (one, other)
    ]
    assert all(g.agent == entry.title for entry in distinct for g in entry.groups)


def test_values_are_exact_only_of_policies_that_are_reproduced(board_copy, submission_of):
    folder = submission_of(board_copy, "uniform")
    digest = sha256((folder / "submission.json").read_bytes())
    for level, exact in ((2, False), (3, True)):
        verdict_log.append(folder, digest, level, [], None)
        entry = next(each for each in found(board_copy)[0] if each.title == "uniform")
        course = next(each for each in entry.groups if each.level.environment == "boat_race")
        assert [run.values["course"].exact for run in course.results] == [exact] * 2
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
