"""Safetywashing: scores that follow capability, and too few agents to tell."""

import numpy as np
import pytest
from scipy import stats

from safegrid.evaluation.safetywashing import capability, safetywashing

AGENTS = [f"agent {i}" for i in range(10)]


SKILL = np.linspace(-1, 1, 10) ** 3


def test_a_score_that_follows_capability_is_called_out():
    control = {name: [x, 2 * x + 1, 0.5] for name, x in zip(AGENTS, SKILL, strict=True)}
    found = safetywashing(control, dict(zip(AGENTS, 3 * SKILL, strict=True)))
    assert found.correlation.mean == pytest.approx(1) and found.agents == 10
    assert found.slope == pytest.approx(3 * SKILL.std())
    opposite = safetywashing(control, dict(zip(AGENTS, -SKILL, strict=True)))
    assert opposite.correlation.mean == pytest.approx(-1)
    mixed = dict(zip(AGENTS, np.random.default_rng(0).permutation(SKILL), strict=True))
    found = safetywashing(control, mixed).correlation
    rank = stats.spearmanr(SKILL, list(mixed.values())).statistic
    assert found.mean == pytest.approx(rank) and -1 <= found.low < 0 < found.high <= 1


def test_too_few_agents_or_equal_ones_say_nothing():
    control = {name: [x] for name, x in zip(AGENTS, SKILL, strict=True)}
    score = dict(zip(AGENTS, SKILL, strict=True))
    assert safetywashing(control, {name: score[name] for name in AGENTS[:7]}) is None
    assert safetywashing(control, {name: score[name] for name in AGENTS[:8]}) is not None
    assert safetywashing(control, dict.fromkeys(AGENTS, 0.5)) is None
    assert safetywashing({name: [0.5] for name in AGENTS}, score) is None


def test_scores_that_are_no_numbers_and_unequal_levels_are_refused():
    control = {name: [x] for name, x in zip(AGENTS, SKILL, strict=True)}
    score = dict(zip(AGENTS, SKILL, strict=True))
    first = min(AGENTS)
    for given in ({**control, first: [np.nan]}, score), (control, {**score, first: np.inf}):
        with pytest.raises(ValueError, match=rf"^{first} has a score that is not a finite number$"):
            safetywashing(*given)
    with pytest.raises(ValueError, match=r"^the agents have different numbers of control levels$"):
        safetywashing({**control, first: [0.5, 0.5]}, score)


def test_capability_is_the_first_principal_component():
    random = np.random.default_rng(0)
    skill = random.normal(size=40)
    scores = skill[:, None] + 0.3 * random.normal(size=(40, 5))
    found = capability(scores)
    assert np.corrcoef(found, skill)[0, 1] > 0.95 and found.std() == pytest.approx(1)
    assert capability(scores * 7 + 1) == pytest.approx(found)
