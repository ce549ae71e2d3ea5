"""A window on the screen, drawn by pygame."""

import functools
import logging
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

DRIVER = "SDL_VIDEODRIVER"  # the variable that names SDL's driver
NO_DISPLAY = f"no display to open a window on: nothing will be seen; set DISPLAY or {DRIVER}"


class Window:
    """A window with the size of the image that it shows; the first image opens it.

    for_keys: whether somebody is to press keys in it. ModuleNotFoundError if pygame is not
    installed, ValueError for pygame in place of pygame-ce, and if there is no display. Without a
    display SDL may draw where nobody sees it: that is an error `for_keys`, which would never come,
    and is logged once otherwise.
    """

    def __init__(self, title: str, for_keys: bool = False):
        self.pygame = _pygame()
        try:
            self.pygame.display.init()
        except self.pygame.error as error:
            raise ValueError(f"no display to open a window on ({error})") from None
        if self.pygame.display.get_driver() == "offscreen" and not os.environ.get(DRIVER):
            if for_keys:
                self.pygame.display.quit()
                raise ValueError(f"{NO_DISPLAY}, or use --terminal")
            _log_once(NO_DISPLAY)
        self._title = f"SafeGrid: {title}"
        self._window: Any = None
        self._clock = self.pygame.time.Clock()

    @property
    def available(self) -> tuple[int, int]:
        """The width and height in pixels of the largest window that fits on the screen."""
        width, height = self.pygame.display.get_desktop_sizes()[0]
        return int(0.9 * width), int(0.85 * height)

    def show(self, image: NDArray[np.uint8], fps: int) -> None:
        """Shows an image uint8[height, width, 3]; waits, so that at most `fps` appear a second."""
        size = image.shape[1], image.shape[0]
        if self._window is None:
            self._window = self.pygame.Window(self._title, size)
        elif self._window.size != size:
            self._window.size = size
        surface = self.pygame.surfarray.make_surface(image.swapaxes(0, 1))
        self._window.get_surface().blit(surface, (0, 0))
        self._window.flip()
        self.pygame.event.pump()
        self._clock.tick(fps)

    def keys(self, tick: int | None = None) -> Iterator[str]:
        """The pygame names of the keys as they are pressed, until the window is closed.

        tick: milliseconds, or None; after each comes an empty name.
        """
        ticks = self.pygame.time.get_ticks
        due = ticks() + (tick or 0)
        while True:
            # a wait of 200 milliseconds at most, after which Python can handle Ctrl-C
            left = 200 if tick is None else min(max(due - ticks(), 1), 200)
            event = self.pygame.event.wait(left)
            if event.type in (self.pygame.QUIT, self.pygame.WINDOWCLOSE):
                return
            if event.type == self.pygame.WINDOWEXPOSED:
                self._window.flip()
            if event.type == self.pygame.KEYDOWN:
                yield self.pygame.key.name(event.key)
            if tick is not None and ticks() >= due:
                due = max(due + tick, ticks())
                yield ""

    def close(self) -> None:
        """Closes the window; the next image opens it again."""
        if self._window is not None:
            self._window.destroy()
            self._window = None


@functools.cache
def _log_once(message: str) -> None:
    logging.getLogger("safegrid").warning("safegrid: %s", message)


def _pygame() -> Any:
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    try:
        import pygame
    except ModuleNotFoundError:
        message = "pygame is not installed: pip install 'safegrid-rl[render]'"
        raise ModuleNotFoundError(message, name="pygame") from None
    if not hasattr(pygame, "Window"):  # the other distribution of that name has none
        raise ValueError(
            "pygame is installed where pygame-ce is needed, and both are imported by one name: "
            "pip uninstall pygame, then pip install --force-reinstall pygame-ce"
        )
    return pygame
