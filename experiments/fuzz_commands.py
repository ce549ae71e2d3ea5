"""Fuzzes the command line: every input must end with success or with one line that says why not.

    python experiments/fuzz_commands.py --count 100000

An input is a command with options made at random, or with a suite, card, map, option, setting, log,
replay, policy or result that was mutated. It must end with an exit code of 0, 1 or 2, within
PATIENCE seconds of CPU time, without a traceback, and with 2 only after one line.
Prints the inputs that did not and the number of inputs by kind and exit code; exits with 1 if there
was one. Commands that wait for a person or serve pages, and long trainings, are left out.
fuzz.py does the same with submissions to the leaderboard.
"""

import argparse
import io
import os
import random
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import typer
from fuzz import CARD, ODD, mutate

from safegrid.benchmark import suite
from safegrid.benchmark.results import write
from safegrid.cli import main as cli
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.lanes import Lanes
from safegrid.engine.model import Model

PATIENCE = 60  # CPU seconds that one input may take; compiling a Point task alone takes up to 20
KEPT = 50  # inputs between two cleanings of the folder
SUITE = """seeds = 2
episodes = 5
seconds = 10.0
agents = [
    { name = "q_learning", steps = 100, settings = { learning_rate = 0.1 } },
    { name = "ppo", settings = { lanes = 8 } },
]
environments = [{ name = "boat_race", levels = [0, "course"], options = { noop = true } }]
"""
LOG = '{"error": null, "seconds": 1.5, "steps": 100}\n{"error": "no", "seconds": 2, "steps": 1}\n'
ENVIRONMENTS = "boat_race hazard_goal off_switch_game shutdown_delay point_goal nowhere".split()
AGENTS = "q_learning uniform noop planner mona sac nobody".split()
NUMBERS = "0 1 2 -1 2147483648 999999999999999999999999 1.5 1e400 -1e-400 nan Infinity".split()
TEXTS = 'x course ü \udc80 [/] [] {} null true None {"a":{}} -- = ./x . a=0'.split()
TEXTS += ["", "a\nb", "x" * 300, "[" * 2000]
NAMES = "noop level map noise accuracy horizon hazards bandit gamma".split()
LEFT_OUT = {"play", "watch", "serve", "check"}  # for a person, for ever, or for a minute
LIMITED = {"bench": ["--dry-run"], "train": ["--steps", "1"], "solve": ["--horizon", "5"]}
SHARES = {"command": 1, "result": 1, "map": 2, "log": 4, "card": 4, "replay": 4, "policy": 4}
SHARES |= {"setting": 4, "suite": 8, "option": 8}
KINDS = [kind for kind, share in SHARES.items() for _ in range(share)]
VALUES = [*NUMBERS, *'true [] {} "" "x" [[1]] 1979-05-27 [0,-1]'.split(), "{ name = 1 }"]


class OutOfPatience(BaseException):
    """An input took longer than PATIENCE."""


def _stop(*_: Any) -> None:
    raise OutOfPatience


def run(arguments: list[str]) -> tuple[Any, str | None]:
    """The exit code of a command line, and what is wrong with how it ends, or None."""
    out, err, streams, given = io.StringIO(), io.StringIO(), (sys.stdout, sys.stderr), sys.argv
    sys.stdout, sys.stderr, sys.argv = out, err, ["safegrid", *arguments]
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    code: Any = 0
    try:
        cli.main()
    except SystemExit as error:
        code = error.code or 0
    except BaseException:
        return None, traceback.format_exc().strip()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        (sys.stdout, sys.stderr), sys.argv = streams, given
    said = [line for line in err.getvalue().splitlines() if line.startswith("safegrid: ")]
    if code not in (0, 1, 2):
        return code, f"exit code {code!r}"
    if "Traceback" in err.getvalue() or (code == 2 and len(said) != 1):
        return code, f"exit code {code} and {err.getvalue()!r}"
    return code, None


def step(name: str, options: dict[str, Any], dice: random.Random) -> tuple[Any, str | None]:
    """As `run`, for a few steps of an environment under options; 2 for a refusal."""
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        lanes = Lanes(make_dynamics(name, **options), 2)
        lanes.reset(np.arange(2, dtype=np.uint64))
        for _ in range(5):
            draws = np.random.default_rng(dice.randrange(2**32))
            lanes.step(lanes.dynamics.random_actions(draws, (2,)))
    except ValueError as error:
        return 2, f"more than a line: {error}" if "\n" in str(error) else None
    except BaseException:
        return None, traceback.format_exc().strip()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return 0, None


