"""Scores and starts that are the original's are told from those that are not."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import safegrid
from safegrid.engine import registry
from safegrid.engine.chance import derive_seeds
from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.lanes import Lanes

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"


@pytest.fixture
def transfer(experiment, monkeypatch, tmp_path):
    """The experiment, with few episodes and resets, and its result in a folder of the test."""
    monkeypatch.setattr(sys, "path", [str(EXPERIMENTS), *sys.path])
    module = experiment("transfer")
    for name, value in {"COPIES": 2, "RESETS": 4, "DRAWN": 400, "RESAMPLES": 99}.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(module, "RESULT", tmp_path / "transfer.json")
    return module


def drawn(dynamics, count):
    """The states of resets of ours."""
    lanes = Lanes(dynamics, count)
    lanes.reset(derive_seeds(0, "evaluate", count))
    return lanes.states


def recording(states):
    """States as the arrays of a recording, which has the bodies' heights and tilts as well."""
    names, arrays = states.dtype.names, {"rows": np.zeros((len(states), 6))}
    moving = {"vases": "bodies", "gremlins": "bodies", "box": "box"}
    for name in ("pose", "goal", "hazards", "pillars", "buttons", *moving):
        place = "push_box" if name == "box" else name
        if place in names:
            found = states[place]
            if name in moving:
                found = np.zeros((*found.shape[:2], 10))
                found[..., :6] = states[moving[name]][..., :6]
            arrays[f"start_{name}"] = found
    if "lit" in names:
        arrays |= {"start_lit": states["lit"], "start_timer": states["rest"]}
    return arrays


class Chaser:
    """Turns and drives towards the lit button, whatever is in between."""

    observation, memory = "vector", False

    def act(self, observations, chance):
        bins = observations[:, 28:44].argmax(axis=1)
        ahead = (bins == 0) | (bins == 15)
        return np.stack([0.5 * ahead, np.where(bins < 8, 0.6, -0.6)], axis=1)


@pytest.mark.parametrize(
    ("name", "level"),
    [("point_goal", 2), ("point_button", 1), ("point_push", 2), ("point_circle", 1)],
)
def test_a_recorded_start_becomes_the_whole_state(transfer, name, level):
    dynamics = make_dynamics(name, level)
    states = drawn(dynamics, 3)
    if name == "point_goal":  # its vases take their places at the first step
        states["bodies"][..., :2] = states["vases"]
    assert np.array_equal(transfer.starts(recording(states), dynamics), states)


def test_play_from_the_states_of_resets_is_that_of_an_evaluation(transfer):
    dynamics = make_dynamics("point_button", 1)
    evaluated = safegrid.evaluate(Chaser(), "point_button", transfer.RESETS, level=1)
    for states in (None, drawn(dynamics, transfer.RESETS)):
        found = transfer.play(Chaser(), dynamics, states)
        assert found["return"] == pytest.approx(evaluated["return"], abs=1e-4)
        assert found["cost"].tolist() == evaluated["cost"].tolist()
        assert found["goals"].sum() > 0
        kinds = [found[kind] for kind in dynamics.spec.costs]
        assert (np.max(kinds, axis=0) <= found["cost"]).all()
        assert (found["cost"] <= np.sum(kinds, axis=0)).all()


def test_a_mean_policy_takes_the_mean_of_a_noisy_ones_actions(transfer, tmp_path):
    numbers = {"0.weight": np.full((2, 12), 0.01), "0.bias": np.zeros(2), "deviation": np.ones(2)}
    tensors = {name: value.astype(np.float32) for name, value in numbers.items()}
    tensors |= {"mean": np.zeros(12), "scale": np.ones(12)}
    safetensors.numpy.save_file(tensors, tmp_path / "point_run-0-ppo.safetensors")
    chance, observations = np.array([[0.25, 0.6], [0.75, 0.4]]), np.ones((2, 12))
    mean, noisy = (
        transfer.load(tmp_path, "point_run", "0", f"ppo_{how}").act(observations, chance)
        for how in ("mean", "noisy")
    )
    assert mean == pytest.approx(np.full((2, 2), 0.12))
    noise = np.array([[-0.67449, 0.253347], [0.67449, -0.253347]])  # quantiles of chance
    assert noisy == pytest.approx(mean + noise, abs=1e-5)


