"""Shared parts of the commands: output streams, progress bars and common options."""

import ast
import contextlib
import io
import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from safegrid.engine import registry

PLAIN: dict[str, Any] = {"markup": False, "emoji": False}  # what is printed is data
console, errors = Console(**PLAIN), Console(stderr=True, soft_wrap=True, **PLAIN)

EnvironmentName = Annotated[
    str, typer.Argument(autocompletion=lambda incomplete: _starting(registry.names(), incomplete))
]
AgentName = Annotated[
    str, typer.Argument(autocompletion=lambda incomplete: _starting(registry.agents(), incomplete))
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

Settings = Annotated[
    list[str], typer.Option("--set", help="key=value, repeatable; values are JSON.")
]
Options = Annotated[
    list[str], typer.Option("--option", help="key=value of the environment, repeatable.")
]
Log = Annotated[
    str | None,
    typer.Option(help="Folder for curves in TensorBoard; or wandb:FOLDER, or mlflow:FOLDER."),
]
Level = Annotated[str, typer.Option(help="Name or number of the level.")]
ChosenEnvironment = Annotated[
    str | None, typer.Option("--environment", help="For a policy; by default that of the training.")
]
ChosenLevel = Annotated[
    str | None, typer.Option("--level", help="For a policy; by default that of the training.")
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")]
Theme = Annotated[str, typer.Option(help="okabe_ito, or paper for the paper's colours.")]
Workers = Annotated[int, typer.Option(min=1, help="Number of processes.")]
Episodes = Annotated[int, typer.Option(min=1, help="Number of episodes.")]


def progress_bar() -> Progress:
    """A progress bar with counts and elapsed time, on the error stream."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors,
    )


def pairs(settings: list[str]) -> dict[str, Any]:
    """A dictionary of key=value texts. ValueError for a text without `=`.

    Values are read as JSON, or else as a number, True, False or None of Python, or else as text.
    """
    values = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ValueError(f"{setting!r} has no value: write key=value")
        values[key] = _value(value)
    return values


def flags(plugins: list[str]) -> list[str]:
    """The arguments that name plug-ins on the command line."""
    return [argument for plugin in plugins for argument in ("--plugin", plugin)]


def check_ending(name: str, path: Path, *endings: str) -> None:
    """ValueError that names an argument if its path has none of the endings."""
    if path.suffix.lower() not in endings:
        wanted = " or ".join(endings)
        raise ValueError(f"{name} is {str(path)!r}: give a name that ends in {wanted}")


def environment_options(name: str, settings: list[str]) -> dict[str, Any]:
    """The options of an environment as `pairs`. ValueError as there, and for an unknown one."""
    options = pairs(settings)
    registry.check_options(name, options)
    return options


def print_json(content: Any) -> None:
    """Prints a value as JSON. ValueError for a number that JSON cannot hold."""
    text = json.dumps(content, indent=1, allow_nan=False)
    console.print(text, highlight=False, soft_wrap=True)


class Output:
    """A text stream that is closed, None, or whose reader may stop early: the rest is dropped.

    The command goes on, and its exit code is its own.
    """

    def __init__(self, stream: Any):
        self._stream = io.StringIO() if stream is None else stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes a text, or drops it."""
        try:
            self._stream.write(text)
        except BrokenPipeError:
            self._drop()
        return len(text)

    def flush(self) -> None:
        """Hands over what is written, or drops it."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._drop()

    def _drop(self) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


def _value(text: str) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text)
    with contextlib.suppress(ValueError, SyntaxError, RecursionError, MemoryError):
        value = ast.literal_eval(text)
        if value is None or isinstance(value, (bool, int, float)):
            return value
    return text


def _starting(names: list[str], start: str) -> list[str]:
    return [name for name in names if name.startswith(start)]
