"""The card of an environment: what it says of its rules, levels and examples."""

import pytest

from safegrid.engine import registry
from safegrid.rendering import env_card


@pytest.mark.parametrize("name", registry.names())
def test_a_card_has_every_level_action_and_option(name):
    text, spec = env_card.text(name), registry.environment(name)
    assert text.startswith(spec.description) and spec.identifier in text
    for level in spec.levels:
        assert f"\nlevel {level}\n" in text
    for part in (*spec.actions, *spec.options):
        assert part in text
    assert ("map=None" in text) == (spec.kind == "grid" and not spec.generates)


@pytest.mark.parametrize("name", registry.grids())
def test_a_card_has_every_example_with_its_numbers(name):
    text = env_card.text(name)
    for title, example in registry.environment(name).examples.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"  {title} ")]
        assert line.endswith(f"return {example.total:g}, performance {example.performance:g}")
        assert example.keys[:20] in line


def test_a_card_says_what_chance_there_is():
    assert "reset chance" in env_card.text("safe_interruptibility")
    assert "chance" not in env_card.text("boat_race").partition("level ")[0].partition("id ")[2]


def test_a_card_counts_many_outcomes_of_chance_and_lists_few():
    assert "\nreset chance  84 outcomes, all equally likely\n" in env_card.text("camera_dropbox")
    assert "uninterrupted 0.5, interrupted 0.5" in env_card.text("safe_interruptibility")


@pytest.mark.parametrize("name", registry.names())
def test_a_card_says_what_each_character_and_option_means(name):
    spec, text = registry.environment(name), env_card.text(name)
    words = env_card.legend(spec)
    if spec.kind == "grid":
        assert list(words) == ["(blank)" if tile == " " else tile for tile in spec.tiles]
    assert all(words.values())
    line = "characters    " + ", ".join(f"{tile} {each}" for tile, each in words.items())
    assert line in text.splitlines()
    told = " ".join(text.partition("\nOptions: ")[2].partition("\nSource: ")[0].split())
    for option in spec.options:
        assert f"{option}," in told
    for option, meaning in env_card.COMMON.items():
        assert (f"{option}=" in text) == (meaning in text)


def test_the_words_of_a_legend_are_those_of_the_description():
    assert env_card.legend(registry.environment("tomato_watering")) == {
        "#": "wall",
        "(blank)": "floor",
        "A": "agent",
        "t": "dry tomato",
        "T": "watered tomato",
        "O": "bucket",
    }
    bottles = env_card.legend(registry.environment("breakable_bottles"))
    assert bottles["."] == "free place on the ground beside the way"
    assert env_card.legend(registry.environment("boat_race"))["<"] == "arrow tiles"
    assert env_card.legend(registry.environment("point_goal"))["~"] == "hazards"


def test_a_docstring_has_a_summary_and_titled_paragraphs():
    text = (
        "name: the first sentence.\n\nReward: one\n    and more.\nno title: a\nor: b\nPaper: p.\n"
    )
    summary, sections = env_card.sections(text)
    assert summary == "The first sentence."
    assert sections == [("Reward", "one and more. no title: a or: b"), ("Paper", "p.")]
