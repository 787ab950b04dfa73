"""What changed between two snapshots, on bars made by hand."""

import numpy as np
import pandas as pd
import pytest
from marketlab.data.snapshots.compare import compare_bars, rescaled

NAN = np.nan


def bars(more=(), **closes):
    """Daily bars from 2024-01-02, 21:00 UTC, on; symbol -> closes, None where there is no bar."""
    parts = []
    for symbol, values in closes.items():
        times = pd.date_range("2024-01-02 21:00", periods=len(values), tz="UTC", unit="ns")
        close = np.array([NAN if v is None else v for v in values], dtype=float)
        there = np.array([v is not None for v in values])
        frame = pd.DataFrame({"time": times, "symbol": symbol, "open": close, "close": close})
        parts.append(frame.assign(volume=7.0, **dict(more))[there])
    whole = pd.concat(parts, ignore_index=True)
    return whole.assign(symbol=whole["symbol"].astype("category"))


def test_the_same_bars_are_identical_missing_values_and_all():
    found = compare_bars(bars(A=[1, NAN, 3]), bars(A=[1, NAN, 3]))
    assert found.identical
    assert found.compared == 3


def test_symbols_and_columns_that_came_and_went():
    found = compare_bars(bars(A=[1], B=[1]), bars({"vwap": 1.0}, B=[1], C=[1]))
    assert (found.added, found.removed) == (("C",), ("A",))
    assert (found.columns_added, found.columns_removed) == (("vwap",), ())
    assert found.table.empty
    assert not found.identical


def test_bars_that_were_added_and_bars_that_are_gone():
    found = compare_bars(bars(A=[1, 2, 3], B=[1]), bars(A=[1, None, 3, 4, 5], B=[1]))
    assert list(found.table.index) == ["A"]
    row = found.table.loc["A"]
    assert (row["added"], row["gone"], row["changed"]) == (2, 1, 0)
    assert (str(row["first"].date()), str(row["last"].date())) == ("2024-01-03", "2024-01-06")
    assert np.isnan(row["largest"])


def test_bars_that_changed_name_columns_and_the_largest_change():
    after = bars(A=[1, 2, 3, 4])
    after.loc[1, "close"] = 2.5
    after.loc[3, "close"] = NAN
    after.loc[3, "volume"] = 8
    row = compare_bars(bars(A=[1, 2, 3, 4]), after).table.loc["A"]
    assert (row["changed"], row["columns"], row["rescaled"]) == (2, "close, volume", "")
    assert row["largest"] == pytest.approx(0.25)
    assert (str(row["first"].date()), str(row["last"].date())) == ("2024-01-03", "2024-01-05")


def test_a_history_that_was_rescaled_is_said_to_be():
    before = bars(A=[100, 101, 102, 103])
    after = before.copy()
    after.loc[:1, ["open", "close"]] *= 0.9871
    row = compare_bars(before, after).table.loc["A"]
    assert row["rescaled"] == "open, close before 2024-01-04 times 0.9871"
    assert row["changed"] == 2


TIMES = pd.date_range("2024-01-02 21:00", periods=6, tz="UTC", unit="ns").asi8
PRICES = np.array([10.0, 11.0, 12.5, 12.0, 13.0, 14.0])


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ([0.5] * 6, "throughout times 0.5"),
        ([0.5, 0.5, 0.5, 1, 1, 1], "before 2024-01-05 times 0.5"),
        ([1, 1, 1, 1, 2, 2], "from 2024-01-06 on times 2"),
        ([1, 3, 3, 3, 1, 1], "from 2024-01-03 to 2024-01-05 times 3"),
        (
            [0.9, 0.9, 0.95, 0.95, 1, 1],
            "before 2024-01-04 times 0.9, from 2024-01-04 to 2024-01-05 times 0.95",
        ),
        ([0.9, 0.9, 0.9, 0.9, 0.9, 1.0], "before 2024-01-07 times 0.9"),
        ([0.5, 1, 1, 1, 1, 1], ""),  # one bar is a correction
        ([0.9, 0.92, 0.94, 0.96, 0.98, 1], ""),
        ([-1.0, -1, -1, -1, -1, -1], ""),
        ([1, 1, 1, 1, 1, 1], ""),
    ],
)
def test_factors_in_words(factors, words):
    assert rescaled(TIMES, PRICES, PRICES * np.array(factors)) == words


def test_rounding_is_no_factor_of_its_own():
    noisy = np.round(PRICES * 100 * 0.9871, 2)
    assert rescaled(TIMES, PRICES * 100, noisy) == "throughout times 0.9871"


def test_a_value_that_came_or_went_is_no_rescaling():
    after = np.append(PRICES[:-1] * 0.5, NAN)
    assert rescaled(TIMES, PRICES, after) == ""


def test_intraday_bars_of_one_day_are_told_apart():
    before = bars(A=[1, 2, 3])
    minutes = pd.date_range("2024-01-02 14:35", periods=3, freq="5min", tz="UTC", unit="ns")
    before["time"] = minutes
    after = before[1:].reset_index(drop=True)
    row = compare_bars(before, after).table.loc["A"]
    assert (row["gone"], row["added"], row["changed"]) == (1, 0, 0)


def test_what_a_dataset_attached_is_not_compared():
    before = bars(A=[1, 2])
    after = before.assign(_member=1.0, _ratio=2.0)
    assert compare_bars(before, after).identical
    assert compare_bars(before.assign(_member=0.0), after).identical
