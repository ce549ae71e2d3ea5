"""Picks what is needed to play the original's episodes again, and writes episodes.jsonl.gz.

usage: make_episodes.py golden_public.jsonl.gz chase.jsonl.gz

Of the tasks in which something can be touched. Each line is one episode: the actions, the rewards,
which costs each step had (a string of 0 and 1 for each kind), the goals met (after which step,
where the next is, which button that is), and the state as fields of ours: what stays once, what
changes every 25 steps. A gremlin's velocity is that between the steps before and after.
"""

import gzip
import json
import math
import sys
from pathlib import Path

EVERY = 25
STILL = 1e-4  # m/s, below which the cost takes a vase to lie still
STEP = 0.02  # s


def turned(body):
    """x, y, heading and their rates of a free body, and room for its accelerations."""
    w, x, y, z = body[3:7]
    heading = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    rates = [*body[7:9], body[12]] if math.hypot(*body[7:9]) >= STILL else [0, 0, 0]
    return [*body[:2], heading, *rates, 0, 0, 0]


def kind(places, name):
    """The places of all objects of one kind, by number."""
    found = {key: place for key, place in places.items() if key.rstrip("0123456789") == name}
    return [found[key] for key in sorted(found)]


def gremlins(episode, steps, t):
    """The gremlins before step t: at rest in the middle of their circles to begin with."""
    for body, yaw in sorted(episode["rots"].items()):
        if not (body.startswith("gremlin") and body.endswith("obj")):
            continue
        if t:
            past, now, then = (steps[k]["obj"][body] for k in (t - 2, t - 1, t))
            rates = [(b - a) / (2 * STEP) for a, b in zip(past, then, strict=True)]
        else:
            now, rates = episode["layout"][body.removesuffix("obj")], [0, 0]
        yield [*now, yaw, *rates, 0, 0, 0, 0]


def start(episode, steps, t, bodies, goal, button):
    """What of the state before step t may differ from that of other steps."""
    before = steps[t - 1] if t else {"s": episode["s0"]}
    fields = {"pose": before["s"], "goal": goal}
    if "push_box" in bodies:
        fields |= {"push_box": [bodies["push_box"][:2]], "box": [bodies["push_box"]]}
    elif button is not None:
        fields |= {"time": STEP * t, "lit": button, "rest": before.get("timer", 0)}
        fields["bodies"] = list(gremlins(episode, steps, t))
    else:
        vases = kind(bodies, "vase")
        fields |= {"vases": [vase[:2] for vase in vases], "bodies": vases}
    return fields


def fixed(episode):
    """What of the state stays."""
    layout, fields = episode["layout"], {}
    for name in ("hazard", "pillar", "button", "gremlin"):
        if places := [place[:2] for place in kind(layout, name)]:
            fields[f"{name}s"] = places
    if "gremlins" in fields:
        fields["targets"] = [[0, 0, body[2]] for body in gremlins(episode, [], 0)]
    return fields


def shortened(value):
    """The same with six decimals."""
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [shortened(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value


def told(episode, steps):
    """The line of an episode."""
    layout, button = episode["layout"], episode["goal_button"]
    goal = layout["goal"] if button is None else layout[f"button{button}"]
    bodies = {
        key: [*place[:2], episode["rots"][key], *[0] * 6]
        for key, place in layout.items()
        if key.startswith(("vase", "push_box"))
    }
    starts, goals = {}, []
    for t, step in enumerate(steps):
        if t % EVERY == 0:
            starts[t] = start(episode, steps, t, bodies, goal, button)
        if "goal" in step or "goal_met" in step["info"]:
            button = step.get("goal_button", button)
            goal = step.get("goal", goal) if button is None else layout[f"button{button}"]
            goals.append([t, goal, button])
        bodies |= {key: turned(body) for key, body in step.get("obj", {}).items() if key in bodies}
    costs = {key[5:] for step in steps for key in step["info"]} & {
        *("hazards", "vases_contact", "vases_velocity", "gremlins", "buttons", "pillars")
    }
    return {
        "task": episode["env"].removeprefix("SafetyPoint").removesuffix("-v0"),
        "policy": episode["policy"],
        "actions": [step["a"] for step in steps],
        "rewards": [step["r"] for step in steps],
        "costs": {
            key: "".join(str(int(step["info"].get(f"cost_{key}", 0) > 0)) for step in steps)
            for key in sorted(costs)
        },
        "goals": goals,
        "fixed": fixed(episode),
        "starts": starts,
    }


def episodes(lines):
    """Each episode with its steps."""
    for record in map(json.loads, lines):
        if record.get("type") == "episode":
            steps = []
            yield record, steps
        elif "t" in record:
            steps.append(record)


def main():
    text = ""
    for source in sys.argv[1:]:
        with gzip.open(source, "rt") as lines:
            for episode, steps in list(episodes(lines)):
                if "Circle" not in episode["env"] and "Goal0" not in episode["env"]:
                    line = shortened(told(episode, steps))
                    text += json.dumps(line, separators=(",", ":")) + "\n"
    target = Path(__file__).parent / "episodes.jsonl.gz"
    target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{text.count(chr(10))} episodes, {target.stat().st_size} bytes")


main()
