# /// script
# dependencies = ["wandb", "tensorboard", "torch==2.13.0"]
# ///
"""Weights & Biases: `safegrid train --log wandb:FOLDER` writes runs offline, for `wandb sync`."""

import struct
import subprocess
import sys
from pathlib import Path

from wandb.proto import wandb_internal_pb2

COMMAND = "train q_learning boat_race --steps 128000 --log wandb:runs --out q.safetensors"
ENDS = list(range(12_800, 128_001, 12_800))  # 128 lanes end their episodes of 100 steps together
BLOCK = 2**15  # bytes, see https://github.com/google/leveldb/blob/main/doc/log_format.md


def records(data):
    """The records in the file of an offline run, which is a log of LevelDB after 7 bytes."""
    place, record = 7, b""
    while place + 7 <= len(data):
        if (left := BLOCK - place % BLOCK) < 7:
            place += left
            continue
        size, kind = struct.unpack_from("<HB", data, place + 4)
        record += data[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield wandb_internal_pb2.Record.FromString(record)
            record = b""


for _ in range(2):
    subprocess.run([sys.executable, "-m", "safegrid", *COMMAND.split()], check=True)
files = sorted(Path("runs", "wandb").glob("offline-run-*/*.wandb"))
assert len(files) == 2
for file in files:
    points = {}
    for record in records(file.read_bytes()):
        for item in record.history.item:
            key = item.key or "/".join(item.nested_key)
            points.setdefault(key, []).append(float(item.value_json))
    assert points["_step"] == ENDS
    for tag in ("training_exploration/return", "training_exploration_hidden/performance"):
        assert len(points[tag]) == len(ENDS)
