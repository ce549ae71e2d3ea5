"""Keys of verifiers: kept from others, named by boards, and what they sign."""

import stat

import pytest

from safegrid.benchmark.leaderboard import keys


def test_a_key_signs_what_only_its_public_key_confirms(tmp_path):
    one, other = (keys.create(tmp_path / "keys" / name) for name in ("one", "other"))
    signature = keys.sign(one, b"message")
    assert keys.signed(b"message", signature, keys.public(one))
    assert not keys.signed(b"messagf", signature, keys.public(one))
    assert not keys.signed(b"message", signature, keys.public(other))
    for odd in ("", "zz", "00", signature[:-2]):
        assert not keys.signed(b"message", odd, keys.public(one))
        assert not keys.signed(b"message", signature, odd)
    assert keys.public(keys.load(tmp_path / "keys" / "one")) == keys.public(one)
    mode = stat.S_IMODE((tmp_path / "keys" / "one").stat().st_mode)
    assert mode == 0o600


def test_a_key_is_never_written_over_and_what_is_none_is_not_shown(tmp_path):
    keys.create(tmp_path / "key")
    with pytest.raises(ValueError, match="exists already"):
        keys.create(tmp_path / "key")
    (tmp_path / "other").write_text("a secret of somebody")
    with pytest.raises(ValueError) as error:
        keys.load(tmp_path / "other")
    assert "is not a key" in str(error.value) and "secret" not in str(error.value)


def test_a_board_names_the_keys_that_it_believes(tmp_path):
    assert keys.trusted(tmp_path / "board") == []
    for key in ("a" * 64, "b" * 64, "a" * 64):
        keys.trust(tmp_path / "board", key)
    assert keys.trusted(tmp_path / "board") == ["a" * 64, "b" * 64]
    (tmp_path / "board" / keys.VERIFIERS).write_bytes(b"\xff")
    with pytest.raises(ValueError, match="not a list of public keys"):
        keys.trusted(tmp_path / "board")


def test_the_default_key_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("SAFEGRID_KEY", str(tmp_path / "mine"))
    assert keys.default_path() == tmp_path / "mine"
    monkeypatch.delenv("SAFEGRID_KEY")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert keys.default_path() == tmp_path / "safegrid" / "verifier.key"
