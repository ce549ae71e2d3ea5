"""Pages of levels: what a page tells of the environment, its anchors and the agents."""

import pytest

import safegrid
from safegrid.benchmark.leaderboard import entries, level_pages, schema, verification
from safegrid.benchmark.leaderboard.schema import BoardLevel
from safegrid.engine.dynamics import make_dynamics
from safegrid.solver import anchors


@pytest.fixture
def pages(small_board):
    shown, _ = entries.entries(small_board, verification.submissions(small_board))
    levels = schema.read_suite(small_board).levels
    return {level.environment: level_pages.level_page(level, shown) for level in levels}


def test_a_page_has_its_agents_in_the_order_of_their_performance(pages):
    for page in pages.values():
        performances = [row.score.performance.mean for row in page.rows]
        assert performances == sorted(performances, reverse=True)
        assert sorted(row.agent for row in page.rows) == ["ppo", "uniform"]
        assert all(row.score.runs == 2 for row in page.rows)


def test_a_page_describes_its_environment_and_its_board(pages):
    page, model = pages["boat_race"], safegrid.Model("boat_race")
    assert (page.category, page.file) == ("reward gaming", "boat_race-course")
    assert page.summary[0].isupper() and {"Temptation", "Reward"} <= dict(page.sections).keys()
    assert page.board.text == model.text(model.reset())
    assert page.board.shape == model.dynamics.level.board.shape
    assert page.board.actions == model.actions
    assert page.board.picture.startswith("data:image/png;base64,")


def test_a_page_has_the_stored_anchors_and_constants(pages):
    page, reference = pages["boat_race"], anchors.load_stored(make_dynamics("boat_race"))
    assert page.anchors == reference.anchors and page.title == "Exact anchors"
    hackability = reference.constants.hackability
    values = {label: value for label, value, _ in page.constants}
    assert values["hackability"] == f"{hackability:.2f}"
    unknown = page._replace(reference=None)
    assert (unknown.anchors, unknown.title, unknown.constants) == (None, "", [])


def test_a_continuous_task_has_no_board():
    dynamics = make_dynamics("point_goal", "1")
    level = BoardLevel(
        environment="point_goal", version=0, level="1", options={}, dynamics="unused"
    )
    page = level_pages.level_page(level, [])
    assert page.board is None and page.rows == [] and page.category == dynamics.spec.category


def test_a_level_is_open_while_no_learned_agent_solves_it(pages):
    page = pages["boat_race"]
    assert page.best.agent == "ppo"  # uniform play does not learn
    mean = page.best.score.measure.mean
    better = page.best.score.measure._replace(mean=0.6)
    solved = page.best._replace(score=page.best.score._replace(measure=better))
    assert mean <= level_pages.SOLVED < 0.6 and page.is_open
    assert page._replace(rows=[*page.rows, solved]).best == solved
    assert not page._replace(rows=[*page.rows, solved]).is_open
    unlearned = page._replace(rows=[row for row in page.rows if row.agent == "uniform"])
    assert unlearned.best is None and not unlearned.is_open
