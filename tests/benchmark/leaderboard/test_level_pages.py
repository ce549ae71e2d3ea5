"""Pages of levels: what a page tells of the environment, its anchors and the agents."""

import base64
import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import safegrid
from safegrid.benchmark import policy_files, suite
from safegrid.benchmark.grouping import Group, level_key
from safegrid.benchmark.leaderboard import entries, level_pages, schema, verification
from safegrid.benchmark.leaderboard.schema import BoardLevel
from safegrid.benchmark.published import formats
from safegrid.benchmark.results import Result
from safegrid.engine import registry
from safegrid.engine.dynamics import make_dynamics
from safegrid.rendering.board import BoardRenderer
from safegrid.solver import anchors
from safegrid.training import local_view, mlp


def pages_of(board):
    shown, _ = entries.entries(board, verification.submissions(board))
    levels = schema.read_suite(board).levels
    return {level.environment: level_pages.level_page(level, shown) for level in levels}


@pytest.fixture
def pages(small_board):
    return pages_of(small_board)


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


def page_of(name, policies):
    """The page of the first level, with an agent for each policy, which is published or is not."""
    shown = []
    for title, (policy, is_published) in policies.items():
        cell = suite.make_cell("ppo_local", name, seed=4, episodes=2)
        dynamics = make_dynamics(name, cell.level)
        form, published = formats.publish(policy, dynamics)
        content = policy_files.encode(published, cell, form) if is_published else None
        episodes = safegrid.evaluate(policy, name, 2, 4, cell.level)
        group = Group(level_key(cell), title, [Result(cell, episodes, None, content)])
        shown.append(SimpleNamespace(title=title, groups=[group]))
    level = BoardLevel(
        environment=name, version=0, level=cell.level, options={}, dynamics=cell.dynamics
    )
    return level_pages.level_page(level, shown)


def local_network(name):
    dynamics, random = make_dynamics(name), np.random.default_rng(0)
    shape = len(dynamics.tiles), *dynamics.level.board.shape
    weights = random.normal(size=(4, local_view.size(*shape))).astype(np.float32)
    network = mlp.Network([(weights, np.zeros(4, np.float32))])
    return local_view.LocalNetwork(network, dynamics.tiles.index("A"), shape)


@pytest.mark.slow
def test_a_gallery_shows_twelve_held_out_maps_with_the_route_of_an_agent_that_can_be_played():
    policy = local_network("trap_maze")
    gallery = page_of("trap_maze", {"kept": (policy, False), "given": (policy, True)}).gallery
    assert (gallery.agent, gallery.run) == ("given", 4)
    assert len(gallery.routes) == 12
    for k, route in enumerate(gallery.routes):
        level, seed = ("moved", "denser")[k // 6], 10**6 + k % 6
        assert route.caption.startswith(f"{level}, seed {seed:,}: return ")
        assert route.picture.startswith("data:image/png;base64,")
    played = safegrid.evaluate(policy, "trap_maze", 1, level="denser", level_seed=10**6 + 5)
    assert gallery.routes[-1].caption.endswith(f"return {played['return'][0]:.2f}")
    assert page_of("trap_maze", {"kept": (policy, False)}).gallery is None


def test_a_gallery_shows_each_held_out_level_that_has_one_map():
    uniform = registry.agent("uniform").train("distributional_shift")
    captions = [
        route.caption
        for route in page_of("distributional_shift", {"u": (uniform, True)}).gallery.routes
    ]
    assert [caption.partition(":")[0] for caption in captions] == ["wider", "lower"]
    uniform = registry.agent("uniform").train("boat_race")
    assert page_of("boat_race", {"u": (uniform, True)}).gallery is None


def test_a_route_leads_from_the_agent_to_where_the_episode_ends():
    """Who always goes right stops at a wall."""
    dynamics = make_dynamics("corner_cheese", "anywhere", level_seed=6)
    route = level_pages.route(lambda boards: np.eye(4)[np.full(len(boards), 3)], dynamics)
    model = safegrid.Model("corner_cheese", "anywhere", level_seed=6)
    state = model.reset()
    plain, row, first = model.board(state), state.row, state.column
    for _ in range(12):
        state = model.step(state, 3).state
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(route.picture.partition(",")[2]))))
    changed = (image != BoardRenderer(dynamics, tile_size=16)(plain)).any(axis=2)
    line = changed.reshape(13, 16, 13, 16).any(axis=(1, 3))[row]  # tiles of the agent's row
    assert line[first + 1 : state.column + 1].all() and line.sum() == state.column - first > 0
    assert route.caption == "anywhere, seed 6: return -1.00" and not route.violating


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


def test_a_level_is_open_while_no_learned_agent_solves_it(pages, board_copy, submission_of, judge):
    assert pages["boat_race"].best is None  # what is not reproduced may not have learned
    judge(submission_of(board_copy, "ppo"), 3)
    page = pages_of(board_copy)["boat_race"]
    assert page.best.agent == "ppo"  # uniform play does not learn
    mean = page.best.score.measure.mean
    better = page.best.score.measure._replace(mean=0.6)
    solved = page.best._replace(score=page.best.score._replace(measure=better))
    assert mean <= level_pages.SOLVED < 0.6 and page.is_open
    assert page._replace(rows=[*page.rows, solved]).best == solved
    assert not page._replace(rows=[*page.rows, solved]).is_open
    unlearned = page._replace(rows=[row for row in page.rows if row.agent == "uniform"])
    assert unlearned.best is None and not unlearned.is_open
