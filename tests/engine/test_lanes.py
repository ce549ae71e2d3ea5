"""The engine: chance, streams, the cache of compiled loops, threads, autoreset, and bad input."""

import copy
import json
import math
import os
import pickle
import subprocess
import sys

import numba
import numpy as np
import pytest

from safegrid import Model, envs
from safegrid.drivers.gymnasium_env import Single, Vector
from safegrid.engine import chance as streams
from safegrid.engine import lanes, registry
from safegrid.engine.chance import SEED, Independent, count_outcomes, encode_chance, list_outcomes
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.gridworld import DOWN, LEFT, RIGHT, UP, njit
from safegrid.engine.lanes import NO_LIMIT, Lanes
from safegrid.engine.observations import make_encoder

compiled = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="looks at compiled code, and nothing is compiled"
)
DIE = '''
"""Somebody stumbles about a room as three coins fall, and is paid for the heads."""

import numpy as np

from safegrid.engine.gridworld import (
    MOVES, Example, Independent, find, level, move, njit, state_dtype
)

CATEGORY = "test"
TILES = "# A"
LEVELS = {"room": level("#######\\n#     #\\n#  A  #\\n#     #\\n#######")}
STATE = state_dtype(("lucky", np.bool_))
ACTIONS = MOVES
EXAMPLES = {"honest": Example("u", -1, 1)}
RESET_CHANCE = {"unlucky": 0.75, "lucky": 0.25}


def STEP_CHANCE(probability=0.5):
    return Independent(3, probability)


@njit
def reset(state, level, chance):
    state.row, state.column = find(level.board, 2)
    state.lucky = chance > 0


@njit
def step(state, level, action, chance, outcome):
    way = (action + chance) & 3
    state.row, state.column = move(level.board, state.row, state.column, way)
    outcome.reward = chance - 1.0
    outcome.performance = 1.0 + state.lucky
    outcome.terminated = chance == 7


@njit
def observe(state, level, board):
    board[state.row, state.column] = 2
'''
ROOM = ("#####", "#WAG#", "#####")
START, AT_GOAL, DROWNED = "#WAG#", "#W A#", "#W G#"  # its middle row


@pytest.fixture(scope="module")
def die(tmp_path_factory):
    """The name of an environment that has chance at the reset and at each step."""
    folder = tmp_path_factory.mktemp("envs")
    (folder / "stumbling_die.py").write_text(DIE)
    envs.__path__.append(str(folder))
    yield "stumbling_die"
    envs.__path__.remove(str(folder))
    sys.modules.pop("safegrid.envs.stumbling_die", None)


@njit
def draw_words(chance, keys, steps, drawn):
    for i in range(keys.size):
        for k in range(steps):
            drawn[i * steps + k] = streams.draw(chance, keys[i], k)


def stream(seed, episode):
    return np.uint64(streams.stream(np.uint64(seed), np.uint64(episode)))


def draw(declared, episodes=200, steps=1000):
    chance = encode_chance(declared)
    keys = np.array([stream(7, i) for i in range(episodes)])
    drawn = np.empty(episodes * steps, np.int64)
    draw_words(chance, keys, steps, drawn)
    return drawn


@compiled
@pytest.mark.parametrize(
    "declared",
    [
        {"a": 0.5, "b": 0.5},
        {"a": 0.1, "b": 0.2, "c": 0.7},
        {"a": 0.0, "b": 0.3, "c": 0.0, "d": 0.7, "e": 0.0},
        {"a": 0.0, "b": 1.0},
        {"a": 1.0, "b": 0.0},
        {"a": 0.999, "b": 0.001},
        Independent(1, 0.5),
        Independent(3, 0.05),
        Independent(3, 0.9),
        Independent(3, 0.0),
        Independent(3, 1.0),
    ],
    ids=str,
)
def test_outcomes_come_up_as_often_as_declared(declared):
    drawn = draw(declared)
    counts = np.bincount(drawn, minlength=count_outcomes(declared))
    assert len(counts) == count_outcomes(declared)
    probabilities = dict(list_outcomes(declared))
    for outcome, count in enumerate(counts):
        p = probabilities.get(outcome, 0)
        error = math.sqrt(len(drawn) * p * (1 - p))
        assert abs(count - len(drawn) * p) <= 5 * error, outcome


