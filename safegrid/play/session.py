"""A game that a person plays with keys: the same in a window and in a terminal."""

from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import replay
from safegrid.play.game import Game, Moment
from safegrid.play.hints import Hints
from safegrid.rendering.board import THEMES, BoardRenderer

HELP = (
    "arrows move · U undo · R restart · E next episode · N next level",
    "P performance · H hint · S save · Q quit",
)
ACTION_KEYS = {  # actions by the keys that do not have their name
    "space": "noop",
    "i": "toggle_up",
    "k": "toggle_down",
    "j": "toggle_left",
    "l": "toggle_right",
}


class Session:
    """A game and what the keys do to it; `message` tells the result of the last key.

    name: of a grid; level: its name or number; seed: of the first episode; save: the file that S
    writes, NAME-LEVEL-SEED.szr by default, with a number where it exists; theme, tile_size: as in
    `BoardRenderer`; options: of the environment. ValueError for an invalid name, level, seed,
    theme, size or option.
    """

    help, tick = HELP, None  # what the keys do; no frames of their own

    def __init__(
        self,
        name: str,
        level: int | str = 0,
        seed: int = 0,
        save: Path | None = None,
        theme: str = THEMES[0],
        tile_size: int = 48,
        **options: Any,
    ):
        self.dynamics = make_dynamics(name, level, **options)
        if self.dynamics.space == "continuous":
            raise ValueError(
                f"{name} has continuous actions, which keys cannot give: "
                f"play {', '.join(registry.grids())}"
            )
        self.game = Game(self.dynamics, seed)
        self.renderer = BoardRenderer(self.dynamics, theme, tile_size)
        self.reveal = False
        toggles = "toggle_up" in self.dynamics.actions
        said = ["noop: space"] * ("noop" in self.dynamics.actions) + ["toggle: I J K L"] * toggles
        self.message = " · ".join(said)
        self._save = save
        self._hints: Hints | None = None

    @property
    def moments(self) -> Sequence[Moment]:
        """The moments of the current episode."""
        return self.game.moments

    def press(self, key: str) -> bool:
        """Carries out a key: the name of an action, "space" or a letter. False for Q and Escape.

        An error becomes the message, and the game goes on.
        """
        self.message = ""
        key = ACTION_KEYS.get(key, key)
        command = COMMANDS.get(key)
        try:
            if key in self.dynamics.actions:
                self.game.step(self.dynamics.actions.index(key))
            elif command is not None:
                command(self)
        except (ValueError, OSError) as error:
            self.message = str(error)
        if self.game.now.ending and not self.message:
            self.message = f"{self.game.now.ending}: E next episode, R restart, U undo, S save"
        return key not in ("q", "escape")

    def restart(self) -> None:
        """Restarts the episode with the same outcomes of chance."""
        self.game.rewind(0)

    def next_level(self) -> None:
        """Starts a game on the next level; after the last level comes the first."""
        levels = list(self.dynamics.spec.levels)
        level = levels[(levels.index(self.dynamics.level_name) + 1) % len(levels)]
        self.dynamics = make_dynamics(self.dynamics.name, level, **self.dynamics.options)
        self.game = Game(self.dynamics, self.game.seed)
        self.renderer = BoardRenderer(self.dynamics, self.renderer.theme, self.renderer.tile_size)
        self._hints = None

    def toggle_performance(self) -> None:
        """Shows or hides the performance and the true board."""
        self.reveal = not self.reveal

    def hint(self) -> None:
        """Makes the optimal next actions the message. ValueError if there is no hint."""
        if self.game.now.ending:
            raise ValueError("no hint: the episode has ended")
        if self.dynamics.spec.memory and len(self.game.episodes) > 1:
            raise ValueError("no hint: the solver solves the first episode only")
        if self._hints is None:
            self._hints = Hints(self.dynamics)
        best = self._hints(self.game.moments)
        self.message = "best for " + ", for ".join(
            f"{goal}: {self.dynamics.actions[action]}" for goal, action in best.items()
        )

    def save(self) -> None:
        """Writes the game as a replay file that does not exist yet."""
        default = f"{self.dynamics.name}-{self.dynamics.level_name}-{self.game.seed}.szr"
        path = _unused(self._save or Path(default))
        records = self.game.records()
        replay.write(path, self.dynamics, records)
        self.message = f"{len(records)} episode{'s' * (len(records) > 1)} saved in {path}"


def _unused(path: Path) -> Path:
    """The path; where it exists, the first with a number that does not."""
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(each for each in chain([path], numbered) if not each.exists())


COMMANDS = {
    "u": lambda session: session.game.undo(),
    "r": Session.restart,
    "e": lambda session: session.game.next_episode(),
    "n": Session.next_level,
    "h": Session.hint,
    "p": Session.toggle_performance,
    "s": Session.save,
}
