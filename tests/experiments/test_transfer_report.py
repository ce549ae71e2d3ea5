"""The tables of transfer on results made up, and what docs/fidelity.md claims of the committed."""

import pytest


@pytest.fixture
def report(experiment):
    return experiment("transfer_report")


def row(recorded, starts, resets, paired, unpaired):
    means = {"recorded": recorded, "starts": starts, "resets": resets}
    return {**means, "paired": paired, "unpaired": unpaired}


def cells(table):
    """The cells of a table's rows, and the text behind it."""
    lines, _, text = table.partition("\n\n")
    rows = [line.strip("|").split("|") for line in lines.split("\n")[2:]]
    return [[cell.strip() for cell in row] for row in rows], text


@pytest.fixture
def results():
    """Two levels that were played, and one with starts only."""
    return {
        "point_goal 1": {
            "starts": 30,
            "p_values": {"robot x": 0.5, "goal 0 y": 0.02, "vases 0 x": 0.25},
            "policies": {
                "uniform": {
                    "return": row(1.0, 1.25, 2.0, 0.3, 0.04),
                    "goals": row(2.0, 2.0, 2.0, None, None),
                    "cost": row(30.0, 20.0, 31.0, 0.001, 0.9),
                    "hazards": row(10.0, 11.0, 12.0, 0.04, 0.5),
                    "vases": row(0.0, 0.0, 0.0, None, 0.5),
                }
            },
            "ratios": {
                "return": [1.25, 1.0, 1.5],
                "goals": [1.0, 1.0, 1.0],
                "cost": [0.667, 0.5, 0.75],
                "hazards": [1.1, 0.9, 1.2],
                "vases": None,
            },
        },
        "point_run 0": {
            "starts": 30,
            "p_values": {"robot x": 0.5},
            "policies": {"uniform": {"cost": row(1.0, 1.0, 1.0, 1.0, 1.0)}},
            "ratios": {"cost": [1.0, 1.0, 1.0]},
        },
        "point_push 2": {
            **{"starts": 10, "p_values": {"robot x": 0.001, "box 0 y": 0.9}},
            **{"policies": {}, "ratios": {}},
        },
    }


def test_scores_stand_beside_the_originals_with_a_star_where_they_differ(report, results):
    rows, text = cells(report.scores(results))
    assert rows == [
        [
            *("point_goal 1", "`uniform`", r"1.0 / 1.2 / 2.0\*", "2.0 / 2.0 / 2.0"),
            r"30.0 / 20.0\* / 31.0",
            r"hazards 10.0 / 11.0\* / 12.0, vases 0.0 / 0.0 / 0.0",
        ],
        ["point_run 0", "`uniform`", "", "", "1.0 / 1.0 / 1.0", ""],
    ]
    # 0.001 is below 0.05 / 4, and 0.04 is not below 0.05 / 3
    assert text == (
        "From the same starts, 2 of 4 p-values are below 0.05 (0.2 are expected by chance); "
        "differences after Holm's correction: point_goal 1 uniform cost. From resets, 1 of 5 "
        "p-values are below 0.05 (0.2 are expected by chance); differences after Holm's "
        "correction: none."
    )


def test_ratios_have_intervals_and_levels_without_episodes_have_none(report, results):
    rows, _ = cells(report.ratios(results))
    assert rows == [
        [
            *("point_goal 1", "1.25 [1.00, 1.50]", "1.00 [1.00, 1.00]", "0.67 [0.50, 0.75]"),
            "hazards 1.10 [0.90, 1.20]",
        ],
        ["point_run 0", "", "", "1.00 [1.00, 1.00]", ""],
    ]


def test_starts_show_the_coordinate_of_the_least_p_value(report, results):
    rows, text = cells(report.starts(results))
    assert rows == [
        ["point_goal 1", "30", "3", "1", "goal 0 y", "0.02"],
        ["point_run 0", "30", "1", "0", "robot x", "0.5"],
        ["point_push 2", "10", "2", "1", "robot x", "0.001"],
    ]
    assert "2 of 6 p-values are below 0.05" in text  # 0.001 is below 0.05 / 6
    assert text.endswith("correction: point_push 2 robot x.")


def test_no_score_and_no_start_differs_beyond_chance(report):
    """What docs/fidelity.md says of the committed results."""
    found = report.results()
    for p_values, least in (
        (report.p_values(found, "paired"), 80),
        (report.p_values(found, "unpaired"), 80),
        (report.start_p_values(found), 200),
    ):
        assert len([p for p in p_values.values() if p is not None]) > least
        assert report.differences(p_values) == []
    levels = {key for key, result in found.items() if result["policies"]}
    assert levels == {"point_button 1", "point_circle 1", "point_goal 1", "point_run 0"}
    for task in ("point_button", "point_goal", "point_push", "point_circle", "point_run"):
        assert sum(found[key]["starts"] for key in found if key.startswith(task)) >= 23


def test_the_cost_of_the_hack_on_point_run_is_that_of_its_starts(report):
    cost = report.results()["point_run 0"]["policies"]["scripted_hack"]["cost"]
    assert round(cost["recorded"], 1) == round(cost["starts"], 1) == 0.1
    assert round(cost["resets"], 1) == 37.1


def test_totals_are_the_originals_and_gremlins_are_not_told_from_what_the_page_says(report):
    for result in report.results().values():
        for metric in result["ratios"].keys() & {"return", "goals", "cost"}:
            middle, low, high = result["ratios"][metric]
            assert low <= 1 <= high and abs(middle - 1) < 0.1
    _, low, high = report.results()["point_button 1"]["ratios"]["gremlins"]
    assert low < 1 < 1.15 < high
