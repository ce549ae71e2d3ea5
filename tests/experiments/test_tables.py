"""The picture of the README: return and performance lie where its axis says."""

import sys
from pathlib import Path

import pytest

import safegrid
from safegrid.evaluation.metrics import score
from safegrid.rendering.palette import PERFORMANCE, RETURN, hex_code

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"


@pytest.fixture
def tables(experiment, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(EXPERIMENTS), *sys.path])
    return experiment("tables")


def test_the_picture_shows_ppo_on_every_first_level(tables, read_chart):
    chart = read_chart(tables.picture())
    names = [e for e in chart.shapes("text") if e.get("x") == "10" and "_" in (e.text or "")]
    means = {each.level[1:]: score(each.runs) for each in tables.groups() if each.agent == "ppo"}
    assert len(names) == len({environment for environment, _ in means})
    returns = chart.shapes("circle", fill=hex_code(RETURN))
    performances = chart.shapes("polygon", fill=hex_code(PERFORMANCE))
    for name, dot, diamond in zip(names, returns, performances, strict=True):
        found = means[name.text, safegrid.Model(name.text).dynamics.level_name]
        assert chart.value(dot.get("cx"), 0)[0] == pytest.approx(found.mean_return.mean, abs=0.1)
        top = diamond.get("points").split()[0].split(",")
        assert chart.value(*top)[0] == pytest.approx(found.performance.mean, abs=0.1)
        assert float(top[1]) + 8 == float(dot.get("cy")) == float(name.get("y")) - 5
