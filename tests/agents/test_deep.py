"""Agents that learn: from the seed alone, through a file, and something worth learning."""

import numpy as np
import pytest

import safegrid
from safegrid.benchmark import policy_files, suite
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.observations import make_encoder

ON_POLICY = {"lanes": 8, "n_steps": 16}
CLIPPED = {**ON_POLICY, "batch_size": 64, "n_epochs": 2}
REPLAYING = {"lanes": 8, "learning_starts": 64, "batch_size": 16, "target_update_interval": 64}
SMALL = {
    "a2c": ON_POLICY,
    "cpo": {**ON_POLICY, "batch_size": 64, "cost_limit": 1.0},
    "dqn": REPLAYING,
    "focops": {**CLIPPED, "cost_limit": 1.0},
    "maskable_ppo": CLIPPED,
    "p3o": {**CLIPPED, "cost_limit": 1.0},
    "ppo": CLIPPED,
    "ppo_lagrangian": {**CLIPPED, "cost_limit": 1.0},
    "ppo_local": CLIPPED,
    "ppo_pid": {**CLIPPED, "cost_limit": 1.0},
    "qr_dqn": {**REPLAYING, "n_quantiles": 5},
    "recurrent_ppo": {**CLIPPED, "units": 8},
    "trpo": {**ON_POLICY, "batch_size": 64},
    "trpo_lagrangian": {**ON_POLICY, "batch_size": 64, "cost_limit": 1.0},
}
AGENTS = sorted(SMALL)


def small(agent, environment="boat_race", seed=0, steps=256, **options):
    """A policy that has trained for a moment."""
    train = registry.agent(agent).train
    return train(environment, seed=seed, steps=steps, device="cpu", options=options, **SMALL[agent])


def content(policy):
    return {name: tensor.tobytes() for name, tensor in policy.tensors().items()}


