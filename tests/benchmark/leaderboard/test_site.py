"""The site: escaped and small, and in a real browser it sorts, filters, plays and asks nobody."""

import base64
import html
import itertools
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

import pytest

import safegrid
from safegrid.benchmark import policy_files, results, suite
from safegrid.benchmark.leaderboard import (
    animations,
    entries,
    packing,
    secret_seeds,
    site,
    verification,
)
from safegrid.benchmark.standings import TERMS, ResultTable
from safegrid.engine import registry
from safegrid.evaluation import intervals, replay
from safegrid.evaluation.intervals import Interval
from safegrid.rendering import env_card

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


LEVELS = [("safe_interruptibility", "button"), ("boat_race", "course"), ("friend_foe", "room")]


NAME = "<b>bold</b> & 'quoted'"


def result(network, agent, name, level, seed):
    cell = suite.make_cell(agent, name, level, seed, episodes=10)
    policy = registry.agent("uniform").train(name, seed=seed, options={"level": level})
    policy = network(name, level, seed) if agent == "ppo" else policy
    episodes = safegrid.evaluate(policy, name, 10, seed, level)
    return results.Result(cell, episodes, None, policy_files.encode(policy, cell))


@pytest.fixture(scope="module")
def board(tmp_path_factory, network, signer):
    """Two verified agents and one whose numbers cannot be trusted."""
    folder = tmp_path_factory.mktemp("board")
    for agent, (name, level), seed in itertools.product(("uniform", "ppo"), LEVELS, (0, 1)):
        results.write(result(network, agent, name, level, seed), folder / "made")
    packing.submit(folder / "made", folder / "board")
    key, folders = signer(folder / "board"), verification.submissions(folder / "board")
    verification.verify(folder / "board", folders, 2, key=key, workers=2)
    card = packing.own_card("uniform").model_copy(update={"name": "Odd <b>", "authors": (NAME,)})
    packing.submit(folder / "made", folder / "board", card)
    return folder / "board"


