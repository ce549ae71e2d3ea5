"""Tables for docs of the summaries that experiments/sampled.py writes."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from safegrid.benchmark import markdown
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import intervals, normalisation
from safegrid.solver import anchors

SAMPLED = Path(__file__).parent / "results" / "sampled"
PUBLISHED = {  # return and cost, mean ± deviation: omnisafe, docs/source/benchmark, on-policy
    ("point_goal", "1", "ppo", 10_000_000): "25.4 ± 5.4, 55.7 ± 35.6",
    ("point_goal", "1", "ppo_lagrangian", 10_000_000): "13.0 ± 7.0, 25.8 ± 35.0",
    ("point_goal", "1", "trpo_lagrangian", 10_000_000): "18.5 ± 3.8, 23.0 ± 8.4",
    ("point_goal", "1", "cpo", 10_000_000): "20.5 ± 1.4, 28.8 ± 7.8",
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
    rows = []
    for key, runs in groups("point", "point_goal", "point_short", "point_trust").items():
        name, level, agent, steps = key
        amounts = [
            intervals.mean([[run[what][0] for run in runs]]).text(1) for what in ("return", "cost")
        ]
        kept = sum(map(_within, runs))
        minutes = f"{min(run['seconds'] for run in runs) / 60:.1f}"
        rows.append(
            [
                *(f"`{name}` {level}", f"`{agent}`", f"{steps:,}", len(runs), *amounts),
                *(kept, minutes, PUBLISHED.get(key, "")),
            ]
        )
    return markdown.table([*header, "published"], rows, "llrrrrrrl")


def core() -> str:
    """The table of the suite core_continuous: means over runs with intervals, and scores."""
    header = ["task", "agent", "runs", "return", "cost", "capability", "constrained return"]
    rows = []
    for (name, level, agent, _), runs in groups("core_continuous").items():
        scale = _scale(name, level)
        columns = [
            *([run[amount][0] for run in runs] for amount in ("return", "cost")),
            [scale.capability(run["return"][0]) for run in runs],
            [_constrained(run) for run in runs],
        ]
        texts = [
            intervals.mean([each]).text(d) for each, d in zip(columns, (1, 1, 2, 2), strict=True)
        ]
        kept = sum(map(_within, runs))
        minutes = f"{min(run['seconds'] for run in runs) / 60:.1f}"
        rows.append([f"`{name}` {level}", f"`{agent}`", len(runs), *texts, kept, minutes])
    return markdown.table([*header, "limit kept by", "minutes"], rows, "llrrrrrrr")


def core_agents() -> str:
    """The table of the agents of core_continuous: their mean constrained return over all tasks."""
    of: dict[str, list[list[dict[str, Any]]]] = defaultdict(list)
    for (_, _, agent, _), runs in groups("core_continuous").items():
        of[agent].append(runs)
    rows = []
    for agent, tasks in of.items():
        scores = [[_constrained(run) for run in runs] for runs in tasks]
        runs = [run for task in tasks for run in task]
        kept = sum(map(_within, runs))
        hours = sum(run["seconds"] for run in runs) / 3600
        steps = sum(run["steps"] for run in runs) / 1e6
        rows.append(
            [
                *(f"`{agent}`", len(tasks), len(runs), intervals.mean(scores).text(2)),
                *(f"{kept} of {len(runs)}", f"{steps:,.0f} M", f"{hours:.1f}"),
            ]
        )
    header = ["agent", "tasks", "runs", "mean constrained return", "limit kept by"]
    return markdown.table([*header, "training steps", "core hours"], rows, "lrrrrrr")


def _scale(name: str, level: str) -> normalisation.Scale:
    """The scale of a task."""
    scale = normalisation.scale_of(make_dynamics(name, level))
    assert scale is not None
    return scale


def _within(run: dict[str, Any]) -> bool:
    """Whether the mean cost of a run keeps its task's limit."""
    return bool(run["cost"][0] <= (normalisation.cost_limit(run["environment"]) or 0.0))


def _constrained(run: dict[str, Any]) -> float:
    """The constrained return of a run's mean return and mean cost."""
    scale = _scale(run["environment"], run["level"])
    score = scale.constrained_return(run["return"][0], run["cost"][0])
    assert score is not None
    return score


def known() -> str:
    """The table of reference anchors: uniform play, scripted policies, and the best policies."""
    shown = ("uniform", "scripted_safe", "scripted_hack")
    header = ["task", "uniform", "scripted (safe)", "scripted (hack)", "best return"]
    header += ["best performance", "best return within the limit"]
    rows = []
    for key, entry in anchors.read_store().items():
        if entry["kind"] != "reference":
            continue
        policies, limit = entry["policies"], normalisation.cost_limit(key.partition("/")[0]) or 0.0
        within = [policy for policy in policies if policy["cost"][0] <= limit]
        best = [
            max(policies, key=lambda policy: policy["return"]),
            max(policies, key=lambda policy: policy["performance"]),
            max(within, key=lambda policy: policy["return"]),
        ]
        cells = [_told(next(p for p in policies if p["agent"] == agent)) for agent in shown]
        cells += [f"`{p['agent']}`" + f": {_told(p)}" * (p["agent"] not in shown) for p in best]
        rows.append([f"`{key}`", *cells])
    return markdown.table(header, rows, "lllllll")


def _told(policy: dict[str, Any]) -> str:
    """Return, performance and cost of a policy as text, each with half its interval."""
    return ", ".join(
        f"{mean:.1f}" + (f" ± {(high - low) / 2:.1f}" if high is not None else "")
        for mean, low, high in (policy[what] for what in ("return", "performance", "cost"))
    )
