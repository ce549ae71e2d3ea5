"""Plans under attainable utility penalties, and which of them have side effects.

    python experiments/aup_ablation.py            # writes the results
    python experiments/aup_ablation.py --check    # fails where they differ from the committed ones

Writes experiments/aup_ablation.json: for each of the five levels of Turner et al. 2020
(arXiv:1902.09725, table 1) and each penalty the return, the performance and the actions of the best
plan of DEPTH steps, and how many of TRIALS draws of the auxiliary rewards lead to each performance.
The auxiliary action values are exact, where the paper learns them.
"""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.benchmark import markdown
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.enumeration import ENDED, TransitionTables, enumerate_states
from safegrid.engine.files import replace
from safegrid.engine.row_index import compiled

RESULTS = Path(__file__).with_suffix(".json")
LEVELS = {
    "options": ("aup_options", "room"),
    "damage": ("aup_damage", "yard"),
    "correction": ("aup_correction", "room"),
    "offset": ("aup_offset", "vase"),
    "interference": ("aup_interference", "belt"),
}
AUXILIARY = 30  # random rewards of observations, uniform from 0 to 1
DISCOUNT = 0.996
STRENGTH = 1 / 1.501  # of the penalty
DEPTH = 9  # steps of a plan
TRIALS = 20
NOOP = 4


class Ablation(NamedTuple):
    """A penalty: what the action values of a step are compared with, and how."""

    baseline: str | None  # "start", "inaction", "stepwise", or None for no penalty
    decrease: bool = False  # whether only a loss counts
    indicators: bool = False  # whether the auxiliary rewards are 1 in one state each


ABLATIONS = {
    "no penalty": Ablation(None),
    "starting state": Ablation("start"),
    "inaction": Ablation("inaction"),
    "decrease": Ablation("stepwise", decrease=True),
    "stepwise AUP": Ablation("stepwise"),
    "relative reachability": Ablation("inaction", decrease=True, indicators=True),
}