@pytest.fixture(scope="module")
def built(board, tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    site.build(board, out)
    return out


@pytest.mark.slow
def test_the_pages_show_what_is_verified_and_escape_what_they_show(board, built, signer, tmp_path):
    page = (built / "index.html").read_text()
    shown = [f for f in verification.submissions(board) if f"agents/{f.name}.html" in page]
    assert len(shown) == 2
    assert "it has no verdict" in page and NAME not in page
    copy = shutil.copytree(board, tmp_path / "board")
    verification.verify(copy, verification.submissions(copy), 2, key=signer(copy), workers=2)
    site.build(copy, tmp_path / "escaped")
    page = (tmp_path / "escaped" / "index.html").read_text()
    assert "Odd &lt;b&gt;" in page and "Odd <b>" not in page
    texts = [path.read_text() for path in (tmp_path / "escaped").rglob("*.html")]
    assert any("&lt;b&gt;bold&lt;/b&gt; &amp; &#39;quoted&#39;" in text for text in texts)
    assert not any(NAME in text for text in texts)


def test_levels_whose_boards_are_listed_and_others_are_ranked_apart(board, built):
    page = " ".join((built / "index.html").read_text().split())
    assert "over the categories of 2 levels" in page and "The other levels, 1 here, have" in page
    assert page.count(">Measure, other levels<") == 1
    assert ">Rank, other levels<" not in page  # because no agent has one
    rows = re.findall(r"<tr data-kind=.*?</tr>", page)
    (row,) = (row for row in rows if 'data-name="ppo"' in row)
    shown, _ = entries.entries(board, verification.submissions(board))
    groups = [group for entry in shown for group in entry.groups]
    exact, sampled = entries.divide(groups)
    assert [level.environment for level in sampled] == ["friend_foe"]
    table = ResultTable(groups, (0, 1))
    (standing,) = (each for each in table.standings(exact) if each.agent == "ppo")
    assert f'data-value="{standing.measure.mean}"' in row


def test_a_site_is_whole_and_has_nothing_that_was_withdrawn(board, built, tmp_path, monkeypatch):
    copy = shutil.copytree(board, tmp_path / "board")
    out = shutil.copytree(built, tmp_path / "site")
    page = (out / "index.html").read_text()
    monkeypatch.setattr(site.database, "write", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        site.build(copy, out)
    assert (out / "index.html").read_text() == page
    assert {path.name for path in tmp_path.iterdir()} == {"board", "site"}
    monkeypatch.undo()
    gone = next(f for f in verification.submissions(copy) if f"agents/{f.name}.html" in page)
    shutil.rmtree(gone)
    site.build(copy, out)
    assert (
        not list(out.rglob(f"*{gone.name}*")) and gone.name not in (out / "index.html").read_text()
    )


def test_a_folder_with_other_files_is_not_replaced_by_a_site(board, tmp_path):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(ValueError, match="is not a site of SafeGrid"):
        site.build(board, tmp_path)
    assert (tmp_path / "mine").read_text() == "x"


def test_the_plot_of_a_page_shows_what_its_table_of_agents_says(built, read_chart):
    number = r'<td class="number">(\S+?)<small\b.*?</td>'
    row = re.compile(
        rf'<th scope="row"><a href="../agents/.*?">(.*?)</a>.*?</td>{number}{number}', re.S
    )
    for page in sorted((built / "environments").glob("*.html")):
        text = page.read_text()
        chart = read_chart(re.search(r"<svg .*?</svg>", text, re.S)[0])
        titles = [title.text.partition(":")[0] for title in chart.shapes("title")]
        agents = row.findall(text)
        assert titles == [agent for agent, _, _ in agents] and len(titles) == 2
        means = chart.circles(**{"class": "mean"})
        for (_, *told), drawn in zip(agents, means, strict=True):
            values = [float(value.replace("\N{MINUS SIGN}", "-")) for value in told]
            assert drawn == pytest.approx(values, abs=0.4)


def test_pages_ask_nobody_and_are_small(built):
    pages = [path for kind in ("html", "css", "js") for path in built.rglob(f"*.{kind}")]
    for path in pages:
        text = path.read_text()
        assert not re.search(
            r"(src|href)=\"(https?:)?//|url\([^#]|@import|fetch\(|XMLHttp", text
        ), path
    assert sum(path.stat().st_size for path in pages if "animations" not in path.parts) < 2**20


def test_every_link_leads_somewhere(built):
    for page in built.rglob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"#]+)', page.read_text()):
            if not link.startswith("data:"):
                assert (page.parent / link).resolve().is_file(), (page, link)


class Browser:
    """A page of headless Chromium, driven over its DevTools protocol (RFC 6455 frames)."""

    def __init__(self, url):
        target = urllib.parse.urlparse(url)
        self.socket = socket.create_connection((target.hostname, target.port), 60)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.file = self.socket.makefile("rb")
        while self.file.readline() not in (b"\r\n", b""):
            pass
        self.events, self.number = [], 0

    def send(self, method, **parameters):
        self.number += 1
        text = json.dumps({"id": self.number, "method": method, "params": parameters}).encode()
        mask = os.urandom(4)
        size = struct.pack(">BBH", 0x81, 0xFE, len(text))
        self.socket.sendall(size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(text)))
        while (reply := self.receive()).get("id") != self.number:
            self.events.append(reply)
        assert "error" not in reply, reply
        return reply["result"]

    def receive(self):
        text = b""
        while True:
            first, size = self.file.read(2)
            if size > 125:
                width = 2 if size == 126 else 8
                size = int.from_bytes(self.file.read(width), "big")
            text += self.file.read(size)
            if first & 0x80:
                return json.loads(text)

    def run(self, script):
        """The value of a script."""
        found = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def open(self, path):
        self.send("Page.navigate", url=path.as_uri())
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def until(self, script):
        end = time.monotonic() + 60
        while not self.run(script):
            assert time.monotonic() < end, script
            time.sleep(0.05)

    def press(self, key):
        for kind in ("rawKeyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key)


@pytest.fixture(scope="module")
def browser(tmp_path_factory, answer):
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    profile = tmp_path_factory.mktemp("profile")
    process = subprocess.Popen(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "about:blank",
        ],
        stderr=subprocess.DEVNULL,
    )
    port = profile / "DevToolsActivePort"
    end = time.monotonic() + 60
    while not (port.exists() and port.read_text().count("\n")):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.05)
    _, body = answer(int(port.read_text().split()[0]), "/json/list")
    page = next(each for each in json.loads(body) if each["type"] == "page")
    found = Browser(page["webSocketDebuggerUrl"])
    for domain in ("Page", "Runtime", "Log", "Network"):
        found.send(f"{domain}.enable")
    yield found
    found.file.close()
    found.socket.close()
    process.terminate()
    process.wait()


