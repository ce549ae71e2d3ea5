"""Formats of published policies: the policy comes back, tensors of other levels are refused."""

import numpy as np
import pytest

from safegrid.benchmark import policy_files, suite
from safegrid.benchmark.published import formats
from safegrid.benchmark.published.formats import (
    FixedFormat,
    NetworkFormat,
    PlanFormat,
    ScriptFormat,
    TableFormat,
    TimedFormat,
)
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.observations import make_encoder
from safegrid.solver.plans import Plan
from safegrid.solver.timed import TimedPolicy
from safegrid.training import local_view, mlp


def gaussian(dynamics, **changes):
    """A policy of a plane task with random weights."""
    random = np.random.default_rng(0)
    size, numbers = len(dynamics.level.background), len(dynamics.actions)
    tensors = {
        "0.weight": random.normal(size=(3, size)).astype(np.float32),
        "0.bias": np.zeros(3, np.float32),
        "1.weight": random.normal(size=(numbers, 3)).astype(np.float32),
        "1.bias": np.zeros(numbers, np.float32),
        "mean": np.zeros(size),
        "scale": np.ones(size),
        "deviation": np.ones(numbers, np.float32),
    }
    return {**tensors, **changes}


@pytest.mark.parametrize("agent, name, settings, kind", [
    ("uniform", "boat_race", {}, FixedFormat),
    ("uniform", "friend_foe", {}, FixedFormat),
    ("uniform", "point_goal", {}, FixedFormat),
    ("noop", "aup_vase", {}, FixedFormat),
    ("q_learning", "boat_race", {"lanes": 2}, TableFormat),
    ("constrained_q", "hazard_goal", {}, TimedFormat),
    ("planner", "boat_race", {}, PlanFormat),
    ("planner_current_reward", "sensor_register", {}, PlanFormat),
    ("planner_limit", "island_navigation", {"violation": 0.1}, PlanFormat),
    ("scripted_safe", "boat_race", {}, ScriptFormat),
    ("scripted_safe", "point_goal", {}, None),
])  # fmt: skip
def test_a_published_policy_comes_back_from_its_file(agent, name, settings, kind):
    cell = suite.make_cell(agent, name, steps=0, settings=settings)
    policy, dynamics = suite.train(cell), make_dynamics(name)
    found = formats.publish(policy, dynamics)
    if kind is None:
        assert found is None
        return
    form, published = found
    assert type(form) is kind
    content = policy_files.encode(published, cell, form)
    assert content == policy_files.encode(published, cell, form)
    file = policy_files.decode(content)
    assert (file.cell, file.format) == (cell, form)
    for made in (policy_files.make(file), policy_files.published(file, dynamics)):
        assert {k: v.tobytes() for k, v in made.tensors().items()} == {
            k: v.tobytes() for k, v in published.tensors().items()
        }


def test_a_network_is_published_as_such_where_boards_cannot_be_listed():
    dynamics = make_dynamics("point_goal")
    policy = mlp.Gaussian.load(gaussian(dynamics))
    form, published = formats.publish(policy, dynamics)
    assert form == NetworkFormat(output="normal", activation="tanh") and published is policy
    made = formats.make(form, policy.tensors(), dynamics)
    vectors, chance = np.ones((2, len(dynamics.level.background))), np.full((2, 2), 0.3)
    assert made.act(vectors, chance).tobytes() == policy.act(vectors, chance).tobytes()


@pytest.mark.parametrize("changes, message", [
    ({"0.weight": np.zeros((3, 7), np.float32)}, "0.weight is float32[3, 7]: it must be"),
    ({"0.bias": np.zeros(3)}, "0.bias is float64[3]: it must be float32[3]"),
    ({"1.bias": np.zeros(3, np.float32)}, "1.bias is float32[3]: it must be float32[2]"),
    ({"mean": np.zeros(3)}, "mean is float64[3]: it must be float64["),
    ({"scale": None}, "scale has a number that is not above 0"),
    ({"deviation": np.full(2, np.nan, np.float32)}, "deviation has numbers that are not finite"),
    ({"2.weight": np.zeros((1, 1), np.float32)}, "a network of 2 layers has"),
    ({"extra": np.zeros(1), "more": np.zeros(1)}, "a network of 3 layers has"),
    ({"0.bias": np.zeros(0, np.float32)}, "layer 0 has 0 units: choose 1 to 4,096"),
    ({"0.bias": np.zeros(4097, np.float32)}, "layer 0 has 4097 units: choose 1 to 4,096"),
    ({f"{i}.weight": np.zeros((1, 1)) for i in range(2, 30)}, "a network has at most 8"),
])  # fmt: skip
def test_a_network_of_other_shapes_is_refused(changes, message):
    dynamics = make_dynamics("point_goal")
    if "scale" in changes:
        changes = {"scale": np.zeros(len(dynamics.level.background))}
    form = NetworkFormat(output="normal", activation="tanh")
    with pytest.raises(ValueError) as error:
        formats.check(form, gaussian(dynamics, **changes), dynamics)
    assert message in str(error.value)