@compiled
def test_every_bit_of_a_raw_word_is_a_fair_coin():
    drawn = draw(SEED)
    bits = count_outcomes(SEED).bit_length() - 1
    ones = np.array([(drawn >> bit & 1).sum() for bit in range(bits)])
    assert (np.abs(ones - len(drawn) / 2) <= 5 * math.sqrt(len(drawn) / 4)).all()
    assert len(np.unique(drawn)) == len(drawn)


@pytest.mark.fast
def test_a_stream_is_splitmix64():
    """The published first outputs of the generator seeded with 0."""
    words = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC]
    assert [int(streams.word(np.uint64(0), step)) for step in range(4)] == words


@pytest.mark.fast
def test_each_seed_episode_and_step_has_a_word_of_its_own_and_keeps_it():
    def words():
        seeds = [*range(8), 2**63, 2**64 - 1]
        keys = [stream(seed, episode) for seed in seeds for episode in range(10)]
        return [int(streams.word(key, step)) for key in keys for step in range(10)]

    assert len(set(words())) == 1000
    assert words() == words()


def play(lanes, seeds, steps=60):
    """Everything that comes back from lanes whose actions follow from their seeds, step by step."""
    seeds = np.array(seeds, np.uint64)
    seen = [lanes.reset(seeds)]
    for t in range(steps):
        step = lanes.step(((seeds * (t + 3)) >> np.uint64(1)).astype(np.int64) % 4)
        seen += [step.boards, step.reward, step.cost, *step[3:6], lanes.performance]
        if lanes.mode == "same_step":
            ended = step.terminated | step.truncated
            final = step.boards if step.final is None else step.final
            seen.append(np.where(ended[:, None, None], final, 0))
    return seen


@pytest.mark.fast
@pytest.mark.parametrize("mode", lanes.MODES)
def test_order_and_number_of_lanes_change_nothing(die, mode):
    dynamics, seeds = make_dynamics(die), np.arange(12)
    order = np.random.default_rng(0).permutation(12)[:7]
    together = play(Lanes(dynamics, 12, mode, limit=20), seeds)
    others = play(Lanes(dynamics, 7, mode, limit=20), seeds[order])
    for all_lanes, some in zip(together, others, strict=True):
        assert (all_lanes[order] == some).all()


@pytest.mark.parametrize("mode", lanes.MODES)
def test_the_number_of_threads_changes_nothing(die, mode, monkeypatch):
    monkeypatch.setattr(lanes, "LANES_PER_THREAD", 1)
    trajectories = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(lanes, "THREADS", threads)
        lanes._pool.cache_clear()
        seen = play(Lanes(make_dynamics(die), 64, mode, limit=20), np.arange(64))
        trajectories.append([array.tobytes() for array in seen])
        lanes._pool().shutdown()
    lanes._pool.cache_clear()
    assert trajectories[0] == trajectories[1] == trajectories[2]


def test_states_of_two_levels_are_not_equal():
    one, other = (Model("safe_interruptibility", level) for level in ("button", "away"))
    fields = {"row": 1, "column": 2}
    assert one.state(**fields) == one.state(**fields) != other.state(**fields)
    assert len({one.state(**fields), one.state(**fields), other.state(**fields)}) == 2


@pytest.mark.fast
@pytest.mark.parametrize("declared", [{"unlucky": 0.75, "lucky": 0.25}, SEED], ids=["named", "raw"])
def test_a_lane_is_the_model_under_the_chance_of_its_seed_and_episode(
    die, declared, change_contract
):
    change_contract(die, RESET_CHANCE=declared)
    model, seed = Model(die, probability=0.3), 11
    dynamics = model.dynamics
    lanes = Lanes(dynamics, 1, "next_step", limit=15)
    chances = encode_chance(dynamics.reset_chance), encode_chance(dynamics.step_chance)
    boards = lanes.reset(np.array([seed], np.uint64))
    for episode in range(4):
        key = stream(seed, episode)
        state = model.reset(int(streams.draw(chances[0], key, 0)) % count_outcomes(declared))
        assert (model.board(state) == boards[0]).all()
        performance = 0.0
        for t in range(1, 16):
            step = model.step(state, t % 4, int(streams.draw(chances[1], key, t)))
            lane = lanes.step(np.array([t % 4]))
            state, performance = step.state, performance + step.performance
            assert (lane.reward[0], lane.terminated[0]) == (step.reward, step.terminated)
            assert lanes.performance[0] == performance
            assert (model.board(state) == lane.boards[0]).all()
            if step.terminated or t == 15:
                break
        boards = lanes.step(np.array([0])).boards


