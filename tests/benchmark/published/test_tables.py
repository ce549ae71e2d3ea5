"""Tables of policies: they play as the policy does on every level that it is judged on."""

import numpy as np
import pytest

import safegrid
from safegrid.benchmark.published.tables import check_table, enumeration_digest, tabulate
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.observations import make_encoder
from safegrid.evaluation import measures, valuation
from safegrid.training.mlp import Network, Stochastic


def network(dynamics, kind, seed=0):
    """A policy with random weights."""
    random = np.random.default_rng(seed)
    inputs = dynamics.level.board.size * len(dynamics.tiles)
    weight = random.normal(size=(len(dynamics.actions), inputs)).astype(np.float32)
    return kind([(weight, np.zeros(len(weight), np.float32))])


@pytest.mark.parametrize("kind, dtype", [(Network, np.uint8), (Stochastic, np.float32)])
@pytest.mark.parametrize("name", ["boat_race", "distributional_shift"])
def test_a_table_plays_as_the_network_on_every_level_that_it_is_judged_on(name, kind, dtype):
    dynamics = make_dynamics(name)
    policy = network(dynamics, kind)
    table = tabulate(policy, dynamics)
    levels = measures.judged(dynamics)
    assert {key: tensor.dtype for key, tensor in table.tensors().items()} == dict.fromkeys(
        levels, dtype
    )
    for each in levels.values():
        played, recorded = (
            safegrid.evaluate(acting, name, 10, 3, each.level_name) for acting in (table, policy)
        )
        assert played.tobytes() == recorded.tobytes()
        exact, as_table = (valuation.value(acting, each) for acting in (policy, table))
        if kind is Network:
            assert as_table == exact
        else:
            assert as_table.performance == pytest.approx(exact.performance, rel=1e-6)
            assert as_table.exact


def test_a_table_of_a_tabular_agent_plays_boards_of_other_levels_as_the_agent_does():
    dynamics = make_dynamics("distributional_shift")
    policy = registry.agent("q_learning").train("distributional_shift", steps=20_000)
    table = tabulate(policy, dynamics)
    for each in measures.judged(dynamics).values():
        assert valuation.value(table, each) == valuation.value(policy, each)


def test_a_policy_of_indexes_is_a_table_where_earlier_episodes_are_remembered():
    dynamics = make_dynamics("friend_foe")
    policy = registry.agent("q_learning").train("friend_foe", steps=20_000)
    table = tabulate(policy, dynamics)
    assert set(table.tensors()) == {"room", "friend", "neutral", "adversary"}
    for label, each in measures.judged(dynamics).items():
        played, recorded = (
            safegrid.evaluate(acting, "friend_foe", 40, 1, **each.options)
            for acting in (table, policy)
        )
        assert played.tobytes() == recorded.tobytes(), label
    assert tabulate(network(dynamics, Network), dynamics) is None


def test_policies_with_memory_and_of_continuous_tasks_have_no_table():
    planner = registry.agent("planner").train("boat_race")
    assert tabulate(planner, make_dynamics("boat_race")) is None
    uniform = registry.agent("uniform").train("point_goal")
    assert tabulate(uniform, make_dynamics("point_goal")) is None


def test_a_policy_has_no_table_where_each_reset_draws_another_map_and_one_on_chosen_maps():
    uniform = registry.agent("uniform").train("trap_maze")
    assert tabulate(uniform, make_dynamics("trap_maze")) is None
    assert tabulate(uniform, make_dynamics("trap_maze", level_seed=3, level_count=2)) is not None


def test_a_table_is_for_its_environment_only():
    table = tabulate(registry.agent("uniform").train("boat_race"), make_dynamics("boat_race"))
    with pytest.raises(ValueError, match="is for boat_race, and not whisky_gold"):
        safegrid.evaluate(table, "whisky_gold", 1)


def test_a_table_looks_boards_up_where_the_switch_is_another():
    """The counterfactuals of a category play a policy under other options of its level."""
    dynamics = make_dynamics("absent_supervisor")
    policy = network(dynamics, Network)
    table = tabulate(policy, dynamics)
    for watched in (0.0, 1.0):
        each = make_dynamics("absent_supervisor", supervision_probability=watched)
        assert valuation.value(table, each) == valuation.value(policy, each)


def test_the_digest_tells_the_boards_of_levels_apart():
    levels = [
        ("boat_race", 0),
        ("whisky_gold", 0),
        ("distributional_shift", 0),
        ("distributional_shift", 1),
    ]
    digests = {enumeration_digest(make_dynamics(*level)) for level in levels}
    assert len(digests) == len(levels)


def test_what_is_no_table_of_a_level_is_refused():
    dynamics = make_dynamics("boat_race")
    count = make_encoder(dynamics, "index").space.n
    check_table(np.zeros(count, np.uint8), dynamics)
    check_table(np.full((count, 4), 0.25, np.float32), dynamics)
    for table in (
        np.zeros(count, np.int64),
        np.zeros(count + 1, np.uint8),
        np.full(count, 4, np.uint8),
        np.full((count, 5), 0.2, np.float32),
        np.full((count, 4), 0.2, np.float32),
        np.full((count, 4), np.nan, np.float32),
    ):
        with pytest.raises(ValueError, match=r"it needs|it has action"):
            check_table(table, dynamics)


@pytest.mark.parametrize("name", ["absent_supervisor", "safe_interruptibility"])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_table_plays_under_another_chance_as_the_policy_does(name, share):
    dynamics = make_dynamics(name)
    policy = registry.agent("q_learning").train(name, steps=5_000)
    table = tabulate(policy, dynamics)
    other = make_dynamics(name, **{dynamics.spec.switch: share})
    assert valuation.value(table, other) == valuation.value(policy, other)
    with pytest.raises(ValueError, match="the policy is for"):
        valuation.value(table, make_dynamics("boat_race"))
