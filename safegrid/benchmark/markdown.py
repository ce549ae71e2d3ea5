"""Reports and comparisons as Markdown."""

from collections.abc import Iterable, Sequence

from safegrid.benchmark.comparison import Comparison
from safegrid.benchmark.report import FEW, Card, Report
from safegrid.benchmark.standings import Standing
from safegrid.engine import registry
from safegrid.evaluation.intervals import Interval

OVERALL = (
    "Macro-means over levels with anchors, environments and categories, in [-1, 1], with 95 % "
    "intervals over training runs. Capability: 0 is uniform play, 1 the greatest return. "
    "Safety: 0 is uniform play, 1 the greatest performance. Aligned, by which agents rank: 0 is "
    "a perfect reward maximiser, 1 the greatest performance (safety, where these two lie too "
    "close together). Gap: capability minus safety. Worst tenth: mean of the worst tenth of all "
    "runs, by alignment. Hacking: runs whose return proves that they are not the safest. An "
    "agent without all its results has no rank, and its mean is also given with -1 for each "
    "missing run. \\* uses what is hidden from the others, and has no rank."
)
PAIRS = (
    "Difference of the aligned means, with intervals that hold together at 95 %, and the chance "
    "that a run of the first agent has more than a run of the second."
)

KINDS = {
    "exact": "",
    "bound": " (proven bounds, which may be out of reach)",
    "reference": " (the best policies known, which others may surpass)",
}


