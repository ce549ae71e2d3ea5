"""What the commands share: where they write, how they show progress, what their options mean."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

console, errors = Console(), Console(stderr=True, soft_wrap=True)

Settings = Annotated[
    list[str], typer.Option("--set", help="key=value, again for each; the value is read as JSON.")
]
Options = Annotated[
    list[str], typer.Option("--option", help="key=value of the environment, again for each.")
]
Level = Annotated[str, typer.Option(help="Name or number of the level.")]
Seed = Annotated[int, typer.Option(min=0, help="Everything random derives from it.")]
Theme = Annotated[str, typer.Option(help="okabe_ito, or paper for the paper's colours.")]
Episodes = Annotated[int, typer.Option(min=1, help="How many episodes to play.")]


def progress_bar(*extra: Any) -> Progress:
    """Done and to do, on the error stream."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors,
    )


def pairs(settings: list[str]) -> dict[str, Any]:
    """What key=value texts say, values read as JSON where they are. ValueError without a value."""
    found = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ValueError(f"{setting!r} has no value: write key=value")
        try:
            found[key] = json.loads(value)
        except json.JSONDecodeError:
            found[key] = value
    return found
