"""Formats of published policies: data that is checked against a level and played by our own code.

A policy is published as tables where the boards of its levels can be listed, as a multilayer
perceptron elsewhere, as a plan if it is a planner's, as a script if it is one, by where it changes
if it counts steps, and as a few numbers if it is always the same. Other policies stay in the format
of their agent, which only the agent's own code can read.
"""

from typing import Annotated, Any, Literal

import numpy as np
import pydantic
from numpy.typing import NDArray

from safegrid.benchmark.published import networks, tables
from safegrid.benchmark.published.networks import NetworkFormat
from safegrid.benchmark.published.tables import TabulatedPolicy, Tensors
from safegrid.engine.contract.agents import AgentSpec
from safegrid.engine.contract.loading import cached
from safegrid.engine.dynamics import Dynamics, from_key
from safegrid.engine.enumeration import TransitionTables
from safegrid.engine.files import Record
from safegrid.engine.observations import make_encoder
from safegrid.engine.policies import Policy, check_probabilities
from safegrid.evaluation import measures, valuation
from safegrid.solver import plans
from safegrid.solver.plans import Plan
from safegrid.solver.timed import TimedPolicy
from safegrid.training import fixed, scripted
from safegrid.training.fixed import ConstantPolicy, UniformPolicy
from safegrid.training.scripted import ScriptedPolicy

CHANGES = ("first", "gaps", "changed_to", "horizon")  # tensors: see `plans.changes`
MOST_PLANS = 8  # in a mixture, and objectives of a plan
MOST_SCRIPT = 2**16  # steps


class TableFormat(Record):
    """One table for each level that the policy is judged on: see `tables.TabulatedPolicy`."""

    kind: Literal["table"] = "table"
    boards: dict[str, str]  # by level: SHA-256 of the boards that its indexes number


class PlanFormat(Record):
    """A planner's plan: see `PublishedPlan`."""

    kind: Literal["plan"] = "plan"
    first_violation: bool = False  # whether its process tells the first violation: `plans.process`


class ScriptFormat(Record):
    """Actions one after the other: see `scripted.ScriptedPolicy`."""

    kind: Literal["script"] = "script"


class TimedFormat(Record):
    """Probabilities by what is observed and the steps taken: see `timed.TimedPolicy`."""

    kind: Literal["timed"] = "timed"


class FixedFormat(Record):
    """The same in every step: see `fixed.UniformPolicy` and `fixed.ConstantPolicy`."""

    kind: Literal["fixed"] = "fixed"


Format = Annotated[
    TableFormat | NetworkFormat | PlanFormat | ScriptFormat | TimedFormat | FixedFormat,
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
    if isinstance(policy, TimedPolicy):
        return TimedFormat(), policy
    for output, network in networks.OUTPUTS.items():
        for name, activation in networks.ACTIVATIONS.items():
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
    if isinstance(form, TimedFormat):
        return TimedPolicy.load(tensors)
    if isinstance(form, FixedFormat):
        return fixed.load(tensors)
    if isinstance(form, PlanFormat):
        process = _process(dynamics.key, form.first_violation)
        plan = PublishedPlan({**tensors, **plans.process_tensors(process)})
        return AgentSpec.place(plan, dynamics.name, dynamics.level_options)
    return networks.load(form, tensors)


def check(form: Format, tensors: Tensors, dynamics: Dynamics) -> None:
    """ValueError for tensors that are not a policy of the level: names, types, shapes, values."""
    if isinstance(form, TableFormat):
        _check_tables(form, tensors, dynamics)
    elif isinstance(form, NetworkFormat):
        networks.check(form, tensors, dynamics)
    elif isinstance(form, ScriptFormat):
        _check_script(tensors, dynamics)
    elif isinstance(form, TimedFormat):
        _check_timed(tensors, dynamics)
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


def _check_script(tensors: Tensors, dynamics: Dynamics) -> None:
    actions = len(dynamics.actions)
    if dynamics.space != "discrete" or set(tensors) != {"actions", "script"}:
        raise ValueError("a script is for a discrete level, and has actions and script")
    length = tensors["script"].size
    tables.check_arrays(tensors, {"actions": (np.int64, (1,)), "script": (np.uint8, (length,))})
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


def _check_timed(tensors: Tensors, dynamics: Dynamics) -> None:
    if set(tensors) != {*CHANGES, "mixed", "chances"} or "index" not in dynamics.observation_kinds:
        raise ValueError(f"a timed policy has {', '.join(CHANGES)}, mixed and chances")
    count = int(make_encoder(dynamics, "index").space.n)  # type: ignore[attr-defined]
    actions = len(dynamics.actions)
    mixed = tensors["mixed"].size
    tables.check_arrays(
        tensors, {"mixed": (np.int32, (mixed,)), "chances": (np.float32, (mixed, actions))}
    )
    _check_changes(tensors, 1, count, dynamics)
    most = dynamics.horizon * count
    edges = np.concatenate([[-1], tensors["mixed"].astype(np.int64), [most]])
    if (np.diff(edges) <= 0).any():
        raise ValueError(f"mixed must be ascending numbers from 0 to {most - 1}")
    check_probabilities(tensors["chances"], (mixed, actions))


def _check_plan(form: PlanFormat, tensors: Tensors, dynamics: Dynamics) -> None:
    needed = ("weights", *CHANGES)
    if not set(needed) <= set(tensors) <= {*needed, "objectives"}:
        raise ValueError(f"a plan has {', '.join(needed)}, may have objectives, and nothing else")
    states = len(_process(dynamics.key, form.first_violation).successor)
    mixed, ties = tensors["weights"].size, 0
    expected: dict[str, Any] = {"weights": (np.float64, (mixed,))}
    if "objectives" in tensors:  # without them it cannot be made anew after an episode
        ties = (*tensors["objectives"].shape, 0, 0)[1]
        expected["objectives"] = np.float64, (mixed, ties, 3)
    if max(mixed, ties) > MOST_PLANS:
        message = f"it has {mixed} plans with {ties} objectives: choose at most {MOST_PLANS}"
        raise ValueError(message)
    tables.check_arrays(tensors, expected)
    weights = tensors["weights"]
    if not (weights >= 0).all() or abs(weights.sum() - 1) > 1e-9:
        raise ValueError("weights are not a distribution: they must sum to 1")
    _check_changes(tensors, mixed, states, dynamics)


def _check_changes(tensors: Tensors, count: int, states: int, dynamics: Dynamics) -> None:
    """ValueError for actions that are not those of `count` plans [horizon, states]."""
    changes, actions = tensors["gaps"].size, len(dynamics.actions)
    expected: dict[str, Any] = {
        "first": (np.uint8, (count, states)),
        "gaps": (np.uint8, (changes,)),
        "changed_to": (np.uint8, (changes,)),
        "horizon": (np.int32, (1,)),
    }
    tables.check_arrays(tensors, expected)
    if tensors["horizon"] != dynamics.horizon:
        raise ValueError(f"horizon is {tensors['horizon'][0]}: the level has {dynamics.horizon}")
    gaps, most = tensors["gaps"], count * (dynamics.horizon - 1) * states
    if (gaps == 0).any() or gaps.sum(dtype=np.int64) > most:
        raise ValueError(f"gaps must be numbers from 1 to 255 whose sum is at most {most}")
    for name in ("first", "changed_to"):
        if tensors[name].max(initial=0) >= actions:
            raise ValueError(f"{name} must be actions from 0 to {actions - 1}")


@cached(2)
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
