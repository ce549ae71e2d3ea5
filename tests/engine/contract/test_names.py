"""Names of options: those that functions take beside the options are refused everywhere."""

import inspect

import pydantic
import pytest

from safegrid.benchmark import suite
from safegrid.benchmark.leaderboard.schema import BoardLevel
from safegrid.benchmark.results import Cell
from safegrid.drivers import gymnasium_env, sb3_env
from safegrid.engine import dynamics, model, registry
from safegrid.engine.contract.names import BESIDE_OPTIONS
from safegrid.evaluation import counterfactuals, metrics, normalisation, rollout, training_cost
from safegrid.evaluation.replay import Header
from safegrid.play.session import Session

TAKE_OPTIONS = (
    dynamics.make_dynamics,
    *(kind.__init__ for kind in dynamics.KINDS.values()),
    *(driver.__init__ for driver in (gymnasium_env.Single, gymnasium_env.Vector)),
    *(driver.__init__ for driver in (sb3_env.LanesEnv, model.Model, Session)),
    *(rollout.evaluate, metrics.score, normalisation.load, training_cost.training_cost),
    *(counterfactuals.supervision_gap, counterfactuals.avoidance),
    counterfactuals.reachability_loss,
)


def test_the_names_beside_options_are_those_of_the_functions_that_take_options():
    names = [inspect.signature(function).parameters for function in TAKE_OPTIONS]
    assert all("options" in each for each in names)
    own = {"options", "map", "noop"}  # the last two are options of all grids
    assert set().union(*names) - own == BESIDE_OPTIONS


@pytest.mark.parametrize("name", registry.names())
def test_no_option_has_a_name_beside_options(name):
    assert not BESIDE_OPTIONS & set(registry.environment(name).options)


@pytest.mark.parametrize("record", [Cell, Header, BoardLevel, suite.SuiteEnvironment])
@pytest.mark.parametrize("name", ["level", "self", "seed"])
def test_a_file_cannot_have_such_an_option(record, name):
    with pytest.raises(pydantic.ValidationError) as error:
        record.model_validate({"options": {name: 1}})
    (found,) = (each for each in error.value.errors() if each["loc"] == ("options",))
    assert f"'{name}' cannot be an option: it is given beside them" in found["msg"]


@pytest.mark.parametrize("name", sorted(BESIDE_OPTIONS))
def test_a_cell_cannot_have_such_an_option(name):
    with pytest.raises(ValueError, match=f"unknown option of boat_race '{name}'"):
        suite.make_cell("uniform", "boat_race", options={name: 1})
