"""Plays policies trained here as Safety-Gymnasium has played them; compares scores and starts.

    python experiments/transfer.py FOLDER  # writes experiments/transfer.json

FOLDER has a file TASK-LEVEL-POLICY.npz for each policy and level that was played in the original:
`rows` [episodes, 6] (seed, return, cost, goals, length, ended early), `kinds` [episodes, kinds] and
`names` (the cost by kind), and `start_*`, the state at the start of each episode. POLICY is
uniform, a scripted controller, or AGENT_mean or AGENT_noisy, which takes the mean of the normal
distributions of TASK-LEVEL-AGENT.safetensors or draws from them.

Each policy plays COPIES episodes from each recorded start, which differ by 1e-9 rad/s because the
robot's yaw rate is chaotic, and RESETS episodes from resets of ours. Permutation tests compare the
means: of the recorded starts, any episode of a start may be the original's; of resets, any episode
at all. The ratio of a metric is our total on the recorded starts divided by the original's, over
all policies, with a bootstrap interval over starts. Kolmogorov-Smirnov tests compare each
coordinate of DRAWN resets with that of all recorded starts, among them those of the episodes in
tests/golden.
"""

import json
import math
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import contact
import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from safetensors.numpy import load_file
from scipy import stats

from safegrid.engine import files, registry
from safegrid.engine.chance import derive_seeds
from safegrid.engine.contract.agents import Run, Task
from safegrid.engine.dynamics import Dynamics, make_dynamics
from safegrid.engine.lanes import Lanes
from safegrid.evaluation import rollout

RESULT = Path(__file__).parent / "transfer.json"
COPIES, RESETS, DRAWN = 9, 300, 10_000
KICK = 1e-9  # rad/s, standard deviation
RESAMPLES = 9999  # of a permutation test and of a bootstrap
DECIMALS = 4  # of scores, so that differences by rounding do not count
GOAL = 0.5  # reward of a step that only reaching a goal exceeds
MOVERS = {"vases": "bodies", "gremlins": "bodies", "push_box": "box"}  # field with their headings
PLACES = ("goal", "hazards", "pillars", "buttons", *MOVERS)

Array = NDArray[np.float64]
Metrics = dict[str, Array]  # by name, of each episode


def starts(recorded: Mapping[str, Any], dynamics: Dynamics) -> Any:
    """The recorded starts [episodes] as states of a level."""
    states: Any = np.zeros(len(recorded["rows"]), dynamics.state_type)
    states["pose"] = recorded["start_pose"]
    for name in set(PLACES) & set(states.dtype.names):
        place = recorded["start_box" if name == "push_box" else f"start_{name}"]
        states[name] = place[..., :2]
        if name in MOVERS:
            states[MOVERS[name]][..., :6] = place[..., :6]
    if "lit" in states.dtype.names:
        states["targets"][..., 2] = states["bodies"][..., 2]
        states["lit"], states["rest"] = recorded["start_lit"], recorded["start_timer"]
    return states


def golden() -> dict[tuple[str, str], Any]:
    """The starts [episodes] of the episodes in tests/golden, by environment and level."""
    records: dict[tuple[str, str], list[Any]] = {}
    for episode in contact.episodes():
        name, level = f"point_{episode['task'][:-1].lower()}", episode["task"][-1]
        state = contact.model(name, level).state(**episode["fixed"], **episode["starts"]["0"])
        records.setdefault((name, level), []).append(state._record)
    return {key: np.array(found, make_dynamics(*key).state_type) for key, found in records.items()}


def load(folder: Path, task: str, level: str, title: str) -> Any:
    """The policy of this title that was played on a level."""
    agent, _, how = title.rpartition("_")
    if how not in ("mean", "noisy"):
        return registry.agent(title).learn(Task(task, {"level": level}), Run(), {})
    tensors = load_file(folder / f"{task}-{level}-{agent}.safetensors")
    if how == "mean":
        tensors["deviation"] *= 0
    return registry.agent(agent).load(tensors)


def play(policy: Any, dynamics: Dynamics, states: Any = None) -> Metrics:
    """Plays an episode from each of these states [n], or RESETS episodes from resets."""
    count = RESETS if states is None else len(states)
    lanes, seeds = Lanes(dynamics, count), derive_seeds(0, "evaluate", count)
    boards = lanes.reset(seeds)
    if states is not None:
        lanes.states[:] = states
        boards = lanes.boards()
    goals, kinds = np.zeros(count), {kind: np.zeros(count) for kind in dynamics.spec.costs}
    for t in range(dynamics.horizon):
        step = lanes.step(rollout.act(policy, boards, dynamics, seeds, t))
        boards = step.boards
        goals += step.reward > GOAL
        for k, kind in enumerate(kinds):
            kinds[kind] += step.kinds >> k & 1
    sums = {"return": lanes.records["total"], "goals": goals, "cost": lanes.records["cost"]}
    return {name: values.round(DECIMALS) for name, values in (sums | kinds).items()}


def original(recorded: Mapping[str, Any], dynamics: Dynamics) -> Metrics:
    """The metrics of the original's episodes; kinds of cost only where there are several."""
    _, total, cost, goals, *_ = recorded["rows"].T.round(DECIMALS)
    metrics = {"return": total, "goals": goals, "cost": cost}
    if "goal" not in (dynamics.state_type.names or ()):
        del metrics["goals"]
    kinds = [str(name).removeprefix("cost_") for name in recorded["names"]]
    if len(kinds) > 1:
        metrics |= dict(zip(kinds, recorded["kinds"].T, strict=True))
    return metrics


