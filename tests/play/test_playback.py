"""Watching: what policies play and what was recorded, in pictures, windows and terminals."""

import json
import os
import pty
import select
import shutil
import subprocess
import sys

import pytest

import safegrid
from safegrid.benchmark import policy_files, results, suite
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import replay, resimulation
from safegrid.play import playback
from safegrid.play.playback import Playback


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "safegrid", *map(str, arguments)], capture_output=True, text=True
    )


@pytest.fixture
def policy(tmp_path):
    """Saves a policy of an agent that needs no training; returns its path."""

    def save(name, agent="uniform", **options):
        cell = suite.make_cell(agent, name, options=options)
        made = registry.agent(agent).train(name, options={"level": cell.level, **options})
        policy_files.save(made, tmp_path / "policy.safetensors", cell)
        return tmp_path / "policy.safetensors"

    return save


def test_an_episode_of_those_that_policies_played_can_be_chosen(tmp_path):
    policy = registry.agent("uniform").train("friend_foe", seed=0)
    episodes = safegrid.evaluate(policy, "friend_foe", episodes=12, seed=0)
    replay.write(tmp_path / "e.szr", make_dynamics("friend_foe"), episodes)
    recorded = playback.read_episodes(tmp_path / "e.szr")
    for number in (0, 4, 11):
        now = playback.replay_game(recorded, number).now
        assert (now.total, now.performance) == (episodes["return"][number],) * 2
    with pytest.raises(ValueError, match="episode 12 is not recorded: choose from 0 to 11"):
        playback.replay_game(recorded, 12)


def test_a_result_is_recorded_from_what_lies_beside_it(tmp_path):
    result = suite.run(suite.make_cell("scripted_hack", "boat_race", episodes=4))
    path = results.write(result, tmp_path / "results")
    now = playback.replay_game(playback.read_episodes(path), 3).now
    assert now.total == result.episodes["return"][3]
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match=path.stem):
        playback.read_episodes(copy)


@pytest.mark.parametrize("name", ["boat_race", "friend_foe", "point_goal"])
def test_a_policy_is_watched_as_it_is_evaluated(name, policy):
    path = policy(name)
    recorded = playback.read_episodes(path, seed=5, episodes=3)
    evaluated = safegrid.evaluate(policy_files.load(path)[0], name, 3, seed=5)
    assert recorded.episodes.tobytes() == evaluated.tobytes()
    assert playback.replay_game(recorded, 2).now.total == evaluated["return"][2]


def test_a_policy_plays_what_is_chosen_and_else_what_it_was_trained_on(policy):
    path = policy("absent_supervisor", supervision_probability=0)
    header = playback.read_episodes(path).header
    assert (header.environment, header.options) == (
        "absent_supervisor",
        {"supervision_probability": 0},
    )
    chosen = {"environment": "whisky_gold", "level": "bar", "options": {"exploration": 0.5}}
    header = playback.read_episodes(path, **chosen).header
    assert (header.environment, header.level, header.options) == (*chosen.values(),)


def test_what_a_policy_plays_cannot_be_chosen_for_a_replay(tmp_path):
    records = safegrid.evaluate(registry.agent("uniform").train("boat_race"), "boat_race", 1)
    replay.write(tmp_path / "e.szr", make_dynamics("boat_race"), records)
    for given in ({"environment": "boat_race"}, {"seed": 0}, {"options": {"noop": True}}):
        with pytest.raises(ValueError, match="is for policies: the episodes of"):
            playback.read_episodes(tmp_path / "e.szr", **given)


@pytest.mark.parametrize(("name", "stride"), [("boat_race", 1), ("point_goal", 5)])
def test_time_passes_and_keys_stop_it(name, stride, policy):
    shown = Playback(playback.read_episodes(policy(name), episodes=2), tile_size=8)
    frames = []
    for _ in range(3):
        frames.append(len(shown.moments) - 1)
        assert shown.press("")
    assert frames == [0, stride, 2 * stride]
    assert shown.tick == {1: 200, 5: 100}[stride]  # so many steps take this time
    for key, step in (("left", 3 * stride - 1), ("", 3 * stride - 1), ("right", 3 * stride)):
        shown.press(key)
        assert len(shown.moments) - 1 == step
    assert shown.message == "episode 0 of 0 to 1, paused"
    shown.press("space")
    for _ in range(1000):
        shown.press("")
    assert shown.moments[-1].ending and shown.message.endswith(shown.moments[-1].ending)
    shown.press("e")
    assert (shown.episode, len(shown.moments)) == (1, 1)
    shown.press("e")
    assert shown.episode == 0
    assert not shown.press("q") and not shown.press("escape")


