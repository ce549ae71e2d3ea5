"""Generates the tables of README.md and docs/, the chart, and the page of experiments/leike2017.py.

    python experiments/tables.py          # writes the files that are stale
    python experiments/tables.py --check  # names the files that are stale; exits with 1 if any is

Writes README.md and the pages in docs that have marks (between them), experiments/results/gap.svg,
experiments/leike2017.md and the figures in experiments/leike2017.
"""

import json
import re
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import aup_ablation
import clients
import contact
import corner_size
import findings
import leike2017_report
import mona
import sampled_report
import second_machine
import transfer_report

from safegrid.benchmark import markdown
from safegrid.benchmark.export import tidy
from safegrid.benchmark.grouping import Group
from safegrid.benchmark.leaderboard.entries import LeaderboardEntry, divide, entries
from safegrid.benchmark.leaderboard.schema import digests, read_suite
from safegrid.benchmark.leaderboard.verification import submissions
from safegrid.benchmark.standings import ResultTable
from safegrid.engine import registry
from safegrid.evaluation import normalisation
from safegrid.evaluation.intervals import Interval
from safegrid.rendering.charts import Chart, LinearScale
from safegrid.rendering.palette import PERFORMANCE, RETURN
from safegrid.solver import anchors as references

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).parent / "results"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md")))
PICTURE = ROOT / "experiments" / "results" / "gap.svg"
FAST = 20e6  # steps a second; what is slower needs a reason
SLOW = {
    "breakable_bottles": "draws the bottles of all places anew",
    "bridge_crossing": "an observation has 400 cells",
    "correlated_tomatoes": "tomatoes dry one after another, in the order of a list",
    "generated": "each reset draws a map, and each observation shows one",
    "life_garden": "a cellular automaton steps all cells",
    "point": "physics and lidars of moving bodies",
    **dict.fromkeys(("cart", "pendulum", "quadrotor"), "equations of motion"),
}
WORK = ("cells", "steps", "hours")  # of an agent in board.json
PICTURED = (
    ("ppo", "q_learning"),
    (
        ("boat_race", "course"),
        ("island_navigation", "island"),
        ("safe_interruptibility", "button"),
        ("side_effects_sokoban", "corridor"),
    ),
)
LINE = 30  # pixels of the picture for one agent on one level


def anchors() -> str:
    """The table of exact anchors, with states, seconds and memory, from experiments/anchors.py."""
    took = json.loads((ROOT / "experiments" / "solver.json").read_text())
    header = ["level", "best return", "its performance", "best performance", "its return"]
    header += ["tax", "hackability", "states", "seconds", "memory, GB"]
    rows = []
    for key, entry in references.read_store().items():
        a, constants = entry["anchors"], entry["constants"]
        if entry["kind"] == "reference":
            continue
        if entry["kind"] == "bound":
            r_max, p_max = (f"at most {a[name]:.2f}" for name in ("r_max", "p_max"))
            rows.append([f"`{key}`", r_max, "", p_max, "", "", "", "not listed", "", ""])
            continue
        hacks = dict.fromkeys(f"{a[hack]:.4g}" for hack in ("p_hack_worst", "p_hack_best"))
        shares = (constants[share] for share in ("alignment_tax", "hackability"))
        rows.append(
            [
                *(f"`{key}`", f"{a['r_max']:.4g}", " to ".join(hacks)),
                *(f"{a['p_max']:.4g}", f"{a['r_safe']:.4g}"),
                *("-" if share is None else f"{share:z.2f}" for share in shares),
                *(f"{took[key]['states']:,}", f"{took[key]['seconds']:.1f}"),
                f"{took[key]['gigabytes']:.1f}",
            ]
        )
    return markdown.table(header, rows)


def speed() -> str:
    """The table of speeds, from experiments/throughput.py."""
    measured = json.loads((ROOT / "experiments" / "throughput.json").read_text())
    header = ["environment", "million steps/s", "step / copy", "first step", "without a cache"]
    rows = [
        [
            *(f"`{name}`", f"{numbers['steps_per_second'] / 1e6:.1f}", f"{numbers['copies']:.0f}"),
            *(f"{numbers['first_step_warm']:.1f} s", f"{numbers['first_step_cold']:.1f} s"),
            _why(name) if numbers["steps_per_second"] < FAST else "",
        ]
        for name, numbers in measured["stepping"].items()
    ]
    parts = [markdown.table([*header, "below 20 because"], rows, "lrrrrl")]
    if training := measured["training"]:
        parts += [
            "PPO end to end on `boat_race` with planes: "
            f"{training['native_2048x16']:,.0f} steps/s on 2,048 native lanes, "
            f"{training['dummy_8x4096']:,.0f} on a `DummyVecEnv` of 8 single environments "
            f"({training['ratio']:.1f} times).",
        ]
    return "\n\n".join(parts)


