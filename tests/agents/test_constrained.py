"""Tabular agents under a cost limit: they keep it, and reach what can be had within it."""

import numpy as np
import pytest

import safegrid
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.lanes import Lanes
from safegrid.evaluation import valuation
from safegrid.solver import backward_induction
from safegrid.solver.timed import TimedPolicy
from safegrid.training.constrained import priced

SHORT = {"map": ["#####", "#AHG#", "#   #", "#####"], "slip_probability": 0.0}


def train(name, steps, options=SHORT, **settings):
    return registry.agent(name).train(
        "hazard_goal", seed=0, steps=steps, options=options, **settings
    )


@pytest.mark.parametrize("limit", [0.25, 0.5, 2.0])
def test_constrained_q_mixes_two_ways_in_the_best_proportion(limit):
    """The straight way returns 48 and costs 1; the way round returns 46 and costs nothing."""
    policy = train("constrained_q", 20_000, cost_limit=limit)
    found = valuation.value(policy, make_dynamics("hazard_goal", **SHORT))
    assert found.exact
    assert found.mean_return == pytest.approx(46 + 2 * min(limit, 1.0))
    assert found.cost == pytest.approx(min(limit, 1.0))


def test_constrained_q_reaches_the_optimum_of_the_planner():
    policy = train("constrained_q", 500_000, options={})
    found = valuation.value(policy, make_dynamics("hazard_goal"))
    best = safegrid.solve("hazard_goal").under_limit(0.5)
    assert found.mean_return == pytest.approx(best, rel=0.005)
    assert 0.47 <= found.cost <= 0.5


def test_constrained_q_knows_how_far_its_estimate_of_the_cost_errs():
    """Without a margin, costs scatter about the limit; each standard error of it lowers them."""
    dynamics = make_dynamics("hazard_goal")

    def costs(margin):
        agent = registry.agent("constrained_q")
        policies = [
            agent.train("hazard_goal", seed=seed, steps=100_000, margin=margin)
            for seed in range(100, 108)
        ]
        return np.array([valuation.value(policy, dynamics).cost for policy in policies])

    errors, lowered = costs(0.0) - 0.5, (costs(0.0) - costs(4.0)) / 4
    assert abs(errors).max() < 4 * lowered.mean()
    assert errors.std() > lowered.mean() / 4


@pytest.mark.parametrize("agent", ["constrained_q", "quantilizer", "rcpo", "saute"])
def test_the_seed_decides_every_byte(agent):
    def content(seed):
        policy = registry.agent(agent).train("hazard_goal", seed=seed, steps=5000)
        return {name: tensor.tobytes() for name, tensor in policy.tensors().items()}

    assert content(1) == content(1) != content(2)


def test_a_timed_policy_acts_by_the_steps_taken_and_has_an_exact_value():
    """Down, right, right and up leads to the goal; what else it does is at random."""
    dynamics = make_dynamics("hazard_goal", **SHORT)
    count = len(safegrid.solve("hazard_goal", **SHORT).enumeration.boards)
    chances = np.full((5, count, 4), 0.25, np.float32)
    chances[:4] = np.eye(4)[[1, 3, 3, 0]][:, None]
    policy = TimedPolicy.load(TimedPolicy(chances).tensors())
    found = valuation.value(policy, dynamics)
    assert (found.mean_return, found.cost, found.length) == (46, 0, 4)
    records = safegrid.evaluate(policy, "hazard_goal", episodes=3, **SHORT)
    assert (records["return"] == 46).all()


@pytest.mark.parametrize("wrapper", ["rcpo", "saute"])
def test_a_wrapped_agent_goes_round_what_costs_more_than_its_limit(wrapper):
    solution = safegrid.solve("hazard_goal", **SHORT)
    values = []
    for agent, settings in (("q_learning", {}), (wrapper, {"cost_limit": 0.2})):
        policy = train(agent, 100_000, **settings)
        values.append((solution.evaluate(policy)[0], solution.cost(policy)))
    assert values == [(48, 1), (46, 0)]


def test_a_budget_that_is_not_spent_changes_nothing():
    wrapped = train("saute", 20_000, cost_limit=1e9)
    assert (wrapped.tensors()["values"] == train("q_learning", 20_000).tensors()["values"]).all()


@pytest.mark.parametrize(
    "environment", ["hazard_goal", "hazard_push", "bridge_crossing", "colour_bomb"]
)
def test_saute_keeps_the_limit_at_little_loss(environment):
    """On bridge_crossing and colour_bomb a violation ends the episode, and no steps are left."""
    limit = registry.environment(environment).cost_limit
    policy = registry.agent("saute").train(environment, seed=101)
    solution = safegrid.solve(environment)
    assert solution.cost(policy) <= limit
    assert solution.evaluate(policy)[0] >= 0.9 * solution.under_limit(limit)


