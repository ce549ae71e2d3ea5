"""Checkpoints: an interrupted training goes on as if it had not been interrupted."""

import signal
from pathlib import Path

import pytest

from safegrid.benchmark import checkpoint, suite, tensorboard
from safegrid.benchmark.tensorboard import Curves
from safegrid.engine import registry
from safegrid.engine.contract.agents import Run
from safegrid.engine.monitor import EpisodeLog

STEPS = 1024


SETTINGS = {
    "ppo": {"lanes": 8, "n_steps": 16, "batch_size": 64, "n_epochs": 2},
    "ppo_pid": {"lanes": 8, "n_steps": 16, "batch_size": 64, "n_epochs": 2, "cost_limit": 0.5},
    "dqn": {
        "buffer_size": 500,
        "lanes": 8,
        "learning_starts": 64,
        "batch_size": 16,
        "target_update_interval": 64,
    },
    "recurrent_ppo": {"units": 8, "lanes": 8, "n_steps": 16, "batch_size": 64, "n_epochs": 2},
}


def cell(agent, seed=0):
    return suite.make_cell(agent, "hazard_goal", 0, seed, STEPS, settings=SETTINGS[agent])


def content(policy):
    return {name: tensor.tobytes() for name, tensor in policy.tensors().items()}


def train(request, path, progress=None, log=None):
    """The policy of a cell, from its checkpoint on."""
    kept = checkpoint.Checkpoint(path, request)
    policy = suite.train(request, Run(progress, log, kept))
    kept.finish()
    return policy


def stop_at(step):
    def progress(done):
        if done >= step:
            raise KeyboardInterrupt

    return progress


@pytest.mark.slow
@pytest.mark.parametrize("agent", SETTINGS)
def test_an_interrupted_training_ends_as_if_it_had_not_been(agent, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    path = tmp_path / "training"
    with pytest.raises(KeyboardInterrupt):
        train(cell(agent), path, stop_at(600))
    assert path.exists()
    steps = []
    resumed = train(cell(agent), path, steps.append)
    assert steps[0] > 300
    assert content(resumed) == content(suite.train(cell(agent)))
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_another_training_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    path = tmp_path / "training"
    with pytest.raises(KeyboardInterrupt):
        train(cell("ppo"), path, stop_at(600))
    with pytest.raises(ValueError, match=r"is of another training: .* or agent ppo, .* seed 0, "):
        train(cell("ppo", seed=1), path)
    for agent, other in (("maskable_ppo", "shielded_ppo"), ("shielded_ppo", "maskable_ppo")):
        one, two = (suite.make_cell(name, "boat_race", steps=8192) for name in (agent, other))
        masked = tmp_path / agent
        with pytest.raises(KeyboardInterrupt):  # both train by one algorithm, with equal settings
            train(one, masked, stop_at(4224))
        with pytest.raises(ValueError, match=f"is of another training: .* or agent {agent}, "):
            train(two, masked)
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="cannot be read: it is no checkpoint of a training"):
        train(cell("ppo"), path)


WITHOUT = [name for name in registry.agents() if not registry.agent(name).checkpoints]


@pytest.mark.parametrize("agent", WITHOUT)
def test_an_agent_without_checkpoints_says_so_before_training(agent, tmp_path, monkeypatch):
    path = tmp_path / "training"
    path.write_text("somebody's")
    spec = registry.agent(agent)
    monkeypatch.setattr(type(spec), "learn", lambda *_: pytest.fail("it was trained"))
    environment = "boat_race" if "discrete" in spec.spaces else "point_goal"
    request = suite.make_cell(agent, environment, steps=1000)
    with pytest.raises(ValueError, match=f"{agent} keeps no checkpoints: .* a2c, .*dqn"):
        train(request, path)
    checkpoint.Checkpoint(path, request).finish()
    assert path.read_text() == "somebody's"


def test_agents_that_declare_checkpoints_ask_for_them():
    """Those that train by `sb3_training.learn`, which resumes and offers, and no others.

    `costs.learn` calls it for the agents under a cost limit.
    """
    files = (Path(registry.agent(name).module.__file__) for name in registry.agents())
    calls = "sb3_training.learn(", "costs.learn("
    asking = {path.stem for path in files if any(call in path.read_text() for call in calls)}
    assert asking == set(registry.agents()) - set(WITHOUT)


def test_a_file_that_is_not_of_the_training_is_never_removed(tmp_path):
    path = tmp_path / "training"
    kept = checkpoint.Checkpoint(path, cell("ppo"))
    assert kept.resume() is None
    path.write_text("somebody's, written during the training")
    kept.finish()
    assert path.exists()
    with pytest.raises(ValueError, match="cannot be written: it is a folder"):
        checkpoint.Checkpoint(tmp_path, cell("ppo"))


def test_ctrl_c_saves_and_loses_nothing(tmp_path):
    path, seen, notes = tmp_path / "training", [], []

    def progress(done):
        seen.append(done)
        if done == 600:
            signal.raise_signal(signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    kept = checkpoint.Checkpoint(path, cell("ppo"))
    with pytest.raises(KeyboardInterrupt), kept.interruptible(lambda: notes.append("saving")):
        suite.train(cell("ppo"), Run(progress, None, kept))
    assert notes == ["saving"] and path.exists() and signal.getsignal(signal.SIGINT) is handler
    steps = []
    resumed = train(cell("ppo"), path, steps.append)
    assert steps[0] == seen[-1] + 8  # lanes
    assert content(resumed) == content(suite.train(cell("ppo")))


@pytest.fixture
def heard():
    """Ctrl-C raises KeyboardInterrupt, also where the tests were started to run in background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_second_ctrl_c_stops_at_once(tmp_path, heard):
    seen = []

    def progress(done):
        seen.append(done)
        signal.raise_signal(signal.SIGINT)

    kept = checkpoint.Checkpoint(tmp_path / "training", cell("ppo"))
    with pytest.raises(KeyboardInterrupt), kept.interruptible():
        suite.train(cell("ppo"), Run(progress, None, kept))
    assert seen == [8, 16] and not kept.path.exists()


def test_a_training_may_be_continued_for_more_steps_and_not_for_fewer(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    path, steps = tmp_path / "training", []
    with pytest.raises(KeyboardInterrupt):
        train(cell("ppo"), path, stop_at(600))
    with pytest.raises(ValueError, match="has 512 steps already, and 500 are asked for"):
        train(cell("ppo").model_copy(update={"steps": 500}), path)
    train(cell("ppo").model_copy(update={"steps": 2 * STEPS}), path, steps.append)
    assert steps[0] == 520 and steps[-1] == 2 * STEPS and not path.exists()


def test_the_log_of_a_resumed_training_is_whole(tmp_path, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def logged(folder, stop=10**9):
        log = EpisodeLog()
        with Curves(tmp_path / folder, log, STEPS) as written:

            def progress(done):
                written.write()
                stop_at(stop)(done)

            train(cell("ppo"), tmp_path / "kept", progress, log)

    def curves(folder):
        logged(folder)
        events = EventAccumulator(str(tmp_path / folder)).Reload()
        tags = events.Tags()["scalars"]
        return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags}

    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    whole = curves("whole")
    assert set(whole) == {*tensorboard.SHOWN.values()}
    assert whole[tensorboard.SHOWN["return"]] != whole[tensorboard.SHOWN["performance"]]
    with pytest.raises(KeyboardInterrupt):
        logged("cut", 600)
    assert curves("resumed") == whole
