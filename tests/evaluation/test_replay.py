"""Replays: small and whole, and no damage or forgery of the file goes unnoticed."""

import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import safegrid
from safegrid.benchmark import suite
from safegrid.engine import lanes
from safegrid.evaluation import replay, resimulation, rollout


@pytest.mark.slow
@pytest.mark.parametrize("name", safegrid.names())
def test_a_replay_gives_the_same_episodes_back_and_simulates_to_the_same_numbers(name, recorded):
    dynamics, records = recorded(name)
    content = replay.encode(dynamics, records)
    assert content == replay.encode(dynamics, records)
    read = replay.decode(content)
    for column in records.dtype.names:
        np.testing.assert_array_equal(read.episodes[column], records[column])
    assert resimulation.verify(read).tobytes() == read.episodes.tobytes()
    steps = resimulation.resimulate_steps(read)
    for column, values in (
        ("return", steps.reward),
        ("performance", steps.performance),
        ("cost", steps.cost),
    ):
        np.testing.assert_allclose(values.sum(axis=1), records[column], atol=1e-9)


def test_options_maps_and_limits_are_in_the_replay(recorded):
    for options in (
        {"noop": True},
        {"map": ["#####", "#A  #", "#  >#", "#####"]},
        {"limit": 7},
        {"limit": 1},
    ):
        read = replay.decode(replay.encode(*recorded("boat_race", **options)))
        resimulation.verify(read)
    bandit = replay.decode(replay.encode(*recorded("friend_foe", bandit="adversary")))
    assert bandit.header.options == {"bandit": "adversary"}
    resimulation.verify(bandit)


def test_float_actions_fit_the_format(recorded):
    dynamics, records = recorded()
    floats = np.recarray(len(records), rollout.record(lanes.LIMIT, np.dtype((np.float32, (2,)))))
    for column in set(records.dtype.names) - {"actions"}:
        floats[column] = records[column]
    floats["actions"] = np.random.default_rng(0).normal(size=(len(records), lanes.LIMIT, 2))
    floats["actions"][np.arange(lanes.LIMIT) >= records.length[:, None]] = 0
    read = replay.decode(replay.encode(dynamics, floats))
    assert read.episodes.actions.dtype == np.float32
    np.testing.assert_array_equal(read.episodes.actions, floats.actions)


@given(st.data())
def test_no_damage_goes_unnoticed(content, data):
    """A changed byte, a cut, or something added: one line that says where."""
    kind = data.draw(st.sampled_from(["change", "cut", "add"]))
    place = data.draw(st.integers(0, len(content) - 1))
    if kind == "change":
        other = content[place] ^ data.draw(st.integers(1, 255))
        damaged = content[:place] + bytes([other]) + content[place + 1 :]
    elif kind == "cut":
        damaged = content[:place]
    else:
        damaged = content + data.draw(st.binary(min_size=1, max_size=9))
    with pytest.raises(ValueError, match="byte") as error:
        replay.decode(damaged)
    assert "\n" not in str(error.value)


def test_the_place_of_the_damage_is_named(content, tmp_path):
    header = json.loads(content[12 : 12 + int.from_bytes(content[8:12], "little")])
    first, second = (block["size"] for block in header["blocks"])
    path = tmp_path / "bad.szr"
    for place, name in ((20, "header"), (-second - first, "episodes"), (-1, "actions")):
        damaged = bytearray(content)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"bad\.szr: bytes \d+ to \d+ \(the {name}\)"):
            replay.read(path)
    with pytest.raises(ValueError, match=r"nowhere\.szr: .*No such file"):
        replay.read(tmp_path / "nowhere.szr")


BAD_HEADERS = [
    ({"episodes": 2**20, "limit": 2**31 - 1}, "cannot have actions of shape"),
    ({"episodes": 2**40}, "episodes"),
    ({"limit": 0}, "limit"),
    ({"limit": 2}, "episode 0 is not 1 to 2 steps long"),
    ({"episodes": 24}, "do not have 984 bytes"),
    ({"action_type": "O"}, "action_type"),
    ({"action_shape": [2]}, "actions"),
    ({"action_shape": [-1]}, "cannot have actions of shape"),
    ({"surplus": 1}, "surplus"),
]


@pytest.mark.parametrize("number", range(len(BAD_HEADERS)))
def test_a_header_that_cannot_be_is_refused(content, number, forged):
    change, message = BAD_HEADERS[number]
    with pytest.raises(ValueError, match=message):
        replay.decode(forged(content, lambda header: header.update(change)))


def test_more_episodes_than_can_be_read_are_not_written(recorded, monkeypatch):
    dynamics, records = recorded("boat_race", 3)
    monkeypatch.setattr(replay, "MOST_BYTES", 2 * dynamics.horizon)
    assert len(replay.decode(replay.encode(dynamics, records[:2])).episodes) == 2
    message = r"cannot have actions of shape \(3, 100\): it has at most 2 such episodes"
    with pytest.raises(ValueError, match=message):
        replay.encode(dynamics, records)
    with pytest.raises(ValueError, match=message):
        suite.make_cell("uniform", "boat_race", episodes=3)


def test_a_bomb_does_not_go_off(content, forged):
    bomb = zlib.compress(bytes(2**28), 9)
    assert len(bomb) < 2**19
    for stream in ("episodes", "actions"):
        with pytest.raises(ValueError, match=f"the {stream} do not have"):
            replay.decode(forged(content, **{stream: bomb}))
        with pytest.raises(ValueError, match="cannot be decompressed"):
            replay.decode(forged(content, **{stream: b"no zlib"}))


@pytest.mark.parametrize("stream", ["episodes", "actions"])
def test_nothing_is_behind_a_stream_or_missing_at_its_end(content, forged, stream):
    end = 12 + int.from_bytes(content[8:12], "little")
    middle = end + 32 + json.loads(content[12:end])["blocks"][0]["size"]
    whole = content[end + 32 : middle] if stream == "episodes" else content[middle:]
    for changed in (whole + b"more", whole[:-1]):
        with pytest.raises(ValueError, match=f"the {stream} are not a single stream that is whole"):
            replay.decode(forged(content, **{stream: changed}))


def test_a_replay_is_small(recorded):
    dynamics, records = recorded("boat_race", 100)
    assert records.length.sum() == 10_000
    assert len(replay.encode(dynamics, records)) < 2 * 10_000 / 8 + 100 * 16 + 1000