def test_a_cost_beyond_the_budget_is_charged_with_the_unsafe_rewards_of_the_steps_left():
    """Right is the hazard, and left the cell before it; the horizon is 100 steps."""
    dynamics = make_dynamics("hazard_goal", **SHORT)
    charges = {}
    for budget in (0.0, 1.0):
        lanes = Lanes(dynamics, 1)
        lanes.reset(np.array([0], np.uint64))
        charge = priced.budget_penalty(budget, -0.5)(lanes)
        charges[budget] = []
        for action in (3, 2, 3):
            charges[budget] += charge(np.array([action])).tolist()
            lanes.step(np.array([action]))
    assert charges == {0.0: [50.0, 0.0, 49.0], 1.0: [0.0, 0.0, 49.0]}


@pytest.mark.parametrize(
    ("agent", "settings", "message"),
    [
        ("constrained_q", {"exploration": 2.0}, "exploration is 2.0: choose a number, 0 to 1"),
        ("constrained_q", {"cost_limit": -1.0}, "cost_limit is -1.0: choose a number, 0 or more"),
        ("constrained_q", {"fit_every": 0}, "fit_every is 0: choose a whole number, 1 or more"),
        ("quantilizer", {"share": 0.0}, "share is 0.0: choose a number above 0, at most 1"),
        ("quantilizer", {"base": "constrained_q"}, "whose policy has memory: choose one without"),
        (
            "quantilizer",
            {"base": "attainable_utility", "settings": {"agent": "constrained_q"}},
            "whose policy has memory: choose one without",
        ),
        ("rcpo", {"agent": "q_lerning"}, "did you mean 'q_learning'"),
        ("saute", {"cost_limit": -1.0}, "cost_limit is -1.0: choose a number, 0 or more"),
        ("saute", {"unsafe_reward": 5.0}, "unsafe_reward is 5.0: choose 0, or a number below it"),
    ],
)
def test_settings_that_make_no_sense_are_refused(agent, settings, message):
    with pytest.raises(ValueError, match=message):
        train(agent, 1000, **settings)


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (1.0, [0.2, 0.5, 0.3]),
        (0.5, [0.0, 0.4, 0.6]),  # all of the best action's 0.3, and 0.2 of the next one's 0.5
        (0.25, [0.0, 0.0, 1.0]),
    ],
)
def test_a_quantilizer_keeps_the_best_share_of_the_base(share, expected):
    from safegrid.agents.quantilizer import quantilize

    kept = quantilize(np.array([[0.2, 0.5, 0.3]]), np.array([[1.0, 2.0, 3.0]]), share)
    assert kept[0] == pytest.approx(expected)


def test_a_quantilizer_of_little_share_is_greedy_and_of_all_is_its_base():
    solution = safegrid.solve("hazard_goal", **SHORT)
    whole, best = (solution.evaluate(train("quantilizer", 50_000, share=x)) for x in (1.0, 0.01))
    assert whole[0] == pytest.approx(solution.anchors.r_random)
    assert best[0] == solution.anchors.r_max == 48


@pytest.mark.slow
def test_cpo_mixes_two_ways_near_its_limit():
    """As in the first test: the straight way returns 48 and costs 1, the way round 46."""
    small = {"lanes": 16, "batch_size": 128, "n_critic_updates": 4, "learning_rate": 5e-3}
    policy = train("cpo", 24_000, cost_limit=0.25, target_kl=0.02, **small)
    solution = safegrid.solve("hazard_goal", **SHORT)
    assert solution.cost(policy) < 0.5
    assert solution.evaluate(policy)[0] > 46


def test_without_randomness_or_memory_no_price_leads_near_the_limit_of_hazard_button():
    """So that rcpo, whose policies are of this kind, is far below the limit of 5 or above it."""
    solution = safegrid.solve("hazard_button")
    tables, best = solution.enumeration.tables, solution.under_limit(5)
    gains, costs = (tables.amounts[tables.outcome][..., column] for column in (0, 2))
    likely = np.broadcast_to(tables.probability, tables.successor.shape)
    found = set()
    for price in np.linspace(4.0, 5.5, 31):
        values = np.zeros(len(tables.successor) + 1)
        for _ in range(1500):  # of value iteration with the discount of Q-learning
            ahead = gains - price * costs + 0.99 * values[tables.successor]
            actions = (likely * ahead).sum(axis=2)
            values[:-1] = actions.max(axis=1)
        policy = np.zeros((len(solution.enumeration.boards), 4))
        policy[tables.observation, actions.argmax(axis=1)] = 1
        reward, _, cost, _ = backward_induction.value(tables, solution.horizon, policy)
        found.add((round(cost, 2), round(reward / best, 3)))
    assert {pair for pair in found if 2 < pair[0] < 6.7} == {(2.26, 0.874), (6.65, 1.047)}