def _why(name: str) -> str:
    """Why an environment is slow, where that is known: its own reason or that of its kind."""
    kind = name.partition("_")[0]
    if kind not in SLOW and registry.environment(name).generates:
        kind = "generated"
    return SLOW.get(name, SLOW.get(kind, ""))


def exact(suites: str, show: Callable[[list[dict[str, Any]]], str]) -> str:
    """A table of agents by levels from experiments/exact.py, one cell for all seeds."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for path in sorted((RESULTS / "exact").glob(f"{suites}*.json")):
        for run in json.loads(path.read_text()).values():
            told = [run["settings"][key] for key in ("agent", "baseline") if key in run["settings"]]
            agent = ", ".join([findings.marked(run["agent"]), *told])
            level = f"{run['environment']} {run['level']}"
            found.setdefault(agent, {}).setdefault(level, []).append(run)
    levels = list(dict.fromkeys(level for runs in found.values() for level in runs))
    rows = [
        [agent, *(show(runs[level]) if level in runs else "" for level in levels)]
        for agent, runs in found.items()
    ]
    return markdown.table(["agent", *levels], rows)


def both(runs: list[dict[str, Any]]) -> str:
    """Return / performance; if runs differ, each pair with the number of runs that have it."""
    seen = Counter((f"{run['return']:.4g}", f"{run['performance']:.4g}") for run in runs)
    pairs = seen.most_common()
    return ", ".join(" / ".join(pair) + f" ({n})" * (len(pairs) > 1) for pair, n in pairs)


def least(runs: list[dict[str, Any]]) -> str:
    """The least capability of the runs; if not all reach 0.95, with the number that do."""
    values = [run["capability"] for run in runs]
    reach = sum(value >= 0.95 for value in values)
    return f"{min(values):z.2f}{f' ({reach} of {len(runs)})' * (reach < len(runs))}"


def constrained() -> str:
    """The table of constrained agents: costs, and returns as shares of the best under the limit."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for path in sorted((RESULTS / "exact").glob("constrained*.json")):
        for run in json.loads(path.read_text()).values():
            own = registry.agent(run["agent"]).settings
            given = dict(run["settings"])
            given |= given.pop("settings", {})  # of the agent inside
            changed = {key: v for key, v in given.items() if v != own.get(key)}
            agent = " ".join([f"`{run['agent']}`", *(f"{key} {v}" for key, v in changed.items())])
            groups.setdefault((run["environment"], run["level"], agent), []).append(run)
    header = ["level", "limit", "agent", "steps", "kept by", "cost"]
    header += ["return, of the best under the limit", "training episodes with a violation"]
    rows = []
    for (name, level, agent), runs in sorted(groups.items()):
        best = references.load(name, level).anchors.r_limit
        limit = registry.environment(name).cost_limit or 0.0
        costs = [run["cost"] for run in runs]
        shares = [1 + (run["return"] - best) / abs(best) for run in runs]
        training = [run["training"] for run in runs if "training" in run]
        violating = [each["violating"] / each["episodes"] for each in training]
        digits = 2 if limit >= 0.1 else 4
        rows.append(
            [
                *(f"{name} {level}", f"{limit:g}", agent, f"{runs[0]['steps']:,}"),
                f"{sum(normalisation.kept(c, limit) for c in costs)} of {len(runs)}",
                f"{min(costs):.{digits}f} to {max(costs):.{digits}f}",
                f"{min(shares):.1%} to {max(shares):.1%}",
                f"{min(violating):.1%} to {max(violating):.1%}" if training else "not recorded",
            ]
        )
    return markdown.table(header, rows, "lrlrrrrr")


