"""The log of verdicts: a chain that shows what was changed, and faults of a size."""

import pytest

from safegrid.benchmark.leaderboard import schema, verdict_log


def test_a_chain_of_verdicts_shows_what_was_changed(tmp_path):
    for level in range(3):
        verdict_log.append(
            tmp_path, "0" * 64, level, [verdict_log.fault(level + 1, "x", "y")], None
        )
    path = tmp_path / schema.VERDICT
    lines = path.read_bytes().splitlines(keepends=True)
    assert [v.level for v in verdict_log.read(tmp_path)] == [0, 1, 2]
    for changed, line in (
        (lines[1:], 1),
        ([lines[0], lines[2]], 2),
        ([lines[1], lines[0], lines[2]], 1),
        ([lines[0], lines[1].replace(b'"level":1', b'"level":4'), lines[2]], 2),
    ):
        path.write_bytes(b"".join(changed))
        with pytest.raises(ValueError, match=rf"line {line}: was edited"):
            verdict_log.read(tmp_path)
        with pytest.raises(ValueError, match="was edited"):
            verdict_log.append(tmp_path, "0" * 64, 4, [], None)


def test_a_verdict_has_a_few_faults_of_a_size_that_can_be_shown(tmp_path):
    fault = verdict_log.fault(1, "f" * 900, "m" * 9000, 3)
    assert (len(fault.file), len(fault.message)) == (500, 2000)
    assert str(verdict_log.fault(1, "runs.jsonl", "y", 3)) == "V1 failed: runs.jsonl, line 3: y"
    assert str(verdict_log.fault(0, "run.py", "y")) == "V0 failed: run.py: y"
    verdict = verdict_log.append(tmp_path, "0" * 64, 0, [fault] * 30, "1" * 64)
    assert len(verdict.faults) == verdict_log.MOST_FAULTS and verdict.season == "1" * 64
    assert verdict_log.read(tmp_path) == [verdict] and verdict.previous == verdict_log.START
