"""The index observation: a number for each board, the same everywhere."""

import subprocess
import sys

import gymnasium
import numpy as np
import pytest

import safegrid
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.lanes import Lanes
from safegrid.engine.observations import make_encoder

ENUMERABLE = [
    name
    for name in registry.grids()
    if name not in ("life_garden", "rocks_diamonds", "tomato_watering")
    and not registry.environment(name).generates
]
WALK = np.random.default_rng(0).integers(0, 4, (300, 64))


@pytest.mark.parametrize("name", ENUMERABLE)
def test_boards_and_numbers_stand_for_each_other(name):
    dynamics = make_dynamics(name)
    encode = make_encoder(dynamics, "index")
    lanes = Lanes(dynamics, 64, "same_step", 100)
    lanes.reset(np.arange(64, dtype=np.uint64))
    boards = {}
    for actions in WALK:
        step = lanes.step(actions % len(dynamics.actions))
        ended = step.terminated | step.truncated
        for seen in [step.boards] if step.final is None else [step.boards, step.final[ended]]:
            for number, board in zip(encode(seen).tolist(), seen, strict=True):
                boards.setdefault(number, set()).add(board.tobytes())
    assert max(boards) < encode.space.n
    shared = {encode.space.n - 1} if dynamics.spec.memory else set()
    assert all(len(alike) == 1 for number, alike in boards.items() if number not in shared)
    everything = [board for alike in boards.values() for board in alike]
    assert len(everything) == len(set(everything))


@pytest.mark.parametrize("name", ["boat_race", "friend_foe", "side_effects_sokoban"])
def test_every_driver_gives_the_same_numbers(name):
    venv = gymnasium.make_vec(
        registry.environment(name).identifier,
        num_envs=3,
        observation="index",
        autoreset_mode="same_step",
    )
    other = safegrid.sb3.make(name, 3, seed=7, observation="index")
    singles = [
        gymnasium.make(registry.environment(name).identifier, observation="index") for _ in range(3)
    ]
    first, _ = venv.reset(seed=7)
    assert first.tolist() == other.reset().tolist()
    assert first.tolist() == [one.reset(seed=7 + i)[0] for i, one in enumerate(singles)]
    for actions in WALK[:, :3]:
        numbers = venv.step(actions)[0].tolist()
        assert numbers == other.step(actions)[0].tolist()
        for i, one in enumerate(singles):
            number, _, terminated, truncated, _ = one.step(actions[i])
            assert (one.reset()[0] if terminated or truncated else number) == numbers[i]


@pytest.mark.slow
def test_another_process_gives_the_same_numbers():
    code = (
        "import safegrid\n"
        "env = safegrid.sb3.make('side_effects_sokoban', 8, seed=1, observation='index')\n"
        "print(env.reset().tolist(), [env.step([k % 4] * 8)[0].tolist() for k in range(30)])"
    )
    run = [sys.executable, "-c", code]
    first, second = (subprocess.run(run, capture_output=True, check=True).stdout for _ in "12")
    assert first == second and len(first) > 100


def test_what_cannot_be_enumerated_has_no_index():
    with pytest.raises(ValueError, match=r"8,192 outcomes"):
        gymnasium.make("safegrid/TomatoWatering-v0", observation="index")
