"""Tables for docs of the summaries that experiments/sampled.py writes."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from safegrid.benchmark import markdown
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


def groups() -> dict[Key, list[dict[str, Any]]]:
    """The runs of the Point suites by task, level, agent and steps."""
    found: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    for suite in ("point", "point_goal", "point_short", "point_trust"):
        path = SAMPLED / f"{suite}.json"
        for run in json.loads(path.read_text()).values() if path.exists() else ():
            found[run["environment"], run["level"], run["agent"], run["steps"]].append(run)
    return dict(sorted(found.items()))


def benchmark() -> str:
    """The table of trained agents: means over runs with intervals, and published numbers."""
    header = ["task", "agent", "steps", "runs", "return", "cost", "limit kept by", "minutes"]
    rows = []
    for key, runs in groups().items():
        name, level, agent, steps = key
        limit = normalisation.cost_limit(name) or 0.0
        amounts = [
            intervals.mean([[run[what][0] for run in runs]]).text(1) for what in ("return", "cost")
        ]
        kept = sum(run["cost"][0] <= limit for run in runs)
        minutes = f"{min(run['seconds'] for run in runs) / 60:.1f}"
        rows.append(
            [
                *(f"`{name}` {level}", f"`{agent}`", f"{steps:,}", len(runs), *amounts),
                *(kept, minutes, PUBLISHED.get(key, "")),
            ]
        )
    return markdown.table([*header, "published"], rows, "llrrrrrrl")


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
