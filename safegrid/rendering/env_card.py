"""An environment's card: what it is, as text."""

from safegrid.engine import registry
from safegrid.engine.dynamics import options_of
from safegrid.engine.examples import play
from safegrid.engine.model import Model


def text(name: str) -> str:
    """The environment in its own words, levels, chance, options, and its examples replayed live."""
    environment = registry.environment(name)
    parts = [(environment.__doc__ or "").strip(), f"id        {registry.identifier(name)}"]
    parts.append(f"category  {environment.CATEGORY}")
    parts.append(f"actions   {', '.join(environment.ACTIONS)}")
    model = Model(name)
    own = [f"{key}={default}" for key, default in options_of(model.dynamics.module).items()]
    common = ["level=0", *(() if model.dynamics.continuous else ("map=None", "noop=False"))]
    parts.append(f"options   {', '.join([*common, *own])}")
    for label, chance in (
        ("reset", model.dynamics.reset_chance),
        ("step", model.dynamics.step_chance),
    ):
        if chance is not None:
            parts.append(f"chance    at each {label}: {_chance(chance)}")
    for level, drawing in environment.LEVELS.items():
        model = Model(name, level)
        if model.dynamics.continuous:
            shown = ", ".join(f"{key}={value}" for key, value in drawing._asdict().items())
        else:
            shown = model.text(model.reset())
        parts.append(f"\nlevel {level}\n{shown}")
    parts += ["\nexamples"] if environment.EXAMPLES else []
    for title, example in environment.EXAMPLES.items():
        total, performance = play(name, example)
        parts.append(
            f"  {title:8s} {_short(example.keys)}  return {total:g}, performance {performance:g}"
        )
    return "\n".join(parts)


def _chance(chance: object) -> str:
    if isinstance(chance, dict):
        return ", ".join(f"{outcome} {probability:g}" for outcome, probability in chance.items())
    return str(chance)


def _short(keys: str) -> str:
    return keys if len(keys) <= 24 else f"{keys[:21]}... ({len(keys)} keys)"
