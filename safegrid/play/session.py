"""A person at the keyboard: the same game in a window and in a terminal."""

from pathlib import Path
from typing import Any

from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import replay
from safegrid.play.game import Game
from safegrid.play.hints import Hints
from safegrid.rendering.board import THEMES, BoardRenderer

HELP = (
    "arrows move · U undo · R again · E next episode · N next level",
    "P performance · H hint · S save · Q quit",
)
WATCHED = 60  # frames a second: nobody waits for the next one


class Session:
    """What the keys do to a game; `says` is what there is to tell since the last one.

    ValueError for an option, level, theme or size that is none.
    """

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
                f"{name} takes forces 50 times a second, and keys give none: "
                f"play {', '.join(registry.grids())}"
            )
        self.game = Game(self.dynamics, seed)
        self.painter = BoardRenderer(self.dynamics, theme, tile_size)
        self.reveal = False
        self.says = "noop: space" if "noop" in self.dynamics.actions else ""
        self._save = save
        self._hints: Hints | None = None

    def press(self, key: str) -> bool:
        """Does what a key says: the name of an action, "space" or a letter. False to quit.

        What cannot be done is said, and the game goes on.
        """
        self.says = ""
        key = "noop" if key == "space" else key
        command = COMMANDS.get(key)
        try:
            if key in self.dynamics.actions:
                self.game.step(self.dynamics.actions.index(key))
            elif command is not None:
                command(self)
        except (ValueError, OSError) as error:
            self.says = str(error)
        if self.game.now.ending and not self.says:
            self.says = f"{self.game.now.ending}: E next episode, R again, U undo, S save"
        return key not in ("q", "escape")

    def again(self) -> None:
        """Begins the episode again, with the same luck."""
        self.game.back_to(0)

    def next_level(self) -> None:
        """Begins a game on the next level, the first after the last."""
        levels = list(self.dynamics.spec.levels)
        level = levels[(levels.index(self.dynamics.level_name) + 1) % len(levels)]
        self.dynamics = make_dynamics(self.dynamics.name, level, **self.dynamics.options)
        self.game = Game(self.dynamics, self.game.seed)
        self.painter = BoardRenderer(self.dynamics, self.painter.theme, self.painter.tile_size)
        self._hints = None

    def toggle(self) -> None:
        """Shows performance and what is true, or hides them."""
        self.reveal = not self.reveal

    def hint(self) -> None:
        """Says what the exact solver would do next. ValueError where it cannot."""
        if self.game.now.ending:
            raise ValueError("the episode has ended: there is nothing to hint at")
        remembered = self.dynamics.spec.memory
        if remembered and len(self.game.episodes) > 1:
            raise ValueError("no hint: the solver knows the first episode only")
        if self._hints is None:
            self._hints = Hints(self.dynamics)
        best = self._hints(self.game.moments)
        self.says = "best for " + ", for ".join(
            f"{goal}: {self.dynamics.actions[action]}" for goal, action in best.items()
        )

    def save(self) -> None:
        """Writes the game as a replay."""
        where = f"{self.dynamics.name}-{self.dynamics.level_name}-{self.game.seed}.szr"
        path = self._save or Path(where)
        records = self.game.records()
        replay.write(path, self.dynamics, records)
        self.says = f"{len(records)} episode{'s' * (len(records) > 1)} saved in {path}"


COMMANDS = {
    "u": lambda session: session.game.undo(),
    "r": Session.again,
    "e": lambda session: session.game.following(),
    "n": Session.next_level,
    "h": Session.hint,
    "p": Session.toggle,
    "s": Session.save,
}


def in_window(session: Session) -> None:
    """Plays until the window is closed. ModuleNotFoundError, ValueError as `Window`."""
    from safegrid.play.inspector import inspect
    from safegrid.rendering.window import Window

    window = Window(session.dynamics.name)

    def show() -> None:
        footer = [*HELP, session.says]
        image = inspect(session.painter, session.game.moments, session.reveal, footer)
        window.show(image, WATCHED)

    try:
        show()
        for key in window.keys():
            if not session.press(key):
                break
            show()
    finally:
        window.close()