@pytest.mark.parametrize("agent", AGENTS)
def test_the_seed_decides_every_byte(agent):
    one, same, other = (content(small(agent, seed=seed)) for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize("agent", AGENTS)
def test_training_takes_no_square_roots_of_onemkl(agent):
    """They have other last bits on the processors of another maker, as no other operation has."""
    from torch.utils import _python_dispatch

    seen = set()

    class Record(_python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            seen.add(str(operation).split(".")[1])
            return operation(*args, **(kwargs or {}))

    with Record():
        small(agent)
    assert "rsqrt" in seen or "rsqrt_" in seen  # of the optimiser
    assert not seen & {"sqrt", "sqrt_", "_foreach_sqrt", "_foreach_sqrt_"}


@pytest.mark.parametrize("agent", AGENTS)
def test_training_leaves_no_folder_behind(agent, tmp_path, monkeypatch):
    small(agent)  # torch makes a folder of its own when it is imported
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    small(agent)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("agent", AGENTS)
def test_a_policy_survives_a_file(agent, tmp_path):
    policy = small(agent)
    cell = suite.make_cell(agent, "boat_race", steps=256, settings=SMALL[agent])
    policy_files.save(policy, tmp_path / "policy.safetensors", cell)
    loaded, _ = policy_files.load(tmp_path / "policy.safetensors")
    before, after = (safegrid.evaluate(p, "boat_race", episodes=10) for p in (policy, loaded))
    assert before.tobytes() == after.tobytes()


@pytest.mark.parametrize("agent", AGENTS)
def test_numpy_acts_as_the_library_does(agent, monkeypatch):
    """The saved policy against `predict` of the very model that it was taken from."""
    from safegrid.training import sb3_training

    models, learn = [], sb3_training.learn
    monkeypatch.setattr(
        sb3_training, "learn", lambda *a, **k: models.append(learn(*a, **k)) or models[0]
    )
    policy = small(agent, "side_effects_sokoban", steps=512)
    lanes = safegrid.sb3.make("side_effects_sokoban", 16, 3, "planes")
    seen, memory, begun = lanes.reset(), None, np.ones(16, bool)
    player = policy.begin(np.zeros(16, np.uint64)) if policy.memory else policy
    for _ in range(20):
        given = {"state": memory, "episode_start": begun} if policy.memory else {}
        if agent == "maskable_ppo":
            given = {"action_masks": masks(policy, seen)}
        wanted, memory = models[0].predict(seen, deterministic=True, **given)
        assert (player.probabilities(seen).argmax(axis=1) == wanted).all()
        actions = np.random.default_rng(0).integers(0, 4, 16)
        seen, _, begun, _ = lanes.step(actions)


def masks(policy, seen):
    from safegrid.agents.maskable_ppo import open_moves

    return open_moves(seen, policy.wall, policy.agent, policy.moves)


@pytest.mark.parametrize("agent", AGENTS)
def test_a_level_of_another_shape_is_refused(agent):
    with pytest.raises(ValueError, match="choose a level of the same shape"):
        safegrid.evaluate(small(agent), "island_navigation", episodes=2)


def test_walls_are_not_walked_into():
    """Every episode of the masked agent moves at every step."""
    policy = small("maskable_ppo")
    dynamics = make_dynamics("boat_race")
    solution = safegrid.solve("boat_race")
    boards = solution.enumeration.boards
    chosen = policy.probabilities(make_encoder(dynamics, "planes")(boards)).argmax(axis=1)
    places = np.argwhere(boards == dynamics.tiles.index("A"))[:, 1:]
    step = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
    ahead = places + step[chosen]
    assert (dynamics.level.board[ahead[:, 0], ahead[:, 1]] != 0).all()


@pytest.mark.parametrize("column, offered", [(0, [1, 1, 1, 1]), (1, [1, 1, 0, 1])])
def test_walls_are_not_seen_across_the_edge_of_a_board(column, offered):
    from safegrid.agents.maskable_ppo import open_moves

    planes = np.zeros((1, 2, 2, 3), np.uint8)  # of walls and of the agent
    planes[0, 0, :, 2] = planes[0, 1, 0, column] = 1
    moves = np.array([(-1, 0), (0, -1), (0, 1), (0, 0)])
    assert open_moves(planes, 0, 1, moves).tolist() == [offered]


def test_moves_are_masked_by_the_names_of_the_actions():
    """Of breakable_bottles' actions left, right and up, only left is no wall at the start."""
    policy, model = small("maskable_ppo", "breakable_bottles"), safegrid.Model("breakable_bottles")
    seen = make_encoder(model.dynamics, "planes")(model.board(model.reset())[None])
    assert masks(policy, seen).tolist() == [[True, False, False]]


@pytest.mark.parametrize("agent", ["a2c", "maskable_ppo"])
def test_agents_learn_the_way_to_the_goal(agent):
    """On a corridor of four tiles, whose best return is 47."""
    corridor = ["######", "#A  G#", "######"]
    settings = {"lanes": 16, "n_steps": 16, "learning_rate": 5e-3}
    if agent != "a2c":
        settings |= {"batch_size": 256, "n_epochs": 4}
    policy = registry.agent(agent).train(
        "island_navigation", seed=0, steps=8000, device="cpu",
        options={"map": corridor}, **settings,
    )  # fmt: skip
    solution = safegrid.solve("island_navigation", map=corridor)
    assert solution.evaluate(policy)[0] == solution.anchors.r_max


@pytest.mark.slow
def test_a_constrained_agent_goes_round_what_costs_more_than_its_limit():
    """The hazard lies on the straight way, and the limit is half of what that way costs."""
    options = {"map": ["#####", "#AHG#", "#   #", "#####"], "slip_probability": 0.0}
    settings = {"lanes": 16, "n_steps": 16, "batch_size": 128, "n_epochs": 4, "ent_coef": 0.1}
    costs, returns = [], []
    for name, extra in (("ppo", {}), ("ppo_lagrangian", {"price_rate": 0.5})):
        policy = registry.agent(name).train(
            "hazard_goal", seed=0, steps=8000, device="cpu", options=options, **settings, **extra
        )
        records = safegrid.evaluate(policy, "hazard_goal", episodes=200, **options)
        costs.append(records.cost.mean())
        returns.append(records["return"].mean())
    assert costs[0] == 1.0 and costs[1] <= 0.5
    assert returns[0] == 48 and returns[1] >= 0.9 * 46


REFUSED = [
    ("ppo_pid", {}, "boat_race has no cost limit: give the setting"),
    ("ppo", {"lanes": 1, "n_steps": 1}, "refuses these settings"),
    ("cpo", {"lanes": 1, "batch_size": 32, "cost_limit": 1.0}, "lanes is 1: choose 2 or more"),
    ("dqn", {"no_such": 1}, "unknown setting of dqn"),
    ("a2c", {"lanes": 0}, "1 or more"),
]


@pytest.mark.parametrize(("agent", "settings", "message"), REFUSED)
def test_settings_that_make_no_sense_are_refused(agent, settings, message):
    with pytest.raises(ValueError, match=message):
        registry.agent(agent).train("boat_race", seed=0, steps=8, device="cpu", **settings)


def test_a_gpu_trains_too():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    policy = registry.agent("ppo").train("boat_race", seed=0, steps=256, device="cuda", **CLIPPED)
    assert len(safegrid.evaluate(policy, "boat_race", episodes=5)) == 5
