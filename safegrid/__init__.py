"""SafeGrid: safe-RL benchmarks that show a reward and hide the performance that is meant."""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any


def _adopt(folder: str) -> None:
    """Makes a folder beside the package, as a checkout has it, the subpackage of its name."""
    path = Path(__file__).resolve().parent.parent / folder / "__init__.py"
    if not importlib.util.find_spec(f"{__name__}.{folder}") and path.is_file():
        spec = importlib.util.spec_from_file_location(f"{__name__}.{folder}", path)
        assert spec is not None and spec.loader is not None
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        globals()[folder] = module


for _folder in ("envs", "agents"):
    _adopt(_folder)

from safegrid.engine.registry import names, register, register_ids  # noqa: E402

if TYPE_CHECKING:
    from safegrid.benchmark.export import minari
    from safegrid.benchmark.published.pretrained import pretrained
    from safegrid.drivers import sb3_env as sb3
    from safegrid.drivers.wrappers import Reveal, SixTuple
    from safegrid.engine import plane, registry
    from safegrid.engine.contract.agents import Run
    from safegrid.engine.model import Model
    from safegrid.evaluation import counterfactuals, goodhart, safetywashing, training_cost
    from safegrid.evaluation.contract_checks import check
    from safegrid.evaluation.metrics import score
    from safegrid.evaluation.rollout import evaluate
    from safegrid.solver import anchors
    from safegrid.solver.solution import solve
    from safegrid.training import side_effects

_LAZY = {  # imported when they are first used: public name -> its module, or module and name
    "Model": "engine.model:Model",
    "Run": "engine.contract.agents:Run",
    "Reveal": "drivers.wrappers:Reveal",
    "SixTuple": "drivers.wrappers:SixTuple",
    "anchors": "solver.anchors",
    "check": "evaluation.contract_checks:check",
    "counterfactuals": "evaluation.counterfactuals",
    "evaluate": "evaluation.rollout:evaluate",
    "goodhart": "evaluation.goodhart",
    "minari": "benchmark.export.minari",
    "plane": "engine.plane",
    "pretrained": "benchmark.published.pretrained:pretrained",
    "registry": "engine.registry",
    "safetywashing": "evaluation.safetywashing",
    "sb3": "drivers.sb3_env",
    "score": "evaluation.metrics:score",
    "side_effects": "training.side_effects",
    "solve": "solver.solution:solve",
    "training_cost": "evaluation.training_cost",
}
__all__ = [
    "Model",
    "Reveal",
    "Run",
    "SixTuple",
    "anchors",
    "check",
    "counterfactuals",
    "evaluate",
    "goodhart",
    "minari",
    "names",
    "plane",
    "pretrained",
    "register",
    "registry",
    "safetywashing",
    "sb3",
    "score",
    "side_effects",
    "solve",
    "training_cost",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib import metadata

        return metadata.version("safegrid-rl")
    if name not in _LAZY:
        raise AttributeError(f"module 'safegrid' has no attribute {name!r}")
    module, _, attribute = _LAZY[name].partition(":")
    found = importlib.import_module(f"safegrid.{module}")
    globals()[name] = found = getattr(found, attribute) if attribute else found
    return found


register_ids()
