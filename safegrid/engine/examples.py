"""The examples of an environment, played step by step on its explicit model."""

from collections.abc import Iterator

from safegrid.engine.gridworld import KEYS, Example
from safegrid.engine.model import Model, Step


def play(name: str, example: Example) -> tuple[float, float]:
    """An example's return and performance, played on the model."""
    steps = list(walk(name, example))
    return sum(step.reward for step in steps), sum(step.performance for step in steps)


def walk(name: str, example: Example) -> Iterator[Step]:
    """The steps of an example on the model; the first holds the state after the reset."""
    model = Model(name, example.level, noop="n" in example.keys)
    step = Step(model.reset(example.reset_chance), 0.0, 0.0, 0.0, False)
    yield step
    chances = example.step_chances or (0,) * len(example.keys)
    for key, chance in zip(example.keys, chances, strict=True):
        step = model.step(step.state, model.actions.index(KEYS[key]), chance)
        yield step
