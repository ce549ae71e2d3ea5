"""The records of a submission: one way to write them, and nothing else is read."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safegrid.benchmark.leaderboard import schema, secret_seeds, verdicts
from safegrid.benchmark.leaderboard.schema import (
    AgentCard,
    BoardSuite,
    RunRow,
    Submission,
    Tuning,
    canonical,
    parse,
)

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
        "settings": {},
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


LINE = (
    b'{"cost":0.0,"environment":"boat_race","episodes":2,"level":"course","performance":-3.0,'
    b'"return":0.30000000000000004,"run":0,"settings":{},"steps":200,"trained":10,"violations":0}\n'
)


def test_what_is_not_known_may_be_left_out_twice():
    row = ROW.model_copy(update={"values": {}, "train_violations": None})
    left = row.model_dump(exclude={"values", "train_violations"})
    assert not {"values", "train_violations"} & set(left) and left["environment"] == "boat_race"


def test_a_row_without_training_harm_keeps_its_bytes():
    assert canonical(ROW) == LINE and parse(RunRow, LINE) == ROW and ROW.train_violations is None
    harmful = ROW.model_copy(update={"train_violations": 3})
    line = LINE.replace(b'"trained"', b'"train_violations":3,"trained"')
    assert canonical(harmful) == line and parse(RunRow, line) == harmful
    with pytest.raises(ValueError, match="not canonical"):
        parse(RunRow, line.replace(b":3", b":null"))


BAD = [
    ({"run": -1}, "run is -1: choose 0 or more"),
    ({"run": 2**63}, "run is 9223372036854775808: choose less than 9223372036854775808"),
    ({"train_violations": -1}, "train_violations is -1: choose 0 or more"),
    ({"return": "NaN"}, "return"),
    ({"surplus": 1}, "surplus is unknown"),
    ({"environment": "../boat_race"}, "environment is '../boat_race': give text that matches"),
    ({"level": "a/b"}, "level is 'a/b': give text that matches"),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_a_row_that_cannot_be_is_refused(number):
    change, message = BAD[number]
    with pytest.raises(ValueError, match=message):
        parse(RunRow, canonical({**ROW.model_dump(by_alias=True), **change}))


@pytest.mark.parametrize(
    "text", ["\0", "a\x1b[2J", "a\u202eb", "\u200b", "a\rb", "\ue000", "\u3164", "a\ufe0f"]
)
def test_a_text_has_no_characters_that_cannot_be_seen(text):
    assert parse(AgentCard, canonical({**CARD.model_dump(), "license": "a\nb é 字"}))
    for change in ({"description": text}, {"authors": ["A", text]}, {"license": text}):
        with pytest.raises(ValueError, match="give text without control or invisible characters"):
            parse(AgentCard, canonical({**CARD.model_dump(), **change}))
    row = ROW.model_dump(by_alias=True)
    assert parse(RunRow, canonical({**row, "settings": {"a": [1, None, {"b": "c"}]}}))
    for settings in ({text: 1}, {"a b": 1}, {"a": text}, {"a": [{"b": [text]}]}, {"a": "b" * 4000}):
        with pytest.raises(ValueError, match="settings"):
            parse(RunRow, canonical({**row, "settings": settings}))


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
        verdicts.SignedVerdict,
        secret_seeds.Season,
    ):
        with pytest.raises(ValueError) as error:
            parse(model, content)
        assert "\n" not in str(error.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.sampled_from(sorted([*ROW.model_dump(by_alias=True), "train_violations"])), JSON)
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


def test_a_card_may_begin_with_a_byte_order_mark(tmp_path):
    card = {"name": "a", "agent": "ppo", "version": "1", "license": "MIT", "description": "b"}
    lines = [f"{key} = {value!r}" for key, value in {**card, "kind": "learned"}.items()]
    text = "\n".join([*lines, "authors = ['c']"])
    (tmp_path / "card.toml").write_text(text, encoding="utf-8-sig")
    assert schema.read_card(tmp_path / "card.toml").name == "a"


def test_links_and_devices_are_not_read(tmp_path):
    (tmp_path / "link").symlink_to("/etc/passwd")
    for path in (tmp_path / "link", tmp_path, Path("/dev/zero"), tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=r"cannot be read|not a regular file"):
            schema.content(path)


@pytest.mark.slow
def test_mutated_inputs_do_no_harm():
    command = [sys.executable, ROOT / "experiments" / "fuzz.py", "--count", "2400", "--seed", "1"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "2,400 inputs, no fault" in run.stdout
