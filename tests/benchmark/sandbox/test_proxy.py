"""Policies in a process of their own: the same records, and no attack that leaves it."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from safegrid.benchmark import policy_files
from safegrid.benchmark.sandbox import Limits, play, player, proxy
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import rollout

WHISPER = "the-secret-of-the-season"  # must be in no error
SENSIBLE = ("the agent", "the policy")  # beginnings of errors
pytestmark = pytest.mark.slow


def evaluate(path, name, episodes=100, seed=0, level=0, limits=proxy.DEFAULT, **options):
    """Records episodes of the policy in a file, played in a process of its own."""
    dynamics = make_dynamics(name, level, **options)
    agent = policy_files.read(path).cell.agent
    with play(path.read_bytes(), agent, dynamics, limits) as policy:
        return rollout.evaluate(policy, name, episodes, seed, level, **options)


@pytest.fixture
def refused(capfd):
    """Evaluates an agent that must fail; returns the error, which must be one short line."""

    def check(path, name="boat_race", seconds=60.0, **options):
        with pytest.raises(ValueError, match="the ") as failure:
            evaluate(path, name, 3, 0, limits=Limits(seconds, 1 << 30), **options)
        error = str(failure.value)
        assert error.startswith(SENSIBLE) and len(error) < 200 and error.isprintable()
        assert WHISPER not in error
        assert capfd.readouterr() == ("", "")
        return error

    return check


@pytest.mark.parametrize(
    ("agent", "name", "level", "episodes"),
    [
        ("planner", "boat_race", 0, 30),
        ("planner_limit", "hazard_goal", 0, 20),
        ("scripted_safe", "island_navigation", 0, 20),
        ("scripted_safe", "point_circle", 1, 2),
    ],
)
def test_records_are_those_of_an_evaluation_in_this_process(
    save_policy, plainly, same_bytes, agent, name, level, episodes
):
    path = save_policy(agent, name, level)
    played = evaluate(path, name, episodes, 7, level)
    assert same_bytes(played, plainly(path, name, episodes, 7, level))


def test_a_recurrent_network_plays_the_same(save_policy, plainly, same_bytes):
    path = save_policy("recurrent_ppo", "boat_race", steps=64, lanes=4, n_steps=8, units=8)
    assert same_bytes(evaluate(path, "boat_race", 20), plainly(path, "boat_race", 20))


@pytest.mark.parametrize("observation", ["text", "planes", "rgb"])
def test_a_policy_gets_its_kind_of_observation(write_agent, plainly, same_bytes, observation):
    code = "chosen = np.array([np.eye(4)[sum(map(ord, str(o))) % 4] for o in observations])"
    path = write_agent(code, observation=observation)
    assert same_bytes(evaluate(path, "boat_race", 5), plainly(path, "boat_race", 5))


def test_an_agent_may_print_and_change_its_observations(write_agent, plainly, same_bytes):
    path = write_agent("print('x' * 10**6, file=sys.stderr); print('y'); observations += 1")
    assert same_bytes(evaluate(path, "boat_race", 3), plainly(write_agent(), "boat_race", 3))


FATAL = {
    "an exception": f"raise RuntimeError('{WHISPER}\\nand a second line')",
    "its own exception": f"raise type('{WHISPER} \\x1b[2J' * 9, (ValueError,), {{}})",
    "SystemExit": "raise SystemExit(0)",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "os._exit": "os._exit(0)",
    "a kill": "os.kill(os.getpid(), signal.SIGKILL)",
    "a kill of all": "os.kill(-1, signal.SIGKILL)",
    "an abort": "os.abort()",
    "a crash": "ctypes.string_at(0)",
    "memory": "kept = [np.ones(2**24) for _ in range(2**10)]",
    "one huge array": "np.zeros(2**40)",
    "a deep recursion": "f = lambda f: f(f); f(f)",
    "a flood": "[os.write(file, bytes(2**16)) for file in range(3, 64) for _ in range(99)]",
    "a flood of faults": "[os.write(file, b'\\1' * 2**12) for file in range(3, 64)]",
    "closed pipes": "os.closerange(0, 256)",
}


@pytest.mark.parametrize("attack", FATAL)
def test_an_agent_that_fails_is_one_line(write_agent, refused, attack):
    refused(write_agent(FATAL[attack]))


@pytest.mark.parametrize("attack", ["SystemExit", "os._exit", "memory"])
def test_an_agent_that_fails_when_it_loads_is_one_line(write_agent, refused, attack):
    refused(write_agent(load=FATAL[attack]))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("chosen = chosen[:, :3]", "is not an array of shape"),
        ("chosen = 'left'", "the agent raised ValueError"),
        ("chosen[1] = np.nan", "it needs probabilities"),
        ("chosen[1] = [2, -1, 0, 0]", "it needs probabilities"),
    ],
)
def test_an_answer_that_is_no_distribution_is_refused(write_agent, refused, answer, reason):
    assert reason in refused(write_agent(answer))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [("chosen[0] = np.nan", "not finite"), ("chosen = chosen[0]", "is not an array of shape")],
)
def test_an_action_that_is_no_number_is_refused(write_agent, refused, answer, reason):
    assert reason in refused(write_agent(answer, name="point_circle"), "point_circle")


@pytest.mark.parametrize("code", ["time.sleep(60)", "while True: pass"])
def test_an_agent_that_hangs_is_ended(write_agent, refused, code):
    start = time.monotonic()
    assert "did not answer in 4 s" in refused(write_agent(code), seconds=4.0)
    assert time.monotonic() - start < 20


FORBIDDEN = {  # with the exception that each raises
    "os.fork()": PermissionError,
    "subprocess.run(['true'])": PermissionError,
    "os.execv(sys.executable, ['python'])": PermissionError,
    "threading.Thread(target=print).start()": RuntimeError,
    "os.kill(PARENT, 0)": PermissionError,
    "os.setsid()": PermissionError,
    "open('/proc/PARENT/cmdline').read()": PermissionError,
    "os.listdir('/proc')": PermissionError,
    "open('FOLDER/secret').read()": PermissionError,
    "open('FOLDER/new', 'w')": PermissionError,
    "os.unlink('FOLDER/secret')": PermissionError,
    "os.chmod('FOLDER/secret', 0)": PermissionError,
    "os.rename('FOLDER', 'FOLDER.old')": PermissionError,
    "socket.socket()": PermissionError,
    "socket.socket(socket.AF_UNIX).connect('\\0sandbox-test')": PermissionError,
    "os.environ['SEASON_SECRET']": KeyError,
    "os.fstat(INHERITED)": OSError,
    "1 / (1 + ctypes.CDLL(None).setuid(1))": ZeroDivisionError,  # it returns -1
}


def test_an_agent_cannot_reach_out_of_its_process(write_agent, refused, monkeypatch, tmp_path):
    monkeypatch.setenv("SEASON_SECRET", WHISPER)
    (tmp_path / "secret").write_text(WHISPER)
    pipe = os.pipe()
    inherited = os.dup2(pipe[0], 60)
    names = {"PARENT": os.getpid(), "FOLDER": tmp_path, "INHERITED": inherited}
    listed = [(code, error.__name__) for code, error in FORBIDDEN.items()]
    for key, value in names.items():
        listed = [(code.replace(key, str(value)), error) for code, error in listed]
    attempts = """
        wrong = []
        for number, (code, error) in enumerate(LISTED):
            try:
                exec(code)
                wrong.append(str(number))
            except BaseException as raised:
                if type(raised).__name__ != error:
                    wrong.append(str(number))
        raise type("_".join(["Wrong", *wrong]), (Exception,), {})
    """
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0sandbox-test")
        server.listen()
        path = write_agent(textwrap.dedent(attempts).replace("LISTED", repr(listed)))
        assert refused(path) == "the agent raised Wrong"
    assert (tmp_path / "secret").read_text() == WHISPER
    for file in (*pipe, inherited):
        os.close(file)


def test_an_agent_file_may_attack_when_it_is_imported(write_agent, refused):
    path = write_agent()
    path.with_suffix(".py").write_text("raise SystemExit")
    refused(path)


def test_nothing_but_observations_and_the_policys_draws_is_sent(
    write_agent, save_policy, monkeypatch
):
    sent = []

    def spy(header, arrays=()):
        sent.append((header, [np.array(array) for array in arrays]))
        return encode(header, arrays)

    encode = player.encode
    monkeypatch.setattr(player, "encode", spy)
    evaluate(save_policy("planner", "boat_race"), "boat_race", 4, 5)
    evaluate(write_agent(name="point_circle"), "point_circle", 1, 5)
    assert set(sent[0][0]) == {"observations", "plugins", "seconds", "memory"}
    tasks = {}
    for header, arrays in sent:
        if "task" in header:
            assert set(header) == {"task", "options", "shape", "type"}
            tasks.setdefault(header["task"], []).append(arrays)
    assert set(tasks) == {"load", "begin", "probabilities", "act"}
    assert [a.shape for a in tasks["begin"][0]] == [(4,)]
    assert all(len(a) == 1 and a[0].shape == (4,) for a in tasks["probabilities"])
    assert all((0 < chance).all() and (chance < 1).all() for _, chance in tasks["act"])


def test_a_policy_takes_the_numbers_of_the_level_that_it_was_trained_on(save_policy):
    """On a level that it was not trained on it looks its boards up, as in this process."""
    path = save_policy("planner", "distributional_shift")
    trained, other = (make_dynamics("distributional_shift", level) for level in (0, 1))
    with play(path.read_bytes(), "planner", trained) as policy:
        played = rollout.evaluate(policy, "distributional_shift", 5, 0, other.level_name)
    policy, _ = policy_files.load(path)
    expected = rollout.evaluate(policy, "distributional_shift", 5, 0, other.level_name)
    assert played.tobytes() == expected.tobytes()


def test_an_observation_that_the_level_does_not_have_is_refused(write_agent, refused):
    assert "another observation" in refused(write_agent(observation=WHISPER))


def test_options_of_the_level_are_checked_first(write_agent):
    with pytest.raises(ValueError, match="unknown level"):
        evaluate(write_agent(), "boat_race", level="moon")
    with pytest.raises(ValueError, match="episodes is 0"):
        evaluate(write_agent(), "boat_race", 0)


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setattr(
        proxy._Process, "_reply", lambda *_: np.array([1, 0, 38], np.int32), raising=True
    )
    proxy.weaknesses.cache_clear()
    first, last = proxy.weaknesses()
    proxy.weaknesses.cache_clear()
    assert "namespaces" in first and "not permitted" in first
    assert "start processes" in last and "not implemented" in last


def _alive(mark):
    """The ids of processes whose command line has a mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            pass
    return found


