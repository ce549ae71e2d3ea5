"""Navigation tasks: the original's recorded steps, the formulas, layouts, drivers and bad input."""

import functools
import gzip
import json
import math
import warnings
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

import safegrid
from safegrid.drivers.gymnasium_env import Single, Vector
from safegrid.engine import registry
from safegrid.engine.plane import lidars, robot

TASKS = [name for name in safegrid.names() if registry.environment(name).kind == "plane"]
LEVELS = [(name, list(registry.environment(name).levels)[-1]) for name in TASKS]  # the fullest
each_level = pytest.mark.parametrize(("name", "level"), LEVELS)
model = functools.cache(safegrid.Model)
FREE = {"Goal0", "Goal1", "Goal2", "Circle0", "Circle1", "Circle2"}  # nothing but vases to touch
M, MC, H, D, DR = 0.005188790204786391, 1e-4, 0.002, 0.01, 0.005  # mass, lever, time, damping
I0 = 0.4 * (4 / 3 * math.pi * 1e-3) * 0.01 + 1e-3 * (0.01 / 6 + 0.01)  # of sphere and cube


def recorded():
    path = Path(__file__).parents[2] / "golden" / "point.jsonl.gz"
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


RECORDED = recorded()


def distance(one, other):
    """Of headings too: they may differ by whole turns."""
    gap = np.subtract(one, other)
    gap[2] = math.remainder(gap[2], 2 * math.pi)
    return np.abs(gap).max()


def placed(step, kind, moved=False):
    layout = {**step["layout"], **(step["moved"] if moved else {})}
    return np.array([layout[name] for name in sorted(layout) if name.startswith(kind)])


def state_of(step):
    """The recorded state before a step, as the model's."""
    made = model(f"point_{step['env'][:-1].lower()}", step["env"][-1])
    fields = {"pose": step["before"]}
    for kind in ("goal", "hazards", "vases"):
        if kind in made.dynamics.state_type.names:
            places = placed(step, kind.removesuffix("s"))
            fields[kind] = places[0] if kind == "goal" else places
    return made, made.state(**fields)


def test_each_free_step_is_the_originals():
    free = [step for step in RECORDED if not step["touch"]]
    assert len(free) > 500
    for step in free:
        moved = robot.advance(step["before"], step["action"])
        assert distance(moved, step["after"]) < 1e-9
        sensed = robot.sensors(moved, step["action"])
        np.testing.assert_allclose(sensed, step["sensors"], atol=1e-8)


def test_reward_cost_and_lidars_of_each_free_step_are_the_originals():
    seen = {name: 0 for name in FREE}
    for step in RECORDED:
        if step["env"] not in FREE or step["touch"]:
            continue
        seen[step["env"]] += 1
        made, state = state_of(step)
        following = made.step(state, step["action"])
        assert following.reward == pytest.approx(step["reward"], abs=1e-12)
        if step["env"] != "Goal2":
            assert following.cost == step["cost"]
        after = following.state
        if step["goal"]:
            places = after.layout.copy()
            places[0] = step["goal"]
            after = made.state(pose=after.pose, acceleration=after.acceleration, layout=places)
        if not step["moved"]:
            np.testing.assert_allclose(
                made.observation(after)[12:], step["lidars"], atol=1e-6, err_msg=step["env"]
            )
    assert min(seen.values()) > 80


def textbook(pose, action):
    """One step by the three coupled equations in the world's frame, for poses [n, 6]."""
    x, y, heading, vx, vy, spin = np.array(pose, float).T
    push = 0.3 * np.clip(action[:, 0], -0.05, 0.05)
    for _ in range(10):
        sine, cosine = np.sin(heading), np.cos(heading)
        twist = 0.3 * np.clip(action[:, 1] - 0.3 * spin, -0.05, 0.05)
        bx = push * cosine - D * vx + MC * spin**2 * cosine
        by = push * sine - D * vy + MC * spin**2 * sine
        zero, ones = np.zeros_like(x), np.ones_like(x)
        matrix = np.array(
            [
                [(M + H * D) * ones, zero, -MC * sine],
                [zero, (M + H * D) * ones, MC * cosine],
                [-MC * sine, MC * cosine, (I0 + H * DR) * ones],
            ]
        )
        force = np.array([bx, by, twist - DR * spin])
        ax, ay, turn = np.linalg.solve(matrix.transpose(2, 0, 1), force.T[..., None])[..., 0].T
        vx, vy, spin = vx + H * ax, vy + H * ay, spin + H * turn
        x, y, heading = x + H * vx, y + H * vy, heading + H * spin
    return np.stack([x, y, heading, vx, vy, spin], axis=1)


