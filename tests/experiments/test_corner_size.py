"""The table of corner sizes, on results made up."""


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
        *("`ppo`", "corner_5", "1,000", "1 s", "2", "0.62", "0.38", "37.5%", "0.73", "0.47", "0.02")
    ]
    assert cells[1][4:] == ["1", "0.10", "0.00", "0.0%", "", "", ""]
