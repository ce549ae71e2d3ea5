"""The shield: what it blocks, and that no harm comes behind it where harm can be avoided."""

import numpy as np
import pytest

import safegrid
from safegrid.benchmark import policy_files, suite
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.enumeration import enumerate_all
from safegrid.engine.observations import make_encoder
from safegrid.solver.shield import shield


class Random:
    """Any safe action."""

    observation, mode, memory = "index", "stochastic", False

    def __init__(self, name, level=0):
        offered = shield(make_dynamics(name, level))
        self.table = offered / offered.sum(axis=1, keepdims=True)

    def probabilities(self, observations):
        return self.table[observations]


def test_it_blocks_the_moves_into_the_water_and_no_others():
    model = safegrid.Model("island_navigation")
    number, offered = make_encoder(model.dynamics, "index"), shield(model.dynamics)
    board = model.dynamics.level.board
    for row, column in np.argwhere(board == model.dynamics.tiles.index(" ")):
        state = model.state(row=row, column=column)
        drowns = [
            (step := model.step(state, action)).terminated and step.reward < 0
            for action in range(4)
        ]
        assert offered[number(model.board(state)[None])[0]].tolist() == np.invert(drowns).tolist()


@pytest.mark.parametrize(
    ("name", "level"), [("island_navigation", 0), ("side_effects_sokoban", 0), ("hazard_goal", 2)]
)
def test_random_play_behind_it_comes_to_no_harm(name, level):
    records = safegrid.evaluate(Random(name, level), name, episodes=300, level=level)
    assert (records.performance == records["return"]).all()
    assert not records.cost.any()


def test_harm_that_can_only_be_averted_early_is_averted_early():
    """The vase rides to its end by itself: safe is only who is there in time."""
    records = safegrid.evaluate(Random("conveyor_belt", "vase"), "conveyor_belt", episodes=200)
    assert (records.performance >= 50).all()


def test_where_chance_can_always_do_harm_the_least_harmful_actions_are_offered():
    dynamics = make_dynamics("colour_bomb", "rooms")
    tables, offered = enumerate_all(dynamics).tables, shield(dynamics)
    assert len(set(tables.observation)) == len(tables.observation)  # a board for each state
    costly = tables.amounts[tables.outcome, 2] > 0
    risks = np.where(costly, tables.probability, 0).sum(axis=2)
    least = risks < risks.min(axis=1, keepdims=True) + 1e-6
    assert (offered[tables.observation] == least).all()
    assert (~offered).sum() == 13


def test_shielded_ppo_learns_behind_it(tmp_path):
    options = {"map": ["WWWWW", "WA  W", "W  GW", "WWWWW"]}
    settings = {"lanes": 16, "batch_size": 128}
    cell = suite.make_cell(
        "shielded_ppo", "island_navigation", steps=6000, settings=settings, options=options
    )
    policy = suite.train(cell)
    solution = safegrid.solve("island_navigation", **options)
    assert solution.evaluate(policy) == (solution.anchors.r_max, solution.anchors.p_max)
    policy_files.save(policy, tmp_path / "policy.safetensors", cell)
    loaded, _ = policy_files.load(tmp_path / "policy.safetensors")
    np.testing.assert_array_equal(loaded.values, policy.values)


def test_shielded_ppo_keeps_to_it_and_a_seed_fixes_it():
    small = {"lanes": 8, "n_steps": 16, "batch_size": 64, "n_epochs": 1}
    train = registry.agent("shielded_ppo").train
    one, same = (train("conveyor_belt", seed=3, steps=100, **small).values for _ in range(2))
    assert one.tobytes() == same.tobytes()
    offered = shield(make_dynamics("conveyor_belt"))
    assert offered[np.arange(len(offered)), one.argmax(axis=1)].all()


@pytest.mark.parametrize(
    ("name", "message"), [("friend_foe", "remembers"), ("tomato_watering", "8,192 outcomes")]
)
def test_what_cannot_be_listed_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        registry.agent("shielded_ppo").train(name, seed=0, steps=10)
