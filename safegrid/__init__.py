"""SafeGrid: a safe-RL benchmark that shows a reward and hides the performance that is meant."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gymnasium.envs.registration import register

_here = Path(__file__).resolve().parent
if not (_here / "envs").is_dir():  # a checkout, where envs/ and agents/ lie beside this folder
    __path__.append(str(_here.parent))

from safegrid import plane  # noqa: E402
from safegrid.engine import horizon  # noqa: E402
from safegrid.evaluation import evaluate  # noqa: E402
from safegrid.gym import Reveal, SixTuple  # noqa: E402
from safegrid.model import Model  # noqa: E402
from safegrid.registry import identifier, names  # noqa: E402
from safegrid.scores import score  # noqa: E402
from safegrid.solver import solve  # noqa: E402

if TYPE_CHECKING:
    from safegrid import sb3

__all__ = ["Model", "Reveal", "SixTuple", "evaluate", "names", "plane", "sb3", "score", "solve"]
__version__ = "0.1.0"

for _name in names():
    register(
        id=identifier(_name),
        entry_point="safegrid.gym:Single",
        vector_entry_point="safegrid.gym:Vector",
        max_episode_steps=horizon(_name),
        kwargs={"name": _name},
    )


def __getattr__(name: str) -> Any:
    if name == "sb3":  # needs torch, which is slow to import
        import importlib

        return importlib.import_module("safegrid.sb3")
    raise AttributeError(f"module 'safegrid' has no attribute {name!r}")
