"""What clients of Gymnasium ask an environment of any driver about its level."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.lanes import Lanes
from safegrid.rendering.board import make_renderer
from safegrid.rendering.notebook import html

KEYS = {  # characters, and codes of arrow keys as SDL and pygame have them, by action
    "up": ("w", 0x40000052),
    "down": ("s", 0x40000051),
    "left": ("a", 0x40000050),
    "right": ("d", 0x4000004F),
    "noop": (" ",),
}


class LevelMethods:
    """An environment, or a vector of them, with its level in `dynamics`."""

    dynamics: Any
    _lanes: Lanes
    _begun: bool  # whether there was a reset

    @property
    def cost_limit(self) -> float | None:
        """The limit on the cost of an episode; None where the environment declares none."""
        return self.dynamics.spec.cost_limit  # type: ignore[no-any-return]

    def action_masks(self) -> NDArray[np.bool_]:
        """bool[actions]: which are allowed, always all. ValueError for a continuous task."""
        self._check_numbered("masks")
        return np.ones(len(self.dynamics.actions), np.bool_)

    def get_keys_to_action(self) -> dict[tuple[int, ...], int]:
        """The number of each action by the codes of its keys, as `gymnasium.utils.play` takes it.

        An action that is no move has the key of its number. ValueError for a continuous task.
        """
        self._check_numbered("keys")
        keys: dict[tuple[int, ...], int] = {}
        for number, action in enumerate(self.dynamics.actions):
            for key in KEYS.get(action, (str(number),)):
                keys[(ord(key) if isinstance(key, str) else key,)] = number
        return keys

    def _repr_html_(self) -> str:
        """The first environment as people see it; before the first reset, as seed 0 begins."""
        caption = f"{self.dynamics.name}, level {self.dynamics.level_name}"
        caption += f", the first of {self._lanes.count}" * (self._lanes.count > 1)
        lanes = self._lanes
        if not self._begun:
            lanes = Lanes(self.dynamics, 1)
            lanes.reset(np.zeros(1, np.uint64))
        renderer: Any = make_renderer(self.dynamics)
        return html.picture(renderer(lanes.drawable()[0]), caption)

    def _check_numbered(self, what: str) -> None:
        if self.dynamics.space == "continuous":
            raise ValueError(f"the actions of {self.dynamics.name} are continuous: no {what}")
