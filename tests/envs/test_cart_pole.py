"""Cart-pole: MuJoCo's steps, the model of safe-control-gym, limits, and controllers."""

import functools
import math

import numpy as np
import pytest
from scipy.stats import ks_2samp

import safegrid
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.lanes import Lanes
from safegrid.evaluation.rollout import evaluate
from safegrid.training import scripted

CART = registry.environment("cart_pole").module
BODY = """<mujoco>
 <option timestep="0.01" integrator="RK4"><flag contact="disable"/></option>
 <worldbody>
  <body pos="0 0 1">
   <joint name="slider" type="slide" axis="1 0 0" limited="true" range="-1.8 1.8"
    solreflimit=".08 1" damping="5e-4"/>
   <geom type="box" size=".2 .15 .1" mass="{cart}"/>
   <body>
    <joint name="hinge" type="hinge" axis="0 1 0" damping="2e-6"/>
    <geom type="capsule" fromto="0 0 0 0 0 {length}" size=".045" mass="{pole}"/>
   </body>
  </body>
 </worldbody>
 <actuator><motor joint="slider" gear="10" ctrllimited="true" ctrlrange="-1 1"/></actuator>
</mujoco>"""
model = functools.cache(safegrid.Model)


def original(cart=1.0, pole=0.1, length=1.0):
    """MuJoCo's model and data of dm_control's cartpole."""
    mujoco = pytest.importorskip("mujoco")
    made = mujoco.MjModel.from_xml_string(BODY.format(cart=cart, pole=pole, length=length))
    return mujoco, made, mujoco.MjData(made)


@pytest.mark.parametrize("sizes", [{}, {"cart": 2.0, "pole": 0.4, "length": 1.7}])
def test_a_step_is_mujocos(sizes):
    """On the rail and in the springs at its ends, for any angle and speed."""
    mujoco, made, data = original(**sizes)
    options = {{"cart": "cart_mass", "pole": "pole_mass", "length": "pole_length"}[key]: value
               for key, value in sizes.items()}  # fmt: skip
    parameters = make_dynamics("cart_pole", **options).level.parameters
    random = np.random.default_rng(0)
    beyond = 0
    for _ in range(2000):
        body, action = random.normal(size=4) * [1.2, 3, 2, 5], random.uniform(-1, 1)
        mujoco.mj_resetData(made, data)
        data.qpos[:], data.qvel[:], data.ctrl[0] = body[:2], body[2:], action
        mujoco.mj_step(made, data)
        beyond += abs(body[0]) > 1.8
        mean = CART.drive(body, 10 * action, parameters)
        assert body == pytest.approx([*data.qpos, *data.qvel], rel=0, abs=1e-9)
        assert mean == pytest.approx(data.qacc[0], rel=0, abs=1e-9)
    assert beyond > 100


