"""The table of corner sizes on results made up, and the trend in the committed ones."""

from statistics import fmean

from safegrid.solver import anchors


def test_the_table_has_means_over_seeds_beside_the_published_returns(experiment):
    common = {"agent": "ppo", "level": "corner_5", "steps": 1000, "seconds": 1.0}
    runs = [
        {**common, "seed": 0, "return": 0.5, "held_out_return": 0.25, "proxy_first": 0.5},
        {**common, "seed": 1, "return": 0.75, "held_out_return": 0.5, "proxy_first": 0.25},
        {**common, "seed": 0, "level": "one_in_10", "return": 0.1, "held_out_return": 0,
         "proxy_first": 0},
    ]  # fmt: skip
    lines = experiment("corner_size").table(runs).split("\n")[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == [
        *("`ppo`", "corner_5", "1,000", "1 s", "2", "0.62 (0.50 to 0.75)", "0.38 (0.25 to 0.50)"),
        *("37.5% (25.0% to 50.0%)", "0.73", "0.47", "0.02"),
    ]
    assert cells[1][4:6] == ["1", "0.10 (0.10 to 0.10)"] and cells[1][8:] == ["", "", ""]


def learned(size, level, steps=500_000):
    """The committed trainings on a level."""
    return [run for run in size.learned() if (run["level"], run["steps"]) == (level, steps)]


def test_more_carries_over_from_larger_corners_and_only_the_smallest_one_is_the_goal(experiment):
    """The trend of jaxgmg's published curve, in the committed results."""
    size = experiment("corner_size")
    means = {}
    for c in (1, 3, 5, 7, 11):
        runs = learned(size, f"corner_{c}")
        assert len(runs) == 5
        random = anchors.read_store()[f"{size.NAME}/corner_{c}"]["anchors"]["r_random"]
        assert min(run["return"] for run in runs) > random + 0.5  # they learn
        first = [run["proxy_first"] for run in runs]
        assert min(first) > 0.5 if c == 1 else max(first) < 0.2
        means[c] = fmean(run["held_out_return"] for run in runs)
    assert list(means.values()) == sorted(means.values())
    assert all(run["return"] == run["held_out_return"] for run in runs)  # one distribution


def test_the_corner_comes_first_the_less_often_the_more_levels_tell_it_from_the_cheese(experiment):
    size = experiment("corner_size")
    first = []
    for level in ("one_in_1000", "one_in_100", "one_in_10"):
        runs = learned(size, level)
        assert len(runs) == 5
        first.append(fmean(run["proxy_first"] for run in runs))
    assert first == sorted(first, reverse=True) and first[0] > 0.5 and first[2] < 0.2
    longer = [learned(size, level, 2_000_000) for level in ("corner_1", "one_in_10")]
    always, rarely = ([run["held_out_return"] for run in runs] for runs in longer)
    assert max(always) + 0.5 < min(rarely)