def coverage() -> str:
    """The table of interval coverage, from experiments/coverage.py."""
    found = json.loads((ROOT / "experiments" / "coverage.json").read_text())
    names = {
        "mean": "mean",
        "bootstrap mean": "mean, rescaled bootstrap",
        "bootstrap middle": "interquartile mean, rescaled bootstrap",
        "ranks": "all ranks of five agents",
    }
    shapes = [name for name in found["simulated"][0] if name not in ("interval", "runs", "strata")]
    rows = [
        [
            *(names[row["interval"]], row["runs"], row["strata"]),
            *(f"{row[shape]:.0%}" for shape in shapes),
        ]
        for row in found["simulated"]
    ]
    table = markdown.table(["interval", "runs", "levels", *shapes], rows)
    exact = (f"{name} {share['least']:.1%}" for name, share in found["exact"].items())
    return f"{table}\n\nLeast coverage of shares and counts: {', '.join(exact)}."


@cache
def published_entries() -> list[LeaderboardEntry]:
    """The published submissions. ValueError if one of them is not shown by the leaderboard."""
    board = ROOT / "submissions"
    shown, refused = entries(board, submissions(board))
    if refused:
        raise ValueError("; ".join(f"{each.name}: {each.reason}" for each in refused))
    return shown


def published_groups() -> list[Group]:
    """The published runs by level and agent."""
    found = [each for entry in published_entries() for each in entry.groups]
    return sorted(found, key=lambda each: (each.level[1:], each.agent))


def environments() -> str:
    """The names of the environments by category."""
    rows: dict[str, list[str]] = {}
    for name in registry.names():
        rows.setdefault(registry.environment(name).category, []).append(f"`{name}`")
    found = [[category, len(names), ", ".join(names)] for category, names in sorted(rows.items())]
    return markdown.table(["category", "", f"{len(registry.names())} environments"], found, "lrl")


def mean(value: Interval | None) -> str:
    """A mean with its interval; "-" for None."""
    return "-" if value is None else value.text(2)


def verified(entry: LeaderboardEntry) -> str:
    """The badge of a submission, with the number of runs that were trained again."""
    count = len(entry.verdict.retrained)
    return f"V{entry.level}" + f" ({count} runs)" * (count > 0)


def published() -> str:
    """The standings of the published submissions, one line an agent, and what they took."""
    shown = {entry.title: entry for entry in published_entries()}
    groups = published_groups()
    suite = read_suite(ROOT / "submissions")
    costs = json.loads((ROOT / "experiments" / "board.json").read_text())
    table, (levels, others) = ResultTable(groups, range(suite.runs)), divide(groups)
    sampled = {row.agent: row for row in table.standings(others)}
    rows = []
    for row in table.standings(levels):
        entry, cost, more = shown[row.agent], costs.get(row.agent), sampled.get(row.agent)
        category, worst = row.worst_category or ("", None)
        rows.append(
            [
                *(row.rank or "-", findings.marked(row.agent)),
                entry.submission.card.kind,
                *(row.levels, mean(row.measure)),
                *(category if worst is None else f"{category} {worst:z.2f}", mean(row.capability)),
                *((more.levels, mean(more.measure)) if more else ("-", "-")),
                *(verified(entry), len(entry.rows)),
                f"{sum(run.trained for run in entry.rows) / 1e6:,.0f} M",
                f"{cost['hours']:.1f}" if cost else "-",  # of a submission that others made
            ]
        )
    header = ["rank", "agent", "kind", "listed levels", "mean measure", "worst category"]
    header += ["capability", "other levels", "their mean measure"]
    header += ["verified", "runs", "training steps", "core hours"]
    cells, steps, hours = (sum(cost[k] for cost in costs.values()) for k in WORK)
    total = f"{cells:,} runs, {steps / 1e9:.1f} billion training steps, {hours:.1f} core hours"
    total += f", {hours / 2:.1f} hours with two workers"
    cards = {agent: entry.submission.card for agent, entry in shown.items()}
    trials = {agent: c.tuning.trials for agent, c in cards.items() if c.tuning}
    tuned = sorted((-count, f"`{agent}` {count}") for agent, count in trials.items() if count)
    return (
        f"{markdown.table(header, rows, 'rllrrlrrrrrrr')}\n\nIn all {total}. Trials that chose "
        f"settings or steps: {', '.join(told for _, told in tuned)}; none of the other agents."
    )


def processors() -> str:
    """The table of other processors, from experiments/second_machine.py."""
    retrained = [entry.submission for entry in published_entries() if entry.level == 5]
    found = {digest for each in retrained for digest in digests(each).values()}
    return second_machine.table(second_machine.recorded(), found)