def test_a_policy_is_recorded_by_the_command(policy, tmp_path):
    path = policy("boat_race", "scripted_hack")
    run = command("record", path, "--out", tmp_path / "e.png", "--tile-size", 16)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "e.png").read_bytes()[:4] == b"\x89PNG"
    run = command("record", path, "--environment", "point_goal", "--out", tmp_path / "f.png")
    assert run.returncode == 2 and run.stderr.count("\n") == 1


def test_evaluate_keeps_its_episodes(policy, tmp_path):
    path, kept = policy("boat_race"), tmp_path / "e.szr"
    run = command("evaluate", path, "--episodes", 7, "--seed", 3, "--replays", kept, "--json")
    assert run.returncode == 0, run.stderr
    episodes = resimulation.verify(replay.read(kept))
    assert len(episodes) == 7
    evaluated = safegrid.evaluate(policy_files.load(path)[0], "boat_race", 7, seed=3)
    assert episodes.tobytes() == evaluated.tobytes()
    assert json.loads(run.stdout)["seed"] == 3
    run = command("evaluate", path, "--replays", tmp_path / "e.txt")
    assert run.returncode == 2 and "give a name that ends in .szr" in run.stderr


def test_more_episodes_than_a_replay_has_are_refused_before_they_are_played(policy, monkeypatch):
    path = policy("boat_race")
    monkeypatch.setattr(playback, "evaluate", lambda *_, **__: pytest.fail("they are played"))
    with pytest.raises(ValueError, match="it has at most"):
        playback.read_episodes(path, episodes=10**9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["train", "q_learning", "boat_race", "--out", "q.pt"],
            "--out is 'q.pt': give a name that ends in .safetensors",
        ),
        (
            ["leaderboard", "export", "runs.txt"],
            "OUT is 'runs.txt': give a name that ends in .csv or .parquet",
        ),
    ],
)
def test_a_file_that_no_command_could_read_is_refused_before_the_work(arguments, message):
    run = command(*arguments)
    assert run.returncode == 2 and run.stderr == f"safegrid: {message}\n"


def test_a_policy_is_watched_in_a_terminal(policy):
    person, terminal = pty.openpty()
    watched = subprocess.Popen(
        [sys.executable, "-m", "safegrid", "watch", policy("boat_race"), "--terminal"],
        stdin=terminal, stdout=terminal, stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(terminal)
    seen = b""
    for wanted, keys in ((b"episode 0 of 0 to 9", b""), (b"step         2", b"e")):
        while wanted not in seen:
            assert select.select([person], [], [], 60)[0], seen.decode()
            seen += os.read(person, 65536)
        os.write(person, keys)
    while b"episode 1 of 0 to 9" not in seen:
        assert select.select([person], [], [], 60)[0], seen.decode()
        seen += os.read(person, 65536)
    os.write(person, b"q")
    assert watched.wait(60) == 0
    os.close(person)


@pytest.mark.slow
def test_a_policy_is_watched_in_a_window(policy):
    if not shutil.which("xvfb-run"):
        pytest.skip("needs Xvfb and xdotool")
    code = """
import sys
from safegrid.cli import main
from safegrid.play.playback import Playback
from safegrid.rendering import window
seen = []
press = Playback.press
def pressed(self, key):
    seen.append(key)
    return press(self, key) and len(seen) < 3
Playback.press = pressed
sys.argv = ["safegrid", "watch", sys.argv[1], "--fps", "50"]
try:
    main.main()
finally:
    print(seen)
"""
    run = subprocess.run(
        ["xvfb-run", "-a", sys.executable, "-c", code, policy("point_goal")],
        capture_output=True,
        text=True,
        env={**os.environ, "SDL_VIDEODRIVER": "x11"},
    )
    assert run.stdout == "['', '', '']\n", run.stderr
