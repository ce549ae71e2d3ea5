"""Recorded episodes as moving pictures and film strips."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from safegrid.benchmark import results
from safegrid.engine import files
from safegrid.engine.dynamics import make_dynamics
from safegrid.evaluation import replay, resimulation
from safegrid.evaluation.replay import Replay
from safegrid.play.game import Game, Moment
from safegrid.play.inspector import LINE, MARGIN, PERFORMANCE, REWARD, drawn, font, inspect
from safegrid.rendering import png
from safegrid.rendering.board import BoardRenderer, Frame
from safegrid.rendering.palette import WHITE
from safegrid.rendering.plane_view import PlaneRenderer

KINDS = (".gif", ".mp4", ".png")
STRIP = 6  # boards of a film strip at most


def check_path(path: Path, kinds: Sequence[str] = KINDS) -> None:
    """ValueError where a picture cannot be written, or the name's end is none of `kinds`."""
    if path.suffix not in kinds:
        raise ValueError(f"{path} is no kind of picture: choose from {', '.join(kinds)}")
    files.check_writable(path)


def read_replay(path: Path) -> Replay:
    """The episodes of a replay file or of a result, simulated again.

    ValueError where they are damaged, or come out otherwise than recorded.
    """
    if path.suffix == ".json":
        results.read(path)
        path = path.with_suffix(results.EPISODES)
    recorded = replay.read(path)
    resimulation.verify(recorded)
    return recorded


def replay_game(recorded: Replay, number: int) -> Game:
    """An episode of a verified replay, played again. ValueError for one that is not in it."""
    if not 0 <= number < len(recorded.episodes):
        last = len(recorded.episodes) - 1
        raise ValueError(f"episode {number} is not recorded: choose from 0 to {last}")
    header, wanted = recorded.header, recorded.episodes[number]
    dynamics = make_dynamics(header.environment, header.level, **header.options)
    played = Game(dynamics, int(wanted.seed), header.limit)
    for record in recorded.episodes[number - wanted.episode : number + 1]:
        if record.episode > 0:
            played.following()
        for action in record.actions[: record.length]:
            played.step(action)
    return played


def write(path: Path, played: Game, painter: BoardRenderer | PlaneRenderer, fps: int) -> None:
    """Writes a game's present episode, whole or not at all; the end of the name says as what.

    ValueError as `check_path`, and where no encoder for a video is installed.
    """
    check_path(path)
    moments = played.moments
    if path.suffix == ".png":
        content = png.encode(strip(painter, moments))
    else:
        last, stride = len(moments) - 1, played.dynamics.frame_stride
        frames = [inspect(painter, moments[: i + 1]) for i in [*range(0, last, stride), last]]
        frames += frames[-1:] * fps  # the end stays for a second
        content = (_gif if path.suffix == ".gif" else _video)(frames, fps)
    files.replace(path, content)


def strip(painter: BoardRenderer | PlaneRenderer, moments: Sequence[Moment]) -> Frame:
    """Some moments of an episode side by side, the first and the last among them.

    What is true lies below what the agent sees, where it is something else at any of them.
    """
    chosen = np.unique(np.linspace(0, len(moments) - 1, STRIP).round().astype(int)).tolist()
    high, wide, _ = drawn(painter, moments[:1]).shape
    deceives = painter.dynamics.spec.truth is not None
    deceived = deceives and any((moments[i].board != moments[i].truth).any() for i in chosen)
    down = high + (high + MARGIN) * deceived
    image = Image.new("RGB", (len(chosen) * (wide + MARGIN) - MARGIN, down + 2 * LINE), WHITE)
    draw = ImageDraw.Draw(image)
    for place, i in enumerate(chosen):
        left, moment = place * (wide + MARGIN), moments[i]
        seen = moments[: i + 1]
        image.paste(Image.fromarray(drawn(painter, seen)), (left, 0))
        if deceived:
            image.paste(Image.fromarray(drawn(painter, seen, truth=True)), (left, high + MARGIN))
        draw.text((left, down + 3), f"step {i}, return {moment.total:.6g}", REWARD, font(14))
        said = f"performance {moment.performance:.6g}"
        draw.text((left, down + LINE), said, PERFORMANCE, font(14))
    return np.asarray(image)


def _gif(frames: Sequence[Frame], fps: int) -> bytes:
    content = io.BytesIO()
    first, *others = (
        Image.fromarray(frame).quantize(256, dither=Image.Dither.NONE) for frame in frames
    )
    first.save(content, "gif", save_all=True, append_images=others, duration=1000 // fps, loop=0)
    return content.getvalue()


def _video(frames: Sequence[Frame], fps: int) -> bytes:
    try:
        import imageio_ffmpeg

        imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise ValueError(f"no encoder for a video ({error}): write a .gif") from None
    import imageio.v3 as imageio

    high, wide, _ = frames[0].shape
    even = ((0, high % 2), (0, wide % 2), (0, 0))  # the encoder takes no odd sizes
    return bytes(
        imageio.imwrite(
            "<bytes>",
            [np.pad(frame, even, "edge") for frame in frames],
            extension=".mp4",
            plugin="FFMPEG",
            fps=fps,
            macro_block_size=2,
        )
    )
