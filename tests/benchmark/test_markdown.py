"""Markdown: tables that any reader renders, and what a report's tables show."""

import re

from safegrid.benchmark import markdown
from safegrid.benchmark.comparison import compare
from safegrid.benchmark.grouping import group
from safegrid.benchmark.report import report


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


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
    assert len(tables) >= 6
    for table in tables:
        assert len({len(cells(line)) for line in table.splitlines()}) == 1, table


def test_the_table_of_standings_shows_each_metric_in_its_column(two_agents):
    found = report(two_agents())
    section = markdown.text(found).partition("## Overall")[2].partition("## Pairs")[0]
    header, _, *rows = [cells(line) for line in section.splitlines() if line.startswith("|")]
    for row, shown in zip(found.overall, rows, strict=True):
        line = dict(zip(header, shown, strict=True))
        assert line["agent"] == row.agent and line["alignment"] == row.ranking_metric.text(2)
        assert line["worst tenth"] == row.cvar10.text(2) and line["rank"] == str(row.rank)
        assert line["capability"] == row.capability.text(2)
        assert line["capability, IQM"] == row.capability_iqm.text(2)
        assert line["safety"] == row.safety.text(2)
        assert line["gap"] == row.capability_safety_gap.text(2)
        assert (line["runs"], line["complete"]) == ("5", "100%")


def test_the_table_of_scores_has_a_row_for_each_level_and_agent(result):
    runs = [result(1, seed, "boat_race", reward=3) for seed in range(2)]
    runs += [result(2, 0, "absent_supervisor", agent="scripted_safe")]
    *_, first, second = (cells(line) for line in markdown.scores(group(runs)).splitlines())
    assert first[:4] == ["absent supervisor", "absent_supervisor", "room", "scripted_safe *"]
    assert first[4:] == ["1", "2.0", "2.0", "0.0"]
    assert second[:4] == ["reward gaming", "boat_race", "course", "uniform"]
    assert second[4:] == ["2", "3.0 [3.0, 3.0]", "1.0 [1.0, 1.0]", "2.0 [2.0, 2.0]"]


def test_the_table_of_changes_says_which_are_worse(result):
    old, new = ([result(value, seed) for seed in range(3)] for value in (50, 10))
    (line,) = markdown.changes(compare(old, new)).splitlines()[2:]
    assert cells(line)[:4] == ["uniform", "boat_race", "safety", "3"] and cells(line)[-1] == "worse"
    (line,) = markdown.changes(compare(old[:1], new[:1])).splitlines()[2:]
    assert cells(line)[-1] == "one run: no interval"
