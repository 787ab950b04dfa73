"""What counts as a difference between known and fresh bars."""

import numpy as np
import pandas as pd
import pytest
from marketlab.data.snapshots.overlap import difference, fits

TIMES = pd.date_range("2024-01-01 10:00", periods=4, freq="D", tz="UTC")
BARS = pd.DataFrame(
    {"time": TIMES, "close": [1.0, 2.0, np.nan, -4.0], "volume": [5.0, 6.0, 7.0, 8.0]}
)


def changed(row: int, column: str, value: float) -> pd.DataFrame:
    bars = BARS.copy()
    bars.loc[row, column] = value
    return bars


def test_equal_bars_do_not_differ() -> None:
    assert difference(BARS, BARS.copy()) is None


@pytest.mark.parametrize(
    ("fresh", "words"),
    [
        (changed(1, "close", 2.00001), None),
        (changed(1, "close", 2.0001), "close of 2024-01-02"),
        (changed(3, "close", -4.001), "close of 2024-01-04"),
        (changed(2, "close", 3.0), "close of 2024-01-03"),
        (changed(0, "close", np.nan), "close of 2024-01-01"),
        (changed(2, "volume", 7.00001), "volume of 2024-01-03"),
        (changed(3, "volume", 9.0), "volume of 2024-01-04"),
        (BARS.drop(1), "the bar of 2024-01-02 is only known"),
        (BARS.iloc[:0], "no bar in common"),
        (BARS.assign(vwap=1.0), "only one has the column vwap"),
    ],
)
def test_the_first_difference_is_named(fresh: pd.DataFrame, words: str | None) -> None:
    assert difference(BARS, fresh) == words


def test_a_bar_that_nobody_knew_is_named() -> None:
    assert difference(BARS.drop(1), BARS) == "the bar of 2024-01-02 is new"


LONG = pd.DataFrame(
    {
        "time": pd.date_range("2024-01-01 10:00", periods=200, freq="h", tz="UTC"),
        "close": np.linspace(100, 120, 200),
        "volume": 1.0,
    }
)


@pytest.mark.parametrize(
    ("changes", "fit"),
    [
        (slice(0, 0), True),
        (slice(90, 100), True),  # single bars were revised
        (slice(90, 200), False),
        (slice(0, 10), False),  # all before a split
        (slice(0, 199), False),
    ],
)
def test_old_bars_stay_beside_those_that_mostly_agree(changes: slice, fit: bool) -> None:
    fresh = LONG.copy()
    fresh.loc[fresh.index[changes], "close"] *= 1.01
    fresh["volume"] += 1
    older = LONG.iloc[:50].assign(time=LONG["time"].iloc[:50] - pd.Timedelta(days=9))
    known = pd.concat([older, LONG], ignore_index=True)
    assert fits(known, fresh) is fit


def test_the_newest_bar_does_not_count() -> None:
    fresh = LONG.copy()
    fresh.loc[199, "close"] *= 2
    assert fits(LONG.iloc[150:], fresh.iloc[150:])
    assert not fits(LONG.iloc[199:], fresh.iloc[199:])
