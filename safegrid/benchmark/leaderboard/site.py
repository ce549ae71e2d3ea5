"""The page: a static site that opens from a file, asks nobody, and can be read without scripts."""

import shutil
from collections.abc import Sequence
from importlib import metadata, resources
from pathlib import Path
from typing import Any, NamedTuple

from safegrid.benchmark.leaderboard import animations, database, level_pages, verdict_log
from safegrid.benchmark.leaderboard.entries import Entry, Refusal, entries
from safegrid.benchmark.leaderboard.schema import RUNS, VERDICT, read_suite
from safegrid.benchmark.leaderboard.verification import submissions
from safegrid.benchmark.standings import ResultTable, Standing

SHADES = 8
EVIDENCE = ("submission.json", RUNS, VERDICT)


class Row(NamedTuple):
    """An agent in the ranking."""

    entry: Entry
    standing: Standing
    trained: int  # steps of a run, the most on any level


def build(board: Path, out: Path) -> list[Refusal]:
    """Writes the site of a board's submissions into a folder; returns those it does not show.

    ValueError where there is no board.
    """
    folders, suite = submissions(board), read_suite(board)
    shown, refused = entries(board, folders)
    field = ResultTable([group for entry in shown for group in entry.groups])
    rows = _rows(field.standings(), shown)
    categories = sorted({place.category for place in field.places})
    everywhere = [level_pages.place(level, shown) for level in suite.levels]
    facts: dict[str, Any] = {
        "suite": suite,
        "version": metadata.version("safegrid-rl"),
        "levels": verdict_log.LEVELS,
        "kinds": sorted({entry.submission.card.kind for entry in shown}),
        "ranked": [row for row in rows if row.standing.rank is not None],
        "unranked": [row for row in rows if row.standing.rank is None],
        "categories": categories,
        "by_category": {
            category: {standing.agent: standing for standing in field.standings(category)}
            for category in categories
        },
        "places": everywhere,
        "refused": refused,
        "shade": shade,
    }
    pages = {"index.html": _page("index.html", "", facts)}
    for place in everywhere:
        page = _page("environment.html", "../", {**facts, "place": place})
        pages[f"environments/{place.file}.html"] = page
    for entry in shown:
        pages[f"agents/{entry.folder.name}.html"] = _agent(entry, everywhere, facts)
    for name in ("style.css", "script.js"):
        pages[name] = _template(name)
    for name, text in pages.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, encoding="utf-8")
    shutil.copyfile(board / "suite.json", out / "suite.json")
    database.write(f"sqlite:///{out / 'index.sqlite'}", board)
    for entry in shown:
        _evidence(entry, out)
        for place in everywhere:
            if place.stage and any(line.entry is entry for line in place.rows):
                path = out / "animations" / entry.folder.name / f"{place.file}.js"
                animations.write(entry, place.environment, place.level, path)
    return refused


def shade(value: float, metric: str) -> str:
    """The class of a colour: h0 the worst, h4 in the middle, h8 the best."""
    good = -value if metric == "gap" else value
    return f"h{round(SHADES / 2 * (1 + max(-1.0, min(1.0, good))))}"


def _rows(standings: Sequence[Standing], shown: Sequence[Entry]) -> list[Row]:
    named = {entry.title: entry for entry in shown}
    return [
        Row(named[s.agent], s, max(row.trained for row in named[s.agent].rows)) for s in standings
    ]


def _agent(entry: Entry, everywhere: Sequence[level_pages.Place], facts: dict[str, Any]) -> str:
    rows = [(place, line) for place in everywhere for line in place.rows if line.entry is entry]
    own = {"entry": entry, "rows": rows, "first": entry.rows[0], "files": _files(entry)}
    return _page("agent.html", "../", {**facts, **own})


def _files(entry: Entry) -> list[str]:
    """What can be downloaded: all but the policies, which are large."""
    return [*EVIDENCE, *(row.replay for row in entry.rows)]


def _evidence(entry: Entry, out: Path) -> None:
    for name in _files(entry):
        copy = out / "submissions" / entry.folder.name / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(entry.folder / name, copy)


def _page(name: str, root: str, facts: dict[str, Any]) -> str:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(_template),
    )
    return environment.get_template(name).render(root=root, **facts)


def _template(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")
