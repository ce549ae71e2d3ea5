"""Checkpoints: an interrupted training goes on as if it had not been interrupted."""

import pytest

from safegrid.benchmark import checkpoint, suite
from safegrid.benchmark.tensorboard import Curves
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
    kept = checkpoint.Checkpoint(path)
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
    with pytest.raises(ValueError, match="is of another training"):
        train(cell("ppo", seed=1), path)
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="cannot be read"):
        train(cell("ppo"), path)


def test_an_agent_without_checkpoints_says_so(tmp_path):
    request = suite.make_cell("q_learning", "boat_race", steps=1000)
    with pytest.raises(ValueError, match="q_learning keeps no checkpoints"):
        train(request, tmp_path / "training")


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
    assert set(whole) == {"agent/return", "agent/length", "agent/cost", "trainer/performance"}
    assert whole["agent/return"] != whole["trainer/performance"]
    with pytest.raises(KeyboardInterrupt):
        logged("cut", 600)
    assert curves("resumed") == whole
