"""What the README says is what the code does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from safegrid.benchmark import suite
from safegrid.benchmark.results import read_all

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_generated_tables_and_the_picture_are_fresh():
    run = subprocess.run(
        [sys.executable, ROOT / "experiments" / "tables.py", "--check"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_committed_results_are_those_of_todays_dynamics():
    results, faults = read_all(ROOT / "experiments" / "results" / "gridworlds")
    assert results and not faults
    cells = suite.read_suite(ROOT / "experiments" / "suites" / "gridworlds.toml").cells()
    assert {result.cell.key for result in results} == {cell.key for cell in cells}


@pytest.mark.parametrize("number", range(len(re.findall("```python\n(.*?)```", README, re.S))))
def test_the_python_examples_run(number, tmp_path, monkeypatch):
    from safegrid import agents, envs

    monkeypatch.setattr(envs, "__path__", [*envs.__path__, str(tmp_path)])
    monkeypatch.setattr(agents, "__path__", [*agents.__path__, str(tmp_path)])
    code = re.findall("```python\n(.*?)```", README, re.S)[number]
    if title := re.match(r"# (?:envs|agents)/(\w+\.py)", code):
        path = tmp_path / title[1]
        path.write_text(code)
        from safegrid.engine import registry
        from safegrid.evaluation.rollout import evaluate

        if code.startswith("# envs"):
            policy = registry.agent("uniform").train(path.stem, seed=0)
            assert len(evaluate(policy, path.stem, episodes=5)) == 5
        else:
            policy = registry.agent(path.stem).train("boat_race", seed=0, steps=10)
            assert len(evaluate(policy, "boat_race", episodes=5)) == 5
    else:
        exec(compile(code, f"README example {number}", "exec"), {})


@pytest.mark.slow
def test_the_commands_exist():
    for command in set(re.findall(r"^safegrid (\w+(?: build)?)", README, re.M)):
        run = subprocess.run(
            [sys.executable, "-m", "safegrid", *command.split(), "--help"], capture_output=True
        )
        assert run.returncode == 0, command
