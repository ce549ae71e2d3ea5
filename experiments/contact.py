"""Compares contacts, costs and returns of the Point tasks with recorded episodes of the original.

    python experiments/contact.py  # writes experiments/contact.json

The robot's yaw rate is chaotic, so that a whole episode cannot be reproduced. Instead, a window of
50 steps starts from the recorded state every 25 steps and takes the recorded actions; a goal that
is reached is replaced by the recorded next one. `spread` is the standard deviation of the sum over
all windows under perturbations of 1e-9 rad/s; `error` is the standard error, over episodes, of the
difference from the original. The episodes of `chase` have more contacts
(tests/golden/record_point.py); the other policies are those of Safety-Gymnasium's golden traces.
"""

import gzip
import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid import Model
from safegrid.benchmark import markdown
from safegrid.engine import kernels
from safegrid.engine.gridworld import OUTCOME

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "experiments" / "contact.json"
WINDOW, KICKS, KICK = 50, 4, 1e-9  # steps, copies of a window, rad/s
TOTALS = ("return", "goals", "cost")

Totals = dict[str, NDArray[np.float64]]
model = cache(Model)


def episodes() -> Iterator[dict[str, Any]]:
    """The recorded episodes (see tests/golden/make_episodes.py)."""
    with gzip.open(ROOT / "tests" / "golden" / "episodes.jsonl.gz", "rt") as lines:
        yield from map(json.loads, lines)


def recorded(episode: dict[str, Any], steps: range, kinds: tuple[str, ...]) -> Totals:
    """The totals of a window in the original."""
    costs = np.zeros((len(kinds), len(steps)), np.bool_)
    for k, kind in enumerate(kinds):
        shown = episode["costs"].get(kind)
        costs[k] = [bool(shown) and shown[t] == "1" for t in steps]
    found = {
        "return": sum(episode["rewards"][t] for t in steps),
        "goals": sum(t in steps for t, _, _ in episode["goals"]),
        "cost": costs.any(axis=0).sum(),
        **dict(zip(kinds, costs.sum(axis=1), strict=True)),
    }
    return {key: np.array(value, np.float64) for key, value in found.items()}


def played(episode: dict[str, Any], steps: range, task: Model, kinds: tuple[str, ...]) -> Totals:
    """The totals of the same window in SafeGrid, for each of the perturbed copies."""
    random, dynamics = np.random.default_rng(steps[0]), task.dynamics
    states = np.zeros(KICKS, dynamics.state_type)
    states[:] = task.state(**episode["fixed"], **episode["starts"][str(steps[0])])._record
    states["pose"][:, 5] += KICK * random.normal(size=KICKS)
    later = [goal for goal in episode["goals"] if goal[0] >= steps[0]]
    outcomes, met = np.zeros(KICKS, OUTCOME), np.zeros(KICKS, np.int64)
    found = {key: np.zeros(KICKS) for key in (*TOTALS, *kinds)}
    advance, buttons = dynamics.compiled(kernels.step_states), "rest" in states.dtype.names
    for t in steps:
        goals, chances = states["goal"].copy(), random.integers(0, 2**62, KICKS)
        actions = np.tile(np.clip(episode["actions"][t], -1, 1), (KICKS, 1))
        advance(states, dynamics.level, actions, chances, outcomes)
        new = states["rest"] == 10 if buttons else (states["goal"] != goals).any(axis=1)
        for copy in np.flatnonzero(new):
            if met[copy] < len(later):
                _, states["goal"][copy], lit = later[met[copy]]
                if buttons:
                    states["lit"][copy] = lit
        met += new
        found["goals"] += new
        found["return"] += outcomes["reward"]
        found["cost"] += outcomes["cost"]
        for k, kind in enumerate(kinds):
            found[kind] += outcomes["kinds"] >> k & 1
    return found


def compared(episode: dict[str, Any], name: str) -> dict[str, NDArray[np.float64]]:
    """Steps, and for each total the sums over windows: recorded, ours, and the variance of ours."""
    task, end = model(name, episode["task"][-1]), len(episode["actions"])
    kinds = task.dynamics.spec.costs
    sums = {key: np.zeros(3) for key in ("steps", *TOTALS, *kinds)}
    for begin in map(int, episode["starts"]):
        steps = range(begin, min(begin + WINDOW, end))
        theirs, ours = recorded(episode, steps, kinds), played(episode, steps, task, kinds)
        sums["steps"] += len(steps)
        for key, copies in ours.items():
            sums[key] += theirs[key], copies.mean(), copies.var(ddof=1)
    return sums


def rates(episodes: list[dict[str, NDArray[np.float64]]]) -> dict[str, Any]:
    """For each total, per 1,000 steps: recorded, ours, spread and error."""
    steps = sum(episode["steps"][0] for episode in episodes)
    row: dict[str, Any] = {"episodes": len(episodes)}
    for key in episodes[0]:
        if key == "steps":
            continue
        sums = np.array([episode[key] for episode in episodes])
        theirs, ours, variance = sums.sum(axis=0)
        error = (sums[:, 1] - sums[:, 0]).std(ddof=1) * len(sums) ** 0.5 if len(sums) > 1 else None
        numbers = {"recorded": theirs, "ours": ours, "spread": variance**0.5, "error": error}
        row[key] = {
            name: None if number is None else round(1000 * number / steps, 3)
            for name, number in numbers.items()
        }
    return row


def compare(family: str = "", name: str = "") -> dict[str, dict[str, Any]]:
    """The rates by task and policy.

    family: only tasks whose name begins with it
    name: the environment to simulate in, if not that of the task
    """
    groups: dict[str, list[dict[str, NDArray[np.float64]]]] = {}
    for episode in episodes():
        if episode["task"].startswith(family):
            sums = compared(episode, name or f"point_{episode['task'][:-1].lower()}")
            groups.setdefault(f"{episode['task']} {episode['policy']}", []).append(sums)
    return {key: rates(groups[key]) for key in sorted(groups)}


def table() -> str:
    """The table of contact.json in docs/fidelity.md."""
    header = ["task", "policy", "episodes", "cost", "goals", "return", "by kind of cost"]
    rows = []
    for key, row in json.loads(RESULT.read_text(encoding="utf-8")).items():
        cells = {
            name: f"{rate['recorded']:z.1f} / {rate['ours']:z.1f} ± {rate['spread']:.1f}"
            for name, rate in row.items()
            if name != "episodes" and (rate["recorded"] or rate["ours"])
        }
        shown = [cells.pop(name, "0 / 0") for name in ("cost", "goals", "return")]
        kinds = ", ".join(f"{name} {cell}" for name, cell in cells.items())
        rows.append([*key.split(), row["episodes"], *shown, kinds])
    return markdown.table(header, rows, "llrrrrl")


def main() -> None:
    """Compares all recorded episodes and writes contact.json."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.parse_args()
    RESULT.write_text(json.dumps(compare(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