def columns() -> str:
    """The table of the columns in tables of runs."""
    rows = [(f"`{name}`", meaning) for name, meaning in tidy.COLUMNS.items()]
    return markdown.table(("column", "what it is"), rows, "ll")


def picture() -> str:
    """An SVG of the capability and the measure of PICTURED agents and levels, as published."""
    groups = published_groups()
    rows = sorted(
        (each.level.environment, each.agent, each.score())
        for each in groups
        if each.agent in PICTURED[0] and (each.level.environment, each.level.level) in PICTURED[1]
    )
    bottom = 48 + LINE * len(rows)
    x = LinearScale(0, 1, 290, 660)
    chart = Chart(690, bottom + 24, font_size=14)
    legend = [
        ("● capability: how much of the reward  ", RETURN),
        ("◆ measure: how much of what was meant", PERFORMANCE),
    ]
    chart.coloured_text((10, 24), legend)
    chart.x_axis(x, LinearScale(0, 1, bottom, 40), most=10)
    for i, (environment, agent, found) in enumerate(rows):
        assert found.anchored is not None and found.measure is not None
        assert found.anchored.capability is not None
        y = 62 + LINE * i
        chart.text((10, y + 5), f"{environment}, {agent}")
        able, meant = found.anchored.capability.mean, found.measure.mean
        chart.line((x(able), y), (x(meant), y), stroke="#888", stroke_width=3)
        chart.circle((x(able), y), 7, fill=RETURN)
        chart.diamond((x(meant), y), 8, fill=PERFORMANCE)
    return chart.svg()


def fresh() -> dict[Path, str]:
    """The up-to-date content of all generated files, by path."""
    transferred = transfer_report.results()
    tables = {
        "environments": environments(),
        "published": published(),
        "hacking": findings.hacking(published_groups()),
        "onsets": findings.onsets(published_groups()),
        "exploring": findings.exploring(published_groups()),
        "helping": findings.helping(published_groups()),
        "washing": findings.washing(published_groups()),
        "contact": contact.table(),
        "transfer": transfer_report.scores(transferred),
        "ratios": transfer_report.ratios(transferred),
        "starts": transfer_report.starts(transferred),
        "learning": exact("learning", least),
        "constrained": constrained(),
        "benchmark": sampled_report.benchmark(),
        "continuous agents": sampled_report.core_agents(),
        "continuous": sampled_report.core(),
        "known": sampled_report.known(),
        "impact": exact("impact", both),
        "ablation": aup_ablation.table(),
        "mona": mona.table(),
        "corner": corner_size.table(corner_size.learned()),
        "interruption": exact("interruption", both),
        "anchors": anchors(),
        "speed": speed(),
        "coverage": coverage(),
        "clients": clients.table(),
        "processors": processors(),
        "columns": columns(),
    }
    pages = {path: path.read_text(encoding="utf-8") for path in PAGES}
    for name, content in tables.items():
        pages |= filled(pages, name, content)
    return {**pages, PICTURE: picture(), **leike2017_report.fresh()}


def filled(pages: dict[Path, str], name: str, content: str) -> dict[Path, str]:
    """The page that has the marks of a table, with the table between them.

    ValueError where not exactly one page has them once.
    """
    marks = f"<!-- {name} -->", f"<!-- end of {name} -->"
    pattern = f"{re.escape(marks[0])}.*?{re.escape(marks[1])}"
    count = sum(len(re.findall(pattern, text, re.S)) for text in pages.values())
    if count != 1:
        raise ValueError(
            f"README.md and docs have {count} places for the table of {name}: it needs 1"
        )
    replacement = f"{marks[0]}\n{content}\n{marks[1]}".replace("\\", r"\\")
    return {
        path: re.sub(pattern, replacement, text, flags=re.S)
        for path, text in pages.items()
        if marks[0] in text
    }


def main() -> int:
    """Writes the stale files, or with --check names them and returns 1."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only name files that are stale")
    check = parser.parse_args().check
    stale = {
        path: text
        for path, text in fresh().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    for path, text in stale.items():
        if check:
            print(f"{path.relative_to(ROOT)} is stale: make tables")
        else:
            path.write_text(text, encoding="utf-8")
    return int(bool(stale) and check)


if __name__ == "__main__":
    sys.exit(main())
