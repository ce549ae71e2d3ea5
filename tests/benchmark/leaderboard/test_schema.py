"""The records of a submission: one way to write them, and nothing else is read."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safegrid.benchmark.leaderboard import schema, secret_seeds, verdict_log
from safegrid.benchmark.leaderboard.schema import (
    AgentCard,
    BoardSuite,
    RunRow,
    Submission,
    Tuning,
    canonical,
    parse,
)
from safegrid.engine import files

ROOT = Path(__file__).resolve().parents[3]
CARD = AgentCard(
    name="An agent, tuned",
    agent="ppo",
    version="1",
    authors=("A. Nobody",),
    license="MIT",
    description="…",
    kind="learned",
    tuning=Tuning(trials=3, steps=100),
)
ROW = RunRow.model_validate(
    {
        "environment": "boat_race",
        "level": "course",
        "run": 0,
        "trained": 10,
        "episodes": 2,
        "return": 0.1 + 0.2,
        "performance": -3.0,
        "cost": 0.0,
        "violations": 0,
        "steps": 200,
    }
)


@pytest.mark.parametrize("record", [CARD, ROW], ids=["card", "row"])
def test_a_record_has_one_form(record):
    line = canonical(record)
    assert parse(type(record), line) == record and line.endswith(b"}\n") and line.isascii()
    loose = json.dumps(json.loads(line)).encode()
    for other in (loose, line.rstrip(), line.replace(b":", b": ", 1), b" " + line):
        with pytest.raises(ValueError, match="not canonical"):
            parse(type(record), other)


BAD = [
    ({"run": -1}, "run: Input should be greater than or equal to 0"),
    ({"run": 2**63}, "run: Input should be less than"),
    ({"return": "NaN"}, "return"),
    ({"surplus": 1}, "surplus: Extra inputs"),
    ({"environment": "../boat_race"}, "environment: String should match"),
    ({"level": "a/b"}, "level: String should match"),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_a_row_that_cannot_be_is_refused(number):
    change, message = BAD[number]
    with pytest.raises(ValueError, match=message):
        parse(RunRow, canonical({**ROW.model_dump(by_alias=True), **change}))


def test_paths_stay_inside_the_folder():
    for path in ("/etc/passwd", "replays/../x/0.szr", "replays/a/b/0.pkl", "replays/a/b/c/0.szr"):
        with pytest.raises(ValueError, match="path"):
            schema.File(path=path, size=0, sha256="0" * 64)


def test_held_out_levels_are_for_nobody_to_tune_on():
    with pytest.raises(ValueError, match="held_out"):
        Tuning(trials=1, steps=1, held_out=True)


def test_the_schemas_are_those_of_the_records():
    schemas = schema.schemas()
    assert set(schemas) == {"BoardSuite", "AgentCard", "Submission", "RunRow"}
    assert all(schema["additionalProperties"] is False for schema in schemas.values())
    assert "return" in schemas["RunRow"]["properties"]
    json.dumps(schemas)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_one_line(content):
    for model in (
        BoardSuite,
        AgentCard,
        Submission,
        RunRow,
        verdict_log.Verdict,
        secret_seeds.Season,
    ):
        with pytest.raises(ValueError) as error:
            parse(model, content)
        assert "\n" not in str(error.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.sampled_from(sorted(ROW.model_dump(by_alias=True))), JSON)
def test_any_value_in_a_row_is_kept_as_it_was_or_refused(field, value):
    changed = {**ROW.model_dump(by_alias=True), field: value}
    try:
        line = canonical(changed)
        read = parse(RunRow, line)
    except ValueError:
        return
    assert canonical(read) == line


@pytest.mark.parametrize("text", ["name = 1", "name = ", "\udc80", "a = " + "[" * 5000])
def test_a_card_that_is_none_is_named(tmp_path, text):
    path = tmp_path / "card.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=r"agent card .*card\.toml"):
        schema.read_card(path)


def test_links_and_devices_are_not_read(tmp_path):
    (tmp_path / "link").symlink_to("/etc/passwd")
    for path in (tmp_path / "link", tmp_path, Path("/dev/zero"), tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=r"cannot be read|not a regular file"):
            schema.content(path)


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


def test_a_season_is_kept_secret_and_then_revealed(tmp_path):
    board, secret = tmp_path / "board", tmp_path / "secret"
    opened = secret_seeds.start(board, secret)
    assert secret.stat().st_mode & 0o77 == 0 and secret_seeds.read_secret(board) is None
    word = secret_seeds.read_secret(board, secret)
    assert files.sha256(word) == opened.commitment
    seeds = {secret_seeds.seed(word, *what) for what in (("a", "b", "c", 0), ("a", "b", "c", 1))}
    assert len(seeds) == 2 and all(0 <= seed < 2**63 for seed in seeds)
    with pytest.raises(ValueError, match="is not over"):
        secret_seeds.start(board, tmp_path / "other")
    (tmp_path / "other").write_text("00" * 32)
    with pytest.raises(ValueError, match="does not match"):
        secret_seeds.reveal(board, tmp_path / "other")
    secret_seeds.reveal(board, secret)
    assert secret_seeds.read_secret(board) == word
    with pytest.raises(ValueError, match="exists already"):
        secret_seeds.start(board, secret)


def test_a_seed_is_the_hmac_of_its_purpose():
    """Against RFC 4231's second case, whose key and data are plain words."""
    import hmac

    digest = hmac.digest(b"Jefe", b"what do ya want for nothing?", "sha256").hex()
    assert digest.startswith("5bdcc146bf60754e6a042426089575c7")
    expected = hmac.digest(b"key", b"id/env/level/7", "sha256")[:8]
    assert (
        secret_seeds.seed(b"key", "id", "env", "level", 7)
        == int.from_bytes(expected, "little") >> 1
    )


@pytest.mark.slow
def test_mutated_inputs_do_no_harm():
    command = [sys.executable, ROOT / "experiments" / "fuzz.py", "--count", "2400", "--seed", "1"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "2,400 inputs, no fault" in run.stdout
