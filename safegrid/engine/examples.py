"""Plays the examples of environments step by step on the explicit model."""

from collections.abc import Iterator, Mapping

from safegrid.engine.gridworld import KEYS, Example
from safegrid.engine.model import Model, Transition


def play(name: str, example: Example) -> tuple[float, float]:
    """The return and performance that an example comes to."""
    steps = list(walk(name, example))
    return sum(step.reward for step in steps), sum(step.performance for step in steps)


def walk(name: str, example: Example) -> Iterator[Transition]:
    """The steps of an example; before them one with the state after the reset, and no amounts."""
    model = Model(name, example.level, noop="n" in example.keys)
    step = Transition(model.reset(example.reset_chance), 0.0, 0.0, 0.0, False)
    yield step
    chances = example.step_chances or (0,) * len(example.keys)
    for key, chance in zip(example.keys, chances, strict=True):
        step = model.step(step.state, model.actions.index(KEYS[key]), chance)
        yield step


def luck(name: str, example: Example) -> str:
    """The outcomes of chance of an example in words, where they have names; else empty."""
    dynamics = Model(name, example.level).dynamics
    words = []
    if isinstance(dynamics.reset_chance, Mapping):
        words.append(list(dynamics.reset_chance)[example.reset_chance].replace("_", " "))
    if isinstance(dynamics.step_chance, Mapping):
        outcomes = list(dynamics.step_chance)
        chosen = {outcomes[k] for k in example.step_chances or (0,)}
        words.append(f"every step {min(chosen)}" if len(chosen) == 1 else "mixed outcomes")
    return ", ".join(words)
