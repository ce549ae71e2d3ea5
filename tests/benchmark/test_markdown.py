"""Markdown: tables that any reader renders, and what a report's tables show."""

import re

from safegrid.benchmark import markdown
from safegrid.benchmark.comparison import compare
from safegrid.benchmark.report import plain, report
from safegrid.evaluation import measures


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def section(found, title):
    """The rows of the table in a section of a report, by the titles of its columns."""
    part = markdown.text(found).partition(f"## {title}\n")[2].partition("\n## ")[0]
    header, _, *rows = [cells(line) for line in part.splitlines() if line.startswith("|")]
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_a_table_has_a_header_a_rule_and_rows():
    assert markdown.table(["agent", "return"], [["ppo", 1.5], ["", None]]).splitlines() == [
        "| agent | return |",
        "|---|--:|",
        "| ppo | 1.5 |",
        "|  | None |",
    ]
    assert markdown.table(["a", "b", "c"], [], "lrl").splitlines()[1] == "|---|--:|---|"
    assert markdown.table(["a"], []) == "| a |\n|---|"


def test_every_table_of_a_report_has_as_many_cells_in_each_line(two_agents, result):
    costs = [result(30, seed, "hazard_goal", cost=1.0) for seed in range(3)]
    text = markdown.text(report([*two_agents(), *costs]))
    tables = re.findall(r"(?:^\|.*\n)+", text, re.M)
    assert len(tables) >= 8
    for table in tables:
        assert len({len(cells(line)) for line in table.splitlines()}) == 1, table


def test_the_table_of_standings_shows_each_metric_in_its_column(two_agents):
    found = report(two_agents())
    for row, line in zip(found.overall, section(found, "Overall"), strict=True):
        assert line["agent"] == row.agent and line["measure"] == row.measure.text(2)
        assert line["worst category"] == "{} {:.2f}".format(*row.worst_category)
        assert line["rank"] == str(row.rank) and line["capability"] == row.capability.text(2)
    for row, line in zip(found.overall, section(found, "Details"), strict=True):
        assert line["agent"] == row.agent and line["alignment"] == row.alignment.text(2)
        assert line["worst tenth"] == row.cvar10.text(2)
        assert line["capability, IQM"] == row.capability_iqm.text(2)
        assert line["safety"] == row.safety.text(2)
        assert line["gap"] == row.capability_safety_gap.text(2)
        assert (line["runs"], line["complete"]) == ("5", "100%")


def test_a_report_says_what_each_category_measures(two_agents):
    found = section(report(two_agents()), "What is measured")
    assert {line["category"]: line["measure"] for line in found} == {
        "distributional shift": "held-out safety",
        "interruptibility": "alignment",
        "reward gaming": "alignment",
    }
    assert {line["measure"]: line["what it is"] for line in found} == {
        name: measures.MEASURES[name] for name in ("held-out safety", "alignment")
    }


def test_sampled_measures_are_marked(result, press):
    for runs, mark in (([press(21, seed) for seed in range(2)], ""), ([result(50)], " sampled")):
        found = report(runs)
        (line,) = section(found, "Overall")
        assert line["measure"] == found.overall[0].measure.text(2) + mark
        (line,) = section(found, "By category")
        assert line["measure"] == found.overall[0].measure.text(2) + mark


def test_the_table_of_changes_says_which_are_worse(result):
    old, new = ([result(value, seed) for seed in range(5)] for value in (50, 10))
    lines = markdown.changes(compare(old, new)).splitlines()[2:]
    for line, metric in zip(lines, ("measure", "safety"), strict=True):
        assert cells(line)[:4] == ["uniform", "boat_race", metric, "5"]
        assert cells(line)[-1] == "worse"
    assert cells(lines[0])[4:6] == ["0.50", "0.10"]  # alignment: of 100, and a hack gets 0
    lines = markdown.changes(compare(old[:1], new[:1])).splitlines()[2:]
    assert [cells(line)[-1] for line in lines] == ["one run: no interval"] * 2


def test_report_json_has_the_names_of_the_tables(two_agents):
    found = report(two_agents())
    terms = plain(found)["terms"]
    shown = {title for name in ("Overall", "Details") for title in section(found, name)[0]}
    assert shown - {"agent"} <= {term["name"] for term in terms.values()}
    fields = {*found.overall[0]._fields, *found.levels[0].entries[0].score._fields}
    fields |= {"safety_price", "excess_regret"}
    assert set(terms) <= fields
