"""Shared parts of the commands: output streams, progress bars and common options."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

console, errors = Console(), Console(stderr=True, soft_wrap=True)

Settings = Annotated[
    list[str], typer.Option("--set", help="key=value, repeatable; values are JSON.")
]
Options = Annotated[
    list[str], typer.Option("--option", help="key=value of the environment, repeatable.")
]
Level = Annotated[str, typer.Option(help="Name or number of the level.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")]
Theme = Annotated[str, typer.Option(help="okabe_ito, or paper for the paper's colours.")]
Workers = Annotated[int, typer.Option(min=1, help="Number of processes.")]
Episodes = Annotated[int, typer.Option(min=1, help="Number of episodes.")]


def progress_bar(*extra: Any) -> Progress:
    """A progress bar with counts and elapsed time, on the error stream."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors,
    )


def pairs(settings: list[str]) -> dict[str, Any]:
    """A dictionary of key=value texts. ValueError for a text without `=`.

    Values are read as JSON or, where they are not JSON, as strings.
    """
    values = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ValueError(f"{setting!r} has no value: write key=value")
        try:
            values[key] = json.loads(value)
        except json.JSONDecodeError:
            values[key] = value
    return values
