"""The plane kit: the Point robot, its sensors and lidars, layouts, contact and controllers.

Functions for environment files of Safety-Gymnasium's Point tasks (Ji et al. 2023,
arXiv:2310.12567), without MuJoCo.
"""

from safegrid.engine.chance import uniform
from safegrid.engine.compiling import njit
from safegrid.engine.plane.layout import (
    RELOCATION_TRIES,
    arena,
    distance,
    relocate,
    sample_layout,
    state_dtype,
)
from safegrid.engine.plane.lidars import add_to_lidar, lidar
from safegrid.engine.plane.robot import (
    ACTIONS,
    SENSORS,
    SUBSTEPS,
    TIMESTEP,
    advance,
    clip,
    cos_sin,
    drive,
    sense,
    sensors,
)

__all__ = [
    "ACTIONS",
    "RELOCATION_TRIES",
    "SENSORS",
    "SUBSTEPS",
    "TIMESTEP",
    "add_to_lidar",
    "advance",
    "arena",
    "clip",
    "cos_sin",
    "distance",
    "drive",
    "lidar",
    "njit",
    "relocate",
    "sample_layout",
    "sense",
    "sensors",
    "state_dtype",
    "uniform",
]
