"""Curves of a training in TensorBoard: means over the episodes of each part, worked out by hand."""

import numpy as np
import pytest

from safegrid.benchmark import suite
from safegrid.benchmark.export.writers import Target
from safegrid.benchmark.tensorboard import PARTS, Curves
from safegrid.engine import kernels
from safegrid.engine.monitor import EpisodeLog

PER_PART = 10  # steps


def add(log, steps, episodes):
    """Ends episodes of (return, performance, cost, length) after so many steps in all."""
    lanes = np.zeros(len(episodes), kernels.LANE)
    for lane, (total, performance, cost, length) in zip(lanes, episodes, strict=True):
        lane["total"], lane["performance"], lane["cost"] = total, performance, cost
        lane["length"] = length
    log.steps = steps
    log.add(lanes, np.zeros(len(episodes), np.int64))


@pytest.fixture
def curves(tmp_path):
    """The points (step, value) of each curve, read back from the files."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def read(folder=tmp_path / "run"):
        events = EventAccumulator(str(folder)).Reload()
        tags = events.Tags()["scalars"]
        return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags}

    return tmp_path / "run", read


def test_a_point_is_the_mean_of_the_episodes_that_ended_in_its_part(curves):
    folder, read = curves
    log = EpisodeLog()
    with Curves(folder, log, PER_PART * PARTS) as written:
        add(log, 4, [(1.0, -3.0, 0.0, 4), (5.0, 7.0, 2.0, 2)])
        add(log, 10, [(6.0, 2.0, 1.0, 3)])  # the last step of the first part is inside it
        written.write()
        add(log, 25, [(-8.0, 4.0, 0.0, 9), (2.0, -6.0, 8.0, 1)])  # none ended in the second part
        log.steps = 30
        written.write()
    assert read() == {
        "training_exploration/return": [(10, 4.0), (30, -3.0)],
        "training_exploration_hidden/performance": [(10, 2.0), (30, -1.0)],
        "training_exploration/cost": [(10, 1.0), (30, 4.0)],
        "training_exploration/length": [(10, 3.0), (30, 5.0)],
    }


def test_parts_that_are_not_over_are_not_written(curves):
    folder, _ = curves
    log = EpisodeLog()
    with Curves(folder, log, PER_PART * PARTS) as written:
        add(log, 9, [(1.0, 1.0, 0.0, 9)])
        written.write()
        log.steps = 9
    assert not folder.exists()
    assert written.reason() == "no episode has ended in the 9 steps of the training"


def test_every_run_has_a_folder_of_its_own(curves):
    folder, read = curves
    for number in range(3):
        log = EpisodeLog()
        with Curves(folder, log, PER_PART * PARTS) as written:
            add(log, 10, [(float(number), 0.0, 0.0, 10)])
        assert written.reason() is None
    for number, name in enumerate(("run", "run-2", "run-3")):
        found = read(folder.with_name(name))
        assert found["training_exploration/return"] == [(10, float(number))]
    assert written.folder == folder.with_name("run-3")


@pytest.mark.parametrize("agent", ["uniform", "q_learning"])
def test_a_cell_logs_its_evaluation_whatever_the_agent(agent, tmp_path, curves):
    _, read = curves
    cell = suite.make_cell(agent, "boat_race", steps=None if agent == "uniform" else 12_800)
    result = suite.run(cell, Target("tensorboard", tmp_path / "logs"))
    assert result.training is not None
    found = read(tmp_path / "logs" / f"{agent}-boat_race-course-0")
    for column in ("return", "performance", "cost", "length"):
        ((step, value),) = found[f"evaluation/{column}"]
        assert step == cell.steps and value == pytest.approx(result.episodes[column].mean())
    assert ("training_exploration/return" in found) == (agent == "q_learning")


@pytest.mark.slow
def test_bench_logs_every_cell(suite_file, tmp_path, command):
    command("bench", suite_file, "--results", tmp_path / "results", "--log", tmp_path / "logs")
    assert len(list((tmp_path / "logs").glob("*/events*"))) == 6


def test_train_says_where_it_logs_and_why_it_does_not(tmp_path, command):
    def train(agent):
        out = tmp_path / "policy.safetensors"
        return command(
            *("train", agent, "boat_race", "--out", out, "--log", tmp_path / "logs"),
            *("--steps", 12_800),
        )

    assert "nothing is logged in" in train("uniform").output
    for name in ("q_learning-boat_race-course-0", "q_learning-boat_race-course-0-2"):
        output = train("q_learning").output.replace("\n", "")
        assert f"logged in {tmp_path / 'logs' / name}" in output
        assert len(list((tmp_path / "logs" / name).iterdir())) == 1
    assert len(list((tmp_path / "logs").iterdir())) == 2