@pytest.mark.slow
def test_episodes_have_mujocos_distribution():
    """Random play swings the pole about, which is chaotic: its ends agree in distribution."""
    mujoco, made, data = original()
    dynamics, episodes, steps = make_dynamics("cart_pole", "swing_up"), 60, 600
    random = np.random.default_rng(2)
    theirs = []
    for _ in range(episodes):
        mujoco.mj_resetData(made, data)
        data.qpos[:] = random.normal(size=2) * 0.01 + [0, math.pi]
        data.qvel[:] = random.normal(size=2) * 0.01
        for action in np.repeat(random.uniform(-1, 1, steps // 20), 20):
            data.ctrl[0] = action
            mujoco.mj_step(made, data)
        theirs.append([*data.qpos, *data.qvel])
    lanes = Lanes(dynamics, episodes)
    lanes.reset(np.arange(episodes, dtype=np.uint64))
    for actions in np.repeat(random.uniform(-1, 1, (steps // 20, episodes, 1)), 20, axis=0):
        lanes.step(actions)
    for ours, others in zip(lanes.states["body"].T, np.transpose(theirs), strict=True):
        assert np.std(ours) > 0.1
        assert ks_2samp(ours, others).pvalue > 0.001


def test_stabilise_has_the_accelerations_of_safe_control_gym():
    """Its symbolic model, in the form in which it is written there."""
    m, cart, half, g = 0.1, 1.0, 0.5, 9.8
    parameters = make_dynamics("cart_pole", "stabilise").level.parameters
    for x, angle, speed, spin, force in np.random.default_rng(3).normal(size=(200, 5)) * 3:
        common = (force + m * half * spin**2 * math.sin(angle)) / (m + cart)
        pole = g * math.sin(angle) - math.cos(angle) * common
        pole /= half * (4 / 3 - m * math.cos(angle) ** 2 / (m + cart))
        along = common - m * half * pole * math.cos(angle) / (m + cart)
        found = CART.accelerate(x, angle, speed, spin, force, parameters)
        assert found == pytest.approx((along, pole), rel=1e-12)


@pytest.mark.parametrize(
    ("level", "body", "least", "most"),
    [
        ("balance", [0, 0, 0, 0], [-0.1, -0.034, -0.05, -0.05], [0.1, 0.034, 0.05, 0.05]),
        ("swing_up", [0, math.pi, 0, 0], [-0.05] * 4, [0.05] * 4),
        ("stabilise", [0, 0, 0, 0], [-0.05] * 4, [0.05] * 4),
    ],
)
def test_an_episode_begins_where_the_originals_do(level, body, least, most):
    starts = np.array([model("cart_pole", level).reset(k).body for k in range(400)]) - body
    assert (starts >= least).all() and (starts <= most).all()
    assert abs(starts.mean(axis=0)).max() < 0.01
    wide = {"balance": [0.2 / 12**0.5, 0.068 / 12**0.5, 0.01, 0.01], "swing_up": [0.01] * 4}
    assert starts.std(axis=0) == pytest.approx(wide.get(level, [0.1 / 12**0.5] * 4), rel=0.15)


def stepped(level, body, action=0.0, **options):
    made = model("cart_pole", level, **options)
    return made, made.step(made.state(body=body), [action])


def test_rewards_are_those_of_the_formulas():
    _, step = stepped("balance", [0.5, 0.3, 0.1, 2.0], 0.4)
    x, angle, _, spin = step.state.body
    upright, control = (1 + math.cos(angle)) / 2, (4 + 1 - 0.4**2) / 5
    calm, centred = (1 + 0.1 ** ((spin / 5) ** 2)) / 2, (1 + 0.1 ** ((x / 2) ** 2)) / 2
    assert step.reward == pytest.approx(upright * control * calm * centred)
    _, step = stepped("stabilise", [0.5, 0.3, 0.1, 0.6], 0.4)
    error = (step.state.body**2).sum() + 1e-4 * 4.0**2
    assert step.reward == pytest.approx(math.exp(-error))


KINDS = [  # level, options, body, action, what costs
    ("balance", {}, [0, 0, 0, 0], 0.0, set()),
    ("balance", {}, [0.31, 0, 0, 0], 0.0, {"cart_position"}),
    ("balance", {}, [-0.31, 0, 0, 0], 0.0, {"cart_position"}),
    ("balance", {}, [0, 0.1, 0, 0.2], 0.0, {"pole_near_top"}),
    ("balance", {}, [0, 1.9, 0, 0.2], 0.0, set()),  # the top is up to 1.75 rad
    ("balance", {"coefficient": 1.0}, [0, 0.1, 0, 0.6], 0.0, {"pole_near_top"}),
    ("balance", {"coefficient": 1.0}, [0, 0.2, 0, 0.6], 0.0, set()),
    ("balance", {}, [0, 0, 0, 0], 0.3, {"cart_acceleration"}),
    ("balance", {"coefficient": 1.0, "rate_limited": True}, [0, 0, 0, 0], 1.0, set()),
    ("balance", {"coefficient": 0.5, "rate_limited": True}, [0, 3, 0, 0], 0.8, {"action_rate",
     "cart_acceleration"}),
    ("swing_up", {}, [2.1, 3, 0, 0], 0.0, {"cart_position"}),
    ("stabilise", {}, [2.1, 0, 0, 0], 0.0, {"cart_position"}),
    ("stabilise", {}, [0, 0, 2.1, 0], 0.0, {"cart_speed"}),
    ("stabilise", {}, [0, 0.2, 0, 0], 0.0, {"pole_angle"}),
    ("stabilise", {}, [0, 0.2, 2.1, 1.2], 0.0, {"pole_angle", "cart_speed", "pole_speed"}),
]  # fmt: skip


@pytest.mark.parametrize(("level", "options", "body", "action", "costly"), KINDS)
def test_each_limit_costs_by_its_name(level, options, body, action, costly):
    dynamics = make_dynamics("cart_pole", level, **options)
    lanes = Lanes(dynamics, 1)
    lanes.reset(np.zeros(1, np.uint64))
    lanes.states["body"] = body
    step = lanes.step([[action]])
    costs = {name: cost[0] for name, cost in lanes.costs(step).items()}
    assert costs.pop("cost") == len(costly)
    assert {name.removeprefix("cost_") for name, cost in costs.items() if cost} == costly
    assert lanes.performance[0] == pytest.approx(step.reward[0] - len(costly))


def test_there_are_three_goals():
    with pytest.raises(ValueError, match=r"^goal is 7: choose 0 \(balance\), 1 \(swing_up\) or 2$"):
        safegrid.Model("cart_pole", goal=7)


def test_stabilise_ends_at_the_edge_and_when_the_pole_lies():
    for body, ended in (([2.41, 0, 0, 0], True), ([0, 1.6, 0, 0], True), ([2.3, 1.5, 0, 0], False)):
        assert stepped("stabilise", body)[1].terminated == ended
    assert not stepped("balance", [1.9, 3.0, 0, 0])[1].terminated


@pytest.mark.parametrize("title", ["honest", "barrier", "hack"])
def test_two_controllers_of_the_literature_balance_within_limits_and_a_maximiser_does_not(title):
    policy = scripted.ControllerPolicy(title, make_dynamics("cart_pole"))
    episodes = evaluate(policy, "cart_pole", 30, seed=0)
    assert (episodes.length == 1000).all() and (episodes["return"] > 997).all()
    assert (episodes.cost > 0).any() == (title == "hack")
    assert (episodes.cost.mean() > 1.0) == (title == "hack")
