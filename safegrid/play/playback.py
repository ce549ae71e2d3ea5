"""Playback: the episodes of a file, or those that a policy plays, shown step by step."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safegrid.benchmark import policy_files, results
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import replay, resimulation
from safegrid.evaluation.replay import Replay
from safegrid.evaluation.rollout import evaluate
from safegrid.play.game import Game, Moment
from safegrid.rendering.board import THEMES, make_renderer

HELP = (
    "space play or pause · arrows step · R from the start",
    "E next episode · P performance · Q quit",
)


def read_episodes(
    path: Path,
    environment: str | None = None,
    level: str | None = None,
    options: Mapping[str, Any] | None = None,
    seed: int | None = None,
    episodes: int = 1,
) -> Replay:
    """The episodes of a file: of a replay, of a result, or those that its policy plays now.

    path: of a replay (.szr), a result (.json) or a policy (.safetensors). environment, level,
    options, seed: what a policy plays; None for the level of its training and seed 0. episodes: the
    number that a policy plays. ValueError for a damaged file, for a replay that differs when it is
    simulated again, for a policy that cannot play the level, and for a level given with a replay.
    """
    if path.suffix.lower() == results.POLICY:
        policy, cell = policy_files.load(path)
        name, level, chosen = policy_files.level_to_play(cell, environment, level, options)
        dynamics = make_dynamics(name, level, **chosen)
        replay.check_episodes(dynamics, episodes)
        played = evaluate(policy, name, episodes, seed or 0, level, **chosen)
        return replay.decode(replay.encode(dynamics, played))
    given = {"environment": environment, "level": level, "option": options, "seed": seed}
    for key, value in given.items():
        if value not in (None, {}):
            raise ValueError(f"--{key} is for policies: the episodes of {path} have been played")
    if path.suffix.lower() == ".json":
        results.read(path)
        path = path.with_suffix(results.EPISODES)
    recorded = replay.read(path)
    resimulation.verify(recorded)
    return recorded


def replay_game(recorded: Replay, number: int) -> Game:
    """A game whose current episode is episode `number` of a verified replay.

    The episodes that its memory depends on are played before. ValueError for another number.
    """
    if not 0 <= number < len(recorded.episodes):
        last = len(recorded.episodes) - 1
        raise ValueError(f"episode {number} is not recorded: choose from 0 to {last}")
    header, wanted = recorded.header, recorded.episodes[number]
    dynamics = make_dynamics(header.environment, header.level, **header.options)
    game = Game(dynamics, int(wanted.seed), header.limit)
    for record in recorded.episodes[number - wanted.episode : number + 1]:
        if record.episode > 0:
            game.next_episode()
        for action in record.actions[: record.length]:
            game.step(action)
    return game


class Playback:
    """Recorded episodes as they run, and what the keys do; `message` says which one is shown.

    recorded: a verified replay; episode: the number of the first; fps: frames a second, or None for
    the level's own; theme, tile_size: as in `BoardRenderer`. ValueError for an invalid number,
    theme or size.
    """

    help = HELP
    step: int  # the number of the moment that is shown

    def __init__(
        self,
        recorded: Replay,
        episode: int = 0,
        fps: int | None = None,
        theme: str = THEMES[0],
        tile_size: int = 48,
    ):
        self.recorded, self.episode = recorded, episode
        self.reveal, self.playing = True, True
        self._show_episode()
        self.tick = 1000 // (fps or self.dynamics.video_fps)
        self.renderer = make_renderer(self.dynamics, theme, tile_size)

    @property
    def moments(self) -> Sequence[Moment]:
        """The moments of the episode up to the one that is shown."""
        return self._moments[: self.step + 1]

    @property
    def message(self) -> str:
        """Which episode is shown, and whether it runs."""
        count = len(self.recorded.episodes)
        ending = self.moments[-1].ending
        state = ending or ("" if self.playing else "paused")
        return f"episode {self.episode} of 0 to {count - 1}" + f", {state}" * bool(state)

    def press(self, key: str) -> bool:
        """Carries out a key, or the passing of a frame's time (""). False for Q and Escape."""
        last, stride = len(self._moments) - 1, self.dynamics.frame_stride
        if key == "" and self.playing:
            self.step = min(self.step + stride, last)
        elif key == "space":
            self.playing = not self.playing
        elif key in ("left", "right", "up", "down"):
            self.playing = False
            self.step = min(max(self.step + (1 if key in ("right", "up") else -1), 0), last)
        elif key == "r":
            self.step, self.playing = 0, True
        elif key == "e":
            self.episode = (self.episode + 1) % len(self.recorded.episodes)
            self._show_episode()
        elif key == "p":
            self.reveal = not self.reveal
        return key not in ("q", "escape")

    def _show_episode(self) -> None:
        game = replay_game(self.recorded, self.episode)
        self.dynamics, self._moments = game.dynamics, game.moments
        self.step = 0
