# /// script
# dependencies = ["mlflow", "torch==2.13.0"]
# ///
"""MLflow: `safegrid bench --log mlflow:FOLDER` writes a run for each cell into a file store."""

import os
import subprocess
import sys
from pathlib import Path

from mlflow import MlflowClient

SUITE = """
seeds = 2
episodes = 5
[[agents]]
name = "q_learning"
steps = 128_000
[[environments]]
name = "boat_race"
"""
ENDS = list(range(12_800, 128_001, 12_800))  # 128 lanes end their episodes of 100 steps together
Path("suite.toml").write_text(SUITE, encoding="utf-8")
COMMAND = "bench suite.toml --results results --workers 2 --log mlflow:runs"
subprocess.run([sys.executable, "-m", "safegrid", *COMMAND.split()], check=True)
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
client = MlflowClient(Path("runs").resolve().as_uri())
experiment = client.get_experiment_by_name("safegrid").experiment_id
runs = client.search_runs([experiment])
assert {run.info.run_name for run in runs} == {f"q_learning-boat_race-course-{s}" for s in (0, 1)}
for run in runs:
    assert run.info.status == "FINISHED"
    for tag in ("training_exploration/return", "training_exploration_hidden/performance"):
        points = client.get_metric_history(run.info.run_id, tag)
        assert [point.step for point in points] == ENDS
    assert run.data.metrics["evaluation/length"] == 100
