"""What README.md and the documentation say is what the code does."""

import html
import importlib
import inspect
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import typer
from markdown_it import MarkdownIt

import safegrid
from safegrid.cli.main import app
from safegrid.engine import registry

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
GENERATED = {"environments", "agents", "reference"}
WRITTEN = [p for p in sorted(DOCS.rglob("*.md")) if p.relative_to(DOCS).parts[0] not in GENERATED]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *WRITTEN]
BLOCKS = re.compile(r"^```(\w+)\n(.*?)^```$", re.S | re.M)
COMMAND = typer.main.get_command(app)


def test_the_generated_tables_and_the_picture_are_fresh():
    run = subprocess.run(
        [sys.executable, ROOT / "experiments" / "tables.py", "--check"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_citation_names_the_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"version = {{{version}}}" in (DOCS / "index.md").read_text(encoding="utf-8")
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_readme_is_short():
    assert len(PAGES[0].read_text(encoding="utf-8").splitlines()) <= 200


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_to_files_lead_somewhere(name):
    for link in re.findall(r"\]\(([^)#\s]+)", (ROOT / name).read_text(encoding="utf-8")):
        assert "://" in link or (ROOT / link).exists(), link


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in; what is registered there is forgotten afterwards."""
    known = registry.plugins()
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for plugin in set(registry.plugins()) - set(known):
        registry.unregister(plugin)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_of_code_runs(page, folder):
    names = {}
    for language, code in BLOCKS.findall(page.read_text(encoding="utf-8")):
        if saved := re.match(r"# (\w+\.\w+)\n", code):
            (folder / saved[1]).write_text(code, encoding="utf-8")
        elif language == "python":
            exec(compile(code, f"a block of {page.name}", "exec"), names)
        elif language == "sh":
            run_lines(code)
        if language == "toml":
            tomllib.loads(code)
        assert language in ("python", "sh", "toml", "text"), f"{language} is not tested"


def run_lines(code):
    """Runs a block of commands; one that begins with a comment is only checked."""
    only_checked = code.startswith("#")
    for line in code.splitlines():
        program, *arguments = shlex.split(line, comments=True) or ["#"]
        if program == "safegrid":
            check_arguments(COMMAND, arguments)
            if not only_checked:
                assert not app(list(arguments), prog_name="safegrid", standalone_mode=False), line
        elif program == "make":
            targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M)
            assert set(arguments) <= set(targets), line
        elif program == "pip":
            extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
            for named in re.findall(r"(?:safegrid-rl|\.)\[(.*?)\]", line):
                assert set(named.split(",")) <= set(extras["optional-dependencies"]), line
        elif program == "python":
            assert only_checked and (ROOT / arguments[0]).is_file(), line
        else:
            assert program == "#", f"{line!r} is not tested"


def check_arguments(command, arguments, parent=None):
    """Parses the arguments of a command and of those within it. A usage error where they fail."""
    context = command.make_context(command.name, list(arguments), parent=parent)
    if rest := [*context._protected_args, *context.args]:
        _, inner, left = command.resolve_command(context, rest)
        check_arguments(inner, left, context)


def test_every_public_name_has_a_docstring():
    for name in safegrid.__all__:
        assert inspect.getdoc(getattr(safegrid, name)), name


def test_prose_shows_every_character_of_a_description(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    pages = importlib.import_module("pages")
    for text in (registry.environment(name).description for name in registry.names()):
        shown = re.sub(r"<[^>]*>", "", MarkdownIt().render(pages.prose(text)))
        assert "".join(html.unescape(shown).split()) == "".join(text.replace("`", "").split())


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.agents())
def test_the_command_on_the_page_of_an_agent_trains_it(name, folder, monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    pages = importlib.import_module("agent_pages")
    _, *arguments = shlex.split(pages.command(registry.agent(name)))
    few = ["--steps", "1", "--out", "policy.safetensors"]
    assert not app([*arguments, *few], prog_name="safegrid", standalone_mode=False)
    assert (folder / "policy.safetensors").exists()


def test_the_page_of_an_agent_says_what_each_setting_is(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    pages = importlib.import_module("agent_pages")
    for spec in map(registry.agent, registry.agents()):
        assert all(pages.meaning(spec, key) for key in spec.settings), spec.name
    ppo, dqn, sarsa = map(registry.agent, ("ppo_conv", "dqn", "sarsa"))
    assert pages.meaning(ppo, "n_steps") == "steps of each lane in a rollout"
    assert pages.meaning(dqn, "train_freq") == "steps of all lanes between updates"
    assert pages.meaning(sarsa, "exploration").startswith("share of random actions at the start")


class Links(HTMLParser):
    """The links and anchors of a page."""

    def __init__(self, page):
        super().__init__()
        self.links, self.anchors = set(), set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.links.add(value)
            if name == "id":
                self.anchors.add(value)


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning_and_is_complete(tmp_path, monkeypatch):
    built = tmp_path / "built"
    run = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", DOCS, built],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    pages = {path: Links(path) for path in built.rglob("*.html")}
    ids = set().union(*(pages[path].anchors for path in (built / "reference").glob("*.html")))
    check_every_name_has_its_place(built, ids)
    check_every_used_name_has_an_entry(ids, monkeypatch)
    for page, found in pages.items():
        for link in found.links:
            check_link(page, link, pages)
    check_search(built, tmp_path)


def check_every_name_has_its_place(built, ids):
    """Every environment, agent and public name has a page or an entry of the reference."""
    for folder, names in (("environments", registry.names()), ("agents", registry.agents())):
        assert {path.stem for path in (built / folder).glob("*.html")} == {*names, "index"}
    for name in safegrid.__all__:
        found = getattr(safegrid, name)
        full = found.__name__ if inspect.ismodule(found) else f"{found.__module__}.{name}"
        assert full in ids or f"module-{full}" in ids, full


def check_every_used_name_has_an_entry(ids, monkeypatch):
    """What environments, agents and written pages use of safegrid is in the reference."""
    monkeypatch.syspath_prepend(str(DOCS))
    reference = importlib.import_module("reference_pages")
    last = {each.rpartition(".")[2] for each in ids if each.startswith("safegrid.")}
    for name in reference.used_names():
        module = reference.home(name)
        shipped = module and module.startswith(("safegrid.envs", "safegrid.agents"))
        if module and module.count(".") > 1 and not shipped:
            assert name.rpartition(".")[2] in last or f"module-{module}" in ids, name


def check_link(page, link, pages):
    """A link within the documentation leads somewhere; others are left alone."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        assert parts.scheme in ("https", "data"), f"{page.name}: {link}"
        return
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    assert target.exists(), f"{page.name}: {link}"
    if parts.fragment and target in pages:
        assert unquote(parts.fragment) in pages[target].anchors, f"{page.name}: {link}"


def check_search(built, profile):
    """A browser without a network finds a page by its search."""
    if not (chromium := shutil.which("chromium")):
        pytest.skip("chromium is not installed")
    run = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
         "--virtual-time-budget=20000", "--dump-dom", f"file://{built}/search.html?q=friend_foe"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "environments/friend_foe.html" in run.stdout
