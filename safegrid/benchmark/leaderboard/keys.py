"""Keys of verifiers: Ed25519 signatures (RFC 8032), believed where the board names the key.

The private key stays outside the board, in a file that only its owner can read. The public keys
that a board believes are the lines of its file `verifiers`, which belongs to those who keep the
board, as suite.json does.
"""

import contextlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from safegrid.benchmark.leaderboard.schema import content
from safegrid.engine import files

VERIFIERS = "verifiers"
VARIABLE = "SAFEGRID_KEY"  # names the file of the private key
LARGEST = 2**16  # bytes


def default_path() -> Path:
    """The file of the private key where none is named."""
    if given := os.environ.get(VARIABLE):
        return Path(given)
    base = os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    return Path(base) / "safegrid" / "verifier.key"


def create(path: Path) -> Ed25519PrivateKey:
    """Writes a new private key. ValueError where the file exists or cannot be written."""
    key = Ed25519PrivateKey.generate()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key.private_bytes_raw().hex() + "\n")
    except FileExistsError:
        raise ValueError(f"{path} exists already: give a new file for the key") from None
    except OSError as error:
        raise ValueError(f"the key {path} cannot be written: {error.strerror}") from None
    return key


def load(path: Path) -> Ed25519PrivateKey:
    """The private key in a file. ValueError, without the content, where it is not one."""
    text = content(path, LARGEST)
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text.decode().strip()))
    except ValueError:
        raise ValueError(f"{path} is not a key that `safegrid leaderboard key` wrote") from None


def public(key: Ed25519PrivateKey) -> str:
    """The public key in 64 hexadecimal digits."""
    return key.public_key().public_bytes_raw().hex()


def trusted(board: Path) -> list[str]:
    """The public keys that a board believes. ValueError where the file cannot be read."""
    path = board / VERIFIERS
    if not path.is_symlink() and not path.exists():
        return []
    try:
        return content(path, LARGEST).decode("ascii").split()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a list of public keys, one a line") from None


def trust(board: Path, key: str) -> None:
    """Makes a board believe a public key."""
    if key not in (known := trusted(board)):
        board.mkdir(parents=True, exist_ok=True)
        files.replace(board / VERIFIERS, "".join(f"{each}\n" for each in [*known, key]).encode())


def sign(key: Ed25519PrivateKey, message: bytes) -> str:
    """The signature of a message in 128 hexadecimal digits."""
    return key.sign(message).hex()


def signed(message: bytes, signature: str, key: str) -> bool:
    """Whether a signature of a message is that of a public key."""
    with contextlib.suppress(InvalidSignature, ValueError):
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
            bytes.fromhex(signature), message
        )
        return True
    return False