@pytest.mark.fast
def test_a_seed_starts_the_episodes_anew_and_no_seed_goes_on(die):
    lanes, seeds = (
        Lanes(make_dynamics(die), 4, "same_step", limit=20),
        np.arange(4, dtype=np.uint64),
    )
    first = [array.tobytes() for array in play(lanes, seeds)]
    assert [array.tobytes() for array in play(lanes, seeds)] == first
    lanes.reset(seeds)
    episode = lanes.records["stream"].copy()
    lanes.reset()
    assert (lanes.records["stream"] != episode).all()
    lanes.reset(seeds)
    assert (lanes.records["stream"] == episode).all()


PROBE = """
import json, sys
import safegrid, safegrid.envs
from safegrid.engine import kernels
safegrid.envs.__path__.append(sys.argv[1])
model = safegrid.Model("edited_die")
step = model.step(model.reset(), 0, 4)
stats = model.dynamics.compiled(kernels.step_states).stats
hits, misses = sum(stats.cache_hits.values()), sum(stats.cache_misses.values())
print(json.dumps([step.reward, hits, misses]))
"""


@pytest.mark.slow
@compiled
def test_compiled_loops_are_found_again_and_never_stale(tmp_path):
    file, cache = tmp_path / "envs" / "edited_die.py", tmp_path / "cache"
    file.parent.mkdir()

    def probe(**settings):
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), **settings}
        command = [sys.executable, "-c", PROBE, str(file.parent)]
        out = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout
        return json.loads(out)

    file.write_text(DIE)
    assert probe() == [3, 0, 1]
    assert probe() == [3, 1, 0]
    other = "0" if numba.config.BOUNDSCHECK else "1"
    assert probe(NUMBA_BOUNDSCHECK=other) == [3, 0, 1]
    assert "chance - 1.0" in DIE
    file.write_text(DIE.replace("chance - 1.0", "chance - 2.0"))
    assert probe() == [2, 0, 1]
    file.write_text(DIE)
    assert probe() == [3, 1, 0]


# Three lanes: one walks into the goal, one bumps into the wall until its time is up, one drowns;
# after the first step all bump. By mode, of each of three steps: middle rows, rewards, terminated,
# truncated, stepped, performance, and the middle rows of the last frames by lane.
ENDS = ([49, -1, -1], [1, 0, 1], [0, 0, 0], [1, 1, 1], [49, -1, -51])
AUTORESET = {
    "same_step": [
        ([START] * 3, *ENDS, {0: AT_GOAL, 2: DROWNED}),
        ([START] * 3, [-1, -1, -1], [0, 0, 0], [0, 1, 0], [1, 1, 1], [-1, -2, -1], {1: START}),
        (
            [START] * 3, [-1, -1, -1], [0, 0, 0], [1, 0, 1], [1, 1, 1], [-2, -1, -2],
            {0: START, 2: START},
        ),
    ],
    "next_step": [
        ([AT_GOAL, START, DROWNED], *ENDS, None),
        ([START] * 3, [0, -1, 0], [0, 0, 0], [0, 1, 0], [0, 1, 0], [0, -2, 0], None),
        ([START] * 3, [-1, 0, -1], [0, 0, 0], [0, 0, 0], [1, 0, 1], [-1, 0, -1], None),
    ],
    "disabled": [
        ([AT_GOAL, START, DROWNED], *ENDS, None),
        (
            [AT_GOAL, START, DROWNED], [0, -1, 0], [1, 0, 1], [0, 1, 0], [0, 1, 0],
            [49, -2, -51], None,
        ),
        (
            [AT_GOAL, START, DROWNED], [0, 0, 0], [1, 0, 1], [0, 1, 0], [0, 0, 0],
            [49, -2, -51], None,
        ),
    ],
}  # fmt: skip


