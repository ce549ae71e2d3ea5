"""Recorded episodes, and what is made of them."""

import pickle

import gymnasium
import numpy as np
import pytest
from scipy import stats

import safegrid
from safegrid.engine import chance, registry
from safegrid.evaluation import rollout


class Scripted:
    """Moves in one direction for ever."""

    observation = "board"
    memory = False

    def __init__(self, action, mode="deterministic"):
        self.action, self.mode = action, mode

    def probabilities(self, observations):
        return np.eye(4)[np.full(len(observations), self.action)]


class Mixed(Scripted):
    """Moves up or right, by chance."""

    def probabilities(self, observations):
        return np.tile([0.25, 0.0, 0.0, 0.75], (len(observations), 1))


def test_records_say_how_an_episode_went():
    records = safegrid.evaluate(Scripted(3), "island_navigation", episodes=3)
    for record in records:
        assert record.length == 3 and record.ended == "terminated"
        assert (record["return"], record.performance, record.cost) == (-3.0, -53.0, 0.0)
        assert record.actions[:4].tolist() == [3, 3, 3, 255]
    assert len(set(records.seed.tolist())) == 3
    stuck = safegrid.evaluate(Scripted(0), "boat_race", episodes=2, max_episode_steps=7)
    assert stuck.length.tolist() == [7, 7] and set(stuck.ended) == {"truncated"}


@pytest.mark.parametrize("name", registry.grids())
def test_a_record_replays_to_the_same_numbers_in_gymnasium(name):
    policy = registry.agent("uniform").train(name, seed=0)
    env = gymnasium.make(registry.environment(name).identifier)
    for record in safegrid.evaluate(policy, name, episodes=25, seed=3):
        env.reset(seed=int(record.seed) if record.episode == 0 else None)
        total = sum(env.step(int(action))[1] for action in record.actions[: record.length])
        assert (total, env.unwrapped.performance) == (record["return"], record.performance)


def test_more_episodes_do_not_change_the_first_ones():
    few, many = (safegrid.evaluate(Mixed(0), "boat_race", episodes=n, seed=5) for n in (3, 20))
    assert few.tobytes() == many[:3].tobytes()


def test_actions_follow_the_probabilities_and_never_an_impossible_one():
    records = safegrid.evaluate(Mixed(0), "boat_race", episodes=400)
    counts = np.bincount(records.actions.ravel(), minlength=4)
    assert counts[1] == counts[2] == 0
    assert stats.binomtest(int(counts[3]), int(counts.sum()), 0.75).pvalue > 1e-6
    rounding = np.tile([0.1] * 9 + [0.0999999, 0.0], (1000, 1))
    chosen = rollout.choose(rounding, np.arange(1000, dtype=np.uint64), 0)
    assert chosen.max() <= 9


def test_training_and_evaluation_share_no_seeds():
    seeds = [set(chance.derive_seeds(s, role, 50)) for s in range(4) for role in chance.ROLES]
    assert len(set.union(*seeds)) == 12 * 50


def test_short_episodes_are_not_preferred():
    """Playing lanes until N episodes have ended would count the short ones more often."""
    policy = registry.agent("uniform").train("island_navigation", seed=0)
    records = safegrid.evaluate(policy, "island_navigation", episodes=2000, max_episode_steps=2000)
    assert set(records.ended) == {"terminated"}
    again = safegrid.evaluate(policy, "island_navigation", episodes=2000, max_episode_steps=50)
    short = records.length < 50
    np.testing.assert_array_equal(records.length[short], again.length[short])


def test_memory_goes_on_through_the_episodes_of_a_lane():
    """Who always goes left gets the prize of a friend, and of a foe only once."""

    class Left(Scripted):
        def probabilities(self, boards):
            below = (boards[:, 1] != 2).all(axis=1)
            return np.eye(4)[np.where(below, 0, 2)]

    totals = {
        bandit: safegrid.evaluate(Left(0), "friend_foe", episodes=20, bandit=bandit)["return"]
        for bandit in ("friend", "adversary")
    }
    assert totals["friend"].tolist() == [46] * 20
    assert totals["adversary"].tolist() == ([46] + [-4] * 9) * 2


BAD = [
    lambda n: np.full((n, 4), np.nan),
    lambda n: np.zeros((n, 4)),
    lambda n: np.tile([2.0, -1.0, 0.0, 0.0], (n, 1)),
    lambda n: np.full((n, 2), 0.5),
    lambda n: np.full((1, 4), 0.25),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_probabilities_that_are_none_are_refused(number):
    policy = Scripted(0)
    policy.probabilities = lambda boards: BAD[number](len(boards))
    with pytest.raises(ValueError, match="needs probabilities of shape"):
        safegrid.evaluate(policy, "boat_race", episodes=3)


class Clock:
    """Goes up and down in turn; in each episode its chance says which comes first."""

    observation, mode, memory = "board", "deterministic", True

    def begin(self, chance):
        return Tick(chance)


class Tick:
    def __init__(self, chance):
        self.time, self.first = 0, (chance % np.uint64(2)).astype(int)

    def probabilities(self, observations):
        self.time += 1
        return np.eye(4)[(self.first + self.time) % 2]


def test_a_policy_with_memory_begins_every_episode_anew():
    records = safegrid.evaluate(Clock(), "friend_foe", episodes=40, max_episode_steps=5)
    first = records.actions[:, 0]
    assert (records.actions == (first[:, None] + np.arange(5)) % 2).all()
    assert set(first[:10]) == {0, 1}  # of one lane, whose memory outlives its episodes
    fewer = safegrid.evaluate(Clock(), "friend_foe", episodes=20, max_episode_steps=5)
    assert fewer.tobytes() == records[:20].tobytes()


def test_the_gap_is_return_minus_performance_over_runs():
    runs = [safegrid.evaluate(Scripted(3), "island_navigation", episodes=4, seed=s) for s in (0, 1)]
    score = safegrid.score(runs)
    assert score.runs == 2
    assert score.reward_performance_gap.runs == ((50.0, 50.0),)
    assert (score.mean_return.mean, score.performance.mean) == (-3.0, -53.0)


def test_episodes_are_records_that_pandas_takes():
    """pandas makes columns of what numpy.ma.getdata returns, each of one dimension."""
    episodes = safegrid.evaluate(lambda boards: np.zeros(len(boards), int), "boat_race", episodes=3)
    for records in (episodes, episodes[1:], pickle.loads(pickle.dumps(episodes))):
        table = np.ma.getdata(records)
        assert table.dtype.names == episodes.dtype.names
        assert all(table[name].ndim == 1 for name in table.dtype.names)
        for row, record in zip(table, records, strict=True):
            assert row["actions"].tolist() == record.actions.tolist()
            assert row["return"] == record["return"] and row["ended"] == record.ended
    assert isinstance(episodes, np.recarray) and episodes.actions.shape == (3, 100)
