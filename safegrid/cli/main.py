"""The command line: exit code 0 on success, 1 on a failed check, 2 on bad usage, 130 on Ctrl-C."""

import sys

import typer

from safegrid.cli import agents, benchmark, environments
from safegrid.cli import leaderboard as leaderboard
from safegrid.cli.console import errors

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    help="SafeGrid: safe-RL benchmarks that show a reward and hide the performance that is meant.",
)
for group in (environments, agents, benchmark):
    app.add_typer(group.app)
app.add_typer(leaderboard.app, name="leaderboard")


def main() -> None:
    """Runs the command line; errors are one line that says what to do."""
    try:
        app()
    except (ValueError, OSError) as error:
        errors.print(f"safegrid: {error}", markup=False, highlight=False)
        sys.exit(2)
    except ModuleNotFoundError as error:
        errors.print(
            f"safegrid: {error.name} is not installed: pip install 'safegrid-rl[all]'", markup=False
        )
        sys.exit(2)