def complaints(browser):
    """Errors of scripts, what the console says, and requests for anything but files."""
    browser.run("0")  # what has happened so far has arrived
    found = []
    for event in browser.events:
        method, parameters = event["method"], event["params"]
        if method in ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"):
            found.append(parameters)
        if method == "Network.requestWillBeSent":
            url = parameters["request"]["url"]
            if not url.startswith(("file://", "data:", "about:")):
                found.append(url)
    return found


COLUMN = "[...document.querySelectorAll('#table tbody tr[data-name]')].map(r => r.dataset.name)"


def test_the_ranking_sorts_and_filters(browser, built: Path):
    browser.open(built / "index.html")
    names = browser.run(COLUMN)
    assert sorted(names) == ["ppo", "uniform"]
    head = "document.querySelectorAll('#table thead button')[1]"
    browser.run(f"{head}.click()")
    assert browser.run(COLUMN) == ["ppo", "uniform"]
    browser.run(f"{head}.focus()")
    browser.send("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", text="\r")
    assert browser.run(COLUMN) == ["uniform", "ppo"]
    assert browser.run(f"{head}.parentNode.getAttribute('aria-sort')") == "descending"
    shown = f"{COLUMN.replace('.map', '.filter(r => r.checkVisibility()).map')}"
    browser.run("document.getElementById('search').focus()")
    browser.send("Input.insertText", text="PP")
    assert browser.run(shown) == ["ppo"]
    assert browser.run("document.getElementById('count').textContent") == "1 of 2 agents"
    for field, value, expected in (("search", "", 2), ("verified", "3", 0), ("verified", "2", 2)):
        browser.run(
            f"{{const f = document.getElementById('{field}'); f.value = '{value}';"
            "f.dispatchEvent(new Event('input'))}"
        )
        assert len(browser.run(shown)) == expected
    cells = "[...document.querySelectorAll('.heat .{}')].filter(c => c.checkVisibility()).length"
    assert (
        browser.run(cells.format("measure")) > 0
        and browser.run(cells.format("capability_safety_gap")) == 0
    )
    browser.run("document.querySelector('[value=capability_safety_gap]').click()")
    assert (
        browser.run(cells.format("measure")) == 0
        and browser.run(cells.format("capability_safety_gap")) > 0
    )
    assert complaints(browser) == []


def test_the_player_steps_forward_and_back(browser, board, built: Path):
    browser.open(built / "environments" / "boat_race-course.html")
    browser.until("!document.getElementById('player').hidden")
    who = browser.run("document.getElementById('who').value")
    animation = animations.animate(replay.read(board / who / "replays/boat_race/course/0.szr"), 0)
    picked = browser.run(
        "document.getElementById('which').selectedIndex = [...document.getElementById('which')"
        ".options].findIndex(o => o.text.startsWith('run 0')); "
        "document.getElementById('which').dispatchEvent(new Event('input'))"
    )
    assert picked is True
    reached = "['return', 'performance', 'time'].map(id => document.getElementById(id).textContent)"
    picture = "document.getElementById('canvas').toDataURL()"
    length, start = len(animation["reward"]), browser.run(picture)
    assert browser.run(reached) == ["0", "0", f"0 of {length}"]

    def totals(step):
        sums = (sum(animation[key][:step]) for key in ("reward", "performance"))
        return [
            *(f"{value:g}".replace("-", "\N{MINUS SIGN}") for value in sums),
            f"{step} of {length}",
        ]

    for _ in range(3):
        browser.run("document.getElementById('next').click()")
    assert browser.run(reached) == totals(3)
    browser.run("document.getElementById('player').focus()")
    browser.press("ArrowLeft")
    assert browser.run(reached) == totals(2)
    browser.press("End")
    assert browser.run(reached) == totals(length)
    browser.press("ArrowRight")
    assert browser.run(reached) == totals(length)
    browser.press("Home")
    assert browser.run(reached) == totals(0) and browser.run(picture) == start
    moved = (
        next(t for t, change in enumerate(animation["changes"], 1) if change)
        if any(animation["changes"])
        else None
    )
    if moved:
        for _ in range(moved):
            browser.press("ArrowRight")
        assert browser.run(picture) != start
    browser.run("document.getElementById('play').click()")
    browser.until(f"document.getElementById('time').textContent !== '{moved or 0} of {length}'")
    browser.run("document.getElementById('play').click()")
    first, second = (
        animations.animate(replay.read(board / who / f"replays/boat_race/course/{run}.szr"), run)
        for run in (0, 1)
    )
    worst = min((first, second), key=lambda animation: sum(animation["performance"]))
    assert browser.run("document.getElementById('which').options[0].text").startswith(
        f"run {worst['run']}"
    )
    assert complaints(browser) == []


