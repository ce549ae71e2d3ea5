"""Picks the recorded steps of the original that the tests repeat, and writes point.jsonl.gz.

usage: make_point.py golden_public.jsonl.gz

Each line is one step by itself: the task and level, the pose before and after, the action, the
positions of what the lidars see before the step (`layout`, `goal`) and the goal after it, the
reward, the cost, the observation, what was touched, what moved, and the box as a body. Of every
episode the steps with something to tell are taken (goal, touch, a cost that begins or ends), and
every eighth of the others.
"""

import gzip
import json
import math
import sys
from pathlib import Path

EVERY = 8


def box_state(body, layout, turned):
    """x, y, heading and their rates of the box, where there is one."""
    if body is None:
        return [*layout["push_box"], turned["push_box"], 0, 0, 0] if "push_box" in layout else None
    w, x, y, z = body[3:7]
    heading = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    return [*body[:2], heading, *body[7:9], body[12]]


def steps(lines):
    for line in lines:
        record = json.loads(line)
        if record.get("type") == "meta":
            continue
        if record.get("type") == "episode":
            episode, before, cost = record, record["s0"], 0.0
            layout = dict(record["layout"])
            button = record["goal_button"]
            moved = {}
            continue
        telling = "goal" in record or "touch" in record or record["c"] != cost
        if telling or record["t"] % EVERY == 0:
            yield {
                "env": episode["env"].removeprefix("SafetyPoint").removesuffix("-v0"),
                "t": record["t"],
                "before": before,
                "action": record["a"],
                "after": record["s"],
                "layout": {**layout, **{body: place[:2] for body, place in moved.items()}},
                "button": button,
                "goal": record.get("goal"),
                "reward": record["r"],
                "cost": record["c"],
                "info": record["info"],
                "sensors": record["obs"][:12],
                "lidars": record["obs"][12:],
                "touch": record.get("touch", []),
                "box": box_state(moved.get("push_box"), layout, episode["rots"]),
                "moved": {body: place[:2] for body, place in record.get("obj", {}).items()},
            }
        before, cost = record["s"], record["c"]
        button = record.get("goal_button", button)
        if "goal" in record:
            layout["goal"] = record["goal"]
        moved |= record.get("obj", {})


def main():
    with gzip.open(sys.argv[1], "rt") as lines:
        text = "".join(json.dumps(step, separators=(",", ":")) + "\n" for step in steps(lines))
    target = Path(__file__).parent / "point.jsonl.gz"
    target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{text.count(chr(10))} steps, {target.stat().st_size} bytes")


main()