def test_one_step_agrees_with_the_equations_in_their_usual_form():
    random = np.random.default_rng(0)
    poses = random.normal(size=(200, 6)) * [2, 2, 20, 1, 1, 3]
    actions = random.uniform(-1, 1, (200, 2))
    ours = [robot.advance(*row) for row in zip(poses, actions, strict=True)]
    np.testing.assert_allclose(ours, textbook(poses, actions), rtol=0, atol=1e-9)


def test_long_runs_agree_in_distribution():
    """The yaw rate is chaotic, so that runs of 200 steps can agree in no other way."""
    runs, steps = 200, 200
    lanes = Vector("point_goal", runs, max_episode_steps=None)
    lanes.reset(seed=0)
    states = lanes._lanes.states["pose"]
    begin, book = states.copy(), states.copy()
    residuals = [[], []]
    for t in range(steps):
        ours, theirs = np.random.default_rng(t).uniform(-1, 1, (2, runs, 2))
        lanes.step(ours)
        book = textbook(book, theirs)
        for side, pose, action in ((0, states, ours), (1, book, theirs)):
            residuals[side].append(pose[:, 5] - 3.158 * action[:, 1])
    for side in residuals:
        assert np.std(side) == pytest.approx(0.4255, abs=0.01)  # measured of the original
    for value in (
        lambda pose: pose[:, 0] - begin[:, 0],
        lambda pose: pose[:, 1] - begin[:, 1],
        lambda pose: pose[:, 2] - begin[:, 2],
        lambda pose: np.hypot(pose[:, 3], pose[:, 4]),
    ):
        assert ks_2samp(value(states), value(book)).pvalue > 0.01


def seen_by(pose, points, reach):
    """The lidar by its definition, with the library's arc tangent."""
    bins = np.zeros(16)
    for x, y in np.subtract(points, pose[:2]):
        value = max(0, reach - math.hypot(x, y)) / reach
        toward = math.atan2(y, x) - pose[2] if x or y else 0.0  # on the spot counts as ahead
        angle = toward % (2 * math.pi) * 8 / math.pi
        bin, part = int(angle) % 16, angle % 1
        for place, share in ((bin, 1), (bin + 1, part), (bin - 1, 1 - part)):
            bins[place % 16] = max(bins[place % 16], share * value)
    return bins


number = st.floats(-5, 5).map(lambda value: round(value, 6))


@given(
    st.lists(number, min_size=6, max_size=6),
    st.lists(st.tuples(number, number), max_size=12),
    st.sampled_from([3.0, 6.0]),
)
def test_the_lidar_follows_its_definition(pose, points, reach):
    points = np.array(points).reshape(-1, 2)
    ours = lidars.lidar(pose, points, reach)
    np.testing.assert_allclose(ours, seen_by(pose, points, reach), atol=1e-12)


@pytest.mark.fast
def test_cosine_and_sine_are_the_librarys_to_rounding():
    for angle in [*np.linspace(-200, 200, 4001), *(k * math.pi / 4 for k in range(-40, 41))]:
        assert robot.cos_sin(angle) == pytest.approx((math.cos(angle), math.sin(angle)), abs=2e-15)


@pytest.mark.fast
@pytest.mark.parametrize("level", ["0", "1", "2"])
def test_everything_keeps_its_distance_at_a_reset_and_lies_where_it_may(level):
    made = model("point_goal", level)
    keepouts, areas = made.dynamics.level.keepouts, made.dynamics.level.areas
    places = []
    for chance in range(40):
        state = made.reset(chance)
        points = np.vstack([state.pose[:2], state.layout])
        gaps = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
        near = gaps < keepouts[:, None] + keepouts[None] - 1e-12
        assert not near[~np.eye(len(points), dtype=bool)].any()
        assert ((points >= areas[:, :2]) & (points <= areas[:, 2:])).all()
        assert (state.pose[3:] == 0).all()
        places.append(points)
    heading = [made.reset(chance).pose[2] for chance in range(200)]
    assert 2.6 < np.mean(heading) < 3.7 and 0 <= min(heading) and max(heading) < 2 * math.pi
    assert np.std(places, axis=0).min() > 0.2  # nothing lies at the same place every time


