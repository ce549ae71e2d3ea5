"""Policies whose agents have code of their own, played in a confined process.

The code of such an agent loads the policy and chooses its actions. The process in which it runs
gets observations and the policy's own draws; it has no secret, no network and no files but those of
Python and the agents, its memory and time are limited, and it cannot start or reach another one.
"""

from safegrid.benchmark.sandbox.proxy import Limits, evaluate, weaknesses

__all__ = ["Limits", "evaluate", "weaknesses"]
