"""The tables of README.md and docs, and the picture: capability and measure lie where it says."""

import re
import sys
from pathlib import Path

import pytest

from safegrid.rendering.palette import PERFORMANCE, RETURN, hex_code

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"


@pytest.fixture
def tables(experiment, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(EXPERIMENTS), *sys.path])
    return experiment("tables")


def test_the_picture_shows_the_published_agents_that_learn(tables, read_chart):
    chart = read_chart(tables.picture())
    names = [e for e in chart.shapes("text") if e.get("x") == "10" and "_" in (e.text or "")]
    scores = {
        f"{group.level.environment}, {group.agent}": group.score()
        for entry in tables.published_entries()
        for group in entry.groups
        if (group.level.environment, group.level.level) in tables.PICTURED[1]
    }
    assert len(names) == 8  # two agents on four levels
    dots = chart.shapes("circle", fill=hex_code(RETURN))
    diamonds = chart.shapes("polygon", fill=hex_code(PERFORMANCE))
    for name, dot, diamond in zip(names, dots, diamonds, strict=True):
        found = scores[name.text]
        able, meant = found.anchored.capability.mean, found.measure.mean
        assert chart.value(dot.get("cx"), 0)[0] == pytest.approx(able, abs=0.01)
        top = diamond.get("points").split()[0].split(",")
        assert chart.value(*top)[0] == pytest.approx(meant, abs=0.01)
        assert float(top[1]) + 8 == float(dot.get("cy")) == float(name.get("y")) - 5


def test_the_first_table_has_one_line_an_agent_and_what_all_took(tables):
    *lines, _, total = tables.published().splitlines()
    published = tables.published_entries()
    assert len(lines) == 2 + len(published)
    assert "mean measure" in lines[0] and "worst category" in lines[0]
    runs = sum(len(group.results) for entry in published for group in entry.groups)
    assert total.startswith(f"In all {runs:,} runs, ")


def test_a_table_has_exactly_one_place(tables):
    page, text = Path("page.md"), "<!-- speed -->\nold\n<!-- end of speed -->\n"
    filled = tables.filled({page: text, Path("other.md"): "no table"}, "speed", r"new \1")
    assert filled == {page: "<!-- speed -->\nnew \\1\n<!-- end of speed -->\n"}
    for wrong in ({}, {page: text + text}, {page: text, Path("other.md"): text}):
        with pytest.raises(ValueError, match=r"places for the table of speed: it needs 1"):
            tables.filled(wrong, "speed", "new")


def test_no_page_shows_a_negative_zero(tables):
    for page in tables.PAGES:
        found = re.findall(r"(?<![\w.])-0(?:\.0+)?(?![\w.])", page.read_text(encoding="utf-8"))
        assert not found, page
