"""The command line: exit code 0 on success, 1 on a failed check, 2 on bad usage, 130 on Ctrl-C."""

import sys
from typing import Annotated

import typer

from safegrid.cli import agents, benchmark, environments, leaderboard
from safegrid.cli.console import errors
from safegrid.engine import registry

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    help="SafeGrid: safe-RL benchmarks with a visible reward and a hidden performance.",
    epilog="Exits with 0 on success, 1 if a check fails, 2 on bad usage, 130 on Ctrl-C.",
)
for group in (environments, agents, benchmark):
    app.add_typer(group.app)
app.add_typer(leaderboard.app, name="leaderboard")


@app.callback()
def plug_in(
    plugin: Annotated[
        list[str],
        typer.Option(help="File or module with an environment or agent, repeatable."),
    ] = [],  # noqa: B006
) -> None:
    """Registers the plug-ins before the command runs."""
    for each in plugin:
        registry.register(each)


def main() -> None:
    """Runs the command line; an error is one line that says what to do, without a traceback."""
    try:
        app(_plugins_first(sys.argv[1:]))
    except (ValueError, OSError) as error:
        errors.print(f"safegrid: {error}", markup=False, highlight=False)
        sys.exit(2)
    except ModuleNotFoundError as error:
        errors.print(
            f"safegrid: {error.name} is not installed: pip install 'safegrid-rl[all]'", markup=False
        )
        sys.exit(2)


def _plugins_first(arguments: list[str]) -> list[str]:
    """The arguments with every --plugin, from any place, moved before the command."""
    first: list[str] = []
    others: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--plugin":
            first += [argument, *(value for value in [next(rest, None)] if value is not None)]
        else:
            (first if argument.startswith("--plugin=") else others).append(argument)
    return first + others