def test_a_process_ends_with_its_parent(write_agent, tmp_path):
    """Even if the parent is killed."""
    path = write_agent()
    code = f"""
        import sys, time
        sys.path.append({str(tmp_path / "mark")!r})
        from pathlib import Path
        import safegrid
        from safegrid.benchmark.sandbox import play
        from safegrid.engine.dynamics import make_dynamics
        safegrid.register({str(path.with_suffix(".py"))!r})
        print("ready", flush=True)
        content, dynamics = Path({str(path)!r}).read_bytes(), make_dynamics("boat_race")
        with play(content, {path.stem!r}, dynamics):
            time.sleep(600)
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE)
    parent.stdout.readline()
    mark, end = str(tmp_path / "mark"), time.monotonic() + 60
    while len(_alive(mark)) < 3 and time.monotonic() < end:  # parent, guard and player
        time.sleep(0.05)
    assert len(_alive(mark)) == 3
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    while _alive(mark) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _alive(mark)


def test_an_evaluation_leaves_no_process_and_no_descriptor(write_agent, refused, monkeypatch):
    monkeypatch.syspath_prepend("/nowhere/sandbox-mark")
    files = len(os.listdir("/proc/self/fd"))
    for code in ("pass", "os._exit(0)", "os.closerange(0, 256); time.sleep(600)"):
        path = write_agent(code)
        if code == "pass":
            evaluate(path, "boat_race", 3)
        else:
            refused(path)
    assert not _alive("/nowhere/sandbox-mark")
    assert len(os.listdir("/proc/self/fd")) == files
