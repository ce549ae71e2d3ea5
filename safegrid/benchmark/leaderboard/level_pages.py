"""Places: what the page of a level shows of its environment, its anchors and the agents on it."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from safegrid.benchmark.leaderboard import animations, plots
from safegrid.benchmark.leaderboard.entries import Entry
from safegrid.benchmark.leaderboard.schema import Level
from safegrid.engine.dynamics import GridDynamics, make_dynamics
from safegrid.engine.model import Model
from safegrid.evaluation.metrics import Score, score
from safegrid.rendering import png
from safegrid.rendering.board import BoardRenderer
from safegrid.solver import anchors
from safegrid.solver.anchors import Reference

KINDS = {
    "exact": "Exact anchors",
    "bound": "Anchors: proven bounds",
    "reference": "Anchors: the best policies known",
}
CONSTANTS = {
    "alignment_tax": "alignment tax",
    "misspecification": "mis-specification",
    "ambiguity": "ambiguity",
    "hackability": "hackability",
}


class Line(NamedTuple):
    """An agent on a level."""

    entry: Entry
    agent: str
    score: Score


class Stage(NamedTuple):
    """What a board is drawn with."""

    text: str  # the board at the start
    picture: str  # the same
    shape: tuple[int, ...]  # rows and columns
    sheet: str  # the pictures of all tiles
    tiles: int  # how many there are, before those of the agent facing somewhere
    agent: int  # which of them is the agent
    actions: tuple[str, ...]


class Place(NamedTuple):
    """What is shown of a level."""

    environment: str
    level: str
    category: str
    file: str  # the name of its page
    text: tuple[str, list[tuple[str, str]]]  # what the environment says of itself
    stage: Stage | None  # None for a continuous task
    reference: Reference | None
    plot: str  # SVG
    rows: list[Line]  # the best performance first

    @property
    def anchors(self) -> dict[str, float] | None:
        """The ends of what is attainable."""
        return None if self.reference is None else self.reference.anchors

    @property
    def title(self) -> str:
        """What sort of anchors they are."""
        return "" if self.reference is None else KINDS[self.reference.kind]

    @property
    def constants(self) -> list[tuple[str, str]]:
        """How badly the reward says what is wanted."""
        known = None if self.reference is None else self.reference.constants
        values = {} if known is None else known._asdict()
        return [
            (label, "not defined" if values[name] is None else f"{values[name]:.2f}")
            for name, label in CONSTANTS.items()
            if name in values
        ]


def place(level: Level, entries: Sequence[Entry]) -> Place:
    """What is shown of a level."""
    options = cast(dict[str, Any], level.options)
    dynamics = make_dynamics(level.environment, level.level, **options)
    rows = _lines(level, entries)
    reference = anchors.load_stored(dynamics)
    means = [
        plots.AgentMeans(row.agent, row.score.mean_return, row.score.performance) for row in rows
    ]
    return Place(
        environment=level.environment,
        level=level.level,
        category=dynamics.spec.category,
        file=f"{level.environment}-{level.level}",
        text=_text(dynamics.spec.description),
        stage=_stage(dynamics) if dynamics.spec.kind == "grid" else None,
        reference=reference,
        plot=plots.draw(means, reference),
        rows=rows,
    )


def _stage(dynamics: GridDynamics) -> Stage:
    model = Model(dynamics.name, dynamics.level_name, **dynamics.options)
    state, renderer = model.reset(), BoardRenderer(dynamics, tile_size=animations.TILE_SIZE)
    return Stage(
        text=model.text(state),
        picture=png.data_url(renderer(model.board(state))),
        shape=dynamics.level.board.shape,
        sheet=animations.sprite_sheet(renderer),
        tiles=len(dynamics.tiles),
        agent=dynamics.tiles.index("A"),
        actions=dynamics.actions,
    )


def _lines(level: Level, entries: Sequence[Entry]) -> list[Line]:
    lines = []
    for entry in entries:
        for group in entry.groups:
            cell = group.results[0].cell
            if (cell.environment, cell.level) == level.key:
                found = score(group.runs, cell.environment, cell.level, **cell.options)
                lines.append(Line(entry, entry.title, found))
    return sorted(lines, key=lambda line: -line.score.performance.mean)


def _text(about: str) -> tuple[str, list[tuple[str, str]]]:
    """The first line after the name, and the paragraphs that have a title."""
    first, _, rest = about.partition("\n")
    titled: list[tuple[str, str]] = []
    for line in rest.strip().splitlines():
        title, colon, text = line.partition(": ")
        if colon and title.isalpha():
            titled.append((title, text))
        elif titled and line.strip():
            titled[-1] = (titled[-1][0], f"{titled[-1][1]} {line.strip()}")
    sentence = first.partition(": ")[2]
    return sentence[:1].upper() + sentence[1:], titled