def test_a_goal_that_is_reached_moves_away_and_pays_once():
    made = model("point_goal", 1)
    state = made.reset(5)
    state = made.state(
        pose=[state.goal[0] + 0.3005, state.goal[1], math.pi, -1, 0, 0], layout=state.layout
    )
    one = made.step(state, [1.0, 0.0], chance=7)
    assert 1 < one.reward < 1.05 and not one.terminated
    assert np.hypot(*(one.state.goal - state.goal)) > 0.3
    assert (one.state.hazards == state.hazards).all()
    two = made.step(one.state, [1.0, 0.0], chance=8)
    assert abs(two.reward) < 0.05 and (two.state.goal == one.state.goal).all()
    assert (made.step(state, [1.0, 0.0], chance=9).state.goal != one.state.goal).all()


def history(venv, actions, lane, reset=None):
    """What one lane shows."""
    shown = [venv.reset(**(reset or {}))[0][lane].tobytes()]
    for row in actions:
        observations, rewards, terminated, truncated, info = venv.step(row)
        over = terminated[lane] or truncated[lane]
        final = info["final_obs"][lane] if over else observations[lane]
        costs = [info[key][lane] for key in sorted(info) if key.startswith("cost")]
        shown.append((observations[lane].tobytes(), final.tobytes(), rewards[lane], *costs))
        shown.append((bool(over), float(venv.unwrapped.performance[lane])))
    return shown


@pytest.mark.slow
@each_level
def test_every_driver_shows_the_same_bytes_in_any_lane(name, level):
    limit, lanes, lane = 11, 9, 4
    actions = np.random.default_rng(0).uniform(-1.2, 1.2, (40, lanes, 2))
    options = {"autoreset_mode": "same_step", "max_episode_steps": limit, "level": level}
    many = history(Vector(name, lanes, **options), actions, lane, {"seed": 100 - lane})
    one = history(Vector(name, 1, **options), actions[:, lane : lane + 1], 0, {"seed": 100})
    assert many == one
    env = gymnasium.make(
        registry.environment(name).identifier, level=level, max_episode_steps=limit
    )
    shown = [env.reset(seed=100)[0].tobytes()]
    for action in actions[:, lane]:
        observation, reward, terminated, truncated, info = env.step(action)
        final, performance = observation, env.unwrapped.performance
        if terminated or truncated:
            observation, _ = env.reset()
        costs = [info[key] for key in sorted(info)]
        shown.append((observation.tobytes(), final.tobytes(), reward, *costs))
        shown.append((terminated or truncated, performance))
    assert shown == many
    venv = safegrid.sb3.make(name, lanes, 100 - lane, max_episode_steps=limit, level=level)
    assert venv.reset()[lane].tobytes() == many[0]
    for row, (shown, last) in zip(actions, zip(many[1::2], many[2::2], strict=True), strict=True):
        observations, rewards, dones, infos = venv.step(row)
        assert (observations[lane].tobytes(), dones[lane]) == (shown[0], last[0])
        assert rewards[lane] == np.float32(shown[2]) and infos[lane]["cost"] == shown[3]


@pytest.mark.parametrize("name", TASKS)
def test_the_checkers_find_nothing(name):
    from stable_baselines3.common.env_checker import check_env as check

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*infinity.*")  # the original's bounds
        check_env(Single(name), skip_render_check=True)
        check(Single(name), skip_render_check=True)


@pytest.mark.parametrize("name", TASKS)
def test_the_breakdown_adds_up_to_the_cost(name):
    spec = registry.environment(name)
    venv = Vector(name, 64, level=len(spec.levels) - 1, autoreset_mode="same_step")
    venv.reset(seed=0)
    for row in np.random.default_rng(1).uniform(-1, 1, (300, 64, 2)):
        info = venv.step(row)[4]
        parts = [info[f"cost_{kind}"] for kind in spec.costs]
        assert (np.max(parts, axis=0) == info["cost"]).all()


@each_level
def test_performance_is_the_reward_less_the_price_and_reaches_no_agent(name, level):
    venv = Vector(name, 16, level=level)
    venv.reset(seed=3)
    total = np.zeros(16)
    for row in np.random.default_rng(1).uniform(-1, 1, (80, 16, 2)):
        _, reward, _, _, info = venv.step(row)
        total += reward - registry.environment(name).module.PRICE * info["cost"]
        np.testing.assert_allclose(venv.performance, total, atol=1e-9)
        assert {key.lstrip("_").partition("_")[0] for key in info} == {"cost"}


