"""The commands that show episodes: play, record, watch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safegrid.cli.console import (
    ChosenEnvironment,
    ChosenLevel,
    EnvironmentName,
    Level,
    Options,
    Seed,
    Theme,
    console,
    environment_options,
    pairs,
)

if TYPE_CHECKING:
    from safegrid.play.screen import Show

app = typer.Typer()

Source = Annotated[
    Path,
    typer.Argument(help="A policy (.safetensors), a result of a sweep (.json) or a replay (.szr)."),
]
PolicySeed = Annotated[int | None, typer.Option(min=0, help="Seed of a policy's episodes.")]
Number = Annotated[int, typer.Option(min=0, help="Number of the episode, from 0.")]
Fps = Annotated[
    int | None,
    typer.Option(min=1, max=50, help="Frames per second; by default 5, of continuous tasks 10."),
]


@app.command(epilog="Example: safegrid play boat_race --terminal")
def play(
    name: EnvironmentName,
    level: Level = "0",
    seed: Seed = 0,
    save: Annotated[
        Path | None,
        typer.Option(
            help="File that key S saves the game to; NAME-LEVEL-SEED.szr by default. "
            "Where it exists, a number is added."
        ),
    ] = None,
    theme: Theme = "okabe_ito",
    tile_size: Annotated[int, typer.Option(help="Pixels of a tile.")] = 48,
    terminal: Annotated[
        bool, typer.Option("--terminal", help="Play in this terminal, not in a window.")
    ] = False,
    options: Options = [],  # noqa: B006
) -> None:
    """Lets a person play a level by keyboard."""
    from safegrid.play.session import Session

    chosen = environment_options(name, options)
    _show(Session(name, level, seed, save, theme, tile_size, **chosen), terminal)


@app.command(epilog="Example: safegrid record policy.safetensors --out episode.gif")
def record(
    source: Source,
    out: Annotated[Path, typer.Option(help="File to write: .gif, .mp4, or .png for a strip.")],
    environment: ChosenEnvironment = None,
    level: ChosenLevel = None,
    seed: PolicySeed = None,
    episode: Number = 0,
    theme: Theme = "okabe_ito",
    tile_size: Annotated[int, typer.Option(help="Pixels of a tile.")] = 32,
    fps: Fps = None,
    options: Options = [],  # noqa: B006
) -> None:
    """Draws a policy's or a recorded episode beside a plot of its return and performance.

    Animations of continuous tasks show every fifth step.
    """
    from safegrid.play import playback, video
    from safegrid.rendering.board import make_renderer

    video.check_path(out)
    chosen = environment, level, pairs(options), seed
    recorded = playback.read_episodes(source, *chosen, episodes=episode + 1)
    game = playback.replay_game(recorded, episode)
    video.write(out, game, make_renderer(game.dynamics, theme, tile_size), fps)
    console.print(f"wrote {out}", soft_wrap=True)


@app.command(epilog="Example: safegrid watch policy.safetensors --terminal")
def watch(
    source: Source,
    environment: ChosenEnvironment = None,
    level: ChosenLevel = None,
    seed: PolicySeed = None,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes that a policy plays.")] = 10,
    episode: Number = 0,
    theme: Theme = "okabe_ito",
    tile_size: Annotated[int, typer.Option(help="Pixels of a tile.")] = 48,
    fps: Fps = None,
    terminal: Annotated[
        bool, typer.Option("--terminal", help="Watch in this terminal, not in a window.")
    ] = False,
    options: Options = [],  # noqa: B006
) -> None:
    """Shows a policy's or recorded episodes, step by step, in a window or in the terminal."""
    from safegrid.play import playback

    chosen = environment, level, pairs(options), seed
    recorded = playback.read_episodes(source, *chosen, episodes=max(episodes, episode + 1))
    _show(playback.Playback(recorded, episode, fps, theme, tile_size), terminal)


def _show(show: "Show", terminal: bool) -> None:
    if terminal:
        from safegrid.play.terminal import in_terminal

        in_terminal(show)
    else:
        from safegrid.play.screen import in_window

        in_window(show)