def island(count=3, mode="disabled", limit=NO_LIMIT):
    return Lanes(make_dynamics("island_navigation", map=ROOM), count, mode, limit)


def middle(boards):
    tiles = registry.environment("island_navigation").tiles
    return ["".join(tiles[code] for code in board[1]) for board in boards]


@pytest.mark.fast
@pytest.mark.parametrize("mode", AUTORESET)
def test_what_comes_back_when_episodes_end(mode):
    lanes = island(3, mode, limit=2)
    assert middle(lanes.reset(np.arange(3, dtype=np.uint64))) == [START] * 3
    moves = [RIGHT, UP, LEFT], [UP] * 3, [UP] * 3
    for t, (actions, wanted) in enumerate(zip(moves, AUTORESET[mode], strict=True)):
        boards, reward, terminated, truncated, stepped, performance, final = wanted
        step = lanes.step(np.array(actions))
        assert middle(step.boards) == boards, t
        assert step.reward.tolist() == reward, t
        assert step.terminated.tolist() == list(map(bool, terminated)), t
        assert step.truncated.tolist() == list(map(bool, truncated)), t
        assert step.stepped.tolist() == list(map(bool, stepped)), t
        assert lanes.performance.tolist() == performance, t
        assert (step.final is None) == (final is None), t
        assert {lane: middle(step.final)[lane] for lane in final or ()} == (final or {}), t


@pytest.mark.fast
def test_disabled_lanes_wait_until_a_reset_chooses_them():
    lanes = island(3, "disabled", limit=2)
    lanes.reset(np.arange(3, dtype=np.uint64))
    lanes.step(np.array([RIGHT, UP, LEFT]))
    boards = lanes.reset(chosen=np.array([True, False, False]))
    assert middle(boards) == [START, START, DROWNED]
    assert lanes.performance.tolist() == [0, -1, -51]
    step = lanes.step(np.array([DOWN, DOWN, DOWN]))
    assert step.stepped.tolist() == [True, True, False]
    assert step.truncated.tolist() == [False, True, False]
    assert lanes.performance.tolist() == [-1, -2, -51]


@pytest.mark.fast
@pytest.mark.parametrize("mode", lanes.MODES)
def test_an_episode_that_ends_at_the_limit_is_truncated_too(mode):
    lanes = island(2, mode, limit=1)
    lanes.reset(np.arange(2, dtype=np.uint64))
    step = lanes.step(np.array([RIGHT, UP]))
    assert step.terminated.tolist() == [True, False]
    assert step.truncated.tolist() == [True, True]


@pytest.mark.fast
def test_without_a_limit_nothing_is_truncated():
    lanes = island(1)
    lanes.reset(np.zeros(1, np.uint64))
    assert not any(lanes.step(np.array([UP])).truncated[0] for _ in range(150))


@pytest.mark.fast
def test_what_came_back_is_not_changed_by_the_next_step():
    lanes = island(3, "same_step", limit=2)
    lanes.reset(np.arange(3, dtype=np.uint64))
    step = lanes.step(np.array([RIGHT, UP, LEFT]))
    arrays = [*step, lanes.performance]
    before = [array.copy() for array in arrays]
    lanes.step(np.array([LEFT, UP, RIGHT]))
    assert all((a == b).all() for a, b in zip(arrays, before, strict=True))


def navigate(*rows, **options):
    return make_dynamics("island_navigation", **({"map": rows} if rows else {}), **options)


def interrupt(probability):
    return make_dynamics("safe_interruptibility", interruption_probability=probability)


def push(boxes):
    return make_dynamics("side_effects_sokoban", map=["A" + "X" * boxes])


def act(actions, count=3):
    lanes = island(count)
    lanes.reset(np.zeros(count, np.uint64))
    return lanes.step(np.array(actions))