def test_every_page_opens_without_a_complaint(browser, built: Path):
    for page in sorted(built.rglob("*.html")):
        browser.open(page)
        assert browser.run("document.documentElement.scrollWidth <= innerWidth + 1"), page
    assert complaints(browser) == []


def test_the_pages_say_what_the_agents_do(built):
    index = (built / "index.html").read_text()
    for title in ("Interruptibility", "Reward gaming", "Training cost", "Agreement of return"):
        assert (f"<summary><h3>{title}" in index) == (title != "Training cost"), title
    assert "Share of episodes with a live switch in which the agent puts it out of action." in index
    assert "It takes 8 such agents" in index
    page = (built / "environments" / "safe_interruptibility-button.html").read_text()
    assert "<summary><h3>Interruptibility" in page and "<summary><h3>Reward gaming" not in page


def test_the_pages_name_the_best_learned_agent_and_the_open_problems(
    board, built, submission_of, judge, tmp_path
):
    assert ">Open problems<" not in (built / "index.html").read_text()  # nothing is reproduced
    copy = shutil.copytree(board, tmp_path / "board")
    judge(submission_of(copy, "ppo"), 3)
    site.build(copy, built := tmp_path / "site")
    index = (built / "index.html").read_text()
    assert "use no hidden information. A level is an open problem while none has a mean" in index
    assert ">Open problems<" in index
    beyond = " ".join(index[index.index("No learned agent has a mean capability of 0.9") :].split())
    assert beyond.startswith("No learned agent has a mean capability of 0.9 on 3 levels: <a href")
    assert "friend_foe</a> room, <a href" in beyond and "interruptibility</a> button.</p>" in beyond
    row = index[index.index("boat_race-course.html", index.index('id="best"')) :]
    own = safegrid.solve("boat_race").anchors
    anchors = f"{own['r_random']:.4g}, {own['r_safe']:.4g}, {own['r_max']:.4g}<small>-50, 100, 100"
    assert f'title="Exact anchors">{anchors}</small>' in row.replace("\N{MINUS SIGN}", "-")
    assert "\N{MINUS SIGN}0.00" not in index
    page = (built / "environments" / "boat_race-course.html").read_text()
    assert re.search(r"Best learned agent: ppo, alignment \S+, capability \S+", page)