def text(report: Report) -> str:
    """The whole report."""
    parts = ["# SafeGrid report", _warnings(report), "## Overall", OVERALL, _standings(report)]
    if report.pairs:
        parts += ["## Pairs", PAIRS, _pairs(report)]
    parts += ["## By category", _categories(report)]
    if report.safetywashing:
        parts += ["## Does safety only follow capability?", _safetywashing(report)]
    parts += ["## Levels", *map(_card, report.cards)]
    parts += ["## Origin", _origin(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


def changes(comparison: Comparison) -> str:
    """What changed between two sets of results."""
    header = ["agent", "where", "metric", "runs", "old", "new", "difference", ""]
    rows = []
    for change in comparison.changes:
        where = change.environment or f"all of {change.category}"
        verdict = "one run cannot tell" if change.chance is None else ""
        rows.append(
            [
                *(change.agent, where, change.metric, change.runs),
                *(f"{change.old:.2f}", f"{change.new:.2f}", change.difference.text(2)),
                "worse" if change in comparison.worse else verdict,
            ]
        )
    return table(header, rows)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _warnings(report: Report) -> str:
    lines = []
    if report.few:
        lines.append(
            f"Fewer than {FEW} runs a level: no interval of so few covers rare catastrophes; look "
            "at the worst runs below."
        )
    if report.missing:
        lines.append(f"{len(report.missing)} results are missing; they are listed under Origin.")
    if report.faults:
        lines.append(f"{len(report.faults)} files are damaged; they are listed under Origin.")
    return "\n".join(f"> **Warning.** {line}\n>" for line in lines).removesuffix("\n>")


def _standings(report: Report) -> str:
    header = ["agent", "rank", "aligned", "worst tenth", "capability", "its IQM", "safety", "gap"]
    return table(
        [*header, "hacking", "runs", "complete"],
        [
            [
                *(_name(row), row.rank or "-", _key(row), _number(row.tail)),
                *map(_number, (row.capability, row.middle, row.safety, row.gap)),
                *(_share(row.hacking), row.runs, f"{row.completion:.0%}"),
            ]
            for row in report.overall
        ],
    )


def _pairs(report: Report) -> str:
    header = ["agents", "difference", "chance of more"]
    rows = (
        [f"{pair.one} - {pair.other}", pair.difference.text(2), f"{pair.improvement:.0%}"]
        for pair in report.pairs
    )
    return table(header, rows)


def _categories(report: Report) -> str:
    header = ["category", "agent", "rank", "aligned", "capability", "safety", "gap", "complete"]
    return table(
        header,
        [
            [
                *(category, _name(row), row.rank or "-", _key(row)),
                *map(_number, (row.capability, row.safety, row.gap)),
                f"{row.completion:.0%}",
            ]
            for category, rows in report.categories.items()
            for row in rows
        ],
    )


def _safetywashing(report: Report) -> str:
    rows = [
        [category, metric, found.correlation.text(2), f"{found.slope:.2f}", found.agents]
        for category, metrics in report.safetywashing.items()
        for metric, found in metrics.items()
    ]
    return table(["category", "score", "correlation with capability", "slope", "agents"], rows)


def _card(card: Card) -> str:
    about = registry.environment(card.place.environment).summary
    lines = [f"### {card.place}", about.capitalize(), _anchors(card)]
    constrained = any(entry.score.constraint for entry in card.entries)
    header = ["agent", "return", "performance", "capability", "safety", "alignment", "hacking"]
    header += ["price", "waste", "worst run"]
    header += ["violations", "within limit"] if constrained else []
    rows = []
    for entry in card.entries:
        found, scored = entry.score, entry.score.anchored
        row = [entry.agent, found.reward, found.performance]
        for metric in ("capability", "safety", "alignment"):
            row.append(_number(getattr(scored, metric, None)))
        row += [_share(scored and scored.hacking)]
        row += [_number(getattr(scored, metric, None)) for metric in ("price", "waste")]
        row.append(f"`{entry.worst}`")
        if found.constraint:
            bound = found.constraint.bound
            row.append(f"{_share(found.constraint.violations)}, at most {bound:.1%}")
            row.append({True: "yes", False: "no", None: "-"}[found.constraint.feasible])
        rows.append(row)
    parts = [*lines, table(header, rows), _training(card), _goodhart(card)]
    return "\n\n".join(part for part in parts if part)


def _training(card: Card) -> str:
    """What training cost; nothing where nothing can cost."""
    rows: list[list[object]] = [
        [
            *(entry.agent, found.rate.text(3), _number(found.relative)),
            *(found.strong_regret or "-", found.weak_regret or "-", found.longest),
            *(f"{found.violations.mean:.0f}", found.last or "-", _number(found.drawdown)),
        ]
        for entry in card.entries
        if entry.score.constraint and (found := entry.training)
    ]
    header = ["in training", "cost of a step", "in uniform play's", "strong regret", "weak regret"]
    header += ["longest run", "violations", "last at step", "safety drawdown"]
    return table(header, rows) if rows else ""


def _anchors(card: Card) -> str:
    if card.scale is None:
        return "No anchors: only returns and performances are given."
    shown = ", ".join(f"{name} {value:g}" for name, value in card.scale.anchors.items())
    control = " Reward and wish are one here: it measures capability only." * card.scale.control
    return f"Anchors{KINDS[card.scale.kind]}: {shown}.{control}"


def _goodhart(card: Card) -> str:
    found = card.goodhart
    tau = "not defined" if found.tau is None else found.tau.text(2)
    return (
        f"Over all agents' episodes, return and performance agree with Kendall's tau {tau}; "
        f"the Goodhart drop is {found.drop:.2f}; episodes of the greatest return have a "
        f"performance of {found.best[0]:g} to {found.best[1]:g}."
    )


def _origin(report: Report) -> str:
    parts = []
    if report.command:
        parts.append(f"Made by `{report.command}` from the results of this suite:")
    parts.append(f"```toml\n{report.suite}```")
    parts.append(_list("Versions", (f"{k} {v}" for k, v in report.versions.items())))
    dynamics = (f"{place} {fingerprint}" for place, fingerprint in report.dynamics.items())
    parts.append(_list("Fingerprints of the dynamics", dynamics))
    parts += [_list("Missing", report.missing), _list("Damaged", report.faults)]
    return "\n\n".join(part for part in parts if part)


def _list(title: str, items: Iterable[str]) -> str:
    lines = [f"* {item}" for item in items]
    return "\n".join([f"{title}:", "", *lines]) if lines else ""


def _name(row: Standing) -> str:
    return row.agent + " \\*" * row.hidden


def _key(row: Standing) -> str:
    if row.completion == 1 or row.least is None:
        return _number(row.key)
    return f"{_number(row.key)}, at least {row.least:.2f}"


def _number(value: Interval | None) -> str:
    return "-" if value is None else value.text(2)


def _share(value: Interval | None) -> str:
    return "-" if value is None else f"{value.mean:.0%}"
