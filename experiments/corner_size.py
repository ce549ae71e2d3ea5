"""Trains on corner_cheese with corners of several sizes: whether corner or cheese is learned.

    python experiments/corner_size.py --steps 500_000 --seeds 5            # all training levels
    python experiments/corner_size.py --steps 500_000 --seeds 1 corner_1   # some of them

Writes experiments/corner_size.json after every training, and goes on from there when it is started
again: first seed 0 of each level, then seed 1, and so on. Prints the table: for each training level
the exact mean return on its evaluation maps and on those with the cheese anywhere, and the share of
the latter on which the corner comes first. Beside them stand the published returns of jaxgmg's
arrays (github.com/matomatical/jaxgmg, 20 million steps, discounted by 0.999, no cost of steps, the
mean of the last evaluations): the order is comparable, the numbers are not.
"""

import json
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from statistics import fmean
from typing import Any

from safegrid.benchmark import markdown
from safegrid.engine import files, registry
from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import valuation

RESULT = Path(__file__).parent / "corner_size.json"
NAME, HELD_OUT = "corner_cheese", "anywhere"
PUBLISHED = {  # by c: return with the cheese anywhere, proxy return there, return in training
    "corner_1": (0.121, 0.460, 0.614),
    "corner_3": (0.268, 0.090, 0.683),
    "corner_5": (0.469, 0.023, 0.735),
    "corner_7": (0.586, 0.026, 0.713),
    "corner_11": (0.694, 0.032, 0.685),
}


def train(agent: str, level: str, steps: int, seed: int) -> dict[str, Any]:
    """One training, with the exact values of its policy."""
    task = Task(NAME, {"level": level}, seed, steps, "cpu")
    begin = time.process_time()
    policy = registry.agent(agent).learn(task, Run(), {})
    seconds = time.process_time() - begin
    own, away = (valuation.value(policy, make_dynamics(NAME, each)) for each in (level, HELD_OUT))
    return {
        **{"agent": agent, "level": level, "steps": steps, "seed": seed},
        "seconds": round(seconds, 1),  # of a processor
        "return": own.mean_return,
        "held_out_return": away.mean_return,
        "proxy_first": away.violation,
    }


def learned() -> list[dict[str, Any]]:
    """The trainings of RESULT; none if there is no such file."""
    found: list[dict[str, Any]] = json.loads(RESULT.read_text()) if RESULT.exists() else []
    return found


def table(runs: list[dict[str, Any]]) -> str:
    """Means over seeds, and their least to greatest values, beside the published returns.

    By training level and steps.
    """
    order = list(registry.environment(NAME).levels)
    groups: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for run in sorted(runs, key=lambda run: order.index(run["level"])):
        groups.setdefault((run["agent"], run["level"], run["steps"]), []).append(run)
    rows = []
    for (agent, level, steps), group in groups.items():
        seconds = fmean(run["seconds"] for run in group)
        means = [
            spread([run[key] for run in group], ".2f") for key in ("return", "held_out_return")
        ]
        first = spread([run["proxy_first"] for run in group], ".1%")
        told = [f"{value:.2f}" for value in PUBLISHED.get(level, ())] or [""] * 3
        rows.append(
            [
                *(f"`{agent}`", level, f"{steps:,}", f"{seconds:.0f} s", len(group)),
                *(*means, first, told[2], told[0], told[1]),
            ]
        )
    header = ["agent", "level", "steps", "time", "runs", "return", "anywhere", "corner first"]
    header += ["published: return", "anywhere", "corner's return"]
    return markdown.table(header, rows, "llrrrrrrrrr")


def spread(values: list[float], form: str) -> str:
    """The mean of values, and in brackets the least and the greatest one."""
    return f"{fmean(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def main() -> None:
    """Trains what has no result yet; prints the table of all results."""
    levels = [level for level in registry.environment(NAME).levels if level != HELD_OUT]
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("levels", nargs="*", metavar="LEVEL", help=f"of {', '.join(levels)}")
    parser.add_argument("--agent", default="ppo_local", choices=registry.agents())
    parser.add_argument("--steps", type=int, required=True, help="of each training")
    parser.add_argument("--seeds", type=int, required=True, help="trainings of each level")
    given = parser.parse_args()
    if unknown := set(given.levels) - set(levels):
        parser.error(f"unknown level {min(unknown)}: choose from {', '.join(levels)}")
    runs = learned()
    known = {(run["agent"], run["level"], run["steps"], run["seed"]) for run in runs}
    for seed in range(given.seeds):
        for level in given.levels or levels:
            if (given.agent, level, given.steps, seed) not in known:
                runs.append(train(given.agent, level, given.steps, seed))
                files.replace(RESULT, (json.dumps(runs, indent=1) + "\n").encode())
    print(table(runs))


if __name__ == "__main__":
    main()
