"""What counts as a difference between known and fresh bars."""

import numpy as np
import pandas as pd
import pytest
from marketlab.data.snapshots.overlap import difference

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
        (changed(3, "volume", 9.0), None),
        (BARS.drop(1), "the bar of 2024-01-02 is only known"),
        (BARS.iloc[:0], "no bar in common"),
        (BARS.assign(vwap=1.0), "only one has the column vwap"),
    ],
)
def test_the_first_difference_is_named(fresh: pd.DataFrame, words: str | None) -> None:
    assert difference(BARS, fresh) == words


def test_a_bar_that_nobody_knew_is_named() -> None:
    assert difference(BARS.drop(1), BARS) == "the bar of 2024-01-02 is new"
