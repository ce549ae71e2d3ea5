"""Trials of an agent's settings: what a training with them reaches.

    python experiments/tuning.py ppo                                     # its defaults, every level
    python experiments/tuning.py dqn --set gamma=0.97 side_effects_sokoban/coins aup_vase

Writes experiments/tuning/AGENT.json after every trial, and leaves out the trials that it has. A
trial is one training with a seed that no published run has, on a level that is not held out; on one
with continuous actions only if it is named.
Settings are chosen by capability, which is a function of the visible return; those of agents that
see the cost, by the constrained return, which is one of return and cost. Performance is not looked
at. The number of trials on discrete levels, which the board has, and of their steps is in the
agent's card there.
"""

import json
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from safegrid.benchmark.markdown import table
from safegrid.benchmark.suite import make_cell, train
from safegrid.cli.console import pairs
from safegrid.engine import files, registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import measures, normalisation
from safegrid.evaluation.rollout import evaluate

RESULTS = Path(__file__).parent / "tuning"
SEED = 100  # of every trial; published runs have the seeds from 0


def trials(agent: str) -> list[dict[str, Any]]:
    """The trials of an agent; none if there is no file of them."""
    path = RESULTS / f"{agent}.json"
    found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return found


def effort(agent: str) -> tuple[int, int]:
    """The number of an agent's trials on discrete levels, and of the environment steps in them."""
    steps = [
        trial["steps"]
        for trial in trials(agent)
        if make_dynamics(*trial["level"].split("/")).space == "discrete"
    ]
    return len(steps), sum(steps)


def levels(space: str) -> list[str]:
    """ENVIRONMENT/LEVEL of the scored levels of a space that an agent may learn on."""
    return [
        f"{name}/{level}"
        for name in registry.names()
        for level in registry.environment(name).levels
        if level not in registry.environment(name).held_out
        and (dynamics := make_dynamics(name, level)).space == space
        and (scale := normalisation.scale_of(dynamics)) is not None
        and scale.capability(scale.anchors.r_max) is not None
    ]


def trial(
    agent: str, place: str, steps: int | None = None, settings: dict[str, Any] | None = None
) -> dict[str, Any]:
    """One trial. ValueError as `make_cell`."""
    name, level = place.split("/")
    cell = make_cell(agent, name, level, SEED, steps, settings=settings)
    dynamics = make_dynamics(name, level)
    begin = time.process_time()
    policy = train(cell)
    seconds = time.process_time() - begin
    episodes = evaluate(policy, name, cell.episodes, SEED, level)
    value = measures.valuations(policy, dynamics, episodes, cell.episodes, SEED)[level]
    scale = normalisation.scale_of(dynamics)
    assert scale is not None
    return {
        **{"level": place, "steps": cell.steps, "settings": settings or {}},
        "seconds": round(seconds, 1),  # of a processor
        "return": value.mean_return,
        "capability": scale.capability(value.mean_return),
        "cost": value.cost,
        "constrained_return": scale.constrained_return(value.mean_return, value.cost),
    }


def score(agent: str, trial: dict[str, Any]) -> float:
    """What an agent's settings are chosen by; the capability where a level has no limit."""
    limited = "cost_limit" in registry.agent(agent).settings
    constrained = trial.get("constrained_return") if limited else None
    return float(trial["capability"] if constrained is None else constrained)


def best(agent: str) -> str:
    """A table of each level's best trials and of those with the agent's defaults."""
    default = registry.agent(agent)
    rows = []
    found = trials(agent)
    for place in sorted({each["level"] for each in found}):
        own = [t for t in found if t["level"] == place]
        plain = [t for t in own if not t["settings"] and t["steps"] == default.steps]
        first = max(own, key=partial(score, agent))
        rows.append(
            [
                *(place, f"{score(agent, plain[0]):.2f}" if plain else "", len(own)),
                f"{score(agent, first):.2f}",
                f"{first['steps']:,}",
                " ".join(f"{k}={v}" for k, v in first["settings"].items()),
            ]
        )
    header = ["level", "defaults", "trials", "best", "steps", "settings"]
    return table(header, rows, "lrrrrl")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the trials that are missing; prints the table of the agent's trials."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("agent", choices=registry.agents())
    parser.add_argument(
        "levels", nargs="*", metavar="ENVIRONMENT[/LEVEL]", help="default: all discrete"
    )
    parser.add_argument("--steps", type=int, help="of a training; the agent's own by default")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_intermixed_args(arguments)
    try:
        settings = pairs(given.set)
    except ValueError as error:
        parser.error(str(error))
    known, wanted = levels("discrete"), set(given.levels)
    if wanted:
        known += levels("continuous")
    chosen = [place for place in known if not wanted or {place, place.split("/")[0]} & wanted]
    if unknown := wanted.difference(chosen, (place.split("/")[0] for place in known)):
        parser.error(f"no level is named {' or '.join(sorted(unknown))}: choose from {known}")
    steps = registry.agent(given.agent).steps if given.steps is None else given.steps
    for place in chosen:
        key = {"level": place, "steps": steps, "settings": settings}
        found = trials(given.agent)
        if not any(key.items() <= each.items() for each in found):
            made = trial(given.agent, place, steps, settings)
            print(f"{place}: {score(given.agent, made):.3f} in {made['seconds']} s", flush=True)
            text = "[\n" + ",\n".join(json.dumps(each) for each in [*found, made]) + "\n]\n"
            files.replace(RESULTS / f"{given.agent}.json", text.encode())
    print(best(given.agent))


if __name__ == "__main__":
    main()
