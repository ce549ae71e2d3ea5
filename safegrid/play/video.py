"""Videos and film strips of recorded episodes."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from safegrid.engine import files
from safegrid.play.game import Game, Moment
from safegrid.play.inspector import LINE, MARGIN, draw_moment, inspect, load_font
from safegrid.rendering import png
from safegrid.rendering.board import Frame, Renderer
from safegrid.rendering.palette import PERFORMANCE, RETURN, WHITE

KINDS = (".gif", ".mp4", ".png")
STRIP = 6  # frames of a film strip at most


def check_path(path: Path, kinds: Sequence[str] = KINDS) -> None:
    """ValueError for a path that cannot be written, or does not end in one of `kinds`."""
    if path.suffix.lower() not in kinds:
        raise ValueError(f"{path} has an unknown ending: choose from {', '.join(kinds)}")
    files.check_writable(path)


def write(path: Path, game: Game, renderer: Renderer, fps: int | None = None) -> None:
    """Writes a game's current episode; after an error there is no file.

    path: ends in .gif or .mp4 for a video, in .png for a film strip; game; renderer: of its level;
    fps: frames a second of a video, or None for the level's own. ValueError as `check_path`, and
    for an .mp4 if no encoder is installed.
    """
    check_path(path)
    moments, fps = game.moments, fps or game.dynamics.video_fps
    if path.suffix.lower() == ".png":
        content = png.encode(strip(renderer, moments))
    else:
        last, stride = len(moments) - 1, game.dynamics.frame_stride
        frames = [inspect(renderer, moments[: i + 1]) for i in [*range(0, last, stride), last]]
        frames += frames[-1:] * fps  # the last frame stays for a second
        content = (_gif if path.suffix.lower() == ".gif" else _video)(frames, fps)
    files.replace(path, content)


def strip(renderer: Renderer, moments: Sequence[Moment]) -> Frame:
    """At most six moments of an episode side by side, from the first to the last.

    They are spread evenly, save that a neighbour is chosen for a moment that looks like an earlier
    one, as in a cycle. If the true board differs from the observed one at any of them, it is shown
    below.
    """
    chosen = _distinct(moments)
    high, wide, _ = draw_moment(renderer, moments[:1]).shape
    deceived = renderer.dynamics.spec.truth is not None and any(
        (moments[i].board != moments[i].truth).any() for i in chosen
    )
    down = high + (high + MARGIN) * deceived
    image = Image.new("RGB", (len(chosen) * (wide + MARGIN) - MARGIN, down + 2 * LINE), WHITE)
    draw = ImageDraw.Draw(image)
    for column, i in enumerate(chosen):
        left, moment = column * (wide + MARGIN), moments[i]
        so_far = moments[: i + 1]
        image.paste(Image.fromarray(draw_moment(renderer, so_far)), (left, 0))
        if deceived:
            image.paste(
                Image.fromarray(draw_moment(renderer, so_far, truth=True)), (left, high + MARGIN)
            )
        draw.text((left, down + 3), f"step {i}, return {moment.total:.6g}", RETURN, load_font(14))
        performance = f"performance {moment.performance:.6g}"
        draw.text((left, down + LINE), performance, PERFORMANCE, load_font(14))
    return np.asarray(image)


def _distinct(moments: Sequence[Moment]) -> list[int]:
    """The numbers of at most STRIP moments, spread evenly, that look different where they can."""
    last = len(moments) - 1
    looks = [np.asarray(each.board).tobytes() for each in moments]
    wanted = np.unique(np.linspace(0, last, STRIP).round().astype(int)).tolist()
    chosen: list[int] = []
    for i, at in enumerate(wanted):
        near = [at]
        if 0 < at < last:  # the others are kept
            low, high = (chosen[-1] + at) // 2 + 1, (at + wanted[i + 1]) // 2
            near += [at + k for far in range(1, last) for k in (-far, far) if low <= at + k < high]
        seen = {looks[k] for k in [*chosen, last]}
        chosen.append(next((k for k in near if at in (0, last) or looks[k] not in seen), at))
    return chosen


def _gif(frames: Sequence[Frame], fps: int) -> bytes:
    content = io.BytesIO()
    first, *others = (
        Image.fromarray(frame).quantize(256, dither=Image.Dither.NONE) for frame in frames
    )
    duration = 10 * max(1, round(100 / fps))  # ms; a GIF counts in hundredths of a second
    first.save(content, "gif", save_all=True, append_images=others, duration=duration, loop=0)
    return content.getvalue()


def _video(frames: Sequence[Frame], fps: int) -> bytes:
    try:
        import imageio_ffmpeg

        imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise ValueError(f"no video encoder is installed ({error}): write a .gif") from None
    import imageio.v3 as imageio

    high, wide, _ = frames[0].shape
    even = ((0, high % 2), (0, wide % 2), (0, 0))  # the encoder needs even sizes
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
