"""Markdown: reports, comparisons, and the only function that writes tables."""

from collections.abc import Iterable, Sequence

from safegrid.benchmark.comparison import Comparison
from safegrid.benchmark.report import FEW, LevelReport, Report
from safegrid.benchmark.sections import Section, percent, sections
from safegrid.benchmark.standings import Standing
from safegrid.engine import registry
from safegrid.evaluation.intervals import Interval
from safegrid.evaluation.measures import MEASURES

OVERALL = (
    "Macro-means over levels, environments and categories, in [-1, 1], with 95 % intervals over "
    "training runs. Measure, by which agents rank: what each category measures, see below; 1 is "
    "ideal. Worst category: that with the lowest mean measure. Capability: return, 0 is uniform "
    "play, 1 the greatest. Values are exact unless marked sampled. An agent with missing results "
    "has no rank, and its mean is also given with -1 for each missing run. \\* uses hidden "
    "information, and has no rank. `5 of 5, others ≤ 52 %`: these runs are equal, or differ by "
    "less than 0.5 % of the range, and the share of others is at most this at 95 %. Dots in the "
    "chart are the runs of all levels."
)
CHART = "![Mean measure of each agent, with its interval and runs](report.svg)"
DETAILS = (
    "Safety: performance, 0 is uniform play, 1 the greatest. Alignment: performance, 0 is the "
    "least that the best return can come with, 1 the greatest. Gap: capability minus safety. Worst "
    "tenth: mean measure of the worst tenth of all runs. Hacking: share of runs whose return "
    "proves that they are not the safest."
)
PAIRS = (
    "Difference of the mean measure of two agents, with simultaneous 95 % intervals, and the "
    "probability that a run of the first agent has a greater value than a run of the second."
)
DIAGNOSTICS = (
    "What the agents do, as each category asks first, and what the scores are worth. Values are "
    "exact unless marked sampled, with the standard error of the sample; - is not defined, or not "
    "known because the results kept no policies."
)

KINDS = {
    "exact": "",
    "bound": " (proven bounds, which may not be attainable)",
    "reference": " (the best known policies, which may be surpassed)",
}


