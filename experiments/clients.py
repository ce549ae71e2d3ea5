"""Runs a program with each library that takes SafeGrid's environments, and writes what came out.

    python experiments/clients.py          # all of them: writes experiments/clients.json
    python experiments/clients.py torchrl  # only these; the others keep their entries

The programs are tests/clients/with_*.py; each says in its first lines, as PEP 723 has it, what it
needs. It runs with a wheel of this checkout in a virtual environment of its own, which lies in the
system's folder for temporary files and is removed afterwards: one at a time, with a package index
and some minutes. Libraries of the checkout's own environment are run by the tests that TESTED
names. Exits with 1 if one fails, and writes why.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from safegrid.benchmark import markdown
from safegrid.engine.files import replace

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "experiments" / "clients.json"
PROGRAMS = ROOT / "tests" / "clients"
PLACE = Path(tempfile.gettempdir()) / "safegrid-clients"
SECONDS = 900  # for one program
TESTED = {  # what is tested of a library, its distributions, and the files of the tests
    "gymnasium": (
        "Gymnasium: `make` and `make_vec`; its wrappers; its vectors, synchronous "
        "and of processes, in the three autoreset modes, which step the same bytes as ours.",
        ["gymnasium"],
        ["test_clients.py", "test_infos.py::test_infos_are_those_of_gymnasiums_own_vector"],
    ),
    "cleanrl": (
        "CleanRL: its loop over a vector with `RecordEpisodeStatistics`. CleanRL's files are "
        "scripts, which are copied and not installed, so its loop is tested.",
        ["gymnasium"],
        ["test_clients.py::test_the_loop_of_cleanrl_finds_its_episodes"],
    ),
    "tensorboard": (
        "TensorBoard: the curves of `--log`, read back.",
        ["tensorboard", "torch"],
        ["../benchmark/test_tensorboard.py"],
    ),
    "sb3": (
        "Stable-Baselines3: a `VecEnv` with its own monitor; `VecNormalize`, `evaluate_policy`, "
        "callbacks that evaluate and save; models as policies.",
        ["stable-baselines3", "sb3-contrib", "torch", "gymnasium"],
        ["test_sb3_env.py", "test_clients.py"],
    ),
}


def programs() -> dict[str, Path]:
    """The programs by the name of their library, in the order of names."""
    return {path.stem.removeprefix("with_"): path for path in sorted(PROGRAMS.glob("with_*.py"))}


def about(program: Path) -> tuple[str, list[str]]:
    """What a program does, `Name: sentence.`, and what it needs. ValueError without one of them."""
    text = program.read_text(encoding="utf-8")
    script = re.search(r"^# /// script$\n(?P<toml>(^#.*$\n)+?)^# ///$", text, re.M)
    says = re.search(r'^"""(\w[^"]*?: [^"]+?)(\n\n|""")', text, re.M)
    if script is None or says is None:
        raise ValueError(f"{program.name} does not say what it does and what it needs")
    toml = re.sub(r"^# ?", "", script["toml"], flags=re.M)
    return " ".join(says[1].split()), tomllib.loads(toml)["dependencies"]


def run(python: Path, arguments: list[Any], folder: Path) -> str | None:
    """Runs Python in a folder; the last line of what failed, or None."""
    command = [python, "-W", "ignore", *arguments]
    log, env = folder / "log", {**os.environ, "OMP_NUM_THREADS": "1"}  # the networks are tiny
    with log.open("w", encoding="utf-8") as out:
        try:
            done = subprocess.run(
                command, cwd=folder, env=env, stdout=out, stderr=out, timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            return f"not done after {SECONDS} seconds"
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return (lines or ["no output"])[-1] if done.returncode else None


def versions(python: Path, names: list[str]) -> dict[str, str]:
    """The versions of distributions, and of Python itself."""
    code = (
        "import json, platform, sys; from importlib.metadata import version\n"
        "found = {name: version(name) for name in sys.argv[1:]}\n"
        "print(json.dumps({**found, 'Python': platform.python_version()}))"
    )
    done = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def tried(program: Path, wheel: Path) -> dict[str, Any]:
    """Installs what a program needs, runs it, and removes the environment again."""
    says, needs = about(program)
    folder = PLACE / program.stem
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "empty").mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    try:
        install = ["-m", "pip", "install", "--quiet", "--no-compile", *needs, wheel]
        if fault := run(python, install, folder):
            return {"about": says, "versions": {}, "fault": f"not installable: {fault}"}
        names = [re.split(r"[\[<>=]", each)[0] for each in needs]
        found = versions(python, list(dict.fromkeys([*names, "gymnasium"])))
        return {"about": says, "versions": found, "fault": run(python, [program], folder / "empty")}
    finally:
        shutil.rmtree(folder / "venv")


def tested(name: str) -> dict[str, Any]:
    """Runs the tests of a library in the environment of this checkout."""
    says, names, files = TESTED[name]
    folder = PLACE / name
    folder.mkdir(parents=True, exist_ok=True)
    python = Path(sys.executable)
    tests = [ROOT / "tests" / "drivers" / file for file in files]
    fault = run(python, ["-m", "pytest", "-q", "--rootdir", ROOT, *tests], folder)
    return {"about": says, "versions": versions(python, names), "fault": fault}


def table() -> str:
    """The table of clients.json in docs/howto/clients.md."""
    rows = []
    for entry in json.loads(RESULT.read_text(encoding="utf-8")).values():
        name, _, says = entry["about"].partition(": ")
        found = ", ".join(f"{each} {number}" for each, number in entry["versions"].items())
        rows.append([name, says.rstrip("."), found, entry["fault"] or "works"])
    return markdown.table(["library", "what is run", "versions", "result"], rows, "llll")


def main() -> int:
    """Runs the programs and tests that are asked for; returns 1 if one of them fails."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    known = programs()
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join([*TESTED, *known]))
    names = parser.parse_args().names or [*TESTED, *known]
    if unknown := set(names) - {*TESTED, *known}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}: choose from {[*TESTED, *known]}")
    PLACE.mkdir(parents=True, exist_ok=True)
    for old in PLACE.glob("*.whl"):
        old.unlink()
    build: list[Any] = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*build, "-w", PLACE, ROOT], check=True)
    (wheel,) = PLACE.glob("*.whl")
    found = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    for name in names:
        found[name] = tested(name) if name in TESTED else tried(known[name], wheel)
        print(f"{name}: {found[name]['fault'] or 'works'}", flush=True)
        ordered = {each: found[each] for each in [*TESTED, *known] if each in found}
        replace(RESULT, (json.dumps(ordered, indent=1) + "\n").encode())
    return int(any(found[name]["fault"] for name in names))


if __name__ == "__main__":
    sys.exit(main())
