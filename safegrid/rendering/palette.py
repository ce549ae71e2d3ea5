"""Colours, and tables of pictures by name."""

from collections.abc import Callable
from typing import Any

from safegrid.rendering.canvas import Colour

INK, WHITE, PAPER, SLATE = (30, 34, 42), (255, 255, 255), (240, 238, 232), (88, 96, 112)
GREY, STONE = (153, 153, 153), (110, 110, 110)
# Okabe & Ito 2008, "Color universal design": distinct under every kind of colour vision
ORANGE, SKY, GREEN, YELLOW = (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66)
BLUE, VERMILION, PURPLE = (0, 114, 178), (213, 94, 0), (204, 121, 167)
RETURN, PERFORMANCE = VERMILION, BLUE  # of the two quantities in all charts and panels
DIRECTIONS = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}  # (x, y), y down

Picture = Callable[..., None]  # (canvas, colour) -> None: draws over one tile


class Pictures(dict[str, tuple[Picture, Colour]]):
    """Pictures of tiles by name, each with the colour it has in the theme "okabe_ito"."""

    def add(self, colour: Colour, name: str | None = None) -> Callable[[Any], Any]:
        """A decorator that adds a function under `name`, or under its own name without one."""

        def listed(function: Any) -> Any:
            self[name or function.__name__] = function, colour
            return function

        return listed


def hex_code(colour: Colour) -> str:
    """A colour as a #-code of SVG and CSS."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
