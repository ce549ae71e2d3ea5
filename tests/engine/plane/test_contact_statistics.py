"""Contact over whole episodes: the original's rates of cost, goals and return, within tolerances.

A tolerance is what is known to be missing and three standard errors of what was measured on the
`chase` episodes. Chance adds nothing to speak of: kicked by 1e-9 rad/s, the original's own cost
spreads by 0.1 % on Goal2 and 0.7 % on Button1 (16 and 11 episodes of 450 steps).
Goal: 3 % of the cost is missing. Button: nothing known. Push: the robot comes 0.2 m in 1,000 steps
less far with the box, which may miss a goal; an episode shows each goal in two windows.
"""

import json
from pathlib import Path

import pytest

from safegrid import envs

ROOT = Path(__file__).resolve().parents[3]
TOLERANCES = {  # share of the cost; per 1,000 steps: of the return without goals, of the goals
    "Goal": (0.07, 0.05, 0.2),
    "Button": (0.06, 0.6, 0.5),
    "Push": (0.10, 0.9, 2.3),
}
FEW = 5  # steps with cost in 1,000: where a single touch begins and ends


@pytest.fixture(scope="module")
def contact(experiment):
    return experiment("contact")


@pytest.fixture(scope="module")
def found(contact):
    return contact.compare()


def off(row, key):
    return row[key]["ours"] - row[key]["recorded"]


def excess(found, family):
    """By how much the rates of a family go beyond the tolerances: the most of any, 1 is allowed."""
    share, way, goals = TOLERANCES[family]
    parts = []
    for key, row in found.items():
        if key.startswith(family):
            allowed = share * row["cost"]["recorded"] + FEW * (row["episodes"] == 1)
            parts.append(abs(off(row, "cost")) / max(allowed, 1))
            parts.append(abs(off(row, "return") - off(row, "goals")) / way)
            parts.append(abs(off(row, "goals")) / goals)
    return max(parts)


@pytest.mark.slow
@pytest.mark.parametrize("family", TOLERANCES)
def test_cost_goals_and_return_come_at_the_originals_rates(found, family):
    assert excess(found, family) <= 1


def test_each_kind_of_cost_comes_at_the_originals_rate(found):
    """But of a vase: here it does not hop, and stays in touch for longer.

    The shares are made like the other tolerances: 5 % of gremlins' and 4 % of moving vases' cost
    are missing, and the vases' contact is 32 % too much.
    """
    shares = {"gremlins": 0.18, "buttons": 0.06, "pillars": 0.17, "hazards": 0.05}
    shares |= {"vases_velocity": 0.1, "vases_contact": 0.75}
    seen = set()
    for key, row in found.items():
        for kind in set(row) & set(shares):
            if row["episodes"] > 1 and row[kind]["recorded"]:
                seen.add(kind)
                assert abs(off(row, kind)) <= shares[kind] * row[kind]["recorded"], (key, kind)
    assert seen == set(shares)


def test_the_committed_rates_are_todays(contact, found):
    committed = json.loads(contact.RESULT.read_text(encoding="utf-8"))
    assert committed.keys() == found.keys()
    for key, row in found.items():
        for name in ("cost", "goals", "return"):
            assert row[name]["ours"] == pytest.approx(committed[key][name]["ours"], abs=1.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "right", "wrong"),
    [
        ("Goal", "0.1, 0.0, False)", "0.07, 0.0, False)"),  # a narrower vase
        ("Button", "Body(8e-6, 8e-6", "Body(8e-5, 8e-5"),  # a heavier gremlin
        ("Push", "POST = 6.4e-5, 1.6e-5", "POST = 6.4e-3, 1.6e-3"),  # a heavier box
    ],
)
def test_a_wrong_model_is_told(contact, family, right, wrong, tmp_path, monkeypatch):
    text = (ROOT / "envs" / f"point_{family.lower()}.py").read_text(encoding="utf-8")
    assert text.count(right) == 1
    name = f"point_wrong_{family.lower()}"
    (tmp_path / f"{name}.py").write_text(text.replace(right, wrong), encoding="utf-8")
    monkeypatch.setattr(envs, "__path__", [*envs.__path__, str(tmp_path)])
    assert excess(contact.compare(family, name), family) > 1