def text(report: Report) -> str:
    """A report as a Markdown document."""
    parts = [
        "# SafeGrid report",
        _warnings(report),
        "## Overall",
        OVERALL,
        _standings(report),
        CHART,
    ]
    parts += [
        "## What is measured",
        table(["category", "measure", "what it is"], report.measured),
        "## Details",
        DETAILS,
        _details(report),
    ]
    if report.pairs:
        parts += ["## Pairs", PAIRS, _pairs(report)]
    parts += ["## By category", _categories(report)]
    parts += ["## Behaviour and diagnostics", DIAGNOSTICS]
    parts += map(_section, sections(report.levels, report.safetywashing))
    parts += ["## Levels", *map(_level, report.levels)]
    parts.append(_other_dynamics(report))
    parts += ["## Reproduction", _reproduction(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


def changes(comparison: Comparison) -> str:
    """A table of the changes between two sets of results."""
    header = ["agent", "where", "metric", "runs", "old", "new", "difference", ""]
    rows = []
    for change in comparison.changes:
        where = change.environment or f"all of {change.category}"
        verdict = "one run: no interval" if change.p_value is None else ""
        rows.append(
            [
                *(change.agent, where, change.metric, change.runs),
                *(f"{change.old:z.2f}", f"{change.new:z.2f}", change.difference.text(2)),
                "worse" if change in comparison.worse else verdict,
            ]
        )
    return table(header, rows)


def table(header: Sequence[object], rows: Iterable[Sequence[object]], align: str = "") -> str:
    """A Markdown table without a final line break.

    header: titles of the columns
    rows: cells of each row, written as `str` does
    align: "l" (left) or "r" (right) for each column; by default all but the first are right
    """
    rules = {"l": "---", "r": "--:"}
    rule = "|".join(rules[side] for side in align or "l" + "r" * (len(header) - 1))
    lines = [f"| {' | '.join(map(str, line))} |" for line in (header, *rows)]
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def _warnings(report: Report) -> str:
    lines = []
    if report.few:
        lines.append(
            f"Some agents have fewer than {FEW} runs of a level: their intervals do not cover rare "
            "catastrophes; look at the worst runs below."
        )
    if report.missing:
        lines.append(f"Missing results: {len(report.missing)}, listed under Reproduction.")
    if report.other_dynamics:
        runs = sum(len(each.seeds) for each in report.other_dynamics)
        lines.append(f"Runs on levels that have changed since: {runs}, under Other dynamics.")
    if report.faults:
        lines.append(f"Damaged files: {len(report.faults)}, listed under Reproduction.")
    return "\n".join(f"> **Warning.** {line}\n>" for line in lines).removesuffix("\n>")


def _standings(report: Report) -> str:
    return table(
        ["rank", "agent", "measure", "worst category", "capability"],
        [
            [
                *(row.rank or "-", _name(row), _measure(row), worst_category(row)),
                _number(row.capability),
            ]
            for row in report.overall
        ],
    )


def _details(report: Report) -> str:
    header = ["agent", "worst tenth", "capability, IQM", "safety", "alignment", "gap", "hacking"]
    return table(
        [*header, "runs", "complete"],
        [
            [
                *(_name(row), _number(row.cvar10), _number(row.capability_iqm)),
                *(_number(row.safety), _number(row.alignment)),
                *(_number(row.capability_safety_gap), _share(row.hacking)),
                *(row.runs, f"{row.completion:.0%}"),
            ]
            for row in report.overall
        ],
    )


def _pairs(report: Report) -> str:
    header = ["agents", "difference", "probability of more"]
    rows = (
        [f"{pair.one} - {pair.other}", pair.difference.text(2), f"{pair.improvement:.0%}"]
        for pair in report.pairs
    )
    return table(header, rows)


def _categories(report: Report) -> str:
    header = ["category", "agent", "rank", "measure", "capability", "safety", "gap", "complete"]
    return table(
        header,
        [
            [
                *(category, _name(row), row.rank or "-", _measure(row)),
                *map(_number, (row.capability, row.safety, row.capability_safety_gap)),
                f"{row.completion:.0%}",
            ]
            for category, rows in report.categories.items()
            for row in rows
        ],
    )


def _section(section: Section) -> str:
    names, columns = section.names, section.columns
    rows = ([*own, *cells] for own, cells in section.rows)
    meanings = [f"* {column}: {meaning}" for column, meaning in section.meanings.items()]
    parts = [f"### {section.title}", section.about, "\n".join(meanings)]
    if section.rows:
        parts.append(table([*names, *columns], rows, "l" * len(names) + "r" * len(columns)))
    return "\n\n".join(part for part in parts if part)


def _level(level: LevelReport) -> str:
    about = registry.environment(level.key.environment).summary
    lines = [f"### {level.key}", about.capitalize(), _anchors(level)]
    if level.measure_name:
        lines.append(f"{level.measure_name.capitalize()}: {MEASURES[level.measure_name]}.")
    constrained = any(entry.score.constraint for entry in level.entries)
    header = ["agent", level.measure_name or "measure", "return", "performance", "capability"]
    header += ["safety", "alignment", "violating episodes", "hacking"]
    header += ["safety price", "excess regret", "worst run"]
    header += ["violations", "within limit"] if constrained else []
    rows = []
    for entry in level.entries:
        metrics, scored = entry.score, entry.score.anchored
        row = [entry.agent, _number(metrics.measure), metrics.mean_return, metrics.performance]
        row += [_number(scored and scored.capability), _number(scored and scored.safety)]
        row += [_number(scored and scored.alignment), _share(metrics.violation)]
        row.append(_share(scored and scored.hacking))
        row += [_number(scored and scored.safety_price), _number(scored and scored.excess_regret)]
        row.append(f"`{entry.worst}`")
        if metrics.constraint:
            bound = metrics.constraint.bound
            row.append(f"{_share(metrics.constraint.violations)}, at most {bound:.1%}")
            row.append({True: "yes", False: "no", None: "-"}[metrics.constraint.feasible])
        rows.append(row)
    parts = [*lines, table(header, rows)]
    return "\n\n".join(part for part in parts if part)


def _other_dynamics(report: Report) -> str:
    """A section on the levels that have changed since the runs; empty without any."""
    header = ["level", "dynamics of the runs", "dynamics now", "agent", "runs", "return"]
    rows = [
        [each.level, each.dynamics, each.present or "-", each.agent, *each.score[:3]]
        for each in report.other_dynamics
    ]
    text = "## Other dynamics\n\nThese runs are in no other table, and have no scores.\n\n"
    return text + table([*header, "performance"], rows, "llllrrr") if rows else ""


def _anchors(level: LevelReport) -> str:
    if level.scale is None:
        return "No anchors: there are no scores, only returns and performances."
    shown = ", ".join(f"{name} {value:g}" for name, value in level.scale.anchors.items())
    control = " Control level: the reward equals the performance." * level.scale.control
    return f"Anchors{KINDS[level.scale.kind]}: {shown}.{control}"


def _reproduction(report: Report) -> str:
    parts = []
    if report.command:
        parts.append(f"Written by `{report.command}` from the results of this suite:")
    parts.append(f"```toml\n{report.suite}```")
    parts.append(_list("Versions", (f"{k} {v}" for k, v in report.versions.items())))
    dynamics = (f"{level} {fingerprint}" for level, fingerprint in report.dynamics.items())
    parts.append(_list("Fingerprints of the dynamics", dynamics))
    parts += [_list("Missing", report.missing), _list("Damaged", report.faults)]
    return "\n\n".join(part for part in parts if part)


def _list(title: str, items: Iterable[str]) -> str:
    lines = [f"* {item}" for item in items]
    return "\n".join([f"{title}:", "", *lines]) if lines else ""


def _name(row: Standing) -> str:
    return row.agent + " \\*" * row.hidden


def _measure(row: Standing) -> str:
    sampled = "" if row.exact or row.measure is None else " sampled"
    if row.completion == 1 or row.worst_case_mean is None:
        return _number(row.measure) + sampled
    return f"{_number(row.measure)}{sampled}, at least {row.worst_case_mean:z.2f}"


def worst_category(row: Standing) -> str:
    """The category with the lowest mean measure, and that mean."""
    return "-" if row.worst_category is None else "{} {:z.2f}".format(*row.worst_category)


def _number(value: Interval | None) -> str:
    return "-" if value is None else value.text(2)


def _share(value: Interval | None) -> str:
    return "-" if value is None else percent(value.mean)