def test_p_values_are_those_of_all_permutations(transfer):
    ones, zeros = np.ones(2), np.zeros(2)
    assert transfer.p_value([ones, zeros], "samples") == pytest.approx(2 / 4)  # both sides
    assert transfer.p_value([ones, zeros], "independent") == pytest.approx(2 / 6)
    assert transfer.p_value([ones, zeros, zeros], "samples") == pytest.approx(2 / 9)
    assert transfer.p_value([ones, ones], "samples") is None


def test_a_ratio_has_an_interval_over_starts(transfer):
    assert transfer.ratio(np.array([1.0, 2.0, 4.0]), np.array([2.0, 4.0, 8.0])) == [2, 2, 2]
    middle, low, high = transfer.ratio(np.array([1.0, 1.0, 2.0]), np.array([2.0, 1.0, 3.0]))
    assert 1 == low < middle == 1.5 < high == 2
    assert transfer.ratio(np.zeros(3), np.ones(3)) is None


def test_starts_of_another_distribution_are_found(transfer):
    dynamics = make_dynamics("point_push", 1)
    states = drawn(dynamics, 600)[400:]  # not those that they are compared with
    found = transfer.distribution(states, dynamics)
    assert found["starts"] == 200 and len(found["p_values"]) == 14  # 3 + 2 * (1 + 2 + 1) + 3
    assert min(found["p_values"].values()) > 0.001
    states["pose"][:, 2] -= 4 * np.pi  # the same heading
    states["box"][:, 0, 2] /= 2
    states["hazards"][:, 1, 0] += 0.5
    other = transfer.distribution(states, dynamics)["p_values"]
    changed = {name for name, p in other.items() if abs(p - found["p_values"][name]) > 1e-6}
    assert changed == {"push_box 0 heading", "hazards 1 x"}
    assert all(other[name] < 1e-6 for name in changed)


def test_a_folder_of_episodes_becomes_a_result(transfer, monkeypatch, tmp_path):
    dynamics = make_dynamics("point_run", 0)
    states = drawn(dynamics, 5)
    policy = registry.agent("scripted_hack").learn(Task("point_run", {"level": 0}), Run(), {})
    played = transfer.play(policy, dynamics, states)
    arrays = recording(states)
    arrays["rows"][:, 1], arrays["rows"][:, 2] = played["return"], played["cost"] + 1000
    arrays |= {"kinds": arrays["rows"][:, 2:3], "names": np.array(["cost_out_of_boundary"])}
    np.savez(tmp_path / "point_run-0-scripted_hack.npz", **arrays)
    monkeypatch.setattr(transfer, "golden", dict)
    monkeypatch.setattr(sys, "argv", ["transfer.py", str(tmp_path)])
    transfer.main()
    (result,) = json.loads(transfer.RESULT.read_text()).values()
    rows = result["policies"]["scripted_hack"]
    assert rows.keys() == {"return", "cost"}  # no goals, and one kind of cost only
    assert rows["cost"]["recorded"] == pytest.approx(played["cost"].mean() + 1000)
    assert max(rows["cost"]["paired"], rows["cost"]["unpaired"]) < 0.05
    assert rows["return"]["recorded"] == pytest.approx(rows["return"]["starts"], abs=0.5)
    assert result["ratios"]["return"] == [1, 1, 1]  # in each start, or the interval were wider
    assert result["ratios"]["cost"][2] < 0.6 and result["starts"] == 5
    assert result["p_values"].keys() == {"robot x", "robot heading"}  # y is the same in all


def test_a_folder_without_episodes_is_refused_in_a_line(transfer, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["transfer.py", str(tmp_path)])
    with pytest.raises(SystemExit) as exit:
        transfer.main()
    assert exit.value.code == 2
    assert f"{tmp_path} has no file TASK-LEVEL-POLICY.npz" in capsys.readouterr().err


def test_starts_of_the_golden_episodes_are_those_of_levels_with_contacts(transfer):
    counts = {key: len(states) for key, states in transfer.golden().items()}
    assert counts == {
        **{("point_goal", "1"): 3, ("point_goal", "2"): 13, ("point_button", "1"): 13},
        **{("point_button", "2"): 10, ("point_push", "1"): 13, ("point_push", "2"): 10},
    }
