"""Leases: one sweep runs a cell, others wait while it lives, and none waits for the dead."""

import os
import subprocess
import sys
import time

import pytest

from safegrid.benchmark import leases, suite
from safegrid.benchmark.leases import Leases
from safegrid.engine import files

CELL, OTHER = (suite.make_cell("uniform", "boat_race", seed=seed) for seed in range(2))


def lease(folder):
    (path,) = folder.rglob("*.lease")
    return path


def test_a_cell_is_leased_to_one_sweep_until_it_gives_it_back(tmp_path):
    with Leases(tmp_path) as one, Leases(tmp_path) as two:
        assert one.take(CELL) and one.take(CELL) and not two.take(CELL) and two.take(OTHER)
        one.release(CELL)
        assert two.take(CELL) and not one.take(CELL)
        two.release(OTHER)
        assert lease(tmp_path).name == (tmp_path / CELL.path).with_suffix(".lease").name
    assert not list(tmp_path.rglob("*.lease"))


@pytest.mark.skipif(os.name != "posix", reason="a process is asked for by POSIX signals")
def test_the_lease_of_a_killed_sweep_is_free_at_once(tmp_path):
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    with Leases(tmp_path) as one:
        assert one.take(CELL)
        path = lease(tmp_path)
        path.write_text(files.owner().rpartition("-")[0] + f"-{killed.pid}")
        with Leases(tmp_path) as two:
            assert two.take(CELL) and path.read_text() == files.owner()


def test_a_lease_that_another_sweep_has_taken_over_is_left_to_it(tmp_path):
    with Leases(tmp_path) as one:
        assert one.take(CELL)
        path = lease(tmp_path)
        path.write_text("another.host-1")
        one.release(CELL)
        assert path.read_text() == "another.host-1"


@pytest.mark.parametrize("shift", [-1.1 * leases.STALE, 1.1 * leases.STALE])
def test_a_lease_of_another_machine_is_stale_when_it_is_not_renewed(shift, tmp_path):
    path = (tmp_path / CELL.path).with_suffix(".lease")
    path.parent.mkdir(parents=True)
    path.write_text("another.host-1")
    with Leases(tmp_path) as two:
        assert not two.take(CELL)
        two.tidy()
        os.utime(path, (time.time() + shift / 2,) * 2)
        assert not two.take(CELL)
        os.utime(path, (time.time() + shift,) * 2)
        assert two.take(CELL) and path.read_text() == files.owner()


def test_tidying_removes_stale_leases_and_no_others(tmp_path):
    paths = [(tmp_path / cell.path).with_suffix(".lease") for cell in (CELL, OTHER)]
    for path, age in zip(paths, (0, 2 * leases.STALE), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("another.host-1")
        os.utime(path, (time.time() - age,) * 2)
    with Leases(tmp_path) as found:
        found.tidy()
    assert [path.exists() for path in paths] == [True, False]


def test_leases_are_renewed_while_they_are_held(tmp_path, monkeypatch):
    with Leases(tmp_path) as one:
        one.take(CELL)
        path = lease(tmp_path)
        os.utime(path, (1000, 1000))
        one.renew()
        assert path.stat().st_mtime == 1000  # it is not due yet
        monkeypatch.setattr(leases, "RENEW", 0.0)
        one.renew()
        assert abs(path.stat().st_mtime - time.time()) < 60
        path.unlink()
        one.renew()


def test_the_clock_is_that_of_the_file_system(tmp_path, monkeypatch):
    """A machine whose clock is a day ahead takes no lease of others for stale."""
    with Leases(tmp_path) as one:
        one.take(CELL)
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + 86400)
        with Leases(tmp_path) as two:
            assert not two.take(CELL)


def test_a_folder_that_was_deleted_is_noticed(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    with Leases(folder) as one:
        one.take(CELL)
        for path in sorted(folder.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        folder.rmdir()
        for act in (one.check, one.renew, lambda: one.take(OTHER)):
            with pytest.raises(FileNotFoundError, match="results was deleted while the sweep ran"):
                act()
    assert not folder.exists()


def test_a_cell_is_run_without_a_lease_where_none_can_be_written(tmp_path):
    (tmp_path / "boat_race").write_text("no folder")
    with Leases(tmp_path) as one:
        assert one.take(CELL)
        one.renew()
        one.release(CELL)
    assert (tmp_path / "boat_race").read_text() == "no folder"
