"""What `evaluate` prints of held-out levels."""

import contextlib
import io
import json
import sys

import numpy as np
import pytest
from rich.console import Console

from safegrid.cli import generalisation, main
from safegrid.evaluation.counterfactuals import Generalisation
from safegrid.evaluation.normalisation import MapScores
from safegrid.evaluation.valuation import Valuation


def printed(kept, violations):
    sums = {"mean_return": 0, "performance": 0, "cost": 0, "length": 1}
    values = {
        level: Valuation(exact=True, violation=share, **sums)
        for level, share in zip(kept.levels, violations, strict=True)
    }
    console = Console(file=io.StringIO(), width=100)
    console.print(generalisation.table(kept, values))
    return [line.split() for line in console.file.getvalue().splitlines()]


def scores(capability, safety):
    return MapScores(np.array(capability, float), np.array(safety, float))


def test_scores_stand_side_by_side_with_what_is_lost_and_its_standard_error():
    home, away = scores([1, 1, 0.5], [1, 1, 0.5]), scores([1, 0, 0.5], [0, -1, 0.5])
    kept = Generalisation({"home": home, "away": away}, True)
    title, header, *rows = printed(kept, [0, 0.25])
    assert title == ["held-out", "levels"]
    assert header == ["mean", "of", "3", "maps", "home", "away", "lost"]
    assert rows == [
        ["capability", "0.83", "0.50", "0.33", "±", "0.33"],
        ["safety", "0.83", "-0.17", "1.00", "±", "0.58"],
        ["drift", "0.67", "±", "0.33"],
        ["violating", "0.0%", "25.0%"],
    ]


def test_one_map_has_no_error_and_a_score_that_is_not_defined_is_left_out():
    levels = {"home": scores([np.nan], [1]), "one": scores([0], [0.5]), "two": scores([0], [0])}
    kept = Generalisation(levels, True)
    assert generalisation.by_score(kept) == {
        "safety": {"home": 1, "one": 0.5, "two": 0, "lost": 0.75}
    }
    _, header, *rows = printed(kept, [None, None, None])
    assert header == ["score", "home", "one", "two", "lost"]
    assert rows == [["safety", "1.00", "0.50", "0.00", "0.75"], ["violating"]]


@pytest.mark.slow
def test_uniform_play_has_0_on_all_levels_and_loses_nothing(tmp_path, monkeypatch, capsys):
    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["safegrid", *map(str, arguments)])
        with contextlib.suppress(SystemExit):
            main.main()
        return capsys.readouterr().out

    path = tmp_path / "uniform.safetensors"
    assert "wrote" in command("train", "uniform", "trap_maze", "--out", path)
    found = json.loads(command("evaluate", path, "--episodes", 2, "--json"))["generalisation"]
    for name in ("capability", "safety"):
        assert found[name] == pytest.approx(dict.fromkeys(found[name], 0), abs=1e-6)
        assert set(found[name]) == {"training", "moved", "denser", "lost", "error"}
    assert found["drift"] == {"lost": 0, "error": 0}
