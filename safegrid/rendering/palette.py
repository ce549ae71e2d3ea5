"""What pictures of tiles are made of: colours, and galleries that know them by name."""

from collections.abc import Callable
from typing import Any

from safegrid.rendering.canvas import Colour

INK, WHITE, PAPER, SLATE = (30, 34, 42), (255, 255, 255), (240, 238, 232), (88, 96, 112)
GREY, STONE = (153, 153, 153), (110, 110, 110)
# Okabe & Ito 2008, "Color universal design": told apart with any kind of colour vision
ORANGE, SKY, GREEN, YELLOW = (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66)
BLUE, VERMILION, PURPLE = (0, 114, 178), (213, 94, 0), (204, 121, 167)
DIRECTIONS = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}

RETURN, PERFORMANCE = VERMILION, BLUE  # of the two quantities in all charts and panels

Picture = Callable[..., None]  # draws with a pen, in a colour


class Gallery(dict[str, tuple[Picture, Colour]]):
    """Pictures by name, each with its usual colour."""

    def add(self, colour: Colour, name: str | None = None) -> Callable[[Any], Any]:
        """Lists a function under its own name, or another, as a picture in `colour`."""

        def listed(function: Any) -> Any:
            self[name or function.__name__] = function, colour
            return function

        return listed


def hex_code(colour: Colour) -> str:
    """A colour as a #-code of SVG and CSS."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