def local(dynamics):
    """A policy of a local view with random weights."""
    random, shape = np.random.default_rng(0), (len(dynamics.tiles), *dynamics.level.board.shape)
    weights = random.normal(size=(len(dynamics.actions), local_view.size(*shape)))
    layers = [(weights.astype(np.float32), np.zeros(len(dynamics.actions), np.float32))]
    return local_view.LocalNetwork(mlp.Network(layers), dynamics.tiles.index("A"), shape)


def test_a_network_of_a_local_view_is_published_where_maps_are_drawn():
    dynamics = make_dynamics("trap_maze")
    form, policy = formats.publish(local(dynamics), dynamics)
    assert form == NetworkFormat(output="local", activation="tanh")
    again = formats.make(form, policy.tensors(), dynamics)
    shape = (3, len(dynamics.tiles), *dynamics.level.board.shape)
    boards = np.random.default_rng(1).integers(0, 2, shape).astype(np.uint8)
    assert (again.outputs(boards) == policy.outputs(boards)).all()
    for fault, changes in (
        ("view is not that of the level", {"view": policy.tensors()["view"] + 1}),
        ("it must be float32[4, ", {"0.weight": policy.tensors()["0.weight"][:, 1:]}),
    ):
        with pytest.raises(ValueError) as error:
            formats.check(form, {**policy.tensors(), **changes}, dynamics)
        assert fault in str(error.value)


def test_a_network_is_no_policy_where_boards_are_listed():
    """Its copy as a table would be another policy."""
    form = NetworkFormat(output="greedy", activation="relu")
    with pytest.raises(ValueError, match="not for boat_race, whose boards are listed: a table"):
        formats.check(form, {}, make_dynamics("boat_race"))


def test_a_network_of_planes_does_not_play_a_plane_task():
    form = NetworkFormat(output="greedy", activation="relu")
    with pytest.raises(ValueError, match="cannot play point_goal"):
        formats.check(form, {}, make_dynamics("point_goal"))


@pytest.mark.parametrize("name, change, message", [
    ("weights", lambda a: a * 2, "weights are not a distribution"),
    ("weights", lambda a: a.astype(np.float32), "weights is float32"),
    ("first", lambda a: a + 10, "first must be actions from 0 to 3"),
    ("changed_to", lambda a: a + 10, "changed_to must be actions from 0 to 3"),
    ("changed_to", lambda a: a[:-1], "changed_to is uint8"),
    ("gaps", lambda a: a * 0, "gaps must be numbers from 1 to 255 whose sum is at most 792"),
    ("gaps", lambda a: a * 0 + 255, "gaps must be numbers from 1 to 255 whose sum is at most 792"),
    ("gaps", lambda a: a.astype(np.int32), "gaps is int32"),
    ("horizon", lambda a: a - 1, "horizon is 99: the level has 100"),
    ("horizon", lambda a: np.repeat(a, 2), "horizon is int32"),
    ("weights", lambda a: np.full(9, 1 / 9), "it has 9 plans with 2 objectives"),
    ("objectives", lambda a: np.repeat(a, 9, axis=1), "it has 1 plans with 18 objectives"),
    ("first", lambda a: a[..., :-1], "first is uint8"),
])  # fmt: skip
def test_a_plan_of_another_level_is_refused(name, change, message):
    dynamics, plan = make_dynamics("boat_race"), registry.agent("planner").train("boat_race")
    form, published = formats.publish(plan, dynamics)
    tensors = published.tensors()
    formats.check(form, tensors, dynamics)
    with pytest.raises(ValueError, match=message):
        formats.check(form, {**tensors, name: change(tensors[name])}, dynamics)
    with pytest.raises(ValueError, match="a plan has weights, first"):
        formats.check(form, {"weights": tensors["weights"]}, dynamics)


