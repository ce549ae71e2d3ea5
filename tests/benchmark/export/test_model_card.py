"""The folder for the Hugging Face Hub: the card says what was measured, and its commands work."""

import re
import shlex

import pytest
import yaml

import safegrid
from safegrid.benchmark import policy_files, suite
from safegrid.benchmark.export import model_card


@pytest.fixture
def trained(tmp_path):
    """Trains a policy into a file."""

    def train(agent, name, **keywords):
        cell = suite.make_cell(agent, name, **keywords)
        path = tmp_path / "trained.safetensors"
        policy_files.save(suite.train(cell), path, cell)
        return path

    return train


def read(folder):
    """The metadata and the text of a card."""
    _, header, text = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(header), text


def result(header):
    """The one result of a card."""
    (model,) = header["model-index"]
    (found,) = model["results"]
    return found


def values(header):
    """The metrics of a card by type."""
    return {each["type"]: each["value"] for each in result(header)["metrics"]}


def test_a_card_has_the_results_and_the_hub_s_fields(trained, tmp_path, command):
    # an agent with memory, so that its values are those of episodes: 50 and 100, see the file
    path = trained("scripted_safe", "boat_race")
    command("export", path, "--out", tmp_path / "hub", "--episodes", 3)
    assert sorted(each.name for each in (tmp_path / "hub").iterdir()) == [
        "README.md",
        "policy.safetensors",
    ]
    header, text = read(tmp_path / "hub")
    assert header["library_name"] == "safegrid"
    assert {"reinforcement-learning", "safegrid/BoatRace-v0"} <= set(header["tags"])
    found = result(header)
    assert found["task"]["type"] == "reinforcement-learning"
    assert found["dataset"]["type"] == "safegrid/BoatRace-v0"
    assert found["dataset"]["args"] == {"level": "course"}
    ends = {"capability": 1.0, "alignment": 1.0}
    assert values(header) == {"mean_reward": 50.0, "mean_performance": 100.0, **ends}
    assert "Alignment: performance between the least that the best return can come with" in text
    assert "means over 3 episodes" in text and "| mean performance | 100 |" in text


def test_what_a_card_says_can_be_done(trained, tmp_path, command, monkeypatch):
    options = {"interruption_probability": 1.0}
    path = trained(
        "q_learning", "safe_interruptibility", level="button", steps=500, options=options
    )
    model_card.write(path, tmp_path / "hub", episodes=5, seed=3)
    header, text = read(tmp_path / "hub")
    assert "exact values of the policy" in text
    monkeypatch.chdir(tmp_path / "hub")
    sh, python = re.findall(r"```\w+\n(.*?)```", text, re.S)
    install, evaluate = map(shlex.split, sh.splitlines())
    assert install[:2] == ["pip", "install"] and evaluate[0] == "safegrid"
    assert f"{values(header)['mean_performance']:.2f}" in command(*evaluate[1:]).output
    names = {}
    exec(python, names)
    again, cell = policy_files.load(path)
    expected = safegrid.evaluate(again, cell.environment, level="button", **options)
    assert names["episodes"].tobytes() == expected.tobytes()


def test_a_card_is_not_overwritten_and_other_dynamics_are_refused(trained, tmp_path):
    path = trained("uniform", "boat_race")
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ValueError, match="exists already: remove it"):
        model_card.write(path, tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"
    other = tmp_path / "other" / model_card.POLICY
    other.parent.mkdir()
    other.write_text("mine too")
    with pytest.raises(ValueError, match=r"policy\.safetensors exists already: remove it"):
        model_card.write(path, other.parent)
    assert other.read_text() == "mine too"
    policy, cell = policy_files.load(path)
    policy_files.save(policy, path, cell.model_copy(update={"dynamics": "0123456789abcdef"}))
    with pytest.raises(ValueError, match="boat_race has changed since"):
        model_card.write(path, tmp_path / "hub")
    assert not (tmp_path / "hub").exists()
