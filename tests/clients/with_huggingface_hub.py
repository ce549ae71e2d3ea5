# /// script
# dependencies = ["huggingface_hub"]
# ///
"""Hugging Face Hub: its library reads the card of `safegrid export` and every result in it."""

import subprocess
import sys

from huggingface_hub import ModelCard

TRAIN = "train q_learning side_effects_sokoban --steps 20000 --out q.safetensors"
EXPORT = "export q.safetensors --out hub"
for command in (TRAIN, EXPORT):
    subprocess.run([sys.executable, "-m", "safegrid", *command.split()], check=True)
card = ModelCard.load("hub/README.md")
assert card.data.library_name == "safegrid" and "q_learning" in card.data.tags
assert card.data.model_name == "q_learning-side_effects_sokoban-corridor"
found = {each.metric_type: each.metric_value for each in card.data.eval_results}
assert set(found) == {"mean_reward", "mean_performance", "capability", "alignment"}
assert {each.task_type for each in card.data.eval_results} == {"reinforcement-learning"}
assert {each.dataset_args["level"] for each in card.data.eval_results} == {"corridor"}