@pytest.mark.parametrize("agent, level", [
    ("planner", "safe_interruptibility"),
    ("planner_limit", "hazard_goal"),
])  # fmt: skip
def test_a_published_plan_takes_the_actions_of_the_plan(agent, level):
    dynamics, plan = make_dynamics(level), registry.agent(agent).train(level)
    _, published = formats.publish(plan, dynamics)
    for made in (published, Plan(plan.tensors()), Plan(vars(plan))):
        assert (made.actions == plan.actions).all()
    assert {*plan.tensors()} - {*published.tensors()} == {"start", "successor", "seen"}
    assert (published.successor == plan.successor).all()


@pytest.mark.parametrize("name, change, message", [
    ("script", lambda a: a + 10, "script must be actions from 0 to 3"),
    ("script", lambda a: a.astype(np.int64), "script is int64"),
    ("script", lambda a: a[:0], "a script of boat_race has 4 actions and 1 to 65536 steps"),
    ("actions", lambda a: a + 1, "a script of boat_race has 4 actions"),
    ("more", lambda a: np.zeros(1), "has actions and script"),
])  # fmt: skip
def test_a_script_of_other_actions_is_refused(name, change, message):
    dynamics = make_dynamics("boat_race")
    tensors = registry.agent("scripted_hack").train("boat_race").tensors()
    formats.check(ScriptFormat(), tensors, dynamics)
    with pytest.raises(ValueError, match=message):
        formats.check(ScriptFormat(), {**tensors, name: change(tensors.get(name))}, dynamics)
    with pytest.raises(ValueError, match="a script is for a discrete level"):
        formats.check(ScriptFormat(), tensors, make_dynamics("point_goal"))


@pytest.mark.parametrize("name, tensors, message", [
    ("boat_race", {"actions": [5]}, "a fixed policy of boat_race is for 4 actions"),
    ("boat_race", {"actions": [5, 1]}, "a fixed policy of boat_race is for 4 actions"),
    ("boat_race", {"numbers": [4]}, "a fixed policy of boat_race is for 4 actions"),
    ("point_goal", {"actions": [2]}, "a fixed policy of point_goal is for 2 numbers of an action"),
])  # fmt: skip
def test_a_fixed_policy_of_other_actions_is_refused(name, tensors, message):
    arrays = {key: np.array(each) for key, each in tensors.items()}
    with pytest.raises(ValueError, match=message):
        formats.check(FixedFormat(), arrays, make_dynamics(name))


def timed(**changes):
    """The tensors of a timed policy of hazard_goal: right, then up from the second step on."""
    dynamics = make_dynamics("hazard_goal")
    count = make_encoder(dynamics, "index").space.n
    chances = np.zeros((dynamics.horizon, count, 4), np.float32)
    chances[0, :, 3] = chances[1:, :, 0] = 1
    chances[5, 2] = (0.5, 0.25, 0.25, 0)
    return {**TimedPolicy(chances).tensors(), **changes}


def test_a_timed_policy_is_kept_by_where_it_changes():
    tensors, dynamics = timed(), make_dynamics("hazard_goal")
    count = tensors["first"].shape[1]
    assert (tensors["first"] == 3).all() and (tensors["changed_to"] == 0).all()
    assert tensors["gaps"].tolist() == [1] * count
    assert tensors["mixed"].tolist() == [5 * count + 2]
    formats.check(TimedFormat(), tensors, dynamics)
    made = formats.make(TimedFormat(), tensors, dynamics)
    assert made.chances[5, 2].tolist() == [0.5, 0.25, 0.25, 0]
    assert (made.chances[0, :, 3] == 1).all() and made.chances.sum() == dynamics.horizon * count


@pytest.mark.parametrize("changes, message", [
    ({"more": np.zeros(1)}, "a timed policy has first, gaps, changed_to, horizon, mixed and"),
    ({"horizon": np.array([5], np.int32)}, "horizon is 5: the level has 100"),
    ({"mixed": np.array([-1], np.int32)}, "mixed must be ascending numbers from 0 to"),
    ({"mixed": np.array([10**6], np.int32)}, "mixed must be ascending numbers from 0 to"),
    ({"chances": np.full((1, 4), 0.5, np.float32)}, "that sum to 1 in each row"),
    ({"chances": np.full((2, 4), 0.25, np.float32)}, "chances is float32"),
    ({"first": np.full((1, 3), 0, np.uint8)}, "first is uint8"),
    ({"changed_to": np.zeros(1, np.uint8)}, "changed_to is uint8"),
])  # fmt: skip
def test_a_timed_policy_that_is_none_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        formats.check(TimedFormat(), timed(**changes), make_dynamics("hazard_goal"))
    with pytest.raises(ValueError, match="a timed policy has"):
        formats.check(TimedFormat(), timed(), make_dynamics("point_goal"))
