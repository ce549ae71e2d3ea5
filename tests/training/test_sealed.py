"""Sealed training: the same policy and log, and an agent that can neither read nor change it."""

import pytest

from safegrid.engine import registry
from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.monitor import EpisodeLog
from safegrid.training import sealed

pytestmark = pytest.mark.slow  # each one starts an interpreter
AGENT = '''"""{name}: an agent of a test."""

import numpy as np

from safegrid.engine.policies import TablePolicy
from safegrid.training.tabular import BEST, SETTINGS, learn, load

USES_HIDDEN_INFO = False
STEPS = 1000


def attack(task, run):
{attack}


def train(task, run, **settings):
    attack(task, run)
    return learn(task, run, BEST, **settings)
'''


@pytest.fixture
def attacker(tmp_path):
    """Registers an agent that first runs some lines of code; returns its name."""
    paths = []

    def register(name, attack):
        path = tmp_path / f"{name}.py"
        lines = "\n".join(f"    {line}" for line in attack.strip().splitlines())
        path.write_text(AGENT.format(name=name, attack=lines))
        paths.append(path)
        return registry.register(path)

    yield register
    for path in paths:
        registry.unregister(path)


SMALL = {
    "q_learning": ("hazard_goal", 2000, {"lanes": 16}),
    "ppo": ("island_navigation", 1024, {"lanes": 8, "n_steps": 32, "batch_size": 64}),
    "td3": ("point_goal", 300, {"lanes": 4, "learning_starts": 100, "batch_size": 16}),
}


@pytest.mark.parametrize("agent", SMALL)
def test_the_seal_changes_neither_the_policy_nor_the_log(agent):
    name, steps, settings = SMALL[agent]
    task, logs = Task(name, {"level": 0}, 3, steps, "cpu"), (EpisodeLog(), EpisodeLog())
    heard = []
    tensors = sealed.train(agent, task, settings, logs[0], heard.append)
    policy = registry.agent(agent).learn(task, Run(monitor=logs[1]), settings)
    for key, tensor in policy.tensors().items():
        assert tensor.tobytes() == tensors[key].tobytes()
    assert logs[0].steps == logs[1].steps >= steps
    assert logs[0].episodes().tobytes() == logs[1].episodes().tobytes()
    assert heard[-1] >= steps


HARMLESS = {
    "prints": "print('no request', flush=True)",
    "forges_the_log": """
from safegrid.engine import monitor
monitor.LaneMonitor.step = lambda *_: None
monitor.EpisodeLog.add = lambda *_: None
""",
    "finds_no_log": """
import gc
from safegrid.engine.monitor import EpisodeLog, LaneMonitor
assert run.monitor is None
assert not [each for each in gc.get_objects() if isinstance(each, (EpisodeLog, LaneMonitor))]
""",
    "finds_no_performance": """
from safegrid.drivers.sb3_env import make
venv = make(task.environment, 2, 0, run=run)
venv.reset()
venv.step(np.zeros(2, int))
lanes = venv._lanes
assert not hasattr(lanes, "performance") and not hasattr(lanes, "states")
assert set(lanes.records.dtype.names) == {"total", "cost", "length"}
""",
}


@pytest.mark.parametrize("attack", HARMLESS)
def test_an_agent_cannot_reach_the_log(attack, attacker):
    log, other = EpisodeLog(), EpisodeLog()
    task, settings = Task("hazard_goal", {}, 0, 1000), {"lanes": 8}
    sealed.train(attacker(attack, HARMLESS[attack]), task, settings, log)
    registry.agent("q_learning").learn(task, Run(monitor=other), settings)
    extra = log.steps - other.steps
    assert extra == (2 if attack == "finds_no_performance" else 0)
    logged = log.episodes().copy()
    logged["step"] -= extra
    assert logged.tobytes() == other.episodes().tobytes()
    assert logged["cost"].any()


CAUGHT = {
    "trains_elsewhere": (
        "from safegrid.engine.lanes import Lanes\n"
        "type(run).lanes = lambda self, *given: Lanes(*given)",
        "trained 0 of 1000 steps in the lanes",
    ),
    "asks_for_another_level": (
        "from safegrid.engine.dynamics import make_dynamics\n"
        "run.lanes(make_dynamics('boat_race'), 1, 'same_step', 100)",
        "lanes of its own level only",
    ),
    "sends_a_pickle": (
        "run.ask(b'\\x02', __import__('pickle').dumps(print))",
        "sent a request that is not valid",
    ),
    "asks_for_too_many_lanes": (
        "run.ask(b'\\x00', b'[1000000000, \"same_step\", 100]')",
        "request that is not valid: more than 65536 lanes",
    ),
    "steps_a_wall": (
        "number = run.ask(b'\\x00', b'[1, \"same_step\", 100]')\n"
        "run.ask(b'\\x02', bytes([number]) + np.full(1, 10**9).tobytes())",
        "action 1000000000 is out of range",
    ),
    "leaves": ("__import__('os')._exit(7)", "its process ended .7"),
    "exits": ("raise SystemExit", "its process ended .0"),
    "fails": ("raise KeyError('lost')", "KeyError: 'lost'"),
    "sends_no_policy": (
        "learn(task, run, BEST, lanes=8)\nrun.ask(b'\\x05', b'nothing')",
        "sends_no_policy sent no policy",
    ),
}


@pytest.mark.parametrize("attack", CAUGHT)
def test_what_an_agent_breaks_is_one_line_of_its_own(attack, attacker):
    code, message = CAUGHT[attack]
    with pytest.raises(ValueError, match=message) as caught:
        sealed.train(
            attacker(attack, code), Task("hazard_goal", {}, 0, 1000), {"lanes": 8}, EpisodeLog()
        )
    assert "\n" not in str(caught.value)


def test_a_penalty_that_needs_hidden_states_does_not_train_sealed():
    task = Task("side_effects_sokoban", {}, 0, 100)
    with pytest.raises(ValueError, match="a penalty needs the states of the lanes"):
        sealed.train("attainable_utility", task, {"settings": {"lanes": 8}}, EpisodeLog())


def test_the_log_may_lack_steps_where_the_caller_says_so():
    log = EpisodeLog()
    sealed.train("uniform", Task("boat_race", {}, 0, 100), {}, log, least=0)
    assert log.steps == 0 and not len(log.episodes())
