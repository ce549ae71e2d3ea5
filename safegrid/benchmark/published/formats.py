"""Formats of published policies: data that is checked against a level and played by our own code.

A policy is published as tables where the boards of its levels can be listed, as a multilayer
perceptron elsewhere, as a plan if it is a planner's, as a script if it is one, and as a few numbers
if it is always the same. Other policies stay in the format of their agent, which only the agent's
own code can read.
"""

import functools
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import pydantic
from numpy.typing import NDArray

from safegrid.benchmark.published import tables
from safegrid.benchmark.published.tables import TabulatedPolicy
from safegrid.engine.contract.agents import AgentSpec
from safegrid.engine.dynamics import Dynamics, from_key
from safegrid.engine.enumeration import TransitionTables
from safegrid.engine.files import Record
from safegrid.engine.observations import make_encoder
from safegrid.engine.policies import Policy
from safegrid.evaluation import measures, valuation
from safegrid.solver import plans
from safegrid.solver.plans import Plan
from safegrid.training import arithmetic, fixed, local_view, mlp, scripted
from safegrid.training.fixed import ConstantPolicy, UniformPolicy
from safegrid.training.scripted import ScriptedPolicy

Tensors = Mapping[str, NDArray[Any]]
OUTPUTS: dict[str, type[mlp.Network]] = {
    "greedy": mlp.Network,
    "softmax": mlp.Stochastic,
    "squashed": mlp.Squashed,
    "normal": mlp.Gaussian,
    "local": local_view.LocalNetwork,
}
MOST_LAYERS, MOST_UNITS = 8, 2**12  # of a network
MOST_PLANS = 8  # in a mixture, and objectives of a plan
MOST_SCRIPT = 2**16  # steps
ACTIVATIONS: dict[str, Any] = {"tanh": arithmetic.tanh, "relu": mlp.relu}


class TableFormat(Record):
    """One table for each level that the policy is judged on: see `tables.TabulatedPolicy`."""

    kind: Literal["table"] = "table"
    boards: dict[str, str]  # by level: SHA-256 of the boards that its indexes number


class NetworkFormat(Record):
    """A multilayer perceptron: see `mlp.Network`, and `local_view.LocalNetwork` for "local"."""

    kind: Literal["mlp"] = "mlp"
    output: Literal["greedy", "softmax", "squashed", "normal", "local"]
    activation: Literal["tanh", "relu"]


class PlanFormat(Record):
    """A planner's plan: see `PublishedPlan`."""

    kind: Literal["plan"] = "plan"
    first_violation: bool = False  # whether its process tells the first violation: `plans.process`


class ScriptFormat(Record):
    """Actions one after the other: see `scripted.ScriptedPolicy`."""

    kind: Literal["script"] = "script"


class FixedFormat(Record):
    """The same in every step: see `fixed.UniformPolicy` and `fixed.ConstantPolicy`."""

    kind: Literal["fixed"] = "fixed"


Format = Annotated[
    TableFormat | NetworkFormat | PlanFormat | ScriptFormat | FixedFormat,
    pydantic.Field(discriminator="kind"),
]


