"""Static site: opens from a file, makes no requests, and can be read without scripts."""

import json
import os
import shlex
import tempfile
from collections.abc import Sequence
from importlib import metadata, resources
from pathlib import Path
from typing import Any, NamedTuple

from safegrid.benchmark import policy_files
from safegrid.benchmark.grouping import LevelKey
from safegrid.benchmark.leaderboard import (
    animations,
    database,
    keys,
    level_pages,
    secret_seeds,
    verdicts,
)
from safegrid.benchmark.leaderboard.entries import LeaderboardEntry, Refusal, divide, entries
from safegrid.benchmark.leaderboard.schema import (
    RUNS,
    BoardSuite,
    canonical,
    content,
    digests,
    member,
    read_suite,
)
from safegrid.benchmark.leaderboard.verdicts import Verdict
from safegrid.benchmark.leaderboard.verification import submissions
from safegrid.benchmark.report import level_reports, plain, safetywashing_by_category
from safegrid.benchmark.sections import sections
from safegrid.benchmark.standings import TERMS, ResultTable, Standing
from safegrid.evaluation.intervals import Interval

SHADES = 8  # steps between the worst and the best colour of the map
EVIDENCE = ("submission.json", RUNS)


class RankingRow(NamedTuple):
    """One agent in the ranking."""

    entry: LeaderboardEntry
    standing: Standing  # over the levels with exact values
    sampled: Standing | None  # over the others; None where there are none
    trained: int  # training steps of a run, the most on any level

    @property
    def is_ranked(self) -> bool:
        """Whether it has a rank on the levels of either kind."""
        return any(each is not None and each.rank for each in (self.standing, self.sampled))


def build(board: Path, out: Path) -> list[Refusal]:
    """Writes the site of a board's submissions to a folder; returns the submissions left out.

    The site is made beside the folder and then takes its place. ValueError where the board has no
    valid suite.json, where its season.json is invalid, and where the folder has something that is
    not a site.
    """
    if out.exists() and any(out.iterdir()) and not (out / "index.sqlite").is_file():
        raise ValueError(f"{out} is not a site of SafeGrid: give a new or an empty folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".site-", dir=out.parent) as aside:
        made = Path(aside) / "new"
        refused = _write(board, made)
        if out.exists():
            os.rename(out, Path(aside) / "old")
        os.rename(made, out)
    return refused


def _write(board: Path, out: Path) -> list[Refusal]:
    """Writes the site to a new folder."""
    folders, suite, seasons = submissions(board), read_suite(board), secret_seeds.read(board)
    shown, refused = entries(board, folders)
    groups = [group for entry in shown for group in entry.groups]
    table = ResultTable(groups, range(suite.runs))
    levels, sampled = divide(groups)
    rows = _rows(table.standings(levels), table.standings(sampled) if sampled else [], shown)
    pages, absent = level_pages.level_pages(suite.levels, shown)
    refused += absent
    by_category = table.by_category()
    reports = level_reports(table)
    washed = safetywashing_by_category(table, by_category)
    context: dict[str, Any] = {
        "suite": suite,
        "version": metadata.version("safegrid-rl"),
        "levels": verdicts.LEVELS,
        "exact_count": len(levels),
        "sampled_count": len(sampled),
        "sampled_ranks": any(row.sampled and row.sampled.rank for row in rows),
        "kinds": sorted({entry.submission.card.kind for entry in shown}),
        "ranked": [row for row in rows if row.is_ranked],
        "unranked": [row for row in rows if not row.is_ranked],
        "categories": list(by_category),
        "measured": table.measured(),
        "by_category": {
            category: {standing.agent: standing for standing in standings}
            for category, standings in by_category.items()
        },
        "sections": sections(reports, washed),
        "level_pages": pages,
        "refused": refused,
        "terms": TERMS,
        "shade": shade,
        "solved": level_pages.SOLVED,
        "capable": level_pages.CAPABLE,
        "seasons": seasons,
        "season": lambda verdict: season(verdict, seasons),
        "dots": dots,
    }
    texts = {"index.html": _render("index.html", "", context)}
    for page in pages:
        own = [each for each in reports if _is_of(each.key, page)]
        more = {"page": page, "page_sections": sections(own, None)}
        text = _render("environment.html", "../", {**context, **more})
        texts[f"environments/{page.file}.html"] = text
    for entry in shown:
        about = {**context, "commands": commands(entry, suite, board)}
        texts[f"agents/{entry.folder.name}.html"] = _agent_page(entry, pages, about)
    for name in ("style.css", "script.js"):
        texts[name] = _template(name)
    references = {f"{page.environment}/{page.level}": page.reference for page in pages}
    texts["anchors.json"] = json.dumps(plain(references), indent=1) + "\n"
    for name, text in texts.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, encoding="utf-8")
    for name in ("suite.json", keys.VERIFIERS):
        if (board / name).exists():
            (out / name).write_bytes(content(board / name))
    database.write(f"sqlite:///{out / 'index.sqlite'}", board, alone=True)
    for entry in shown:
        _copy_evidence(entry, board, out)
        for page in pages:
            if page.board and any(row.entry is entry for row in page.rows):
                path = out / "animations" / entry.folder.name / f"{page.file}.js"
                animations.write(entry, page.environment, page.level, path)
    return refused


