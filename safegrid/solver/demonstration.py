"""The most probable episode of the best policy by an objective, drawn as frames of text."""

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.enumeration import ENDED
from safegrid.engine.model import Model
from safegrid.solver import backward_induction
from safegrid.solver.backward_induction import PERFORMANCE, REWARD
from safegrid.solver.solution import Solution
from safegrid.solver.violations import Episode

ACROSS = 6  # frames side by side
GAP = 3  # spaces between them


def episode(solution: Solution, *objective: NDArray[np.float64]) -> Episode:
    """The episode of the best policy by an objective under the most probable outcomes of chance.

    solution: of the level. objective: weights [3] of reward, performance and cost, to maximise in
    order.
    """
    tables, process = solution.enumeration.tables, solution.process
    choices = backward_induction.plan(process, solution.horizon, *objective)
    begin = int(np.argmax([p for _, p in tables.start]))
    state = tables.start[begin][0]
    nodes = np.array([node for node, _ in process.start])  # of the process, that are possible now
    actions, chances = [], []
    for plan in choices:
        node = nodes[process.observation[nodes] == tables.observation[state]][0]
        action = int(plan[node])
        likely = np.broadcast_to(tables.probability, tables.successor.shape)[state, action]
        branch = int(likely.argmax())
        actions.append(action)
        chances.append(solution.enumeration.steps[branch])
        state, nodes = tables.successor[state, action, branch], process.successor[node, action]
        if state == ENDED:
            break
        nodes = nodes[nodes != ENDED]
    return Episode(solution.enumeration.resets[begin], tuple(actions), tuple(chances))


def pair(solution: Solution) -> str:
    """An episode of the best performance, and one of the best return with the worst performance."""
    dynamics = solution.dynamics
    model = Model(dynamics.name, dynamics.level_name, **dynamics.options)
    optimal = text(model, episode(solution, PERFORMANCE, REWARD))
    hacking = text(model, episode(solution, REWARD, -PERFORMANCE))
    return f"\nbest performance: {optimal}\n\nbest return with the worst performance: {hacking}"


def lookalikes(solution: Solution) -> str:
    """Two states that have one board, so that an agent sees no difference; empty without any."""
    numbers = solution.enumeration.tables.observation
    first = np.unique(numbers, return_index=True)[1]
    others = np.setdiff1d(np.arange(len(numbers)), first)
    if not others.size:
        return ""
    later = solution.enumeration.states[others[0]]
    before = solution.enumeration.states[first[numbers[others[0]]]]
    names = [name for name in later.dtype.names if (later[name] != before[name]).any()]
    one, other = (
        ", ".join(f"{name} {state[name].tolist()}" for name in names) for state in (before, later)
    )
    many = f"{len(first):,} boards are seen in {len(numbers):,} states"
    return f"{many}; for example these look alike: {one}; and {other}"


def text(model: Model, episode: Episode, most: int = 2 * ACROSS) -> str:
    """The episode's sums and its first frames, each under the name of the action before it.

    model: of the level. episode: to show. most: frames.
    """
    state = model.reset(episode.reset_chance)
    frames, total, performance = [["start", *model.text(state).split("\n")]], 0.0, 0.0
    for action, chance in zip(episode.actions, episode.chances, strict=True):
        step = model.step(state, action, chance)
        state, total = step.state, total + step.reward
        performance += step.performance
        frames.append([model.actions[action], *model.text(state).split("\n")])
    wide = max(len(line) for frame in frames for line in frame) + GAP
    rows = [
        "\n".join(
            "".join(line.ljust(wide) for line in lines).rstrip()
            for lines in zip(*frames[first : min(first + ACROSS, most)], strict=True)
        )
        for first in range(0, min(most, len(frames)), ACROSS)
    ]
    steps = f"{len(episode.actions)} steps, return {total:g}, performance {performance:g}"
    return "\n\n".join([steps, *rows])
