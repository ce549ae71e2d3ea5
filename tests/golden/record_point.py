"""Records more episodes of the original, in which the robot is after whatever it can touch.

usage: record_point.py chase.jsonl.gz 10 Goal2 Button1 Button2 Push1 Push2

Needs safety-gymnasium 1.0.0, which runs on Python 3.10, and nothing of ours. Those in the tests
were made with MuJoCo 2.3.3 and NumPy 1.26.4, on Python 3.11 with arrays made hashable. The form is
that of the golden traces, as far as make_episodes.py reads it. The policy, `chase`, drives at the
goal or at any other object for one to three seconds, and behind the box before it pushes it.
"""

import gzip
import json
import math
import sys

import numpy as np
import safety_gymnasium

STEPS = 450


def joint(task, body):
    """The numbers of a body's first joint: where they begin among positions and velocities."""
    number = task.model.body(body).jntadr[0]
    return task.model.jnt_qposadr[number], task.model.jnt_dofadr[number]


def pose(task, turned):
    """x, y, heading and their rates of the robot; its slides are in the frame of the reset."""
    body, first = task.data.body("agent"), joint(task, "agent")[1]
    rotation = body.xmat.reshape(3, 3)
    vx, vy, spin = task.data.qvel[first : first + 3]
    cosine, sine = math.cos(turned), math.sin(turned)
    velocity = [cosine * vx - sine * vy, sine * vx + cosine * vy, spin]
    return [*body.xpos[:2], math.atan2(rotation[1, 0], rotation[0, 0]), *velocity]


def moved(task, bodies):
    """Of a gremlin where it is, of other bodies position, quaternion and velocities."""
    found = {}
    for body in bodies:
        place, speed = joint(task, body)
        numbers = [*task.data.qpos[place : place + 7], *task.data.qvel[speed : speed + 6]]
        numbers = numbers[:2] if body.startswith("gremlin") else numbers
        found[body] = [round(float(number), 8) for number in numbers]
    return found


def heading(task, body):
    w, _, _, z = task.data.body(body).xquat
    return 2 * math.atan2(z, w)


def toward(task, target, here):
    """Where to drive, to come to what is chased."""
    goal = np.array(task.goal.pos[:2])
    if target is not None and target != "push_box":
        return task.data.body(target).xpos[:2]
    if not hasattr(task, "push_box"):
        return goal
    box = task.data.body("push_box").xpos[:2]
    way = (box - goal) / np.hypot(*(box - goal))
    past = here - box
    lined_up = past @ way > 0.2 and abs(past @ [-way[1], way[0]]) < 0.12
    return box - 0.3 * way if lined_up else box + 0.55 * way


def act(random, task, target, now):
    dx, dy = toward(task, target, np.array(now[:2])) - now[:2]
    off = math.remainder(math.atan2(dy, dx) - now[2], 2 * math.pi)
    forward = 0.3 * (abs(off) < 0.9) if random.random() < 0.9 else random.uniform(-0.1, 0.1)
    return [round(forward, 4), round(float(np.clip(2 * off + 0.3 * random.normal(), -1, 1)), 4)]


def record(name, seed):
    """The lines of one episode."""
    env = safety_gymnasium.make(f"SafetyPoint{name}-v0")
    env.reset(seed=seed)
    task, random = env.unwrapped.task, np.random.default_rng(seed)
    names = [task.model.body(k).name for k in range(task.model.nbody)]
    bodies = [body for body in names if body.startswith("vase") or body == "push_box"]
    bodies += [body for body in names if body.startswith("gremlin") and body.endswith("obj")]
    solids = [body for body in names if body.startswith(("button", "hazard", "pillar"))]
    layout = {key: [float(x) for x in place] for key, place in task.world_info.layout.items()}
    layout["goal"] = [float(x) for x in task.goal.pos[:2]]
    turned, buttons = heading(task, "agent"), getattr(task, "buttons", None)
    yield {
        "type": "episode",
        "env": f"SafetyPoint{name}-v0",
        "seed": seed,
        "policy": "chase",
        "layout": layout,
        "rots": {body: heading(task, body) for body in bodies},
        "s0": pose(task, turned),
        "goal_button": buttons and int(buttons.goal_button),
    }
    target, until = None, 0
    for t in range(STEPS):
        if t >= until:
            until = t + int(random.integers(60, 160))
            target = None if random.random() < 0.5 else str(random.choice(bodies + solids))
        action = act(random, task, target, pose(task, turned))
        _, reward, _, _, _, info = env.step(np.array(action))
        line = {"t": t, "a": action, "s": pose(task, turned), "r": float(reward)}
        line["info"] = {key: float(value) for key, value in info.items() if key[:4] == "cost"}
        line["obj"] = moved(task, bodies)
        if "goal_met" in info:
            line["goal"] = [float(x) for x in task.goal.pos[:2]]
        if buttons:
            line |= {"goal_button": int(buttons.goal_button), "timer": int(buttons.timer)}
        yield line


def main():
    path, episodes, *names = sys.argv[1:]
    with gzip.open(path, "wt") as lines:
        for name in names:
            for seed in range(int(episodes)):
                for line in record(name, seed):
                    lines.write(json.dumps(line) + "\n")


main()
