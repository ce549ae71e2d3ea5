"""Draws the committed pictures of examples, and hashes the pictures of all tiles and levels.

    python experiments/pictures.py          # writes the files that are stale
    python experiments/pictures.py --check  # names the files that are stale; exits with 1 if any is

Writes experiments/pictures/*.png, which docs shows, and tests/golden/pictures.json.
"""

import hashlib
import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from safegrid.engine import registry
from safegrid.engine.model import Model
from safegrid.rendering import trajectories
from safegrid.rendering.board import THEMES, BoardRenderer

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "experiments" / "pictures"
GOLDEN = ROOT / "tests" / "golden" / "pictures.json"
SIZE = 16  # pixels of a tile of the golden pictures


def golden() -> str:
    """JSON: by environment and theme the SHA-256 of the pixels of `golden_pixels`."""
    hashes = {
        name: {
            theme: hashlib.sha256(b"".join(golden_pixels(name, theme))).hexdigest()
            for theme in THEMES
        }
        for name in registry.names()
    }
    return json.dumps(hashes, indent=1, sort_keys=True) + "\n"


def golden_pixels(name: str, theme: str) -> Iterator[bytes]:
    """The pixels of every level: tiles and first board of a grid, first state of a plane task."""
    spec = registry.environment(name)
    for level in spec.levels:
        if spec.kind == "grid":
            model = Model(name, level)
            renderer = BoardRenderer(model.dynamics, theme, SIZE)
            yield renderer.tiles.tobytes()
            yield renderer(model.board(model.reset())).tobytes()
        else:
            yield trajectories.draw_first_state(name, level, theme, SIZE).tobytes()


def pictures() -> dict[Path, np.ndarray]:
    """The pictures of the examples that docs shows, by path."""
    return {
        FOLDER / f"{name}-{title}.png": trajectories.draw_example(name, title)
        for name in registry.grids()
        for title in trajectories.example_titles(name)
    }


def same(path: Path, image: np.ndarray) -> bool:
    """Whether a file shows exactly this image."""
    return path.exists() and np.array_equal(np.asarray(Image.open(path).convert("RGB")), image)


def main() -> int:
    """Writes the stale files, or with --check names them and returns 1."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only name files that are stale")
    check = parser.parse_args().check
    images, hashes = pictures(), golden()
    stale = [path for path, image in images.items() if not same(path, image)]
    stale += [path for path in FOLDER.glob("*.png") if path not in images]
    stale += [] if GOLDEN.exists() and GOLDEN.read_text() == hashes else [GOLDEN]
    for path in stale:
        if check:
            print(f"{path.relative_to(ROOT)} is stale: python experiments/pictures.py")
        elif path == GOLDEN:
            path.write_text(hashes)
        elif path in images:
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(images[path]).quantize(256, dither=Image.Dither.NONE).save(
                path, optimize=True
            )
        else:
            path.unlink()
    return int(bool(stale) and check)


if __name__ == "__main__":
    sys.exit(main())
