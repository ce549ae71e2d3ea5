"""Tables for docs of the summaries that experiments/sampled.py writes."""

import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from findings import marked

from safegrid.benchmark import markdown
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import intervals, normalisation
from safegrid.evaluation.few_valued import OPEN, Limits
from safegrid.evaluation.intervals import SCORES, Interval
from safegrid.solver import anchors

SAMPLED = Path(__file__).parent / "results" / "sampled"
PUBLISHED = {  # return and cost, mean ± deviation: omnisafe, docs/source/benchmark, on-policy
    ("point_goal", "1", "ppo", 10_000_000): "25.4 ± 5.4, 55.7 ± 35.6",
    ("point_goal", "1", "ppo_lagrangian", 10_000_000): "13.0 ± 7.0, 25.8 ± 35.0",
    ("point_goal", "1", "trpo_lagrangian", 10_000_000): "18.5 ± 3.8, 23.0 ± 8.4",
    ("point_goal", "1", "cpo", 10_000_000): "20.5 ± 1.4, 28.8 ± 7.8",
}
AMOUNTS: dict[str, tuple[Limits, int]] = {  # of a run: their limits, and digits in a table
    "return": (OPEN, 1),
    "cost": ((0.0, math.inf), 1),
    "capability": (SCORES, 2),
    "constrained return": (SCORES, 2),
}
Key = tuple[str, str, str, int]


def groups(*suites: str) -> dict[Key, list[dict[str, Any]]]:
    """The runs of suites by task, level, agent and steps."""
    found: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    for suite in suites:
        path = SAMPLED / f"{suite}.json"
        for run in json.loads(path.read_text()).values() if path.exists() else ():
            found[run["environment"], run["level"], run["agent"], run["steps"]].append(run)
    return dict(sorted(found.items()))


def benchmark() -> str:
    """The table of the Point suites: means over runs with intervals, and published numbers."""
    header = ["task", "agent", "steps", "runs", "return", "cost", "limit kept by", "minutes"]
    rows = [
        [
            *(f"`{key[0]}` {key[1]}", f"`{key[2]}`", f"{key[3]:,}", len(runs)),
            *told(runs, "return", "cost"),
            *(sum(map(within, runs)), minutes(runs), PUBLISHED.get(key, "")),
        ]
        for key, runs in groups("point", "point_goal", "point_short", "point_trust").items()
    ]
    return markdown.table([*header, "published"], rows, "llrrrrrrl")


def core() -> str:
    """The table of the suite core_continuous: means over runs with intervals, and scores."""
    rows = [
        [
            *(f"`{name}` {level}", marked(agent), len(runs)),
            *told(runs, *AMOUNTS),
            *(sum(map(within, runs)), minutes(runs)),
        ]
        for (name, level, agent, _), runs in groups("core_continuous").items()
    ]
    header = ["task", "agent", "runs", *AMOUNTS, "limit kept by", "minutes"]
    return markdown.table(header, rows, "llrrrrrrr")


def core_agents() -> str:
    """The table of the agents of core_continuous over all tasks, the best first."""
    of: dict[str, list[list[dict[str, Any]]]] = defaultdict(list)
    for (_, _, agent, _), runs in groups("core_continuous").items():
        of[agent].append(runs)
    scores = {agent: mean(tasks, "constrained return") for agent, tasks in of.items()}
    rows = []
    for agent, score in sorted(scores.items(), key=lambda each: -each[1].mean):
        runs = [run for task in of[agent] for run in task]
        hours = sum(run["seconds"] for run in runs) / 3600
        steps = sum(run["steps"] for run in runs) / 1e6
        rows.append(
            [
                *(marked(agent), len(of[agent]), len(runs), score.text(2)),
                *(f"{sum(map(within, runs))} of {len(runs)}", f"{steps:,.0f} M", f"{hours:.1f}"),
            ]
        )
    header = ["agent", "tasks", "runs", "mean constrained return", "limit kept by"]
    return markdown.table([*header, "training steps", "core hours"], rows, "lrrrrrr")


def told(runs: list[dict[str, Any]], *amounts: str) -> list[str]:
    """The means of some of AMOUNTS over runs of one task as text, with their intervals."""
    return [mean([runs], amount).text(AMOUNTS[amount][1]) for amount in amounts]


def mean(tasks: list[list[dict[str, Any]]], amount: str) -> Interval:
    """The mean of one of AMOUNTS over tasks, which count equally, and their runs."""
    columns = [[value(run, amount) for run in runs] for runs in tasks]
    trained = any(run["steps"] for runs in tasks for run in runs)
    return intervals.mean(columns, limits=AMOUNTS[amount][0], fixed=not trained)


def value(run: dict[str, Any], amount: str) -> float:
    """One of AMOUNTS of a run: a mean over its episodes, or a score of such means."""
    if amount in run:
        return float(run[amount][0])
    scale = normalisation.scale_of(make_dynamics(run["environment"], run["level"]))
    assert scale is not None
    total, cost = run["return"][0], run["cost"][0]
    single = amount == "capability"
    score = scale.capability(total) if single else scale.constrained_return(total, cost)
    assert score is not None
    return score


def within(run: dict[str, Any]) -> bool:
    """Whether the mean cost of a run keeps its task's limit."""
    limit = registry.environment(run["environment"]).cost_limit or 0.0
    return normalisation.kept(run["cost"][0], limit)


def minutes(runs: list[dict[str, Any]]) -> str:
    """The minutes that the fastest run took."""
    return f"{min(run['seconds'] for run in runs) / 60:.1f}"


def known() -> str:
    """The table of reference anchors: uniform play, scripted policies, and the best policies."""
    shown = ("uniform", "scripted_safe", "scripted_hack")
    header = ["task", "uniform", "scripted (safe)", "scripted (hack)", "best return"]
    header += ["best performance", "best return within the limit"]
    rows = []
    for key, entry in anchors.read_store().items():
        if entry["kind"] != "reference":
            continue
        policies = entry["policies"]
        limit = registry.environment(key.partition("/")[0]).cost_limit or 0.0
        safe = [policy for policy in policies if normalisation.kept(policy["cost"][0], limit)]
        best = [
            max(policies, key=lambda policy: policy["return"]),
            max(policies, key=lambda policy: policy["performance"]),
            max(safe, key=lambda policy: policy["return"]),
        ]
        cells = [_told(next(p for p in policies if p["agent"] == agent)) for agent in shown]
        cells += [f"`{p['agent']}`" + f": {_told(p)}" * (p["agent"] not in shown) for p in best]
        rows.append([f"`{key}`", *cells])
    return markdown.table(header, rows, "lllllll")


def _told(policy: dict[str, Any]) -> str:
    """Return, performance and cost of a policy as text, each with half its interval."""
    return ", ".join(
        f"{mean:z.1f}" + (f" ± {(high - low) / 2:.1f}" if high is not None else "")
        for mean, low, high in (policy[what] for what in ("return", "performance", "cost"))
    )
