"""The cache of compiled code is a convenience: nothing in it, or missing from it, stops a run."""

import shutil
import stat
import tempfile
from pathlib import Path

import numba
import pytest

from safegrid.engine import compiling

COMPILED = not numba.config.DISABLE_JIT
pytestmark = pytest.mark.skipif(not COMPILED, reason="nothing is compiled")


def double(number):
    return 2 * number


def kept(folder, monkeypatch):
    """A function whose compiled code is kept in a folder."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(folder))
    return compiling.keep(lambda **options: numba.njit(**options)(double))


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("content", [b"", b"\x80\x05\x95", b"garbage\n" * 100])
def test_a_damaged_cache_is_a_miss_and_is_mended(suffix, content, tmp_path, monkeypatch):
    assert kept(tmp_path, monkeypatch)(4) == 8
    (path,) = tmp_path.rglob(f"*{suffix}")
    path.write_bytes(content)
    again = kept(tmp_path, monkeypatch)
    assert again(4) == 8 and not again.stats.cache_hits
    warm = kept(tmp_path, monkeypatch)
    assert warm(4) == 8 and warm.stats.cache_hits and not warm.stats.cache_misses


def test_a_cache_that_cannot_be_written_is_said_once(tmp_path, monkeypatch):
    monkeypatch.setattr(compiling.OptionalCache, "said", False)
    functions = [kept(tmp_path / "cache", monkeypatch) for _ in range(2)]
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("a file in the place of the folder")
    with pytest.warns(UserWarning, match="cannot be kept.*cannot be written.*CACHE_DIR") as said:
        assert [function(4) for function in functions] == [8, 8]
    assert len(said) == 1


def refused(*_, **keywords):
    raise RuntimeError("cannot cache function: no locator available")


def test_without_numbas_folders_those_of_the_system_are_tried(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    own = numba.config.CACHE_DIR

    def read_only(**options):
        if options and numba.config.CACHE_DIR == own:  # as with a read-only home and package
            refused()
        return numba.njit(**options)(double)

    assert compiling.keep(read_only)(4) == 8
    assert list(tmp_path.rglob("*.nbi")) and numba.config.CACHE_DIR == own
    again = compiling.keep(read_only)
    assert again(4) == 8 and again.stats.cache_hits
    assert stat.S_IMODE(next(tmp_path.iterdir()).stat().st_mode) == 0o700


def test_a_folder_that_others_can_write_to_is_no_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(compiling, "SYSTEM_CACHE", str(tmp_path / "absent"))
    for name, place in (("cache", "XDG_CACHE_HOME"), ("temporary", "TMPDIR")):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(place, str(tmp_path / name))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    folder = Path(compiling.system_cache())
    assert folder.parent.name == "cache"
    folder.chmod(0o777)
    assert Path(compiling.system_cache()) != folder
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    assert Path(compiling.system_cache()) != folder


def test_without_any_folder_it_is_said_once(monkeypatch):
    monkeypatch.setattr(compiling.OptionalCache, "said", False)
    monkeypatch.setattr(compiling, "system_cache", lambda: None)
    with pytest.warns(UserWarning, match="no folder can be written to; NUMBA_CACHE_DIR") as said:
        functions = [
            compiling.keep(lambda **given: refused() if given else double) for _ in range(2)
        ]
    assert len(said) == 1 and functions[0](4) == 8
