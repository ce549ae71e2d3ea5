"""Installs the lowest and the newest dependencies on each Python at hand, and runs a smoke test.

`make versions` runs it. "lowest" installs the lowest version of every dependency that
pyproject.toml allows, with the newest of what these need; "newest" the newest of all. The wheel is
installed, and the smoke test runs in an empty folder. It needs a package index and some minutes for
each of the environments, which lie in the system's folder for temporary files and are removed where
all works, and exits with 1 if one fails.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = Path(tempfile.gettempdir()) / "safegrid-versions"
KINDS = ("lowest", "newest")


def pythons(first: str) -> list[str]:
    """The interpreters on the PATH that pyproject.toml allows, and those that pyenv has."""
    names = [f"python3.{minor}" for minor in range(11, 30)]
    found = [path for name in names if (path := shutil.which(name))]
    found += map(str, sorted(Path.home().glob(".pyenv/versions/3.*/bin/python")))
    versions = {}
    for path in [first, *found]:
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        run = subprocess.run([path, "-c", code], capture_output=True, text=True)
        minor = run.stdout.strip()
        if run.returncode == 0 and tuple(map(int, minor.split("."))) >= (3, 11):
            versions.setdefault(minor, path)
    return [versions[minor] for minor in sorted(versions, key=lambda text: int(text[2:]))]


def lowest(extras: list[str]) -> str:
    """Constraints that pin every dependency to its lower bound, where its marker applies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"]]
    wanted += [each for extra in extras for each in project["optional-dependencies"][extra]]
    lines = []
    for requirement in wanted:
        name, bound, marker = re.fullmatch(
            r"([\w-]+)(?:\[\w+\])?>=([\w.]+)[^;]*(;.*)?", requirement
        ).groups()
        lines.append(f"{name}=={bound}{marker or ''}\n")
    return "".join(lines)


def tried(python: str, kind: str, extras: list[str], wheel: Path) -> str | None:
    """Installs and tests in a new virtual environment; the last line of what failed, or None."""
    minor = subprocess.run(
        [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    folder = PLACE / f"{minor}-{kind}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "empty").mkdir(parents=True)
    (folder / "constraints.txt").write_text(lowest(extras) if kind == "lowest" else "")
    inner = str(folder / "venv" / "bin" / "python")
    install = [inner, "-m", "pip", "install", "--quiet", "-c", folder / "constraints.txt"]
    wanted = f"{wheel}[{','.join(extras)}]" if extras else wheel
    for name, command in (
        ("venv", [python, "-m", "venv", folder / "venv"]),
        ("install", [*install, wanted]),
        ("test", [inner, "-W", "error::DeprecationWarning:safegrid", ROOT / "tests" / "smoke.py"]),
    ):
        with (folder / f"{name}.log").open("w") as log:
            run = subprocess.run(command, cwd=folder / "empty", stdout=log, stderr=log)
        if run.returncode:
            lines = (folder / f"{name}.log").read_text().strip().splitlines() or [""]
            return f"{name}: {lines[-1]} (all of it in {log.name})"
    shutil.rmtree(folder)
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", nargs="*", help="interpreters; by default those at hand")
    parser.add_argument("--kind", nargs="*", choices=KINDS, default=KINDS)
    parser.add_argument("--extras", default="train,render,server")
    given = parser.parse_args()
    extras = [each for each in given.extras.split(",") if each]
    PLACE.mkdir(parents=True, exist_ok=True)
    for old in PLACE.glob("*.whl"):
        old.unlink()
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", PLACE, ROOT]
    subprocess.run(build, check=True)
    (wheel,) = PLACE.glob("*.whl")
    failed = False
    for python in given.python or pythons(sys.executable):
        for kind in given.kind:
            fault = tried(python, kind, extras, wheel)
            print(f"{python}, {kind}: {fault or 'works'}", flush=True)
            failed |= fault is not None
    sys.exit(failed)


if __name__ == "__main__":
    main()
