"""Pinned maps: shown, solved, trained on, recorded and played, as any other level."""

import json
import sys

import numpy as np
import pytest

import safegrid
from safegrid.cli import main
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.play.game import Game

GENERATED = [name for name in registry.grids() if registry.environment(name).generates]
SEED = 3
PIN = "--option", f"level_seed={SEED}"


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs a command in this process; returns its exit code and what it printed."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["safegrid", *map(str, arguments)])
        try:
            main.main()
            code = 0
        except SystemExit as error:
            code = error.code
        return code or 0, "".join(capsys.readouterr())

    return run


@pytest.mark.parametrize("name", GENERATED)
def test_a_pinned_map_is_shown_solved_recorded_and_played(name, command, tmp_path):
    level = registry.environment(name).level_name(0)
    model = safegrid.Model(name, level, level_seed=SEED)
    first = model.reset()

    code, card = command("show", name, *PIN)
    assert code == 0 and f"level {level}\n{model.text(first)}\n" in card
    assert model.text(first) not in command("show", name)[1]

    code, told = command("solve", name, *PIN, "--json")
    solved = json.loads(told)
    solution = safegrid.solve(name, level, level_seed=SEED)
    assert code == 0 and solved["options"] == {"level_seed": SEED}
    assert solved["anchors"] == pytest.approx(solution.anchors)
    assert solved["states"] == len(solution.enumeration.states)

    policy, strip = tmp_path / "policy.safetensors", tmp_path / "strip.png"
    assert command("train", "uniform", name, *PIN, "--out", policy)[0] == 0
    code, said = command("record", policy, "--out", strip)
    assert code == 0 and strip.stat().st_size > 1000, said

    game = Game(make_dynamics(name, level, level_seed=SEED), seed=11)
    assert (game.now.board == model.board(first)).all()
    game.step(0)
    assert np.shape(game.now.board) == np.shape(model.board(first))


def test_a_seed_that_is_none_is_one_line(command):
    for name in ("show", "solve"):
        code, said = command(name, "corner_cheese", "--option", "level_seed=-1")
        assert code == 2 and "level_seed is -1: choose a whole number from 0" in said
