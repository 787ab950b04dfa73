"""Two tables of forecasts are the same to the bit, or it is said what differs, and by how much."""

import math

import numpy as np
import pandas as pd
import pytest
from marketlab.experiments.differences import differences


@pytest.fixture
def table():
    times = pd.date_range("2020-01-01", periods=4, tz="UTC")
    parts = [
        pd.DataFrame(
            {
                "model": model, "fold": 0, "time": times, "symbol": "A", "target": target,
                "horizon": 1, "quantity": "mean", "value": [3.0, 4.0, np.nan, -4.0],
                "truth": [1.0, 2.0, 3.0, np.nan],
            }
        )
        for model in ("net", "ewma")
        for target in ("ret", "vol")
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_equal_tables_differ_in_nothing(table):
    assert differences(table, table.copy()) == ()


def test_one_bit_is_seen(table):
    other = table.copy()
    other.loc[1, "value"] = np.nextafter(4.0, 5.0)
    (one,) = differences(table, other)
    assert (one.forecaster, one.label, one.cells, one.total) == ("net", "ret@1", 1, 4)
    assert 0 < one.absolute < 1e-15
    assert one.relative == pytest.approx(one.absolute / math.sqrt(41 / 3))
    assert str(one).startswith("net ret@1: 1 of 4 forecasts differ, by up to 8.9e-16")


def test_the_sign_of_zero_is_a_bit(table):
    table.loc[0, "value"] = 0.0
    other = table.copy()
    other.loc[0, "value"] = -0.0
    assert differences(table, other)[0].absolute == 0


def test_the_worst_comes_first(table):
    other = table.copy()
    other.loc[4:, "value"] *= 1.5
    other.loc[8:9, "value"] = np.nan
    found = differences(table, other)
    assert [(one.forecaster, one.label) for one in found] == [
        ("ewma", "ret@1"), ("net", "vol@1"), ("ewma", "vol@1"),
    ]  # fmt: skip
    assert found[0].absolute == math.inf


def test_rows_that_one_table_has_alone_are_counted(table):
    (one,) = differences(table, table.drop(index=[0, 1]))
    assert (one.cells, one.total, one.unmatched) == (0, 2, 2)
    assert "2 are in one run alone" in str(one)
    gone = differences(table, table[table["model"] == "net"])
    assert [one.unmatched for one in gone] == [4, 4]


def test_other_truths_are_told_once_a_label(table):
    other = table.copy()
    other["truth"] += 1
    assert [(one.forecaster, one.label) for one in differences(table, other)] == [
        ("truth", "ret@1"), ("truth", "vol@1"),
    ]  # fmt: skip
