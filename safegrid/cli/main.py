"""The command line: exit code 0 on success, 1 on a failed check, 2 on bad usage, 130 on Ctrl-C."""

import re
import sys
from importlib import metadata
from typing import Annotated, Any

import typer

from safegrid.cli import agents, benchmark, environments, episodes, leaderboard
from safegrid.cli.console import Output, console, errors
from safegrid.engine import registry
from safegrid.engine.files import in_our_words

UsageError: Any = typer.BadParameter.__base__  # typer has a copy of click from 0.24 on

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
    help="SafeGrid: safe-RL benchmarks with a visible reward and a hidden performance.",
    epilog="Exits with 0 on success, 1 if a check fails, 2 on bad usage, 130 on Ctrl-C.",
)
for group in (environments, agents, episodes, benchmark):
    app.add_typer(group.app)
app.add_typer(leaderboard.app, name="leaderboard")


def _print_version(value: bool) -> None:
    if value:
        console.print(f"safegrid {metadata.version('safegrid-rl')}", highlight=False)
        raise typer.Exit


@app.callback()
def plug_in(
    context: typer.Context,
    plugin: Annotated[
        list[str],
        typer.Option(help="File or module with an environment or agent, repeatable."),
    ] = [],  # noqa: B006
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Registers the plug-ins before the command runs.

    The leaderboard runs no agent in its own process.
    """
    later = context.invoked_subcommand == "leaderboard"
    for each in plugin:
        (registry.register_later if later else registry.register)(each)


def main() -> None:
    """Runs the command line; an error is one line that says what to do, without a traceback."""
    sys.stdout, sys.stderr = Output(sys.stdout), Output(sys.stderr)  # type: ignore[assignment]
    try:
        # without its own handling of errors, which draws boxes around some of them
        arguments = _plugins_first(sys.argv[1:])
        sys.exit(app(arguments, prog_name="safegrid", standalone_mode=False))
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.ctx.get_help() if error.ctx else "")
        else:
            _print_usage_error(error)
        sys.exit(error.exit_code)
    except ValueError as error:
        errors.print(f"safegrid: {error}", highlight=False)
        sys.exit(2)
    except OSError as error:
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        errors.print(f"safegrid: {message}", highlight=False)
        sys.exit(2)
    except MemoryError as error:
        errors.print(f"safegrid: the memory is too small: {error}", highlight=False)
        sys.exit(2)
    except ModuleNotFoundError as error:
        own = "pip install 'safegrid-rl[all]' has all that SafeGrid uses"
        errors.print(f"safegrid: {error.name} is not installed: {own}")
        sys.exit(2)
    except typer.Abort as error:  # what an EOFError becomes
        reason = error.__cause__ or error.__context__
        errors.print(f"safegrid: aborted: {type(reason).__name__}: {reason}", highlight=False)
        sys.exit(1)


def _print_usage_error(error: UsageError) -> None:
    """Prints what is wrong with the arguments as one line, with the command that explains them."""
    message = error.format_message()
    if found := re.fullmatch(r"Invalid value for '(.*?)': (.*)", message, re.DOTALL):
        message = f"{found[1]}: {in_our_words(found[2])}"
    message = (message[:1].lower() + message[1:]).rstrip(".")
    help_ = f"; see {error.ctx.command_path} --help" if error.ctx else ""
    errors.print(f"safegrid: {message}{help_}", highlight=False)


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
