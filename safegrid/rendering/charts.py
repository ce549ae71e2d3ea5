"""Charts as SVG: scales from values to pixels, round ticks, axes, lines, polygons and points."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from xml.etree import ElementTree

from safegrid.rendering.canvas import Colour, Point
from safegrid.rendering.palette import hex_code

Paint = str | Colour  # a name or #-code of SVG, or red, green and blue from 0 to 255
Attribute = float | Paint

TICKS = 6  # the most intervals between the ticks of an axis
RUN_RADIUS = 2.5
GRID, AXIS_TEXT = "#ddd", "#444"


class LinearScale(NamedTuple):
    """Maps values linearly to positions in pixels: `low` to `start` and `high` to `end`.

    Positions are counted from the left or from the top, so a vertical scale starts at the bottom:
    its `start` is the greater position.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The position of a value; `start` where `low` and `high` are equal."""
        span = self.high - self.low or 1.0
        return self.start + (self.end - self.start) * (value - self.low) / span

    def ticks(self, most: int = TICKS) -> list[float]:
        """Round values from `low` to `high`, in increasing order, with at most `most` intervals."""
        if self.low == self.high:
            return [self.low]
        step = _step(self.high - self.low, most)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [float(f"{step * i:.10g}") for i in range(first, last + 1)]


def _step(span: float, most: int) -> float:
    """The least 1, 2 or 5 times a power of ten that makes at most `most` intervals of a span."""
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(k * power for k in (1, 2, 5, 10) if span / (k * power) <= most * (1 + 1e-9))


class Chart:
    """An SVG picture of `width` by `height` pixels, whose shapes lie in the order of the calls.

    `root` is its element tree.

    Points are (x, y) in pixels, x from the left and y from the top. The keyword arguments of every
    method are attributes of SVG: `stroke_width` stands for stroke-width and `class_` for class.
    Without a `background` the picture is transparent.
    """

    def __init__(
        self, width: float, height: float, background: Paint | None = "#fff", **style: Attribute
    ):
        self.size = width, height
        self.root = self._parent = ElementTree.Element("svg", xmlns="http://www.w3.org/2000/svg")
        self.root.set("viewBox", f"0 0 {_number(width)} {_number(height)}")
        _style(self.root, {"font_family": "system-ui, sans-serif", "font_size": 13, **style})
        if background is not None:
            self.rectangle((0, 0), (width, height), fill=background)

    def rectangle(self, corner: Point, opposite: Point, **style: Attribute) -> None:
        """A rectangle between its upper left and its lower right corner."""
        (left, top), (right, bottom) = corner, opposite
        self._add("rect", x=left, y=top, width=right - left, height=bottom - top, **style)

    def line(self, start: Point, end: Point, **style: Attribute) -> None:
        """A straight line."""
        self._add("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], **style)

    def polyline(self, points: Iterable[Point], **style: Attribute) -> None:
        """A line through all points."""
        self._add("polyline", points=_points(points), **{"fill": "none", **style})

    def polygon(self, points: Iterable[Point], **style: Attribute) -> None:
        """A filled polygon."""
        self._add("polygon", points=_points(points), **style)

    def circle(self, centre: Point, radius: float, **style: Attribute) -> None:
        """A filled circle."""
        self._add("circle", cx=centre[0], cy=centre[1], r=radius, **style)

    def runs(self, points: Iterable[Point], **style: Attribute) -> None:
        """A small dot for each training run; those that would cover each other are one."""
        for x, y in dict.fromkeys((round(x, 1), round(y, 1)) for x, y in points):
            self.circle((x, y), RUN_RADIUS, class_="run", **style)

    def diamond(self, centre: Point, radius: float, **style: Attribute) -> None:
        """A filled square that stands on a corner, `radius` pixels from its centre."""
        (x, y), r = centre, radius
        self.polygon([(x, y - r), (x + r, y), (x, y + r), (x - r, y)], **style)

    def text(self, start: Point, text: str, **style: Attribute) -> None:
        """A line of text; `start` is the left end of its baseline, or what `text_anchor` says."""
        self._add("text", x=start[0], y=start[1], **style).text = text

    def coloured_text(self, start: Point, parts: Sequence[tuple[str, Paint]]) -> None:
        """A line of text in several parts, each with its colour; `start` as in `text`."""
        element = self._add("text", x=start[0], y=start[1])
        for text, colour in parts:
            part = ElementTree.SubElement(element, "tspan")
            part.text = text
            _style(part, {"fill": colour})

    @contextmanager
    def group(self, title: str = "", **style: Attribute) -> Iterator[None]:
        """A group of what is drawn within the block; browsers show its `title` as a tooltip."""
        outer = self._parent
        self._parent = self._add("g", **style)
        if title:
            self._add("title").text = title
        yield
        self._parent = outer

    @contextmanager
    def clipped(self, corner: Point, opposite: Point) -> Iterator[None]:
        """A group of which only what lies in a rectangle is shown; once in a chart."""
        outer = self._parent
        self._parent = self._add("clipPath", id="inside")
        self.rectangle(corner, opposite)
        self._parent = outer
        with self.group(clip_path="url(#inside)"):
            yield

    def x_axis(self, x: LinearScale, y: LinearScale, label: str = "", most: int = TICKS) -> None:
        """Vertical grid lines at the ticks of a horizontal scale, their values, and its label.

        x: the scale; y: the vertical scale whose length the grid lines have; label: what the
        values are; most: the most intervals between ticks.
        """
        for value in x.ticks(most):
            self.line((x(value), y.end), (x(value), y.start), class_="grid", stroke=GRID)
            position = x(value), y.start + 17
            self.text(position, signed(value), class_="tick", text_anchor="middle", fill=AXIS_TEXT)
        if label:
            position = (x.start + x.end) / 2, y.start + 38
            self.text(position, label, class_="label", text_anchor="middle", fill=AXIS_TEXT)

    def y_axis(self, y: LinearScale, x: LinearScale, label: str = "", most: int = TICKS) -> None:
        """Horizontal grid lines at the ticks of a vertical scale, their values, and its label.

        y: the scale; x: the horizontal scale whose length the grid lines have; label: what the
        values are; most: the most intervals between ticks.
        """
        for value in y.ticks(most):
            self.line((x.start, y(value)), (x.end, y(value)), class_="grid", stroke=GRID)
            position = x.start - 7, y(value) + 4
            self.text(position, signed(value), class_="tick", text_anchor="end", fill=AXIS_TEXT)
        if label:
            centre = f"translate({_number(x.start - 44)} {_number((y.start + y.end) / 2)})"
            style = {"text_anchor": "middle", "transform": f"{centre} rotate(-90)"}
            self.text((0, 0), label, class_="label", fill=AXIS_TEXT, **style)

    def svg(self) -> str:
        """The picture as the text of an SVG file."""
        return ElementTree.tostring(self.root, encoding="unicode") + "\n"

    def _add(self, tag: str, **style: Attribute) -> ElementTree.Element:
        element = ElementTree.SubElement(self._parent, tag)
        _style(element, style)
        return element


def signed(value: float, form: str = "g") -> str:
    """A number as text, with a minus sign instead of a hyphen."""
    return f"{value:{form}}".replace("-", "\N{MINUS SIGN}")


def _style(element: ElementTree.Element, style: dict[str, Attribute]) -> None:
    for name, value in style.items():
        if isinstance(value, tuple):
            value = hex_code(value)
        text = value if isinstance(value, str) else _number(value)
        element.set(name.rstrip("_").replace("_", "-"), text)


def _number(value: float) -> str:
    """A position or a size, to a tenth of a pixel."""
    return f"{round(value, 1) + 0.0:.7g}"


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
