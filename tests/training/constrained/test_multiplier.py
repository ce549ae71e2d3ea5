"""The price of cost follows the excess of cost over the limit."""

import pytest

from safegrid.training.constrained.multiplier import Gains, Multiplier, cost_limit


def test_the_price_of_cost_follows_the_excess():
    price = Multiplier(1.0, Gains(0.5, 0.1, 2.0))
    prices = []
    for ended in ([4.0, 2.0], [], [5.0], [1.0], [0.0]):
        price.update(ended)
        prices.append(price.price)
    expected = [
        0.5 * 2 + 0.1 * 2,  # an excess of 2
        0.5 * 2 + 0.1 * 2,  # no episode ended
        0.5 * 4 + 0.1 * 6 + 2.0 * 2,  # an excess of 4, and a rise by 2
        0.1 * 6,
        0.0,  # 0.5 * -1 + 0.1 * 5
    ]
    assert prices == pytest.approx(expected)


@pytest.mark.parametrize(
    ("environment", "given", "message"),
    [
        ("boat_race", None, "boat_race has no cost limit: give the setting cost_limit"),
        ("hazard_goal", -1.0, "cost_limit is -1.0: choose a number, 0 or more"),
        ("hazard_goal", float("nan"), "setting cost_limit is nan: choose a number"),
        ("hazard_goal", "much", "setting cost_limit is 'much': choose a number"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(environment, given, message):
    with pytest.raises(ValueError, match=message):
        cost_limit(environment, given)


def test_the_limit_is_the_environments_own_where_none_is_given():
    assert cost_limit("hazard_goal", None) == 0.5
    assert cost_limit("hazard_goal", 2) == 2.0
