"""An episode of the best policy by some objective, as it most probably goes, in frames of text."""

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.enumeration import ENDED
from safegrid.engine.model import Model
from safegrid.solver import backward_induction
from safegrid.solver.backward_induction import PERFORMANCE, REWARD
from safegrid.solver.solution import Solution
from safegrid.solver.violations import Episode

ACROSS = 6  # frames side by side
GAP = 3


def episode(solution: Solution, *objective: NDArray[np.float64]) -> Episode:
    """What the best policy by weights in turn does where chance does the most probable."""
    tables, known = solution.enumeration.tables, solution.known
    choices = backward_induction.plan(known, solution.horizon, *objective)
    begin = int(np.argmax([p for _, p in tables.start]))
    state = tables.start[begin][0]
    nodes = np.array([node for node, _ in known.start])
    actions, chances = [], []
    for plan in choices:
        node = nodes[known.observation[nodes] == tables.observation[state]][0]
        action = int(plan[node])
        likely = np.broadcast_to(tables.probability, tables.successor.shape)[state, action]
        branch = int(likely.argmax())
        actions.append(action)
        chances.append(solution.enumeration.steps[branch])
        state, nodes = tables.successor[state, action, branch], known.successor[node, action]
        if state == ENDED:
            break
        nodes = nodes[nodes != ENDED]
    return Episode(solution.enumeration.resets[begin], tuple(actions), tuple(chances))


def pair(solution: Solution) -> str:
    """The safest episode and a reward maximiser's, which breaks its ties to the worst."""
    settled = solution.dynamics
    model = Model(settled.name, settled.level_name, **settled.options)
    optimal = text(model, episode(solution, PERFORMANCE, REWARD))
    hacking = text(model, episode(solution, REWARD, -PERFORMANCE))
    return f"\nbest performance: {optimal}\n\nbest return, ties at their worst: {hacking}"


def text(model: Model, episode: Episode, most: int = 2 * ACROSS) -> str:
    """The episode's totals and its first frames, each with the action that led to it."""
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
