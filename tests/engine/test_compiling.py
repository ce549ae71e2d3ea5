"""The cache of compiled code is a convenience: nothing in it, or missing from it, stops a run."""

import shutil

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
    with pytest.warns(UserWarning, match=r"cannot be kept in .*cache.*NUMBA_CACHE_DIR") as said:
        assert [function(4) for function in functions] == [8, 8]
    assert len(said) == 1
