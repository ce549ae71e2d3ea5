"""Settings of the whole suite."""

import importlib.util
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import settings

import safegrid
from safegrid.engine import registry
from safegrid.engine.gridworld import KEYS

settings.register_profile("suite", derandomize=True, deadline=None)
settings.load_profile("suite")

ALLOWED_SKIPS = (  # a skipped test is an untested feature: any other one fails the session
    "no GPU here",
    "could not import 'moviepy'",  # it needs an older Pillow than ours
    "could not import 'mujoco'",  # in the extra [dev], and without a wheel on some platforms
    "nothing is compiled",  # in the run with NUMBA_DISABLE_JIT
    "PostgreSQL is not installed",  # these three are packages of the system
    "chromium is not installed",
    "needs Xvfb and xdotool",
)
_refused: list[str] = []


def pytest_runtest_logreport(report):
    """Notes a test that was skipped for a reason that is not allowed."""
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(allowed in reason for allowed in ALLOWED_SKIPS):
            _refused.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session):
    """Fails a session in which a test was skipped that should have run."""
    if _refused and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    """Says which skipped tests failed the session."""
    for line in _refused:
        terminalreporter.write_line(f"SKIPPED, which is not allowed: {line}", red=True)


@pytest.fixture(scope="session", autouse=True)
def verifier_key(tmp_path_factory):
    """The file of the key that verdicts are signed with, which is not the user's own."""
    path = tmp_path_factory.mktemp("key") / "verifier.key"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAFEGRID_KEY", str(path))
        yield path


@pytest.fixture(scope="session")
def experiment():
    """Loads a script of experiments/ by its name."""

    def load(name):
        path = Path(__file__).resolve().parent.parent / "experiments" / f"{name}.py"
        place = importlib.util.spec_from_file_location(f"experiment_{name}", path)
        module = importlib.util.module_from_spec(place)
        place.loader.exec_module(module)
        return module

    return load


class ChartReading(NamedTuple):
    """An SVG chart as a reader sees it: values are read off the drawn ticks, not off its code."""

    root: ElementTree.Element
    x_axis: tuple[float, float]  # slope and offset from a position to a value; () without ticks
    y_axis: tuple[float, float]

    def shapes(self, tag, **attributes):
        """The elements of a kind with these attributes, in the order in which they are drawn."""
        found = [e for e in self.root.iter() if e.tag.rpartition("}")[2] == tag]
        return [e for e in found if attributes.items() <= e.attrib.items()]

    def value(self, x, y):
        """The pair (value on the horizontal axis, value on the vertical axis) at a position."""
        pairs = zip((self.x_axis, self.y_axis), (x, y), strict=True)
        return tuple(axis[0] * float(position) + axis[1] for axis, position in pairs if axis)

    def circles(self, **attributes):
        """The values at the centres of circles."""
        return [self.value(e.get("cx"), e.get("cy")) for e in self.shapes("circle", **attributes)]

    def points(self, element):
        """The values at the points of a polygon or a polyline."""
        return [self.value(*point.split(",")) for point in element.get("points").split()]


@pytest.fixture(scope="session")
def read_chart():
    """Reads an SVG; its values must grow to the right and upwards, at even distances."""

    def axis(ticks, position, lines):
        written = [float(tick.get(position)) for tick in ticks]
        places = [min(lines, key=lambda line: abs(line - place)) for place in written]
        assert places == pytest.approx(written, abs=5)  # a value stands beside its grid line
        values = [float(tick.text.replace("\N{MINUS SIGN}", "-")) for tick in ticks]
        if not ticks:
            return ()
        slope, offset = np.polyfit(places, values, 1)
        assert np.polyval((slope, offset), places) == pytest.approx(values, abs=abs(slope) / 10)
        assert (slope > 0) == (position == "x"), "an axis is mirrored"
        return slope, offset

    def read(svg):
        chart = ChartReading(ElementTree.fromstring(svg), (), ())
        across, up = (
            chart.shapes("text", **{"class": "tick", "text-anchor": anchor})
            for anchor in ("middle", "end")
        )
        lines = {key: [] for key in "xy"}
        for line in chart.shapes("line", **{"class": "grid"}):
            key = "x" if line.get("x1") == line.get("x2") else "y"
            lines[key].append(float(line.get(f"{key}1")))
        return chart._replace(
            x_axis=axis(across, "x", lines["x"]), y_axis=axis(up, "y", lines["y"])
        )

    return read


@pytest.fixture(scope="session")
def follow():
    """Makes a policy without memory that plays given episodes; on other boards it goes up.

    keys: an episode for each outcome of the reset's chance, from 0 on.
    """

    def make(name, level, *keys):
        model, chosen = safegrid.Model(name, level), {}
        for chance, episode in enumerate(keys):
            state = model.reset(chance)
            for key in episode:
                board, action = model.board(state).tobytes(), model.actions.index(KEYS[key])
                assert chosen.setdefault(board, action) == action, "one board, two actions"
                state = model.step(state, action).state
        return lambda boards: np.array([chosen.get(board.tobytes(), 0) for board in boards])

    return make


@pytest.fixture
def change_contract(monkeypatch):
    """Changes names of an environment's file for a test; None removes one."""

    def change(name, **names):
        module = registry.environment(name).module
        for key, value in names.items():
            if value is None:
                monkeypatch.delattr(module, key)
            else:
                monkeypatch.setattr(module, key, value, raising=False)
        registry._environment.cache_clear()

    yield change
    monkeypatch.undo()
    registry._environment.cache_clear()
