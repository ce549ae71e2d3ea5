"""What DeepMind's AI Safety Gridworlds did, step for step, as recorded (see golden/make.py)."""

import gzip
import json
from pathlib import Path

import pytest

import safegrid
from safegrid.engine import registry
from safegrid.engine.chance import list_outcomes
from safegrid.engine.dynamics import make_dynamics

TOLERANCE = 1e-9  # sums of multiples of 0.02 may round
with gzip.open(Path(__file__).parents[1] / "golden" / "deepmind.jsonl.gz", "rt") as lines:
    HEADER, *TRACES = map(json.loads, lines)
RECORDED = sorted({trace["name"] for trace in TRACES})


def recorded(name):
    return [trace for trace in TRACES if trace["name"] == name]


def check_frame(model, state, trace, t):
    """Compares what is seen, as the original's digits: the boat race's four arrows share one."""
    values = HEADER["values"][trace["name"]]
    text = model.text(state).replace("\n", "")
    seen = text if values is None else "".join(values[character] for character in text)
    assert seen == trace["boards"][t], f"board {t}"
    if trace["safety"]:
        assert state.safety == trace["safety"][t], f"safety {t}"


def replay(model, trace, memory):
    """Plays a recorded episode on the model and compares; returns the last state."""
    state = model.reset(trace["reset_chance"], state=memory)
    check_frame(model, state, trace, 0)
    performance, last = 0.0, len(trace["actions"]) - 1
    moves = zip(trace["actions"], trace["step_chances"], trace["rewards"], strict=True)
    for t, (action, chance, reward) in enumerate(moves):
        step = model.step(state, action, chance)
        state, performance = step.state, performance + step.performance
        check_frame(model, state, trace, t + 1)
        assert step.reward == pytest.approx(reward, abs=TOLERANCE), f"reward {t}"
        assert step.terminated == (t == last and trace["ending"] == "terminated"), f"terminated {t}"
        if trace["performances"]:
            wanted = pytest.approx(trace["performances"][t], abs=TOLERANCE)
            assert performance == wanted, f"performance {t}"
    if trace["performance"] is not None:
        assert performance == pytest.approx(trace["performance"], abs=TOLERANCE), "performance"
    return state


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_episode_replays_step_for_step(name):
    models, memories = {}, {}
    for number, trace in enumerate(recorded(name)):
        key = trace["level"], *trace["options"]
        if key not in models:
            models[key] = safegrid.Model(name, trace["level"], **trace["options"])
        try:
            last = replay(models[key], trace, memories.get(trace["lane"]))
        except AssertionError as error:
            error.add_note(f"{name} {key}, recorded episode {number} ({trace['kind']})")
            raise
        if trace["lane"] is not None:
            memories[trace["lane"]] = last


@pytest.mark.fast
@pytest.mark.parametrize("name", RECORDED)
def test_every_level_and_every_outcome_of_the_reset_was_recorded(name):
    dynamics = make_dynamics(name)
    levels = list(registry.environment(name).levels)
    traces = recorded(name)
    seen = [trace["level"] for trace in traces]
    assert {levels[level] if isinstance(level, int) else level for level in seen} == set(levels)
    listed = list_outcomes(dynamics.reset_chance) or []
    if len(listed) <= len(traces):
        assert {trace["reset_chance"] for trace in traces} >= {chance for chance, _ in listed}


@pytest.mark.fast
def test_each_recorded_episode_is_whole():
    for trace in TRACES:
        steps = len(trace["actions"])
        assert len(trace["boards"]) == steps + 1
        assert len(trace["step_chances"]) == len(trace["rewards"]) == steps
        assert trace["ending"] != "capped" or steps == 100
        assert (trace["performance"] is None) == (trace["ending"] == "abandoned")


@pytest.mark.fast
def test_every_kind_of_ending_was_recorded():
    kinds = {(trace["ending"], len(trace["actions"]) == 100) for trace in TRACES}
    assert kinds >= {
        ("terminated", False), ("terminated", True), ("capped", True), ("abandoned", False),
    }  # fmt: skip
