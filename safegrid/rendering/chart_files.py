"""Charts as files: SVG as it is, PNG by Pillow, and PDF (ISO 32000-1) with lines and text."""

import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from safegrid.engine import files
from safegrid.rendering.canvas import Colour, Point
from safegrid.rendering.charts import Chart

KINDS = (".svg", ".png", ".pdf")
PIXELS, OVERSAMPLING = 2, 3  # of a PNG for each unit of the chart; samples a pixel on each side
KAPPA = 0.5523  # of a quarter of a circle as a Bezier curve


class Shape(NamedTuple):
    """A shape or a text of a chart, with all that it inherits from its groups."""

    kind: str  # "polygon", "polyline", "circle" or "text"
    points: list[Point]
    style: dict[str, str]
    text: str = ""  # with en dashes for minus signs, which the fonts lack

    def number(self, name: str, default: float = 1.0) -> float:
        """An attribute as a number."""
        return float(self.style.get(name, default))

    def colour(self, name: str) -> Colour | None:
        """The colour of "fill" or "stroke"; None without one."""
        told = self.style.get(name, "#000" if name == "fill" else "none")
        if told == "none" or (self.kind == "polyline" and name == "fill"):
            return None
        digits = told[1:] if len(told) == 7 else "".join(2 * digit for digit in told[1:])
        red, green, blue = bytes.fromhex(digits)
        return red, green, blue


def check_path(path: Path) -> None:
    """ValueError for a path that cannot be written, or does not end in one of KINDS."""
    if path.suffix.lower() not in KINDS:
        raise ValueError(f"{str(path)!r} has an unknown ending: choose from {', '.join(KINDS)}")
    files.check_writable(path)


def encode(chart: Chart, ending: str) -> bytes:
    """The bytes of a file with a chart; `ending` is one of KINDS.

    ModuleNotFoundError for PNG and PDF where Pillow is not installed.
    """
    kind = ending.lower()
    if kind == ".svg":
        return chart.svg().encode()
    return _png(chart) if kind == ".png" else _pdf(chart)


def _shapes(chart: Chart) -> Iterator[Shape]:
    """The shapes of a chart, in the order in which they are drawn."""

    def walk(element: Any, inherited: dict[str, str]) -> Iterator[Shape]:
        style = {**inherited, **element.attrib}
        number = {key: float(value) for key, value in element.attrib.items() if _is_number(value)}
        if element.tag == "rect":
            x, y, w, h = (number[key] for key in ("x", "y", "width", "height"))
            yield Shape("polygon", [(x, y), (x + w, y), (x + w, y + h), (x, y + h)], style)
        elif element.tag == "line":
            ends = [(number["x1"], number["y1"]), (number["x2"], number["y2"])]
            yield Shape("polyline", ends, style)
        elif element.tag in ("polygon", "polyline"):
            pairs = (pair.split(",") for pair in element.get("points").split())
            yield Shape(element.tag, [(float(x), float(y)) for x, y in pairs], style)
        elif element.tag == "circle":
            yield Shape("circle", [(number["cx"], number["cy"])], style)
        elif element.tag == "text":
            at = (number["x"], number["y"])
            if moved := re.match(r"translate\((\S+) (\S+)\)", style.get("transform", "")):
                at = (float(moved[1]), float(moved[2]))
            text = "".join(element.itertext()).replace("\N{MINUS SIGN}", "\N{EN DASH}")
            yield Shape("text", [at], style, text)
        elif element.tag in ("svg", "g"):
            kept = {k: v for k, v in style.items() if k not in ("class", "viewBox", "xmlns")}
            for child in element:
                yield from walk(child, kept)

    yield from walk(chart.root, {})


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?[\d.]+(e-?\d+)?", text) is not None