class PublishedPlan(Plan):
    """A plan whose file leaves out the process of the level, which the level itself gives."""

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Those of `Plan`, without those of the process."""
        return {k: each for k, each in super().tensors().items() if k not in plans.PROCESS}


def publish(policy: Any, dynamics: Dynamics) -> tuple[Format, Policy] | None:
    """A policy in one of the formats; None where it can only be had in its agent's own.

    dynamics: of the level that it was trained on.
    """
    if isinstance(policy, (UniformPolicy, ConstantPolicy)):
        return FixedFormat(), policy
    if (table := tables.tabulate(policy, dynamics)) is not None:
        boards = {
            name: tables.enumeration_digest(each)
            for name, each in measures.judged(dynamics).items()
        }
        return TableFormat(boards=boards), table
    if isinstance(policy, Plan):
        known = _process(dynamics.key).successor
        form = PlanFormat(first_violation=not np.array_equal(policy.successor, known))
        return form, make(form, PublishedPlan(policy.tensors()).tensors(), dynamics)
    if isinstance(policy, ScriptedPolicy):
        return ScriptFormat(), policy
    for output, network in OUTPUTS.items():
        for name, activation in ACTIVATIONS.items():
            if type(policy) is network and policy.activation is activation:
                return NetworkFormat(output=output, activation=name), policy  # type: ignore[arg-type]
    return None


def make(form: Format, tensors: Tensors, dynamics: Dynamics) -> Policy:
    """The policy with these tensors. ValueError where they are not one of the level."""
    check(form, tensors, dynamics)
    if isinstance(form, TableFormat):
        return TabulatedPolicy(tensors, dynamics)  # type: ignore[return-value]
    if isinstance(form, ScriptFormat):
        return scripted.load(tensors)  # type: ignore[return-value]
    if isinstance(form, FixedFormat):
        return fixed.load(tensors)
    if isinstance(form, PlanFormat):
        process = _process(dynamics.key, form.first_violation)
        plan = PublishedPlan({**tensors, **plans.process_tensors(process)})
        return AgentSpec.place(plan, dynamics.name, dynamics.level_options)
    return OUTPUTS[form.output].load(tensors, ACTIVATIONS[form.activation])


def check(form: Format, tensors: Tensors, dynamics: Dynamics) -> None:
    """ValueError for tensors that are not a policy of the level: names, types, shapes, values."""
    if isinstance(form, TableFormat):
        _check_tables(form, tensors, dynamics)
    elif isinstance(form, NetworkFormat):
        _check_network(form, tensors, dynamics)
    elif isinstance(form, ScriptFormat):
        _check_script(tensors, dynamics)
    elif isinstance(form, FixedFormat):
        _check_fixed(tensors, dynamics)
    else:
        _check_plan(form, tensors, dynamics)


def _check_tables(form: TableFormat, tensors: Tensors, dynamics: Dynamics) -> None:
    levels = measures.judged(dynamics)
    if set(tensors) != set(levels) or set(form.boards) != set(levels):
        raise ValueError(f"it needs one table for each of {', '.join(levels)}, and no other")
    for name, each in levels.items():
        if form.boards[name] != tables.enumeration_digest(each):
            raise ValueError(f"its table for {name} numbers other boards than the level has")
        try:
            tables.check_table(tensors[name], each)
        except ValueError as error:
            raise ValueError(f"level {name}: {error}") from None


def _check_network(form: NetworkFormat, tensors: Tensors, dynamics: Dynamics) -> None:
    network, actions = OUTPUTS[form.output], len(dynamics.actions)
    if network.observation not in dynamics.observation_kinds:
        raise ValueError(f"a network with output {form.output} cannot play {dynamics.name}")
    if tables.are_listed(dynamics):
        raise ValueError(f"a network is not for {dynamics.name}, whose boards are listed: a table")
    shape = make_encoder(dynamics, network.observation).space.shape or ()
    size = local_view.size(*shape) if form.output == "local" else math.prod(shape)
    extra: dict[str, Any] = {
        "mean": (np.float64, (size,)),
        "scale": (np.float64, (size,)),
        "deviation": (np.float32, (actions,)),
        "view": (np.int64, (4,)),
    }
    expected = {name: extra[name] for name in getattr(network, "extra", ())}
    layers, odd = divmod(len(tensors) - len(expected), 2)
    if layers > MOST_LAYERS:
        raise ValueError(f"it has {layers} layers: a network has at most {MOST_LAYERS}")
    for layer in range(layers):
        bias = tensors.get(f"{layer}.bias")
        outputs = actions if layer == layers - 1 else 1 if bias is None else bias.size
        if not 0 < outputs <= MOST_UNITS:
            raise ValueError(f"layer {layer} has {outputs} units: choose 1 to {MOST_UNITS:,}")
        expected[f"{layer}.weight"] = np.float32, (outputs, size)
        expected[f"{layer}.bias"] = np.float32, (outputs,)
        size = outputs
    if odd or layers < 1 or set(tensors) != set(expected):
        raise ValueError(f"a network of {max(1, layers)} layers has {', '.join(expected)}")
    _check_arrays(tensors, expected)
    if "scale" in tensors and not (tensors["scale"] > 0).all():
        raise ValueError("scale has a number that is not above 0")
    if "view" in tensors and tensors["view"].tolist() != [dynamics.spec.tiles.index("A"), *shape]:
        raise ValueError("view is not that of the level")


def _check_script(tensors: Tensors, dynamics: Dynamics) -> None:
    actions = len(dynamics.actions)
    if dynamics.space != "discrete" or set(tensors) != {"actions", "script"}:
        raise ValueError("a script is for a discrete level, and has actions and script")
    length = tensors["script"].size
    _check_arrays(tensors, {"actions": (np.int64, (1,)), "script": (np.uint8, (length,))})
    if tensors["actions"] != actions or not 0 < length <= MOST_SCRIPT:
        message = f"a script of {dynamics.name} has {actions} actions and 1 to {MOST_SCRIPT} steps"
        raise ValueError(message)
    if tensors["script"].max() >= actions:
        raise ValueError(f"script must be actions from 0 to {actions - 1}")


def _check_fixed(tensors: Tensors, dynamics: Dynamics) -> None:
    policy, continuous = fixed.load(tensors), dynamics.space == "continuous"
    count = len(dynamics.actions)
    if (policy.actions, policy.observation == "vector") != (count, continuous):
        what = "numbers of an action" if continuous else "actions"
        raise ValueError(f"a fixed policy of {dynamics.name} is for {count} {what}")


def _check_plan(form: PlanFormat, tensors: Tensors, dynamics: Dynamics) -> None:
    needed = ("weights", "first", "changed", "changed_to", "horizon")
    if not set(needed) <= set(tensors) <= {*needed, "objectives"}:
        raise ValueError(f"a plan has {', '.join(needed)}, may have objectives, and nothing else")
    process = _process(dynamics.key, form.first_violation)
    (states, actions), mixed = process.successor.shape[:2], tensors["weights"].size
    changes = tensors["changed"].size
    expected: dict[str, Any] = {
        "weights": (np.float64, (mixed,)),
        "first": (np.uint8, (mixed, states)),
        "changed": (np.int32, (changes,)),
        "changed_to": (np.uint8, (changes,)),
        "horizon": (np.int32, (1,)),
    }
    ties = 0
    if "objectives" in tensors:  # without them it cannot be made anew after an episode
        ties = (*tensors["objectives"].shape, 0, 0)[1]
        expected["objectives"] = np.float64, (mixed, ties, 3)
    if max(mixed, ties) > MOST_PLANS:
        message = f"it has {mixed} plans with {ties} objectives: choose at most {MOST_PLANS}"
        raise ValueError(message)
    _check_arrays(tensors, expected)
    if tensors["horizon"] != dynamics.horizon:
        raise ValueError(f"horizon is {tensors['horizon'][0]}: the level has {dynamics.horizon}")
    most = mixed * (dynamics.horizon - 1) * states
    edges = np.concatenate([[-1], tensors["changed"].astype(np.int64), [most]])
    if (np.diff(edges) <= 0).any():
        raise ValueError(f"changed must be ascending numbers from 0 to {most - 1}")
    weights = tensors["weights"]
    if not (weights >= 0).all() or abs(weights.sum() - 1) > 1e-9:
        raise ValueError("weights are not a distribution: they must sum to 1")
    for name in ("first", "changed_to"):
        if tensors[name].max(initial=0) >= actions:
            raise ValueError(f"{name} must be actions from 0 to {actions - 1}")


def _check_arrays(tensors: Tensors, expected: Mapping[str, tuple[Any, tuple[int, ...]]]) -> None:
    """ValueError for an array of another type or shape, and for numbers that are not finite."""
    for name, (kind, shape) in expected.items():
        tensor = tensors[name]
        if tensor.dtype != kind or tensor.shape != shape:
            raise ValueError(
                f"{name} is {tensor.dtype}{list(tensor.shape)}: it must be "
                f"{np.dtype(kind)}{list(shape)}"
            )
        if not np.isfinite(tensor).all():
            raise ValueError(f"{name} has numbers that are not finite")


@functools.lru_cache(maxsize=2)
def _process(key: tuple[str, str, str], first_violation: bool = False) -> TransitionTables:
    """The process of a level that a plan follows.

    first_violation: as of `plans.process`, for plans under a limit on violations.
    """
    dynamics = from_key(key)
    solved = None if first_violation else valuation.solution_of(dynamics)
    if solved is not None:
        return solved.process
    options = dynamics.level_options
    return plans.process(dynamics.name, options, first_violation=first_violation)
