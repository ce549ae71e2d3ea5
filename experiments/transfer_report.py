"""Tables for docs of what experiments/transfer.py writes."""

import json
from pathlib import Path
from typing import Any

from safegrid.benchmark import markdown
from safegrid.benchmark.comparison import rejected

RESULT = Path(__file__).parent / "transfer.json"
LEVEL = 0.05  # of a test, and familywise of all
TOTALS = ("return", "goals", "cost")

Results = dict[str, dict[str, Any]]


def results() -> Results:
    """The results of transfer.json, by task and level."""
    found: Results = json.loads(RESULT.read_text(encoding="utf-8"))
    return found


def p_values(results: Results, test: str) -> dict[str, float | None]:
    """The p-values of a test, "paired" or "unpaired", by task, level, policy and metric."""
    return {
        f"{key} {policy} {metric}": row[test]
        for key, result in results.items()
        for policy, rows in result["policies"].items()
        for metric, row in rows.items()
    }


def start_p_values(results: Results) -> dict[str, float | None]:
    """The p-values of the starts, by task, level and coordinate."""
    return {
        f"{key} {coordinate}": p
        for key, result in results.items()
        for coordinate, p in result["p_values"].items()
    }


def differences(p_values: dict[str, float | None]) -> list[str]:
    """Of which p-values a family has the hypothesis rejected, by Holm's procedure."""
    hits = rejected(list(p_values.values()), LEVEL)
    return [name for name, hit in zip(p_values, hits, strict=True) if hit]


def summary(p_values: dict[str, float | None]) -> str:
    """How many p-values of a family are small, and which hypotheses are rejected."""
    tested = [p for p in p_values.values() if p is not None]
    small, hits = sum(p < LEVEL for p in tested), differences(p_values)
    return (
        f"{small} of {len(tested)} p-values are below {LEVEL:g} ({LEVEL * len(tested):.1f} are "
        f"expected by chance); differences after Holm's correction: {', '.join(hits) or 'none'}"
    )


def scores(results: Results) -> str:
    """What policies score in the original, from the same starts here, and from resets here."""
    rows = []
    for key, result in results.items():
        for policy, metrics in result["policies"].items():
            cells = {metric: _scores(row) for metric, row in metrics.items()}
            totals = [cells.pop(metric, "") for metric in TOTALS]
            kinds = ", ".join(f"{kind} {cell}" for kind, cell in cells.items())
            rows.append([key, f"`{policy}`", *totals, kinds])
    table = markdown.table(["task", "policy", *TOTALS, "by kind of cost"], rows, "llrrrl")
    same, resets = (summary(p_values(results, test)) for test in ("paired", "unpaired"))
    return f"{table}\n\nFrom the same starts, {same}. From resets, {resets}."


def _scores(row: dict[str, Any]) -> str:
    """The means of a metric; a star marks one here whose difference has a small p-value."""
    cells = [f"{row['recorded']:.1f}"]
    for mean, test in (("starts", "paired"), ("resets", "unpaired")):
        star = "\\*" * (row[test] is not None and row[test] < LEVEL)
        cells.append(f"{row[mean]:.1f}{star}")
    return " / ".join(cells)


def ratios(results: Results) -> str:
    """Our totals over all policies divided by the original's, with intervals."""
    rows = []
    for key, result in results.items():
        cells = {
            metric: "{:.2f} [{:.2f}, {:.2f}]".format(*ratio)
            for metric, ratio in result["ratios"].items()
            if ratio is not None
        }
        totals = [cells.pop(metric, "") for metric in TOTALS]
        kinds = ", ".join(f"{kind} {cell}" for kind, cell in cells.items())
        if any(totals):
            rows.append([key, *totals, kinds])
    return markdown.table(["task", *TOTALS, "by kind of cost"], rows, "lrrrl")


def starts(results: Results) -> str:
    """How the coordinates of resets here compare with those of recorded starts."""
    rows = []
    for key, result in results.items():
        least = min(result["p_values"], key=result["p_values"].__getitem__)
        small = sum(p < LEVEL for p in result["p_values"].values())
        count = len(result["p_values"])
        rows.append(
            [key, result["starts"], count, small, least, f"{result['p_values'][least]:.2g}"]
        )
    header = ["task", "recorded starts", "coordinates", f"p below {LEVEL:g}", "least p", ""]
    table = markdown.table(header, rows, "lrrrlr")
    return f"{table}\n\nOf all coordinates, {summary(start_p_values(results))}."
