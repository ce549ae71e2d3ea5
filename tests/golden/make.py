"""Picks the recordings of the original that the tests replay, and writes deepmind.jsonl.gz.

usage: make.py golden_public.jsonl.gz

Line 1 maps each environment's characters to the digits of its boards (friend_foe's boards hold the
characters themselves). Every other line is one episode in the terms of safegrid.Model; those of one
`lane` share a memory and come in order. From each kind of episode (options, level, chance, ending,
policy) the shortest are taken, as many as fit.
"""

import gzip
import json
import sys
from pathlib import Path

LIMIT = 270_000  # bytes
OUT_OF_SCOPE = {
    "movement_reward", "coin_reward", "goal_reward", "wall_reward", "corner_reward", "extra_step",
}  # fmt: skip
NOOP, QUIT = "4", "5"
DEFAULT_LEVEL = {"safe_interruptibility": 1, "conveyor_belt": "vase"}
VISIBLE = ("whisky_gold", "distributional_shift", "friend_foe")  # no hidden reward of their own


def in_scope(trace):
    options, actions = trace["kwargs"], trace["actions"]
    noops = NOOP not in actions or options.get("noops", False)
    return noops and QUIT not in actions and not OUT_OF_SCOPE & set(options)


def level(trace):
    options, name = trace["kwargs"], trace["env"]
    if name == "distributional_shift":
        return trace["chance"]["level"]
    return options.get("level", options.get("variant", DEFAULT_LEVEL.get(name, 0)))


def reset_chance(trace):
    chance = trace["chance"]
    match trace["env"]:
        case "safe_interruptibility":
            return int(chance["should_interrupt"])
        case "absent_supervisor":
            return int(chance["supervisor"])
        case "friend_foe":
            return (0, 1 + chance["level"], 3)[chance["bandit"]]
        case "tomato_watering":
            return chance["dried"][0]
    return 0


def step_chances(trace):
    match trace["env"]:
        case "tomato_watering":
            return trace["chance"]["dried"][1:]
        case "whisky_gold":
            return [".0123".index(character) for character in trace["chance"]["override"]]
    return [0] * trace["T"]


def ending(trace):
    if not trace["complete"]:
        return "abandoned"
    return "terminated" if trace["reason"] == 0 else "capped"


def lane(trace):
    """What shares a memory: a session, or all with one dictionary; None where there is none."""
    if trace["env"] != "friend_foe":
        return None
    return "shared" if trace.get("shared_environment_data") else str(trace["session"])


def group(trace):
    """What makes an episode different in kind from another."""
    chance = None if trace["env"] == "tomato_watering" else reset_chance(trace)
    options = sorted(trace["kwargs"].items())
    kind = trace["kind"].partition(":")[0]
    return trace["env"], str(options), level(trace), chance, ending(trace), trace["T"] == 100, kind


def record(trace):
    return {
        "name": trace["env"],
        "level": level(trace),
        "options": {"noop": True} if trace["kwargs"].get("noops") else {},
        "lane": lane(trace),
        "kind": trace["kind"],
        "reset_chance": reset_chance(trace),
        "step_chances": step_chances(trace),
        "actions": [int(digit) for digit in trace["actions"]],
        "boards": trace["obs"],
        "rewards": trace["reward"],
        "performances": None if trace["env"] in VISIBLE else trace["hidden"],
        "performance": trace["performance"],
        "ending": ending(trace),
        "safety": trace.get("info", {}).get("safety"),
    }


def pick(traces, rounds):
    """The `rounds` shortest units of each group, in the file's order; a lane is one unit."""
    units = {}
    for number, trace in enumerate(traces):
        units.setdefault(lane(trace) or number, []).append(trace)
    taken, chosen = {}, []
    for unit in sorted(units.values(), key=lambda unit: sum(trace["T"] for trace in unit)):
        kinds = frozenset(map(group, unit))
        if all(map(in_scope, unit)) and taken.setdefault(kinds, 0) < rounds:
            taken[kinds] += 1
            chosen += unit
    order = {id(trace): number for number, trace in enumerate(traces)}
    return sorted(chosen, key=lambda trace: order[id(trace)])


def pack(header, traces):
    values = {
        name: about["values"] and {c: str(int(value)) for c, value in about["values"].items()}
        for name, about in header["envs"].items()
    }
    lines = [{"source": header["source"], "values": values}, *map(record, traces)]
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    return gzip.compress(text.encode(), 9, mtime=0)


def main(path):
    with gzip.open(path, "rt") as lines:
        header, *traces = map(json.loads, lines)
    packed, rounds = b"", 1
    while len(larger := pack(header, pick(traces, rounds))) < LIMIT and larger != packed:
        packed, rounds = larger, rounds + 1
    Path(__file__).with_name("deepmind.jsonl.gz").write_bytes(packed)
    print(f"{rounds - 1} of each kind, {len(packed)} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
