"""Secret seeds: kept until the end of a season, then open to everybody."""

import pytest

from safegrid.benchmark.leaderboard import schema, secret_seeds
from safegrid.engine import files


def test_a_season_is_kept_secret_and_then_revealed(tmp_path):
    board, secret = tmp_path / "board", tmp_path / "secret"
    opened = secret_seeds.start(board, secret)
    assert secret.stat().st_mode & 0o77 == 0 and secret_seeds.read_secret(board) is None
    word = secret_seeds.read_secret(board, secret)
    assert files.sha256(word) == opened.commitment
    seeds = {secret_seeds.seed(word, *what) for what in (("a", "b", "c", 0), ("a", "b", "c", 1))}
    assert len(seeds) == 2 and all(0 <= seed < 2**63 for seed in seeds)
    with pytest.raises(ValueError, match="is not over"):
        secret_seeds.start(board, tmp_path / "other")
    (tmp_path / "other").write_text("00" * 32)
    with pytest.raises(ValueError, match="does not match"):
        secret_seeds.reveal(board, tmp_path / "other")
    secret_seeds.reveal(board, secret)
    assert secret_seeds.read_secret(board) == word
    with pytest.raises(ValueError, match="exists already"):
        secret_seeds.start(board, secret)


def test_every_season_is_kept(tmp_path):
    board, secrets, seasons = tmp_path / "board", [], []
    for number in (1, 2, 3):
        path = tmp_path / f"secret-{number}"
        seasons.append(secret_seeds.start(board, path))
        secrets.append(secret_seeds.read_secret(board, path))
        assert secret_seeds.read_secret(board) is None  # the running season's is not public
        assert [each.commitment for each in secret_seeds.read(board)] == [
            each.commitment for each in seasons
        ]
        secret_seeds.reveal(board, path)
        assert secret_seeds.read_secret(board) == secrets[-1]
    found = secret_seeds.read(board)
    assert [bytes.fromhex(each.secret) for each in found] == secrets
    assert [secret_seeds.number(found, each.commitment) for each in seasons] == [1, 2, 3]
    assert secret_seeds.number(found, "0" * 64) is None
    assert secret_seeds.read_secret(board, tmp_path / "secret-1") == secrets[0]  # for an audit


def test_the_file_of_an_older_version_has_one_season(tmp_path):
    secret = bytes(32)
    commitment = files.sha256(secret)
    line = f'{{"commitment":"{commitment}","secret":"{secret.hex()}"}}\n'
    (tmp_path / "season.json").write_text(line)
    secret_seeds.start(tmp_path, tmp_path / "next")
    first, second = secret_seeds.read(tmp_path)
    assert (first.commitment, first.secret, second.secret) == (commitment, secret.hex(), None)
    assert (tmp_path / "season.json").read_text().startswith(line)


def test_a_seed_is_the_hmac_of_its_purpose():
    """Against RFC 4231's second case, whose key and data are plain words."""
    import hmac

    digest = hmac.digest(b"Jefe", b"what do ya want for nothing?", "sha256").hex()
    assert digest.startswith("5bdcc146bf60754e6a042426089575c7")
    expected = hmac.digest(b"key", b"id/env/level/7", "sha256")[:8]
    assert (
        secret_seeds.seed(b"key", "id", "env", "level", 7)
        == int.from_bytes(expected, "little") >> 1
    )


def test_a_season_that_was_changed_is_refused(tmp_path):
    board, secret = tmp_path / "board", tmp_path / "secret"
    assert secret_seeds.read(board) == [] and secret_seeds.read_secret(board) is None
    opened = secret_seeds.start(board, secret)
    assert secret_seeds.read(board) == [opened] and opened.secret is None
    path = board / "season.json"
    path.write_bytes(schema.canonical(opened.model_copy(update={"secret": "00" * 32})))
    with pytest.raises(ValueError, match="does not match its commitment"):
        secret_seeds.read(board)
    path.write_bytes(b"{}")
    with pytest.raises(ValueError, match="commitment is missing"):
        secret_seeds.read(board)
    (tmp_path / "other").write_text("no secret")
    with pytest.raises(ValueError, match=r"secret .*other: "):
        secret_seeds.read_secret(board, tmp_path / "other")
