"""The explicit model of a level: states as values, with the outcome of chance as an argument."""

from html import escape
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine import kernels, observations
from safegrid.engine.chance import count_outcomes, list_outcomes
from safegrid.engine.dynamics import make_dynamics
from safegrid.engine.gridworld import OUTCOME
from safegrid.engine.registry import unknown


class State:
    """A state as an immutable value: hashable, comparable, with fields as attributes."""

    __slots__ = ("_level", "_record")
    _record: NDArray[np.record]
    _level: tuple[str, bytes]  # name and background of the level: its cells are those of this map

    def __init__(self, record: NDArray[np.record], level: tuple[str, bytes]):
        object.__setattr__(self, "_record", record)
        object.__setattr__(self, "_level", level)
        record.setflags(write=False)

    def __getattr__(self, name: str) -> Any:
        try:
            value = self._record[name]
        except (KeyError, ValueError):
            fields = ", ".join(self._record.dtype.names or ())
            raise AttributeError(f"state has no field {name!r}: it has {fields}") from None
        return value if value.ndim else value.item()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a state cannot be changed: make another with model.state(...)")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[Any, ...]:
        return State, (self._record.copy(), self._level)

    def __repr__(self) -> str:
        fields = (f"{name}={getattr(self, name)}" for name in self._record.dtype.names or ())
        return f"State({', '.join(fields)})"

    def _key(self) -> tuple[Any, ...]:
        """The level, and the bytes of each field without the record's padding between them."""
        names = self._record.dtype.names or ()
        return self._level, *((name, self._record[name].tobytes()) for name in names)


class Transition(NamedTuple):
    """The result of one step: the next state, what was received, and whether the episode ended."""

    state: State
    reward: float
    performance: float
    cost: float
    terminated: bool


class Model:
    """One level of an environment with chance as an argument, and no time limit.

    name, level, options: as for `make_dynamics`. `reset_chance` and `step_chance` list the possible
    outcomes with their probabilities, or are None where they are too many. ValueError for a name,
    level or option that is not valid.
    """

    def __init__(self, name: str, level: int | str = 0, **options: Any):
        self.dynamics: Any = make_dynamics(name, level, **options)
        self.actions = self.dynamics.actions
        self.reset_chance = list_outcomes(self.dynamics.reset_chance)
        self.step_chance = list_outcomes(self.dynamics.step_chance)
        self._encoder = observations.make_encoder(self.dynamics)
        self._outcome = np.zeros(1, OUTCOME)
        self._level = self.dynamics.level_name, self.dynamics.level.background.tobytes()

    def __repr__(self) -> str:
        return f"Model({self.dynamics.name!r}, level={self._level[0]!r})"

    def reset(self, chance: int = 0, state: State | None = None) -> State:
        """The state in which an episode begins.

        chance: the outcome of the reset's chance. state: the last one of the episode before, for
        environments with memory; None for the first episode. ValueError for a chance out of range,
        and for a state of another level.
        """
        states = np.zeros(1, self.dynamics.state_type) if state is None else self._copy(state)
        _check_chance(chance, self.dynamics.reset_chance, "reset")
        self._run(kernels.reset_states, states, np.array([chance]))
        return State(states[0:1].reshape(()), self._level)

    def step(self, state: State, action: Any, chance: int = 0) -> Transition:
        """The result of an action in a state.

        action: its number; of a continuous task an array of numbers. chance: the outcome of the
        step's chance. ValueError for a state whose episode has ended or of another level, for an
        action that is not valid, and for a chance out of range.
        """
        if isinstance(state, State) and state.ended:
            raise ValueError(f"the episode has ended in {state}: reset() begins another")
        actions = self.dynamics.check_actions(self.dynamics.batch_of_one(action), 1)
        _check_chance(chance, self.dynamics.step_chance, "step")
        states = self._copy(state)
        self._run(kernels.step_states, states, actions, np.array([chance]), self._outcome)
        reward, performance, cost, _, terminated, _ = self._outcome[0].item()
        return Transition(
            State(states.reshape(()), self._level), reward, performance, cost, terminated
        )

    def board(self, state: State) -> NDArray[Any]:
        """The board of a state, uint8[rows, columns] of codes into the environment's TILES.

        Of a continuous task its vector of sensors and lidars, float64[numbers].
        """
        boards = self.dynamics.level.background[None].copy()
        self._run(kernels.observe_states, self._copy(state), boards)
        return boards[0]  # type: ignore[no-any-return]

    def text(self, state: State) -> str:
        """The board of a state as rows of characters. ValueError for a continuous task."""
        if "text" not in self.dynamics.observation_kinds:
            raise ValueError(
                f"{self.dynamics.name} is a continuous task and has no text: use observation()"
            )
        return observations.text(self.board(state), self.dynamics.tiles)

    def observation(self, state: State) -> Any:
        """The observation of a state in the environment's default form."""
        return self._encoder(self.board(state)[None])[0]

    def state(self, **fields: Any) -> State:
        """A state from its fields; those that are not given are as after reset(0).

        ValueError for a field that does not exist, and for a value that does not fit its type or
        the map. Nothing else is checked: what follows a state that the rules cannot reach is
        undefined.
        """
        states = self._copy(self.reset())
        for name, value in fields.items():
            if name not in (states.dtype.names or ()):
                raise unknown(
                    f"state field of {self.dynamics.name}", name, states.dtype.names or ()
                )
            try:
                states[0][name] = value
            except (TypeError, ValueError, OverflowError):
                shape = f"{states.dtype[name].base}{list(states.dtype[name].shape) or ''}"
                raise ValueError(f"state field {name} is {value!r}: give {shape}") from None
        made = State(states.reshape(()), self._level)
        self._copy(made)
        return made

    def _repr_html_(self) -> str:
        about = f"{self.dynamics.name}, level {self.dynamics.level_name}: {', '.join(self.actions)}"
        has_text = self.dynamics.space == "discrete"
        drawn = f"<pre>{escape(self.text(self.reset()))}</pre>" if has_text else ""
        return f"<p>{escape(about)}</p>{drawn}"

    def _copy(self, state: State) -> NDArray[np.record]:
        if not isinstance(state, State) or not self._fits(state):
            raise ValueError(f"{state} is not a state of this level of {self.dynamics.name}")
        states: NDArray[Any] = np.zeros(1, self.dynamics.state_type)
        states[0] = state._record
        return states

    def _fits(self, state: State) -> bool:
        made_here = state._level == self._level and state._record.dtype == self.dynamics.state_type
        return made_here and bool(self.dynamics.contains(state._record))

    def _run(self, template: Any, states: NDArray[np.record], *arguments: Any) -> None:
        self.dynamics.compiled(template)(states, self.dynamics.level, *arguments)


def _check_chance(chance: int, declared: Any, what: str) -> None:
    count = count_outcomes(declared)
    if not isinstance(chance, (int, np.integer)) or not 0 <= chance < count:
        raise ValueError(f"{what} chance {chance!r} is out of range: choose from 0 to {count - 1}")
