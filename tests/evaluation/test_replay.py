"""Replays: small, whole, and simulated again to the same numbers."""

import hashlib
import json
import struct
import subprocess
import sys
import zlib

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import safegrid
from safegrid.engine import lanes, registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import replay, resimulation, rollout


def recorded(name="island_navigation", episodes=25, limit=lanes.LIMIT, **options):
    policy = registry.agent("uniform").train(name, seed=0, options=options)
    records = safegrid.evaluate(policy, name, episodes, 3, max_episode_steps=limit, **options)
    return make_dynamics(name, **options), records


@pytest.fixture(scope="module")
def content():
    return replay.encode(*recorded())


@pytest.mark.parametrize("name", safegrid.names())
def test_a_replay_gives_the_same_episodes_back_and_simulates_to_the_same_numbers(name):
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


def test_options_maps_and_limits_are_in_the_replay():
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


def test_the_numbers_do_not_depend_on_how_many_lanes_there_are(monkeypatch):
    read = replay.decode(replay.encode(*recorded("friend_foe", 45)))
    whole = resimulation.resimulate(read)
    monkeypatch.setattr(resimulation, "BATCH", 2)
    assert resimulation.resimulate(read).tobytes() == whole.tobytes()


def test_another_process_gets_the_same_numbers(tmp_path):
    path = tmp_path / "run.szr"
    replay.write(path, *recorded("tomato_watering"))
    code = (
        "import sys, pathlib; from safegrid.evaluation import replay, resimulation\n"
        "again = resimulation.verify(replay.read(pathlib.Path(sys.argv[1])))\n"
        "print(again.tobytes().hex())"
    )
    run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert bytes.fromhex(run.stdout) == replay.read(path).episodes.tobytes()


def test_the_boards_are_those_that_were_seen():
    read = replay.decode(replay.encode(*recorded("friend_foe", 12)))

    env = gymnasium.make("safegrid/FriendFoe-v0")
    for number, record in enumerate(read.episodes):
        seen = [env.reset(seed=int(record.seed) if record.episode == 0 else None)[0]]
        seen += [env.step(int(action))[0] for action in record.actions[: record.length]]
        np.testing.assert_array_equal(resimulation.boards(read, number), seen)


def test_float_actions_fit_the_format():
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


def forged(content, change=lambda header: None, episodes=None, actions=None):
    """The file with another header or other streams, and all digests made to fit."""
    end = 12 + int.from_bytes(content[8:12], "little")
    header = json.loads(content[12:end])
    middle = end + 32 + header["blocks"][0]["size"]
    streams = [episodes or content[end + 32 : middle], actions or content[middle:]]
    header["blocks"] = [{"size": len(s), "sha256": hashlib.sha256(s).hexdigest()} for s in streams]
    change(header)
    text = json.dumps(header).encode()
    head = content[:8] + struct.pack("<I", len(text)) + text
    return head + hashlib.sha256(head).digest() + b"".join(streams)


BAD_HEADERS = [
    ({"episodes": 2**20, "limit": 2**31 - 1}, "too much"),
    ({"episodes": 2**40}, "episodes"),
    ({"limit": 0}, "limit"),
    ({"limit": 2}, "episode 0 is not 1 to 2 steps long"),
    ({"episodes": 24}, "are not 984 bytes"),
    ({"action_type": "O"}, "action_type"),
    ({"action_shape": [2]}, "actions"),
    ({"action_shape": [-1]}, "too much"),
    ({"surplus": 1}, "surplus"),
]


@pytest.mark.parametrize("number", range(len(BAD_HEADERS)))
def test_a_header_that_cannot_be_is_refused(content, number):
    change, message = BAD_HEADERS[number]
    with pytest.raises(ValueError, match=message):
        replay.decode(forged(content, lambda header: header.update(change)))


def test_a_bomb_does_not_go_off(content):
    bomb = zlib.compress(bytes(2**28), 9)
    assert len(bomb) < 2**19
    for stream in ("episodes", "actions"):
        with pytest.raises(ValueError, match=f"the {stream} are not"):
            replay.decode(forged(content, **{stream: bomb}))
        with pytest.raises(ValueError, match="cannot be unpacked"):
            replay.decode(forged(content, **{stream: b"no zlib"}))


STRANGE = [
    ({"environment": "boat"}, "unknown environment"),
    ({"level": "nowhere"}, "unknown level"),
    ({"dynamics": "0" * 16}, "is version 0 with dynamics"),
    ({"version": 9}, "of version 9"),
    ({"options": {"map": "/etc/passwd"}}, "must be rows of text"),
    ({"options": {"name": "boat_race"}}, "unknown option"),
]


@pytest.mark.parametrize("number", range(len(STRANGE)))
def test_what_was_not_played_here_is_not_simulated(content, number):
    change, message = STRANGE[number]
    read = replay.decode(forged(content, lambda header: header.update(change)))
    with pytest.raises(ValueError, match=message):
        resimulation.resimulate(read)


FORGERIES = [
    ("return", 1e6, "episode 4 has return"),
    ("performance", 1.0, "episode 4 has performance"),
    ("cost", 1.0, "episode 4 has cost"),
    ("ended", "truncated", "episode 4 has ended"),
    ("length", None, "episode 4 has "),
    ("actions", 9, r"episode 4, step 0: action 9 is out of range"),
]


@pytest.mark.parametrize("column, value, message", FORGERIES)
def test_a_number_that_was_made_up_does_not_verify(column, value, message):
    dynamics, records = recorded()
    assert records.ended[4] == "terminated"
    if column == "length":
        records.length[4] -= 1
    elif column == "actions":
        records.actions[4, 0] = value
    else:
        records[column][4] = value
    with pytest.raises(ValueError, match=message):
        resimulation.verify(replay.decode(replay.encode(dynamics, records)))


def test_another_seed_is_noticed():
    dynamics, records = recorded("tomato_watering", 5)
    records.seed[3] += 1
    with pytest.raises(ValueError, match="episode 3 has return"):
        resimulation.verify(replay.decode(replay.encode(dynamics, records)))


def test_any_other_action_that_matters_is_noticed():
    dynamics, records = recorded("boat_race", 5)
    for t in range(0, 100, 10):
        changed = records.copy()
        changed.actions[2, t] = (changed.actions[2, t] + 1) % 4
        read = replay.decode(replay.encode(dynamics, changed))
        again = resimulation.resimulate(read)
        same = all(again[c][2] == records[c][2] for c in ("return", "performance", "length"))
        if not same:
            with pytest.raises(ValueError, match="episode 2 has"):
                resimulation.verify(read)
            break
    else:
        pytest.fail("ten other actions changed nothing")


def test_a_replay_is_small():
    dynamics, records = recorded("boat_race", 100)
    assert records.length.sum() == 10_000
    assert len(replay.encode(dynamics, records)) < 2 * 10_000 / 8 + 100 * 16 + 1000