def _is_of(key: LevelKey, page: level_pages.LevelPage) -> bool:
    return key.environment == page.environment and key.level.split()[0] == page.level


def shade(value: float, metric: str) -> str:
    """The CSS class for a score in [-1, 1]: h0 the worst, h4 neutral, h8 the best."""
    good = -value if metric == "capability_safety_gap" else value
    return f"h{round(SHADES / 2 * (1 + max(-1.0, min(1.0, good))))}"


def season(verdict: Verdict, seasons: Sequence[secret_seeds.Season]) -> str:
    """The season whose secret a verdict's level 4 was checked with; empty where it was not."""
    if verdict.season is None:
        return ""
    number = secret_seeds.number(seasons, verdict.season)
    return f"season {number}" if number else f"unknown season {verdict.season[:12]}"


def dots(value: Interval) -> list[int]:
    """The distinct positions of the runs on a bar that goes from -50 to 50, in ascending order."""
    runs = [run for stratum in value.runs for run in stratum]
    return sorted({round(50 * max(-1.0, min(1.0, run))) for run in runs})


def _rows(
    standings: Sequence[Standing], sampled: Sequence[Standing], shown: Sequence[LeaderboardEntry]
) -> list[RankingRow]:
    named, others = {entry.title: entry for entry in shown}, {each.agent: each for each in sampled}
    return [
        RankingRow(
            named[each.agent],
            each,
            others.get(each.agent),
            max(row.trained for row in named[each.agent].rows),
        )
        for each in standings
    ]


def _agent_page(
    entry: LeaderboardEntry, pages: Sequence[level_pages.LevelPage], context: dict[str, Any]
) -> str:
    rows = [(page, row) for page in pages for row in page.rows if row.entry is entry]
    own = {"entry": entry, "rows": rows, "files": _files(entry)}
    return _render("agent.html", "../", {**context, **own})


def commands(entry: LeaderboardEntry, suite: BoardSuite, board: Path) -> list[str]:
    """Commands of a shell that train and evaluate the first run of an entry and verify it again.

    entry; suite: of the board; board: its folder, in the folder in which the commands are given.
    """
    first, card = entry.rows[0], entry.submission.card
    level = next(each for each in suite.levels if each.key == first.key[:2])
    policy = policy_files.default_path(card.agent, *first.key).as_posix()
    train = ["train", card.agent, level.environment, "--level", level.level, "--device", "cpu"]
    train += ["--steps", str(first.trained), "--seed", str(first.run)]
    for option, values in (("--option", level.options), ("--set", first.settings)):
        for name, value in values.items():
            train += [option, f"{name}={json.dumps(value)}"]
    evaluate = ["evaluate", policy, "--episodes", str(suite.episodes), "--seed", str(first.run)]
    place = Path(board.name) if board.is_absolute() else board
    verify = ["leaderboard", "verify", (place / entry.folder.name).as_posix()]
    verify += ["--board", place.as_posix()]
    return [shlex.join(["safegrid", *each]) for each in (train, evaluate, verify)]


def _files(entry: LeaderboardEntry) -> list[str]:
    """The files that can be downloaded: all except the policies, which are large."""
    return [*EVIDENCE, *(row.replay for row in entry.rows)]


def _copy_evidence(entry: LeaderboardEntry, board: Path, out: Path) -> None:
    """Writes an entry's verdict and the files that can be downloaded, as they were checked."""
    verdict, listed = verdicts.path(Path(), entry.folder.name), digests(entry.submission)
    _copy(out / verdict, content(board / verdict, verdicts.LARGEST))
    for name in _files(entry):
        is_listed = name in listed  # submission.json is not
        found = member(entry.folder, name, listed) if is_listed else canonical(entry.submission)
        _copy(out / "submissions" / entry.folder.name / name, found)


def _copy(path: Path, found: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(found)


def templates() -> Any:
    """The Jinja environment of the pages."""
    import jinja2

    return jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(_template),
    )


def _render(name: str, root: str, context: dict[str, Any]) -> str:
    """The text of a page from a template; `root` is the path from the page to the site's root."""
    return str(templates().get_template(name).render(root=root, **context))


def _template(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")