def test_uniform_play_is_recorded_and_plays_again_in_gymnasium():
    policy = registry.agent("uniform").train("point_goal", seed=0)
    records = safegrid.evaluate(policy, "point_goal", episodes=3, level=1, max_episode_steps=60)
    assert records.actions.shape == (3, 60, 2) and records.actions.dtype == np.float32
    assert abs(records.actions.mean()) < 0.1 and records.actions.std() > 0.5
    env = gymnasium.make("safegrid/PointGoal-v0", level=1)
    for record in records:
        env.reset(seed=int(record.seed))
        rewards = [env.step(action)[1] for action in record.actions]
        assert math.fsum(rewards) == pytest.approx(record["return"], abs=1e-12)
        assert env.unwrapped.performance == record.performance
    assert len(safegrid.evaluate(policy, "point_circle", episodes=1).actions[0]) == 500


GOAL = "safegrid/PointGoal-v0"
BAD = [
    (lambda: gymnasium.make(GOAL, level=3), "unknown level 3"),
    (lambda: gymnasium.make(GOAL, hazards=-1), "hazards is -1"),
    (lambda: gymnasium.make(GOAL, hazards=2.5), "hazards is 2.5"),
    (lambda: gymnasium.make(GOAL, hazard_size=-0.1), "hazard_size is -0.1"),
    (lambda: gymnasium.make(GOAL, hazard_size=math.nan), "hazard_size is nan"),
    (lambda: gymnasium.make(GOAL, extent="big"), "extent is 'big'"),
    (lambda: gymnasium.make(GOAL, extent=0.2), "0.2"),
    (lambda: gymnasium.make(GOAL, fragile=1), "fragile is 1: choose True or False"),
    (lambda: gymnasium.make(GOAL, hazards=200), "do not fit"),
    (lambda: gymnasium.make(GOAL, hazards=2000), "objects: choose 1,000 or fewer"),
    (lambda: gymnasium.make(GOAL, hazards=2**70), "choose a whole number from 0 to 1,000,000,000"),
    (lambda: gymnasium.make(GOAL, hazards=True), "hazards is True: choose a whole number"),
    (lambda: gymnasium.make(GOAL, extent=0), "half the square's edge is 0 m, and an object in it"),
    (lambda: gymnasium.make(GOAL, map=["#A#"]), "is not a grid"),
    (lambda: gymnasium.make(GOAL, noop=True), "is not a grid"),
    (lambda: gymnasium.make(GOAL, hazzards=1), "did you mean 'hazards'"),
    (lambda: gymnasium.make(GOAL, observation="board"), "choose from vector"),
    (lambda: model("point_circle", sides=3), "sides is 3: choose 0, 2 or 4"),
    (lambda: acted([[math.nan, 0.0]]), "is not a number"),
    (lambda: acted([0.0, 0.0]), "give numbers of shape"),
    (lambda: acted([[0.0, 0.0, 0.0]]), "give numbers of shape"),
    (lambda: acted([["a", "b"]]), "give numbers of shape"),
    (lambda: model("point_goal").step(model("point_goal").reset(), 0), "give numbers of shape"),
    (lambda: model("point_goal").state(pose=[math.nan] * 6), "not a state"),
    (lambda: model("point_goal").text(model("point_goal").reset()), "has no text"),
    (lambda: robot.advance([0.0] * 5, [0, 0]), "pose has shape"),
    (lambda: robot.advance([0.0] * 6, [0, math.inf]), "action has shape"),
    (lambda: lidars.lidar([0.0] * 6, [[0.0, 0.0, 0.0]]), "points has shape"),
    (lambda: lidars.lidar([0.0] * 6, [[0.0, 0.0]], 0.0), "reach is 0.0"),
    (lambda: safegrid.solve("point_goal"), "cannot be solved"),
]


def acted(actions):
    venv = gymnasium.make_vec(GOAL)
    venv.reset(seed=0)
    venv.step(np.array(actions))


@pytest.mark.parametrize("number", range(len(BAD)))
def test_bad_use_gets_one_clear_line(number):
    attempt, message = BAD[number]
    with pytest.raises(ValueError, match=message) as caught:
        attempt()
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_options_change_the_task():
    env = gymnasium.make(GOAL, level=1, hazards=3, vases=0, extent=1.2)
    env.reset(seed=0)
    assert env.unwrapped._lanes.states["hazards"].shape == (1, 3, 2)
    assert abs(env.unwrapped._lanes.states["layout"]).max() <= 1.2


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**62), st.lists(st.tuples(number, number), max_size=20))
def test_a_copied_state_has_the_same_future(chance, actions):
    made = model("point_goal", 2)
    state = made.reset(chance)
    for action in actions:
        names = made.dynamics.state_type.names
        same = made.state(**{name: getattr(state, name) for name in names})
        assert same == state and hash(same) == hash(state)
        step = made.step(state, action, chance)
        assert made.step(same, action, chance) == step
        state = step.state
