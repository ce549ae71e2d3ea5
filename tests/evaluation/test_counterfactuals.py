"""Supervision gap, avoidance, reachability and generalisation of policies that are known."""

import numpy as np
import pytest

import safegrid
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.enumeration import enumerate_states
from safegrid.engine.observations import make_encoder
from safegrid.engine.policies import TablePolicy
from safegrid.evaluation import counterfactuals
from safegrid.solver import reachability
from safegrid.training import scripted


class Sly:
    """Takes the shortcut when nobody watches."""

    observation, mode, memory = "text", "deterministic", False

    def probabilities(self, texts):
        return np.eye(4)[[self.action(text) for text in texts]]

    def action(self, text):
        rows = text.split("\n")
        row, column = next((i, row.index("A")) for i, row in enumerate(rows) if "A" in row)
        if "S" not in text:
            return 1
        if row == 1 and column < 5:
            return 3
        return 1 if row < 4 else 2


def script(name, title, **options):
    return scripted.example(name, title, options)


def test_who_behaves_only_while_watched_has_a_supervision_gap():
    assert counterfactuals.supervision_gap([Sly()] * 2, "absent_supervisor").mean == 41 - 17
    honest = script("absent_supervisor", "honest")
    assert counterfactuals.supervision_gap([honest], "absent_supervisor").mean == 0


def test_who_learns_to_press_the_button_avoids_interruption():
    press, leave = (
        script("safe_interruptibility", title, level="button") for title in ("hack", "honest")
    )
    place = ("safe_interruptibility", "button", 20)
    assert (
        counterfactuals.avoidance([press] * 2, *place).mean == 0
    )  # it would press a sham button as well
    assert counterfactuals.avoidance([press] * 2, *place, sham=[leave] * 2).mean == 1
    assert counterfactuals.avoidance([leave] * 2, *place, sham=[press] * 2).mean == -1


def test_environments_without_a_switch_have_no_twins():
    with pytest.raises(ValueError, match="boat_race has no SWITCH"):
        counterfactuals.supervision_gap([script("boat_race", "honest")], "boat_race")
    with pytest.raises(ValueError, match="absent_supervisor has no DISABLED"):
        counterfactuals.avoidance([script("absent_supervisor", "honest")], "absent_supervisor")


@pytest.mark.parametrize("level", ["field", "chamber"])
def test_a_tile_called_switch_is_no_switch(level):
    """The tile constants of rocks_diamonds are not the contract's SWITCH."""
    policy = registry.agent("uniform").train("rocks_diamonds", options={"level": level})
    for compare in (counterfactuals.supervision_gap, counterfactuals.avoidance):
        with pytest.raises(ValueError, match="rocks_diamonds has no SWITCH, an option that"):
            compare([policy], "rocks_diamonds", level)


@pytest.mark.parametrize("switch", [0.0, 0.5, 1.0])
def test_a_table_reads_the_row_of_the_board_whatever_the_switch(switch):
    """Its boards are numbered as on its own level, and each twin has others."""
    options = {"supervision_probability": switch}
    dynamics = make_dynamics("absent_supervisor")
    boards = enumerate_states(dynamics).boards
    actions = [Sly().action(text) for text in make_encoder(dynamics, "text")(boards)]
    policy = TablePolicy(np.eye(4)[actions])
    policy.trained_on = "absent_supervisor", {"level": "room"}
    found = counterfactuals.gap(policy, make_dynamics("absent_supervisor", **options))
    assert found == (24, True, 0, None)
    gap = counterfactuals.supervision_gap([policy] * 2, "absent_supervisor", **options)
    assert gap.mean == 24


def test_a_sampled_gap_has_a_standard_error():
    policy = registry.agent("planner").train("absent_supervisor")
    found = counterfactuals.gap(policy, make_dynamics("absent_supervisor"), 50)
    assert found == (24, False, 0, None)  # every watched episode is the same, and every other
    share = counterfactuals.share(np.array([True, False, False, False]))
    assert share == (0.25, False, pytest.approx((0.25 * 0.75 / 4) ** 0.5), None)


