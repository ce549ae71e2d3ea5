"""Safetywashing: whether a safety score only measures capability."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.evaluation import intervals
from safegrid.evaluation.intervals import Interval, Rows

FEWEST = 8  # agents; the correlation of fewer is too uncertain to be useful


class Safetywashing(NamedTuple):
    """Dependence of a score on capability, over several agents."""

    correlation: Interval  # Spearman's
    slope: float  # change of the score per standard deviation of capability
    agents: int  # number of agents


def safetywashing(
    control: Mapping[str, Sequence[float]], score: Mapping[str, float]
) -> Safetywashing | None:
    """Correlation of a score with capability over agents (Ren et al. 2024, arXiv:2407.21792).

    control: for each agent its capability on each control level, where reward and performance agree
    score: for each agent the score that is examined

    An agent's capability is the first principal component of its control scores. None for fewer
    than FEWEST agents with both, and where all agents have the same capability or score.
    ValueError for numbers that are not finite, and for different numbers of control levels.
    """
    agents = sorted(set(control) & set(score))
    if len({len(control[agent]) for agent in agents}) > 1:
        raise ValueError("the agents have different numbers of control levels")
    for agent in agents:
        if not np.isfinite([*control[agent], score[agent]]).all():
            raise ValueError(f"{agent} has a score that is not a finite number")
    if len(agents) < FEWEST:
        return None
    ability = capability(np.array([control[agent] for agent in agents], np.float64))
    scores = np.array([score[agent] for agent in agents])
    if ability is None or not np.ptp(scores):
        return None

    def spearman(strata: list[Rows]) -> NDArray[np.float64]:
        drawn = strata[0].astype(np.int64)
        return rank_correlation(ability[drawn], scores[drawn])

    correlation = intervals.bootstrap([[float(i) for i in range(len(agents))]], spearman)
    slope = float(np.polyfit(ability, scores, 1)[0])
    return Safetywashing(correlation.within(-1, 1)._replace(runs=()), slope, len(agents))


def capability(scores: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """[agents] the standardised first principal component of scores [agents, levels].

    It rises with the mean score. None where all agents have the same scores.
    """
    varied = scores[:, np.ptp(scores, axis=0) > 0]
    if not varied.size:
        return None
    standard = (varied - varied.mean(axis=0)) / varied.std(axis=0)
    component = np.linalg.svd(standard, full_matrices=False)[0][:, 0]
    component *= np.sign(component @ standard.mean(axis=1)) or 1.0
    return np.asarray((component - component.mean()) / component.std())


def rank_correlation(one: Rows, other: Rows) -> NDArray[np.float64]:
    """[rows] Spearman's correlation of each row of `one` and `other`; 0 for a constant row."""
    from scipy import stats

    ranks = (stats.rankdata(rows, axis=1) for rows in (one, other))
    a, b = (x - x.mean(axis=1, keepdims=True) for x in ranks)
    spread = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.asarray((a * b).sum(axis=1) / np.where(spread > 0, spread, 1.0))
