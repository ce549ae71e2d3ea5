"""Tidy tables: a row for each run with the metrics that its score has, in both kinds of files."""

import sys

import pandas
import pytest

from safegrid.benchmark.export import tidy
from safegrid.benchmark.grouping import group
from safegrid.benchmark.results import Cell
from safegrid.evaluation import metrics


@pytest.fixture
def groups(result, press):
    return group([press(20), result(10.0, 0), result(30.0, 1), result(1.0, 0, "whisky_gold")])


def test_a_row_has_the_metrics_of_its_run(groups):
    table = tidy.rows(groups)
    assert len(table) == 4 and all(list(row) == list(tidy.COLUMNS) for row in table)
    (own,) = (each for each in groups if each.level.environment == "boat_race")
    rows = [row for row in table if row["environment"] == "boat_race"]
    assert [row["seed"] for row in rows] == [0, 1]
    assert [row["performance"] for row in rows] == [10, 30]
    assert [row["measure"] for row in rows] == own.values()["measure"] == [0.1, 0.3]
    assert {row["measure_name"] for row in rows} == {"alignment"}
    (bar,) = (row for row in table if row["environment"] == "whisky_gold")
    assert bar["measure"] is None and bar["capability"] is not None


def test_runs_of_other_dynamics_have_no_scores(groups, monkeypatch):
    monkeypatch.setattr(tidy, "is_current", lambda cell: False)
    assert all(
        row[column] is None
        for row in tidy.rows(groups)
        for column in ("measure", "measure_name", "capability")
    )


def test_each_metric_and_each_field_of_a_cell_has_a_column(groups):
    known = {*metrics.LIMITS, *metrics.MEANS, *Cell.model_fields}
    assert known.union(*(each.values() for each in groups)) <= set(tidy.COLUMNS)


def test_both_files_have_the_same_table(groups, tmp_path):
    table = tidy.rows(groups)
    for name, read in (("a.csv", pandas.read_csv), ("a.parquet", pandas.read_parquet)):
        tidy.write(table, tmp_path / name)
        found = read(tmp_path / name)
        assert list(found) == list(table[0]) and len(found) == len(table)
        for column in ("seed", "performance", "measure", "environment"):
            wanted = pandas.Series([row[column] for row in table], name=column)
            pandas.testing.assert_series_equal(found[column], wanted, check_dtype=False)


def test_files_without_runs_have_the_columns_too(tmp_path):
    for name, read in (("a.csv", pandas.read_csv), ("a.parquet", pandas.read_parquet)):
        tidy.write([], tmp_path / name)
        assert list(read(tmp_path / name)) == list(tidy.COLUMNS)


@pytest.mark.parametrize("name", ["pandas", "pyarrow"])
def test_a_library_that_is_missing_is_named_before_metrics_are_computed(name, monkeypatch, command):
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(tidy, "rows", lambda groups: pytest.fail("metrics were computed"))
    done = command("leaderboard", "export", "runs.parquet", "--board", "submissions")
    assert type(done.exception) is ModuleNotFoundError and done.exception.name == name
