"""Charts as files: PNG and PDF show what the SVG has, where it has it."""

import io
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from safegrid.cli.main import app
from safegrid.rendering import chart_files
from safegrid.rendering.charts import Chart

RED, BLUE = (200, 0, 0), (0, 0, 200)


@pytest.fixture
def drawn():
    chart = Chart(200, 100)
    chart.rectangle((10, 10), (50, 30), fill=RED)
    chart.circle((100, 50), 20, fill=BLUE)
    with chart.clipped((150, 0), (170, 100)):
        chart.polygon([(140, 10), (190, 10), (190, 90), (140, 90)], fill=RED, fill_opacity=".5")
    chart.line((0, 80), (60, 80), stroke=BLUE, stroke_width=4)
    chart.text((10, 70), "text \N{MINUS SIGN}1")
    return chart


def pixels(chart):
    content = chart_files.encode(chart, ".png")
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_a_png_has_the_shapes_in_their_places(drawn):
    image, scale = pixels(drawn), chart_files.PIXELS
    assert image.shape == (100 * scale, 200 * scale, 3)

    def at(x, y):
        return tuple(image[round(y * scale), round(x * scale)].tolist())

    white = (255, 255, 255)
    assert at(30, 20) == RED and at(5, 20) == white
    assert at(100, 50) == BLUE and at(100, 72) == white and at(115, 62) == BLUE
    assert at(160, 50) == pytest.approx((228, 127, 127), abs=2)  # half of red on white
    assert at(145, 50) == at(180, 50) == white  # cut
    assert at(30, 80) == BLUE and at(30, 84) == white and at(70, 80) == white
    text = image[56 * scale : 72 * scale, 10 * scale : 60 * scale]
    assert (text < 100).any()


def test_a_text_can_be_turned_and_anchored():
    chart = Chart(100, 100)
    style = {"text_anchor": "middle", "transform": "translate(20 50) rotate(-90)"}
    chart.text((0, 0), "wwwwwwww", **style)
    dark = np.argwhere((pixels(chart) < 128).any(axis=2)) / chart_files.PIXELS
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0)
    assert bottom - top > 3 * (right - left)
    assert (top + bottom) / 2 == pytest.approx(50, abs=2) and right <= 21


def test_a_pdf_has_the_same_shapes_and_offsets(drawn):
    content = chart_files.encode(drawn, ".pdf")
    assert content.startswith(b"%PDF-1.4\n") and content.endswith(b"%%EOF\n")
    start = int(re.search(rb"startxref\n(\d+)", content)[1])
    offsets = re.findall(rb"(\d{10}) 00000 n", content[start:])
    for number, offset in enumerate(offsets, 1):
        assert content[int(offset) :].startswith(b"%d 0 obj" % number)
    size, stream = re.search(
        rb"/Length (\d+) /Filter /FlateDecode >>\nstream\n(.*)", content, re.S
    ).groups()
    operators = zlib.decompress(stream[: int(size)]).decode()
    assert "0.7843 0 0 rg" in operators and "10 10 m\n50 10 l\n50 30 l\n10 30 l\nh\nf" in operators
    assert "150 0 20 100 re W n" in operators and "0 80 m\n60 80 l\nS" in operators
    text = "text \N{EN DASH}1".encode("cp1252").hex()
    assert f"<{text}> Tj" in operators
    assert b"/ca 0.5" in content and operators.count("q\n") == operators.count("Q")


@pytest.mark.parametrize("kind", [".svg", ".PNG", ".pdf"])
def test_solve_writes_each_kind(kind, tmp_path, command):
    path = tmp_path / f"plot{kind}"
    assert command("solve", "boat_race", "--plot", path).exit_code == 0
    marks = {".svg": b"<svg", ".PNG": b"\x89PNG", ".pdf": b"%PDF"}
    assert path.read_bytes().startswith(marks[kind])


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"'a.jpg' has an unknown ending: choose from .svg, .png"):
        chart_files.check_path(Path("a.jpg"))


@pytest.fixture
def command():
    from typer.testing import CliRunner

    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments)])