class Inputs:
    """Inputs of every kind, in a folder with a sound file of each form. dice: what is random."""

    def __init__(self, folder: Path, dice: random.Random):
        self.folder, self.dice = folder, dice
        cells = [suite.make_cell(name, "boat_race", episodes=2) for name in ("uniform", "planner")]
        for cell in cells:
            write(suite.run(cell), folder / "sound")
        self.results = sorted(path for path in (folder / "sound").rglob("*") if path.is_file())
        self.own = folder / "sound" / cells[0].path
        self.commands = dict(_commands(typer.main.get_command(cli.app)))

    def put(self, name: str, content: str | bytes) -> str:
        """The path of a file with mutated content."""
        path = self.folder / "given" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(mutate(data, self.dice) if self.dice.random() < 0.95 else data)
        return str(path)

    def text(self) -> str:
        """A text that may stand for a name, number, path or pair."""
        lists = (ENVIRONMENTS, AGENTS, NUMBERS, TEXTS, NAMES)
        word = self.dice.choice(self.dice.choice(lists))
        return f"{self.dice.choice(NAMES)}={word}" if self.dice.random() < 0.2 else word

    def command(self) -> tuple[Any, str | None]:
        """A command with some of its options, or with what it does not have."""
        name = self.dice.choice(list(self.commands))
        arguments = [*name.split()]
        for parameter in self.commands[name].params:
            argument = parameter.param_type_name == "argument"
            if self.dice.random() < (0.95 if argument else 0.3):
                arguments += [] if argument else [self.dice.choice(parameter.opts)]
                if argument or not parameter.is_flag:
                    arguments.append(self.guess(parameter.name))
        if self.dice.random() < 0.1:
            arguments.insert(self.dice.randrange(len(arguments) + 1), self.text())
        return run([*arguments, *LIMITED.get(name, [])])

    def guess(self, parameter: str) -> str:
        """A value of a parameter, often one that is allowed."""
        if self.dice.random() < 0.4:
            return self.text()
        likely = {
            "name": self.dice.choice(ENVIRONMENTS),
            "environment": self.dice.choice(ENVIRONMENTS),
            "agent": self.dice.choice(AGENTS),
            "results": str(self.folder / "sound"),
            "old": str(self.folder / "sound"),
            "new": str(self.folder / "sound"),
            "policy": str(self.own.with_suffix(".safetensors")),
            "source": str(self.own.with_suffix(".szr")),
            "settings": f"{self.dice.choice(NAMES)}={self.text()}",
            "options": f"{self.dice.choice(NAMES)}={self.text()}",
        }
        numbers = ("level", "seed", "episodes", "horizon", "reset_chance", "workers", "sample")
        if parameter in numbers:
            return self.dice.choice(NUMBERS)
        return likely.get(parameter, str(self.folder / "given" / f"out{self.dice.randrange(9)}"))

    def suite(self) -> tuple[Any, str | None]:
        """A suite: bytes changed, or one of its values exchanged."""
        text = SUITE
        if self.dice.random() < 0.5:
            old = self.dice.choice(
                ("2", "5", "10.0", '"q_learning"', "100", "0.1", '"course"', "8")
            )
            text = text.replace(f"= {old}", f"= {self.dice.choice(VALUES)}")
        path = self.put("suite.toml", text)
        return run(["bench", path, "--dry-run", "--results", str(self.folder / "none")])

    def log(self) -> tuple[Any, str | None]:
        """A log beside results."""
        place = self.own.relative_to(self.folder / "sound").with_suffix(".log")
        self.put(f"logs/{place}", LOG.replace("1.5", self.dice.choice(["1.5", *NUMBERS])))
        (self.folder / "suite.toml").write_text(SUITE)
        logs = str(self.folder / "given" / "logs")
        bench = ["bench", str(self.folder / "suite.toml"), "--dry-run", "--results", logs]
        report = ["report", logs, "--out", str(self.folder / "report")]
        return run(self.dice.choice((bench, report)))

    def result(self) -> tuple[Any, str | None]:
        """A result, or a file beside one."""
        path = self.dice.choice(self.results)
        content = path.read_bytes()
        path.write_bytes(mutate(content, self.dice))
        given, sound = str(path.parents[3]), str(self.folder / "sound")
        try:
            command = self.dice.choice((["compare", given, sound], ["report", given, "--out"]))
            return run([*command, str(self.folder / "report")][: 3 + (command[0] == "report")])
        finally:
            path.write_bytes(content)

    def card(self) -> tuple[Any, str | None]:
        """The card of an agent."""
        arguments = ["leaderboard", "submit", str(self.folder / "sound")]
        card = self.put("card.toml", CARD.replace('"1"', self.dice.choice(VALUES)))
        board = str(self.folder / "given" / "board")
        return run([*arguments, "--agent-card", card, "--board", board])

    def replay(self) -> tuple[Any, str | None]:
        """The replay of episodes."""
        path = self.put("0.szr", self.own.with_suffix(".szr").read_bytes())
        return run(["record", path, "--out", str(self.folder / "replay.png")])

    def policy(self) -> tuple[Any, str | None]:
        """A policy."""
        path = self.put("p.safetensors", self.own.with_suffix(".safetensors").read_bytes())
        return run(["evaluate", path, "--episodes", self.dice.choice(["1", *NUMBERS[3:]])])

    def map(self) -> tuple[Any, str | None]:
        """A map of some environment, with its characters or bytes changed."""
        name = self.dice.choice(registry.grids())
        level = self.dice.choice(list(registry.environment(name).levels))
        model = Model(name, level)
        text = list(model.text(model.reset(0)).strip("\n"))
        for _ in range(self.dice.choice((1, 2, 8))):
            text[self.dice.randrange(len(text))] = self.dice.choice(
                [*model.dynamics.tiles, "\n", "ü"]
            )
        drawn = "".join(text)
        given = Path(self.put("map.txt", drawn)) if self.dice.random() < 0.5 else drawn
        return step(name, {"level": level, "map": given}, self.dice)

    def option(self) -> tuple[Any, str | None]:
        """Options of an environment, with values of all types."""
        name = self.dice.choice(registry.names())
        known = [*registry.environment(name).options, "level", "noop", "map", "absent"]
        values = [*ODD, 0, 1, 1.0, 2, 0.0, np.int64(1), np.float32("nan"), "0", b"x", object, 2**31]
        options = {key: self.dice.choice(values) for key in self.dice.sample(known, 2)}
        return step(name, options, self.dice)

    def setting(self) -> tuple[Any, str | None]:
        """Settings of an agent that learns a table."""
        agent = self.dice.choice(("q_learning", "sarsa", "mona", "attainable_utility", "ppo_pid"))
        key = self.dice.choice([*registry.agent(agent).settings, "absent"])
        arguments = ["train", agent, self.dice.choice(ENVIRONMENTS), "--steps", "1"]
        arguments += ["--out", str(self.folder / "p.safetensors")]
        return run([*arguments, "--set", f"{key}={self.dice.choice([*NUMBERS, *TEXTS])}"])


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The commands by their words."""
    for name, each in command.commands.items():
        if hasattr(each, "commands"):
            yield from _commands(each, (*path, name))
        elif name not in LEFT_OUT:
            yield " ".join((*path, name)), each


def fuzz(count: int, seed: int, folder: Path) -> tuple[Counter[tuple[str, Any]], list[str]]:
    """The number of inputs by kind and exit code, and what went wrong."""
    os.chdir(folder)
    os.environ["SAFEGRID_KEY"] = str(folder / "verifier.key")
    inputs, found, faults = Inputs(folder, random.Random(seed)), Counter[tuple[str, Any]](), []
    signal.signal(signal.SIGPROF, _stop)
    built: Any = typer.main.get_command(cli.app)
    cli.app = built  # once, not for every input
    for number in range(count):
        if number % KEPT == 0:
            shutil.rmtree(folder / "given", ignore_errors=True)
        kind = KINDS[number % len(KINDS)]
        code, fault = getattr(inputs, kind)()
        found[kind, code] += 1
        if fault is not None:
            faults.append(f"{kind}, seed {seed}, input {number}: {fault}")
            print(faults[-1], flush=True)
    return found, faults


def main() -> int:
    """Fuzzes all commands; prints how many inputs ended with each exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000, help="inputs of all kinds together")
    parser.add_argument("--seed", type=int, default=0, help="of the inputs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found, faults = fuzz(arguments.count, arguments.seed, Path(folder).resolve())
        os.chdir("/")
    for (kind, code), count in sorted(found.items(), key=str):
        print(f"{kind:10} exit code {code}: {count:8,}")
    print(f"{found.total():,} inputs, {len(faults) or 'no'} fault{'s' * (len(faults) > 1)}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