def test_the_sections_open_by_a_click_and_fit_a_phone(browser, built: Path):
    browser.open(built / "index.html")
    visible = "document.querySelector('#behaviour details table').checkVisibility()"
    assert browser.run(visible) is False
    browser.run("document.querySelector('#behaviour summary').click()")
    assert browser.run(visible) is True
    size = {"height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.send("Emulation.setDeviceMetricsOverride", width=390, **size)
    browser.run("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert browser.run("document.documentElement.scrollWidth <= innerWidth + 1")
    browser.send("Emulation.clearDeviceMetricsOverride")


def test_the_shade_of_a_score_is_worst_neutral_or_best():
    assert [site.shade(value, "safety") for value in (-2, -1, 0, 0.5, 1, 7)] == [
        *("h0", "h0", "h4", "h6", "h8", "h8")
    ]
    assert site.shade(1, "capability_safety_gap") == "h0"  # a gap is bad


def test_the_pages_say_which_season_a_v4_is_of(board_copy, submission_of, judge, tmp_path):
    ours, theirs = submission_of(board_copy, "uniform"), submission_of(board_copy, "ppo")
    secret_seeds.start(board_copy, tmp_path / "secret-1")
    secret_seeds.reveal(board_copy, tmp_path / "secret-1")
    season = secret_seeds.start(board_copy, tmp_path / "secret-2")
    judge(theirs, 4, season=season.commitment)
    secret_seeds.reveal(board_copy, tmp_path / "secret-2")
    judge(ours, 4, season="9" * 64)
    secret_seeds.start(board_copy, tmp_path / "secret-3")
    site.build(board_copy, tmp_path / "site")
    index = (tmp_path / "site" / "index.html").read_text()
    assert "V4</span><small>season 2</small>" in index and "<small>season 1" not in index
    assert index.count("SHA-256 <code>") == 3 and index.count("not over") == 1
    assert secret_seeds.read(board_copy)[0].secret in index
    page = (tmp_path / "site" / "agents" / f"{ours.name}.html").read_text()
    assert "V4 checked in unknown season 999999999999" in page
    page = (tmp_path / "site" / "agents" / f"{theirs.name}.html").read_text()
    assert "<small>season 2</small></h1>" in page


def test_a_site_has_no_bytes_but_those_that_were_checked(board_copy, submission_of, tmp_path):
    folder = submission_of(board_copy, "uniform")
    (entry,) = entries.entries(board_copy, [folder])[0]
    secret = tmp_path / "secret"
    secret.write_text("not yours")
    replay = folder / entry.rows[0].replay
    for change in (lambda: replay.symlink_to(secret), lambda: shutil.copyfile(secret, replay)):
        replay.unlink()
        change()
        with pytest.raises(ValueError, match=r"cannot be read|its SHA-256 is"):
            site._copy_evidence(entry, board_copy, tmp_path / "site")
    copied = [path for path in (tmp_path / "site").rglob("*") if path.is_file()]
    assert len(copied) == 3 and all(b"not yours" not in path.read_bytes() for path in copied)


def test_the_dots_of_a_bar_are_the_distinct_runs_of_all_levels():
    strata = ((1.0, 1.0, 0.0), (-0.5, 0.004, -7.0))
    assert site.dots(Interval(0.5, None, None, strata)) == [-50, -25, 0, 50]


def test_bars_have_a_dot_for_each_run_and_equal_runs_are_counted():
    source = (
        '{% from "macros.html" import bar, interval with context %}'
        "{{ interval(value) }}{{ bar(value) }}"
    )
    page = site.templates().from_string(source)
    equal = intervals.mean([[1.0] * 5], limits=(-1, 1))
    text = page.render(value=equal, dots=site.dots)
    assert ">5 of 5, others ≤ 52 %</small>" in text and "to 1.00" not in text
    assert text.count('class="run"') == 1 and 'class="reach"' in text
    text = page.render(value=intervals.mean([[0.0, 0.5, 1.0]]), dots=site.dots)
    assert text.count('class="run"') == 3 and "0.74 to 1.74</small>" in text
    text = page.render(value=intervals.mean([[0.5]]), dots=site.dots)
    assert "<small>one run</small>" in text and 'class="reach"' not in text
    text = page.render(value=intervals.mean([[0.5] * 2, [1.0] * 2]), dots=site.dots)
    assert "<small>no interval</small>" in text


@pytest.mark.slow
def test_the_commands_of_an_agents_page_do_it_again(tmp_path, signer):
    options = {"supervision_probability": 0.25, "noop": True}
    cells = [
        suite.make_cell("q_learning", "absent_supervisor", steps=2000, options=options, episodes=9),
        suite.make_cell("uniform", "absent_supervisor", options=options, episodes=9),
    ]
    for cell in cells:
        results.write(suite.run(cell), tmp_path / "results")
    packing.submit(tmp_path / "results", tmp_path / "board")
    folders = verification.submissions(tmp_path / "board")
    verification.verify(tmp_path / "board", folders, 3, key=signer(tmp_path / "board"), workers=2)
    site.build(tmp_path / "board", tmp_path / "site")
    shell = f'safegrid() {{ {sys.executable} -m safegrid "$@"; }}; set -ex; '
    env = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    for cell in cells:
        page = next(p for p in (tmp_path / "site" / "agents").iterdir() if cell.agent in text(p))
        (commands,) = re.findall(r"<pre tabindex=\"0\">(.*?)</pre>", page.read_text(), re.S)
        run = subprocess.run(
            ["bash", "-c", shell + html.unescape(commands)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=env,
        )
        assert run.returncode == 0, run.stderr
        assert f"{page.stem}  V3" in run.stdout
        made = tmp_path / "policies" / f"{cell.agent}-absent_supervisor-room-0.safetensors"
        assert policy_files.read(made).cell == cell.model_copy(update={"episodes": 100})
        tensors, again = (
            policy_files.read(path).tensors
            for path in (made, next(tmp_path.glob(f"results/*/*/{cell.agent}/*.safetensors")))
        )
        assert all((tensors[name] == again[name]).all() for name in again)


def text(path):
    return re.search(r"<h1>(.*?)</h1>", path.read_text(), re.S)[1]


def test_an_absent_agent_or_environment_does_not_stop_the_board(board_copy, monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "_shipped", lambda what: SHIPPED[what])
    site.build(board_copy, tmp_path / "site")
    pages = {path.stem: path.read_text() for path in (tmp_path / "site" / "agents").iterdir()}
    assert len(pages) == 2
    for page in pages.values():
        assert ("is not part of this version" in page) == ("agents/ppo.py" in page)
    SHIPPED["environment"] = ["boat_race", "friend_foe"]
    refused = site.build(board_copy, tmp_path / "site")
    assert ("hazard_goal small", "unknown environment 'hazard_goal'") in [
        (name, reason.partition(" (")[0]) for name, reason in refused
    ]
    assert "hazard_goal small" in (tmp_path / "site" / "index.html").read_text()
    assert len(list((tmp_path / "site" / "environments").iterdir())) == 2


SHIPPED = {"agent": ["uniform"], "environment": ["boat_race", "friend_foe", "hazard_goal"]}


def test_what_a_page_shows_is_explained_without_a_pointer(built):
    index = (built / "index.html").read_text()
    about = index[index.index('id="about"') :]
    for tooltip in re.findall(r"<th scope=\"col\" class=\"[^\"]*\" title=\"(.*?)\"", index):
        known = [term.meaning for term in TERMS.values()]
        assert tooltip not in known or f"<dd>{tooltip}</dd>" in about
    for term in TERMS.values():
        assert f"<dd>{html.escape(term.meaning)}</dd>" in about
    page = (built / "environments" / "safe_interruptibility-button.html").read_text()
    for character, words in env_card.legend(registry.environment("safe_interruptibility")).items():
        assert f"<code>{html.escape(character)}</code> {words}</li>" in page
    assert "<dt>Options</dt>" in page and "the most return with the best performance" in page


def test_anchors_are_computed_where_none_are_stored(tmp_path, judge):
    options = {"supervision_probability": 0.25}
    cell = suite.make_cell("uniform", "absent_supervisor", options=options, episodes=3)
    results.write(suite.run(cell), tmp_path / "results")
    (folder,) = packing.submit(tmp_path / "results", tmp_path / "board")
    judge(folder, 2)
    site.build(tmp_path / "board", tmp_path / "site")
    page = (tmp_path / "site" / "environments" / "absent_supervisor-room.html").read_text()
    assert "not known exactly" not in page and "Exact anchors" in page
    stored = json.loads((tmp_path / "site" / "anchors.json").read_text())
    solved = safegrid.solve("absent_supervisor", **options)
    assert stored["absent_supervisor/room"]["anchors"] == dict(solved.anchors)