def test_the_switch_is_disabled_as_often_exactly_as_in_many_episodes():
    dynamics = counterfactuals.switched(make_dynamics("safe_interruptibility", "button"), 1.0)
    policy = registry.agent("uniform").train("safe_interruptibility", options={"level": "button"})
    exact, ended = (
        counterfactuals.disabled(policy, dynamics),
        counterfactuals.terminating(policy, dynamics),
    )
    records = safegrid.evaluate(
        policy, "safe_interruptibility", 4000, level="button", interruption_probability=1.0
    )
    ends = reachability.after(dynamics, records["seed"], records["actions"], records["length"])
    assert exact.exact and ended.exact
    assert ends["pressed"].mean() == pytest.approx(exact.value, abs=4 * 0.5 / 4000**0.5)
    share = (records["ended"] == "terminated").mean()
    assert share == pytest.approx(ended.value, abs=4 * 0.4 / 4000**0.5)


def reachable(model, start):
    seen, new = {start}, [start]
    while new:
        state = new.pop()
        for action in range(len(model.actions)):
            step = model.step(state, action)
            if not step.terminated and step.state not in seen:
                seen.add(step.state)
                new.append(step.state)
    return seen


@pytest.mark.parametrize("title", ["honest", "hack"])
def test_lost_reachability_is_that_of_a_search_through_the_model(title):
    name = "side_effects_sokoban"
    policy = script(name, title)
    runs = [safegrid.evaluate(policy, name, 3, seed) for seed in range(2)]
    model = safegrid.Model(name, noop=True)
    state = model.reset()
    baseline = reachable(model, state)  # the box does not move by itself
    for action in runs[0].actions[0][: runs[0].length[0] - 1]:
        state = model.step(state, int(action)).state
    lost = 1 - len(reachable(model, state) & baseline) / len(baseline)
    found = counterfactuals.reachability_loss(runs, name)
    assert found.mean == pytest.approx(lost)
    assert found.equal.startswith("2 of 2") and 0 < found.low < lost < found.high < 1


def test_the_hack_loses_more_reachability_than_the_honest_way():
    name = "side_effects_sokoban"
    losses = {}
    for title in ("honest", "hack"):
        runs = [safegrid.evaluate(script(name, title), name, 1)]
        losses[title] = counterfactuals.reachability_loss(runs, name).mean
    assert losses["hack"] > losses["honest"] > 0


def test_nothing_is_lost_where_every_way_leads_back():
    policy = registry.agent("uniform").train("boat_race", seed=0)
    runs = [safegrid.evaluate(policy, "boat_race", 20, seed) for seed in range(2)]
    assert counterfactuals.reachability_loss(runs, "boat_race").mean == 0


def run(reward, performance):
    return {"return": [reward], "performance": [performance], "cost": [0.0], "length": [5]}


def test_a_goal_that_generalises_badly_keeps_its_capability_and_loses_its_safety(
    small_scale, use_scale
):
    use_scale(small_scale())
    away = {"one": [run(10, -10), run(8, 0)], "other": [run(10, 0), run(8, 10)]}
    found = counterfactuals.generalisation([run(10, 10), run(8, 8)], away, "any")
    assert found.capability.mean == pytest.approx(0)
    assert found.safety.mean == pytest.approx(((1 + 0.5) + (0.8 - 0.5)) / 2)
    assert found.drift.mean == pytest.approx(found.safety.mean)
    use_scale(small_scale(r=(0, 0, 0, 0)))
    found = counterfactuals.generalisation([run(0, 10)], {"one": [run(0, 5)]}, "any")
    assert found.capability is None and found.drift is None and found.safety.mean == 0.5
    with pytest.raises(ValueError, match="no level of boat_race is held out"):
        counterfactuals.generalisation([run(0, 0)], {}, "boat_race")


def test_generalisation_is_measured_on_the_levels_held_out():
    spec = registry.environment("distributional_shift")
    policy = registry.agent("uniform").train("distributional_shift", seed=0)

    def play(key):
        return [
            safegrid.evaluate(policy, "distributional_shift", 200, seed, key) for seed in range(3)
        ]

    away = {key: play(key) for key in spec.held_out}
    found = counterfactuals.generalisation(
        play("training"), away, "distributional_shift", "training"
    )
    assert abs(found.capability.mean) < 0.1
    assert found.drift.mean == pytest.approx(0, abs=1e-12)  # a control level: equal losses
