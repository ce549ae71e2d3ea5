"""Sweeps whose workers and drivers are killed end with the bytes of an undisturbed one."""

import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def kill_sweeps(experiment):
    return experiment("kill_sweeps")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_killed_sweeps_end_with_the_same_bytes(kill_sweeps, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(kill_sweeps, "VICTIMS", {"worker": (0.5, 0.5), "driver": (0.5, 6.0)})
    hits, faults = kill_sweeps.disturb(tmp_path, sweeps=1, kills=4, seed=0)
    said = capsys.readouterr().out
    assert faults == 0 and hits.total() >= 4, said
    assert set(hits) == {"worker", "driver"} and "exit codes [" in said


FAILED = "1 of 6 cells failed; the same command retries them"
ENDS = [
    (0, "results in made", None),
    (-9, "", None),
    (
        1,
        f"its process died: it was killed\n{FAILED}",
        None,
    ),
    (0, FAILED, "ended with 0 instead of 1"),
    (1, "safegrid: something", "ended with 1 instead of 0"),
    (1, f"ValueError\n{FAILED}", "were not killed"),
    (0, "Traceback (most recent call last):", "a traceback"),
]


@pytest.mark.parametrize(("code", "said", "fault"), ENDS)
def test_a_wrong_end_is_a_fault(kill_sweeps, code, said, fault):
    if fault is None:
        kill_sweeps.check_end(code, said)
    else:
        with pytest.raises(kill_sweeps.Fault, match=fault):
            kill_sweeps.check_end(code, said)


def test_other_bytes_and_what_is_left_behind_are_faults(kill_sweeps, tmp_path):
    for name in ("calm", "wild"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0-1.json").write_text("{}")
    calm, wild = tmp_path / "calm", tmp_path / "wild"
    kill_sweeps.check(wild, calm)
    (wild / "0-1.lease").touch()
    with pytest.raises(kill_sweeps.Fault, match=r"it leaves 0-1\.lease"):
        kill_sweeps.check(wild, calm)
    (wild / "0-1.json").write_text("{ }")
    with pytest.raises(kill_sweeps.Fault, match="its files differ"):
        kill_sweeps.check(wild, calm)


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_a_process_that_outlives_its_driver_is_a_fault(kill_sweeps, monkeypatch):
    monkeypatch.setitem(kill_sweeps.ORPHANED, "worker", 0.05)
    left = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with pytest.raises(kill_sweeps.Fault, match="its worker outlives the driver"):
        kill_sweeps.check_orphans({left.pid: "worker"})
    left.kill()
    left.wait()
    left.stdin.close()
    kill_sweeps.check_orphans({left.pid: "worker"})
