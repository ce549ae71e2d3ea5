"""Hints: the optimal next action in a game, from the exact solver."""

from collections.abc import Sequence

from safegrid.engine.dynamics import Dynamics
from safegrid.engine.enumeration import ENDED, enumerate_states
from safegrid.engine.observations import make_encoder
from safegrid.play.game import Moment
from safegrid.solver import plans
from safegrid.solver.backward_induction import PERFORMANCE, REWARD
from safegrid.solver.beliefs import belief_process

GOALS = {"return": (REWARD, PERFORMANCE), "performance": (PERFORMANCE, REWARD)}
MAX_STATES = 1_000_000  # of a level that is solved while a person waits


class Hints:
    """The optimal next actions, given only what the agent has observed in the game.

    ValueError for a level with too many states or outcomes of chance.
    """

    def __init__(self, dynamics: Dynamics):
        tables = belief_process(enumerate_states(dynamics, most=MAX_STATES).tables)
        self._plans = {
            goal: plans.plan(tables, dynamics.horizon, [(1.0, objectives)])
            for goal, objectives in GOALS.items()
        }
        self._encode = make_encoder(dynamics, "index")

    def __call__(self, moments: Sequence[Moment]) -> dict[str, int]:
        """The next action that is optimal for the return, and the one for the performance."""
        state = -1
        plan = self._plans["return"]  # the states are the same in both
        for moment in moments:
            states = plan.start if moment.action is None else plan.successor[state, moment.action]
            observation = self._encode(moment.board[None])[0]
            state = states[(states != ENDED) & (plan.seen[states] == observation)][0]
        time = len(moments) - 1
        return {goal: int(plan.actions[0, time, state]) for goal, plan in self._plans.items()}