BAD = [
    (lambda: Model("island"), "'island'"),
    (lambda: navigate(level="isle"), "'isle'"),
    (lambda: navigate(level=7), "7"),
    (lambda: navigate(level=-1), "-1"),
    (lambda: navigate(level=0.5), "0.5"),
    (lambda: navigate(level=None), "None"),
    (lambda: navigate(colour="red"), "'colour'"),
    (lambda: navigate(interruption_probability=0.5), "'interruption_probability'"),
    (lambda: interrupt(1.5), "interruption_probability is 1.5"),
    (lambda: interrupt(-0.1), "-0.1"),
    (lambda: interrupt(math.nan), "nan"),
    (lambda: interrupt("half"), "'half'"),
    (lambda: interrupt(None), "None"),
    (lambda: navigate("####", "#  #", "####"), "0 agents"),
    (lambda: navigate("#####", "#A A#", "#####"), "2 agents"),
    (lambda: navigate("####", "#A#", "####"), "row 1 '#A#' has 3 characters"),
    (lambda: navigate("####", "#A?#", "####"), "'?'"),
    (lambda: navigate("A" + " " * 200), "201 columns"),
    (lambda: navigate(map=[]), r"[]"),
    (lambda: navigate(map=[1, 2]), "[1, 2]"),
    (lambda: navigate(map="no/such/file.txt"), "'no/such/file.txt'"),
    (lambda: push(9), "9 of 'X'"),
    (lambda: make_encoder(navigate(), "smell"), "'smell'"),
    (lambda: island(0), "0"),
    (lambda: island(-3), "-3"),
    (lambda: island(2.5), "2.5"),
    (lambda: island(limit=0), "0"),
    (lambda: act([0, 4, 0]), "action 4"),
    (lambda: act([0, -1, 0]), "action -1"),
    (lambda: act([0.0, 1.0, 2.0]), "float64"),
    (lambda: act([True, False, True]), "bool"),
    (lambda: act([0, 1]), "(2,)"),
    (lambda: act([[0, 1, 2]]), "(1, 3)"),
    (lambda: stepped(4), "action 4"),
    (lambda: stepped(-1), "action -1"),
    (lambda: stepped(1.0), "action 1.0"),
    (lambda: stepped(0, 1), "chance 1"),
    (lambda: Model("safe_interruptibility").reset(2), "chance 2"),
    (lambda: Model("safe_interruptibility").reset(-1), "chance -1"),
    (lambda: Model("boat_race").step(Model("island_navigation").reset(), 0), "not a state of"),
    (lambda: Model("boat_race").step(None, 0), "None is not a state of this level of boat_race"),
    (
        lambda: Model("aup_offset", "sushi").text(Model("aup_offset", "vase").reset()),
        "not a state of",
    ),
    (lambda: Model("boat_race").state(mood=3), "'mood'"),
    (lambda: Model("boat_race").state(row="top"), "'top'"),
]


def stepped(action, chance=0):
    model = Model("island_navigation")
    return model.step(model.reset(), action, chance)


@pytest.mark.fast
@pytest.mark.parametrize(("attempt", "named"), BAD, ids=[named for _, named in BAD])
def test_bad_input_is_refused_in_one_line_that_names_it(attempt, named):
    with pytest.raises(ValueError) as caught:
        attempt()
    message = str(caught.value)
    assert named in message
    assert "\n" not in message


@pytest.mark.parametrize("make", [Single, Vector, Model], ids=lambda each: each.__name__)
def test_environments_can_be_copied_and_pickled(make):
    one = make("friend_foe", bandit="neutral")
    for other in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
        if make is Model:
            assert other.reset(2) == one.reset(2) and other.step_chance == one.step_chance
            continue
        assert other.reset(seed=3)[0].tobytes() == one.reset(seed=3)[0].tobytes()
        action = [0] if make is Vector else 0
        assert other.step(action)[0].tobytes() == one.step(action)[0].tobytes()


def test_a_forked_child_makes_threads_of_its_own(tmp_path):
    code = """
import os, signal, numpy as np
from safegrid.engine import lanes as engine
from safegrid.engine.dynamics import make_dynamics
engine.THREADS, engine.LANES_PER_THREAD = 2, 1
def step():
    lanes = engine.Lanes(make_dynamics("boat_race"), 8)
    lanes.reset(np.arange(8, dtype=np.uint64))
    lanes.step(np.zeros(8, np.int64))
step()
child = os.fork()
if child == 0:
    signal.alarm(20)
    step()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=60)
