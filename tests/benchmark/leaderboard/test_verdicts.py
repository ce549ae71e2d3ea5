"""Verdicts: signed files that show what was changed, and faults of a size."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from safegrid.benchmark.leaderboard import keys, verdicts
from safegrid.evaluation.valuation import Valuation

BOUND = {"submission": "0" * 64, "suite": "1" * 64, "agent": None, "season": "2" * 64}


def test_a_verdict_comes_back_from_its_file_if_its_signer_is_believed(tmp_path):
    key = keys.create(tmp_path / "key")
    written = verdicts.verdict(BOUND, 3, [verdicts.fault(4, "x", "y")])
    assert verdicts.read(tmp_path, "one") is None
    verdicts.write(tmp_path, "one", written, key)
    with pytest.raises(ValueError, match="does not believe"):
        verdicts.read(tmp_path, "one")
    keys.trust(tmp_path, keys.public(key))
    assert verdicts.read(tmp_path, "one") == written
    path = verdicts.path(tmp_path, "one")
    content = path.read_bytes()
    for changed, message in (
        (content.replace(b'"level":3', b'"level":4'), "was edited"),
        (content.replace(b'"agent":null', b'"agent":"' + b"0" * 64 + b'"'), "was edited"),
        (content[:100], "is damaged"),
        (content.replace(b'"key"', b'"verdict":{},"key"'), "is damaged"),
    ):
        assert changed != content
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=message):
            verdicts.read(tmp_path, "one")
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(ValueError, match="is damaged"):
        verdicts.read(tmp_path, "one")
    path.unlink()
    (tmp_path / "mine").write_text("x")
    path.symlink_to(tmp_path / "mine")
    verdicts.write(tmp_path, "one", written, key)
    assert (tmp_path / "mine").read_text() == "x" and verdicts.read(tmp_path, "one") == written


def test_an_interrupted_writer_leaves_the_verdict_before_it(tmp_path, monkeypatch):
    key = keys.create(tmp_path / "key")
    keys.trust(tmp_path, keys.public(key))
    before = verdicts.verdict(BOUND, 2, [])
    verdicts.write(tmp_path, "one", before, key)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        verdicts.write(tmp_path, "one", verdicts.verdict(BOUND, 4, []), key)
    assert verdicts.read(tmp_path, "one") == before


def test_a_verdict_is_whole_whoever_else_writes_one(tmp_path):
    """Several verifiers write the verdict of one submission again and again while it is read."""
    key = keys.create(tmp_path / "key")
    keys.trust(tmp_path, keys.public(key))
    long = [verdicts.fault(1, "x" * 500, "y" * 2000)] * 20
    written = [verdicts.verdict(BOUND, level, long[:level]) for level in range(6)]
    verdicts.write(tmp_path, "one", written[0], key)

    def write(verdict):
        for _ in range(20):
            verdicts.write(tmp_path, "one", verdict, key)

    with ThreadPoolExecutor(len(written)) as pool:
        writers = [pool.submit(write, verdict) for verdict in written]
        found = []
        while not all(writer.done() for writer in writers):
            found.append(verdicts.read(tmp_path, "one"))
    assert all(writer.exception() is None for writer in writers)
    assert found and all(each in written for each in found)
    assert [path.name for path in (tmp_path / verdicts.FOLDER).iterdir()] == ["one.json"]


def test_a_verdict_has_a_few_faults_of_a_size_that_can_be_shown():
    fault = verdicts.fault(1, "f" * 900, "m" * 9000, 3)
    assert (len(fault.file), len(fault.message)) == (500, 2000)
    assert str(verdicts.fault(1, "runs.jsonl", "y", 3)) == "V1 failed: runs.jsonl, line 3: y"
    assert str(verdicts.fault(0, "run.py", "y")) == "V0 failed: run.py: y"
    escaped = verdicts.fault(0, "a\x1b[2Jb\udcff", "c\nd\u202e")
    assert str(escaped) == "V0 failed: a?[2Jb?: c?d?"
    verdict = verdicts.verdict(BOUND, 0, [fault] * 30)
    assert len(verdict.faults) == verdicts.MOST_FAULTS and verdict.season == "2" * 64


def test_a_new_verdict_keeps_what_still_holds_of_the_one_before_it():
    """Secret values when level 5 follows level 4, and the level where less is checked later."""
    value = Valuation(exact=False, mean_return=1, performance=2, cost=0, length=3)
    values, policy = {"a": value, "b": value}, "policies/x/y/0.safetensors"
    without = {**BOUND, "season": None}
    fourth = verdicts.verdict(BOUND, 4, [], {policy: values}, seen=["3" * 64])
    fifth = verdicts.verdict(without, 5, [], retrained=[policy], seen=["4" * 64])
    assert verdicts.following(fourth, None) == fourth
    for new, before in ((fourth, fifth), (fifth, fourth)):
        both = verdicts.following(new, before)
        assert (both.level, both.retrained) == (5, (policy,))
        assert (both.season, both.secret_values) == (BOUND["season"], {policy: values})
        assert both.first == before.first and set(both.seen) == {"3" * 64, "4" * 64}
    failed = verdicts.verdict(without, 3, [verdicts.fault(5, policy, "it took too long")])
    kept = verdicts.following(failed, fourth)
    assert (kept.level, kept.faults, kept.secret_values) == (4, failed.faults, {policy: values})
    assert verdicts.following(fifth, failed).level == 5
    luckier = verdicts.verdict(without, 5, [], retrained=["policies/x/y/1.safetensors"])
    kept = verdicts.following(luckier, failed)  # another run says nothing about the one that failed
    assert (kept.level, kept.faults) == (3, failed.faults)
    third = verdicts.verdict(without, 3, [])  # does not show that level 5 is reached after all
    kept = verdicts.following(third, failed)
    assert (kept.level, kept.faults) == (3, failed.faults)
    assert verdicts.following(third, fifth).level == 5


def test_a_fault_stays_until_its_own_check_is_made_again():
    """Whatever is found in between, and whether or not the verifier had the agent's file then."""
    policy, without = "policies/x/y/0.safetensors", {**BOUND, "season": None}
    sampled = verdicts.fault(5, policy, "it is another policy", proven=False)
    faults = {
        level: verdicts.fault(level, "file", "forged") if level < 5 else sampled
        for level in range(6)
    }
    again = {  # the verification that makes the check of a level again, and what it may then reach
        **{level: verdicts.verdict(without, level, []) for level in range(4)},
        4: verdicts.verdict(BOUND, 4, []),
        5: verdicts.verdict(without, 5, [], retrained=[policy]),
    }
    for level, fault in faults.items():
        first = verdicts.verdict(
            {**without, "agent": "3" * 64}, level - 1 if level else None, [fault]
        )
        for other in range(6):
            between = verdicts.following(again[other], first)
            is_checked = other == level or (level < 4 and other > level)
            assert (fault in between.faults) != is_checked
            assert is_checked or level == 0 or between.level < level
            assert between.agent == "3" * 64  # of the verification that had one
            broken = verdicts.verdict(without, other - 1 if other else None, [faults[other]])
            both = verdicts.following(broken, first)
            assert (fault in both.faults) == (not is_checked or other == level)
            mended = verdicts.following(again[other], both)
            assert mended.faults == (() if is_checked else (fault,))