def p_value(samples: list[Array], permuted: Any) -> float | None:
    """The p-value of the mean of the first of these samples; None if all values are equal.

    permuted: "samples" if the values of a row may change places, "independent" if all may.
    """
    if np.ptp(np.concatenate(samples)) == 0:
        return None
    test = stats.permutation_test(
        samples,
        lambda first, *others, axis: first.mean(axis),  # no permutation changes the mean of all
        permutation_type=permuted,
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(0),
    )
    return round(float(test.pvalue), 6)


def compare(recorded: Metrics, again: Metrics, resets: Metrics) -> dict[str, Any]:
    """Means and p-values of each metric.

    recorded: [starts] of the original. again: [starts * COPIES], those of one start side by side.
    resets: [RESETS].
    """
    rows = {}
    for name, values in recorded.items():
        copies = again[name].reshape(-1, COPIES)
        rows[name] = {
            "recorded": round(values.mean(), DECIMALS),
            "starts": round(copies.mean(), DECIMALS),
            "resets": round(resets[name].mean(), DECIMALS),
            "paired": p_value([values, *copies.T], "samples"),
            "unpaired": p_value([values, resets[name]], "independent"),
        }
    return rows


def ratio(recorded: Array, ours: Array) -> list[float] | None:
    """Our total divided by the original's, and its 95 % interval over starts; None without any.

    recorded, ours: [starts] sums over policies.
    """
    if not recorded.any():
        return None
    interval = stats.bootstrap(
        (recorded, ours),
        lambda recorded, ours, axis: ours.sum(axis) / recorded.sum(axis),
        n_resamples=RESAMPLES,
        paired=True,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return [round(float(value), 3) for value in (ours.sum() / recorded.sum(), *interval)]


def coordinates(states: Any) -> Metrics:
    """The coordinates [n] of starts by name, m and rad."""
    names = [name for name in PLACES if name in states.dtype.names]
    found = {f"robot {axis}": states["pose"][:, k] for k, axis in enumerate(("x", "y", "heading"))}
    for name in names:
        places = states[name].reshape(len(states), -1, 2)
        for k in range(places.shape[1]):
            found |= {f"{name} {k} {axis}": places[:, k, i] for i, axis in enumerate("xy")}
            if name in MOVERS:
                found[f"{name} {k} heading"] = states[MOVERS[name]][:, k, 2]
    return {
        name: values % (2 * math.pi) if name.endswith("heading") else values
        for name, values in found.items()
    }


def distribution(recorded: Any, dynamics: Dynamics) -> dict[str, Any]:
    """How many starts are recorded, and the p-value of each coordinate that is not constant."""
    lanes = Lanes(dynamics, DRAWN)
    lanes.reset(derive_seeds(0, "evaluate", DRAWN))
    theirs, ours = coordinates(recorded), coordinates(lanes.states)
    p_values = {
        name: round(float(stats.ks_2samp(theirs[name], ours[name]).pvalue), 6)
        for name in ours
        if np.ptp([*theirs[name], *ours[name]]) > 0
    }
    return {"starts": len(recorded), "p_values": p_values}


def scores(folder: Path, recorded: Mapping[str, Any], dynamics: Dynamics) -> dict[str, Any]:
    """What policies score on a level, from the recorded starts and from resets, and the ratios.

    recorded: the arrays of each policy's file, by its title.
    """
    random, rows = np.random.default_rng(0), {}
    sums: dict[str, Array] = {}
    for title, arrays in recorded.items():
        states = np.repeat(starts(arrays, dynamics), COPIES)
        states["pose"][:, 5] += KICK * random.normal(size=len(states))
        policy = load(folder, dynamics.name, dynamics.level_name, title)
        theirs, ours = original(arrays, dynamics), play(policy, dynamics, states)
        rows[title] = compare(theirs, ours, play(policy, dynamics))
        for name, values in theirs.items():
            total = sums.setdefault(name, np.zeros((2, len(values))))
            total += values, ours[name].reshape(-1, COPIES).mean(axis=1)
    return {"policies": rows, "ratios": {name: ratio(*total) for name, total in sums.items()}}


def main() -> None:
    """Plays all policies of a folder, tests all starts, and writes transfer.json."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with the original's episodes")
    folder = parser.parse_args().folder
    recorded: dict[tuple[str, str], dict[str, Any]] = {}
    for path in sorted(folder.glob("*-*-*.npz")):
        name, level, title = path.stem.split("-")
        with np.load(path) as arrays:
            recorded.setdefault((name, level), {})[title] = dict(arrays)
    if not recorded:
        parser.error(f"{folder} has no file TASK-LEVEL-POLICY.npz: choose the original's episodes")
    known = golden()
    results = {}
    for name, level in track(sorted({*recorded, *known})):
        dynamics, played = make_dynamics(name, level), recorded.get((name, level), {})
        begun = [starts(arrays, dynamics) for arrays in played.values()][:1]  # the same for all
        begun += [known[name, level]] if (name, level) in known else []
        results[f"{name} {level}"] = {
            **distribution(np.concatenate(begun), dynamics),
            **scores(folder, played, dynamics),
        }
    files.replace(RESULT, (json.dumps(results, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
