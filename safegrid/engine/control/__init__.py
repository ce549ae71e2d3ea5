"""The control kit: plants with delays and noise, elementary functions, and controllers.

Functions for environment files of control tasks: an action is some numbers, held for a step, which
drive a body by equations of motion that the environment's file has.
"""

from safegrid.engine.chance import uniform
from safegrid.engine.compiling import njit
from safegrid.engine.control.elementary import exp, normal
from safegrid.engine.control.plant import (
    actuate,
    begin,
    check_task,
    measure,
    observe,
    plant,
    state_dtype,
)
from safegrid.engine.plane.robot import clip, cos_sin

__all__ = [
    "actuate",
    "begin",
    "check_task",
    "clip",
    "cos_sin",
    "exp",
    "measure",
    "njit",
    "normal",
    "observe",
    "plant",
    "state_dtype",
    "uniform",
]