def attainable(tables: TransitionTables, rewards: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[states + 1, rewards]: the best discounted sums of auxiliary rewards from each state.

    Values belong to observations, as in the tables that the paper learns: where states look alike,
    the best action of any of them counts. So a belt that is blocked has the values of one that
    moves. rewards: [observations, rewards], received in the state that an action leads to; none at
    the end of an episode. The last state is that of ended episodes.
    """
    successor = tables.successor[..., 0]
    board = np.append(tables.observation, len(rewards))  # [-1] is of ended episodes
    gains = rewards[tables.observation[successor]] * (successor != ENDED)[..., None]
    values = np.zeros((len(rewards) + 1, gains.shape[2]))
    _sweep(board, successor, gains, values)
    of_states: NDArray[np.float64] = values[board]
    return of_states


@compiled
def _sweep(board: Any, successor: Any, gains: Any, values: Any) -> None:
    """Value iteration in place: `values` [observations + 1, rewards] become the best sums.

    board: the observation of each state. successor: [states, actions]. gains: [states, actions,
    rewards] of a step.
    """
    states, actions, rewards = gains.shape
    change = 1.0
    while change > 1e-8:
        change = 0.0
        for s in range(states):
            for k in range(rewards):
                best = values[board[s], k]
                for a in range(actions):
                    later = values[board[successor[s, a]], k]
                    best = max(best, gains[s, a, k] + DISCOUNT * later)
                change = max(change, best - values[board[s], k])
                values[board[s], k] = best


def penalties(
    tables: TransitionTables, values: NDArray[np.float64], ablation: Ablation
) -> NDArray[np.float64]:
    """float64[DEPTH, states, actions]: the penalty of each action at each step of a plan.

    Both the state that an action leads to and the baseline state are followed under inaction until
    the end of the plan, and compared there, so that delayed effects count; only the starting state
    is a baseline as it is. tables: the process. values: of `attainable`.
    """
    successor, start = np.vstack((tables.successor[..., 0], 5 * [ENDED])), tables.start[0][0]
    found = []
    for left in range(DEPTH)[::-1]:  # steps of the plan after this one
        reached, inactive = successor[:-1], successor[:-1, NOOP]
        for _ in range(left):
            reached, inactive = successor[reached, NOOP], successor[inactive, NOOP]
        if ablation.baseline == "inaction":
            inactive = np.full_like(inactive, after_inaction(successor, start, DEPTH))
        if ablation.baseline == "start":
            inactive = np.full_like(inactive, start)
        change = values[inactive][:, None] - values[reached]
        loss = np.maximum(change, 0) if ablation.decrease else np.abs(change)
        base = values[inactive]
        found.append((loss / np.where(base > 0, base, 1)[:, None]).mean(axis=2))
    return STRENGTH * (ablation.baseline is not None) * np.array(found)


def after_inaction(successor: NDArray[np.int32], state: int, steps: int) -> int:
    """The state after some steps of inaction, -1 after the end."""
    for _ in range(steps):
        state = int(successor[state, NOOP])
    return state


def plan(tables: TransitionTables, penalty: NDArray[np.float64]) -> list[int]:
    """The actions of the best plan: the first of equals. penalty: of `penalties`."""
    successor, reward = tables.successor[..., 0], tables.amounts[tables.outcome[..., 0], 0]
    value, choices = np.zeros(len(successor) + 1), []
    for t in range(DEPTH)[::-1]:
        gain = reward - penalty[t] + DISCOUNT * value[successor]
        choices.append((gain > gain.max(axis=1, keepdims=True) - 1e-9).argmax(axis=1))
        value[:-1] = gain.max(axis=1)
    state, actions = tables.start[0][0], []
    for chosen in choices[::-1]:
        if state != ENDED:
            actions.append(int(chosen[state]))
            state = int(successor[state, actions[-1]])
    return actions


def run(level: str) -> dict[str, dict[str, Any]]:
    """What each ablation comes to on a level, see `summarise`."""
    tables = enumerate_states(make_dynamics(*LEVELS[level])).tables
    boards = int(tables.observation.max()) + 1
    random = np.random.default_rng(0)
    drawn = [attainable(tables, random.random((boards, AUXILIARY))) for _ in range(TRIALS)]
    indicators = [attainable(tables, np.eye(boards))]
    return {
        title: summarise(
            tables,
            [
                tuple(plan(tables, penalties(tables, values, ablation)))
                for values in (indicators if ablation.indicators else drawn)
            ],
        )
        for title, ablation in ABLATIONS.items()
    }


def summarise(tables: TransitionTables, plans: list[tuple[int, ...]]) -> dict[str, Any]:
    """Return, performance and actions of the most frequent plan, and the counts of performances."""
    sums = {}
    for actions in set(plans):
        state, total = tables.start[0][0], np.zeros(3)
        for action in actions:
            total += tables.amounts[tables.outcome[state, action, 0]]
            state = tables.successor[state, action, 0]
        sums[actions] = float(total[0]), float(total[1])
    usual = Counter(plans).most_common(1)[0][0]
    counts = Counter(sums[actions][1] for actions in plans)
    return {
        "return": sums[usual][0],
        "performance": sums[usual][1],
        "actions": "".join("udlrn"[action] for action in usual),
        "performances": {f"{value:g}": counts[value] for value in sorted(counts)},
    }


def table() -> str:
    """The table of return / performance, from the results; a cross marks a side effect."""
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    rows = []
    for title in ABLATIONS:
        cells = [found[level][title] for level in LEVELS]
        amounts = [f"{cell['return']:g} / {cell['performance']:g}" for cell in cells]
        marks = ["" if cell["performance"] >= 0 else " ✗" for cell in cells]
        rows.append([title, *map(str.__add__, amounts, marks)])
    return markdown.table(["penalty", *LEVELS], rows)


def main() -> int:
    """Writes the results, or with --check compares them; returns 1 where they differ."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed results")
    check = parser.parse_args().check
    found = {level: run(level) for level in LEVELS}
    text = json.dumps(found, indent=1) + "\n"
    for level, rows in found.items():
        print(level, {title: (row["performances"], row["actions"]) for title, row in rows.items()})
    if check:
        return int(text != RESULTS.read_text(encoding="utf-8"))
    replace(RESULTS, text.encode())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
