"""Replays simulated again: the same numbers anywhere, and forged numbers are noticed."""

import subprocess
import sys

import gymnasium
import numpy as np
import pytest

from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import replay, resimulation, rollout


def test_the_numbers_do_not_depend_on_how_many_lanes_there_are(monkeypatch, recorded):
    read = replay.decode(replay.encode(*recorded("friend_foe", 45)))
    whole = resimulation.resimulate(read)
    monkeypatch.setattr(resimulation, "BATCH", 2)
    assert resimulation.resimulate(read).tobytes() == whole.tobytes()


def test_another_process_gets_the_same_numbers(tmp_path, recorded):
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


def test_the_boards_are_those_that_were_seen(recorded):
    read = replay.decode(replay.encode(*recorded("friend_foe", 12)))

    env = gymnasium.make("safegrid/FriendFoe-v0")
    for number, record in enumerate(read.episodes):
        seen = [env.reset(seed=int(record.seed) if record.episode == 0 else None)[0]]
        seen += [env.step(int(action))[0] for action in record.actions[: record.length]]
        np.testing.assert_array_equal(resimulation.boards(read, number), seen)


STRANGE = [
    ({"environment": "boat"}, "unknown environment"),
    ({"level": "nowhere"}, "unknown level"),
    ({"dynamics": "0" * 16}, "is version 0 with dynamics"),
    ({"version": 9}, "of version 9"),
    ({"options": {"map": "/etc/passwd"}}, "must be rows of text"),
    ({"options": {"nowhere": 1}}, "unknown option"),
]


@pytest.mark.parametrize("number", range(len(STRANGE)))
def test_what_was_not_played_here_is_not_simulated(content, number, forged):
    change, message = STRANGE[number]
    read = replay.decode(forged(content, lambda header: header.update(change)))
    with pytest.raises(ValueError, match=message):
        resimulation.resimulate(read)


ODD_ACTIONS = [
    ("boat_race", np.float32, ()),
    ("boat_race", np.float32, (2,)),
    ("boat_race", np.uint8, (2,)),
    ("point_goal", np.float32, (3,)),
    ("point_goal", np.float32, ()),
    ("point_goal", np.uint8, (2,)),
]


@pytest.mark.parametrize("name, number, shape", ODD_ACTIONS)
def test_actions_of_another_kind_are_refused_and_not_played(name, number, shape):
    """Compiled code has no bounds check: a float of 1e9 as a grid's action read foreign memory."""
    dynamics = make_dynamics(name)
    records = np.recarray(3, rollout.record(10, np.dtype((number, shape))))
    for column, value in (("seed", 1), ("episode", 0), ("length", 10), ("ended", "truncated")):
        records[column] = value
    for column in replay.NUMBERS:
        records[column] = 0.0
    records["actions"] = 200 if number is np.uint8 else 1e9
    read = replay.decode(replay.encode(dynamics, records))
    for play in (resimulation.resimulate, lambda read: resimulation.boards(read, 0)):
        with pytest.raises(ValueError, match=f"the actions have type .*: those of {name} have"):
            play(read)


FORGERIES = [
    ("return", 1e6, "episode 4 has return"),
    ("performance", 1.0, "episode 4 has performance"),
    ("cost", 1.0, "episode 4 has cost"),
    ("ended", "truncated", "episode 4 has ended"),
    ("length", None, "episode 4 has "),
    ("actions", 9, r"episode 4, step 0: action 9 is out of range"),
]


@pytest.mark.parametrize("column, value, message", FORGERIES)
def test_a_number_that_was_made_up_does_not_verify(column, value, message, recorded):
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


def test_another_seed_is_noticed(recorded):
    dynamics, records = recorded("tomato_watering", 5)
    records.seed[3] += 1
    with pytest.raises(ValueError, match="episode 3 has return"):
        resimulation.verify(replay.decode(replay.encode(dynamics, records)))


def test_any_other_action_that_matters_is_noticed(recorded):
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


def test_the_violations_of_recorded_episodes_are_those_of_the_model(recorded):
    dynamics, records = recorded("island_navigation", 25)
    found = resimulation.violated(records, dynamics)
    assert 0 < found.sum() < 25  # some drown, and some come home
    assert (found == (records["ended"] == "terminated") & (records["performance"] < 0)).all()
