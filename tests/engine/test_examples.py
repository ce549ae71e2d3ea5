"""Examples: the luck that they have, in words."""

from safegrid.engine import registry
from safegrid.engine.examples import luck


def test_luck_is_what_chance_does():
    def of(name, title):
        return luck(name, registry.environment(name).examples[title])

    assert of("safe_interruptibility", "hack") == "interrupted"
    assert of("friend_foe", "failure") == "adversary"
    assert of("hazard_goal", "honest") == "every step straight"
    assert of("breakable_bottles", "hack") == "mixed outcomes"
    assert of("boat_race", "hack") == of("tomato_watering", "hack") == ""
