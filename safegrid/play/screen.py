"""A game or a playback in a window."""

from safegrid.play.playback import Playback
from safegrid.play.session import Session

FPS = 60  # frames a second at most, so that no key has to wait

Show = Session | Playback  # `press` takes keys, and "" after each `tick` milliseconds, if any


def in_window(show: Show) -> None:
    """Shows something until its window is closed. ModuleNotFoundError, ValueError as `Window`."""
    from safegrid.play.inspector import inspect
    from safegrid.rendering.window import Window

    window = Window(show.dynamics.name, for_keys=True)

    def draw() -> None:
        footer = [*show.help, show.message]
        window.show(inspect(show.renderer, show.moments, show.reveal, footer), FPS)

    try:
        draw()
        for key in window.keys(show.tick):
            if not show.press(key):
                break
            draw()
    finally:
        window.close()