def _clip(chart: Chart) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the rectangle that groups with a clip path are cut to."""
    for element in chart.root.iter("clipPath"):
        x, y, w, h = (float(element[0].attrib[key]) for key in ("x", "y", "width", "height"))
        return x, y, x + w, y + h
    return 0, 0, *chart.size


def _anchored(shape: Shape, width: float) -> float:
    """How far to the left of its point a text begins."""
    return width * {"middle": 0.5, "end": 1.0}.get(shape.style.get("text-anchor", ""), 0.0)


def _png(chart: Chart) -> bytes:
    from PIL import Image, ImageDraw

    scale = PIXELS * OVERSAMPLING
    size = round(chart.size[0] * scale), round(chart.size[1] * scale)
    left, top, right, bottom = (round(side * scale) for side in _clip(chart))
    image = Image.new("RGB", size, "white")
    for shape in _shapes(chart):
        layer = Image.new("RGBA", size)
        draw = ImageDraw.Draw(layer)
        points = [(x * scale, y * scale) for x, y in shape.points]
        fill, stroke = (
            None if colour is None else (*colour, round(255 * shape.number(f"{name}-opacity")))
            for name in ("fill", "stroke")
            for colour in [shape.colour(name)]
        )
        wide = max(1, round(shape.number("stroke-width") * scale))
        if shape.kind == "text":
            _paint_text(layer, shape, points[0], scale)
        elif shape.kind == "circle":
            (x, y), r = points[0], shape.number("r") * scale
            draw.ellipse((x - r, y - r, x + r, y + r), fill, stroke, wide if stroke else 0)
        else:
            if fill is not None:
                draw.polygon(points, fill)
            if stroke is not None:
                closed = [*points, points[0]] if shape.kind == "polygon" else points
                draw.line(closed, stroke, wide, joint="curve")
        if "clip-path" in shape.style:
            kept = Image.new("RGBA", size)
            kept.paste(layer.crop((left, top, right, bottom)), (left, top))
            layer = kept
        image.paste(layer, (0, 0), layer)
    content = io.BytesIO()
    image.reduce(OVERSAMPLING).save(content, "png")
    return content.getvalue()


def _paint_text(layer: Any, shape: Shape, at: Point, scale: float) -> None:
    """Draws a text with the left end of its baseline at a point, or upwards where it is rotated."""
    from PIL import Image, ImageDraw, ImageFont

    font: Any = ImageFont.load_default(shape.number("font-size", 13) * scale)
    ascent, descent = font.getmetrics()
    wide = font.getlength(shape.text)
    text = Image.new("RGBA", (round(wide) + 2, ascent + descent))
    ImageDraw.Draw(text).text((0, 0), shape.text, shape.colour("fill"), font)
    (x, y), back = at, _anchored(shape, wide)
    if "transform" in shape.style:
        text = text.rotate(90, expand=True)
        corner = round(x - ascent), round(y + back - text.height)
    else:
        corner = round(x - back), round(y - ascent)
    layer.alpha_composite(text, (max(corner[0], 0), max(corner[1], 0)))


def _pdf(chart: Chart) -> bytes:
    from PIL import ImageFont

    wide, high = chart.size
    alphas: dict[tuple[float, float], str] = {}
    lines = [f"1 0 0 -1 0 {high:g} cm"]  # y down, as in the chart
    left, top, right, bottom = _clip(chart)
    for shape in _shapes(chart):
        fill, stroke = shape.colour("fill"), shape.colour("stroke")
        alpha = shape.number("fill-opacity"), shape.number("stroke-opacity")
        lines += ["q", f"/{alphas.setdefault(alpha, f'A{len(alphas)}')} gs"]
        if "clip-path" in shape.style:
            lines.append(f"{left:g} {top:g} {right - left:g} {bottom - top:g} re W n")
        for colour, operator in ((fill, "rg"), (stroke, "RG")):
            if colour is not None:
                lines.append(" ".join(f"{part / 255:.4g}" for part in colour) + f" {operator}")
        lines.append(f"{shape.number('stroke-width'):g} w 1 j 1 J")
        if shape.kind == "text":
            size = shape.number("font-size", 13)
            font: Any = ImageFont.load_default(size)
            back, (x, y) = _anchored(shape, font.getlength(shape.text)), shape.points[0]
            turned = "transform" in shape.style
            matrix = f"0 -1 -1 0 {x:g} {y + back:g}" if turned else f"1 0 0 -1 {x - back:g} {y:g}"
            raw = shape.text.encode("cp1252", "replace")
            lines.append(f"BT /F {size:g} Tf {matrix} Tm <{raw.hex()}> Tj ET")
        else:
            lines += _path(shape)
            how = {(True, True): "B", (True, False): "f", (False, True): "S", (False, False): "n"}
            lines.append(how[fill is not None, stroke is not None])
        lines.append("Q")
    states = " ".join(f"/{name} << /ca {a:g} /CA {b:g} >>" for (a, b), name in alphas.items())
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    stream = zlib.compress("\n".join(lines).encode("ascii"))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {wide:g} {high:g}] /Contents 4 0 R "
        f"/Resources << /Font << /F {font} >> /ExtGState << {states} >> >> >>".encode(),
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(stream), stream),
    ]
    content, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    return content + head + table + end % (len(objects) + 1, len(content))


def _path(shape: Shape) -> list[str]:
    """The operators of PDF that make the path of a shape."""
    if shape.kind != "circle":
        (x, y), *others = shape.points
        path = [f"{x:g} {y:g} m", *(f"{x:g} {y:g} l" for x, y in others)]
        return [*path, "h"] if shape.kind == "polygon" else path
    (x, y), r = shape.points[0], shape.number("r")
    k = KAPPA * r
    quarters = (
        (x + r, y + k, x + k, y + r, x, y + r),
        (x - k, y + r, x - r, y + k, x - r, y),
        (x - r, y - k, x - k, y - r, x, y - r),
        (x + k, y - r, x + r, y - k, x + r, y),
    )
    return [f"{x + r:g} {y:g} m", *(" ".join(f"{n:g}" for n in q) + " c" for q in quarters), "h"]
