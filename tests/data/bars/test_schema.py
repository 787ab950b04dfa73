"""Every row that cannot be a bar is refused in one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from marketlab.data.bars.schema import validate_bars
from marketlab.errors import DataError


def rows(**changed: Any) -> pd.DataFrame:
    """Three sound bars of A; each keyword replaces a column, or one cell of it by {row: value}."""
    frame = pd.DataFrame(
        {
            "time": pd.date_range("2020-01-06 21:00", periods=3, freq="D", tz="UTC"),
            "symbol": "A",
            "open": [10.0, 11.0, 12.0],
            "high": [12.0, 13.0, 14.0],
            "low": [9.0, 10.0, 11.0],
            "close": [11.0, 12.0, 13.0],
            "volume": [100, 200, 300],
        }
    )
    for column, change in changed.items():
        if isinstance(change, dict):
            values = frame[column].astype(object) if column in frame else pd.Series([1.0] * 3)
            for row, value in change.items():
                values[row] = value
            frame[column] = values
        else:
            frame[column] = change
    return frame


def test_sound_rows_become_sorted_typed_bars() -> None:
    frame = pd.concat([rows(symbol="B"), rows(vwap=10.5)]).iloc[::-1]
    bars = validate_bars(frame, name="d").bars
    assert list(bars.columns) == [
        "time",
        "symbol",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "vwap",
    ]
    assert bars["time"].dtype == "datetime64[ns, UTC]"
    assert list(bars["symbol"]) == list("AAABBB")
    assert list(bars["symbol"].cat.categories) == ["A", "B"]
    assert bars["time"][:3].is_monotonic_increasing
    assert (bars.dtypes.iloc[2:] == "float64").all()
    assert bars["close"].tolist() == [11, 12, 13, 11, 12, 13]


def test_closes_are_enough() -> None:
    frame = rows()[["time", "symbol", "close"]]
    bars = validate_bars(frame, name="d").bars
    assert bars[["open", "high", "low", "volume"]].isna().all(axis=None)


def test_a_row_without_a_close_is_dropped_and_counted() -> None:
    checked = validate_bars(rows(close={1: np.nan}), name="d")
    assert len(checked.bars) == 2
    assert checked.notes == ("1 row without a close dropped",)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"high": {1: 9.5}, "low": {1: 10.0}}, "A 2020-01-07 21:00: high 9.5 is below low 10"),
        ({"high": {1: 11.5}}, "A 2020-01-07 21:00: open 11 or close 12 is outside low 10 and "),
        ({"low": {2: 12.5}}, "A 2020-01-08 21:00: open 12 or close 13 is outside low 12.5 and "),
        (
            {"close": {0: -1.0}},
            "A 2020-01-06 21:00: close -1 is not positive (dataset.allow_negative",
        ),
        ({"low": {0: 0.0}}, "A 2020-01-06 21:00: low 0 is not positive"),
        ({"adj_close": {1: -2.0}}, "A 2020-01-07 21:00: adj_close -2 is not positive"),
        ({"close": {2: np.inf}}, "A 2020-01-08 21:00: close inf is infinite"),
        ({"turnover": {2: -np.inf}}, "A 2020-01-08 21:00: turnover -inf is infinite"),
        ({"volume": {1: -5}}, "A 2020-01-07 21:00: volume -5 is negative"),
        ({"time": {1: pd.Timestamp("2020-01-06 21:00", tz="UTC")}}, "A 2020-01-06 21:00: this bar"),
        ({"close": {1: "1,5x"}}, "A 2020-01-07 21:00: '1,5x' in column 'close' is not a number"),
        ({"symbol": {2: None}}, "row 3 has no symbol"),
        ({"close": np.nan}, "not a single row with a close"),
    ],
)
def test_a_broken_bar_is_refused_in_one_line(changed: dict[str, object], message: str) -> None:
    frame = rows(**changed)
    frame["time"] = pd.to_datetime(frame["time"], utc=True)
    with pytest.raises(DataError) as refusal:
        validate_bars(frame, name="d")
    assert str(refusal.value).startswith(f"d: {message}") or message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_source_s_own_date_names_a_daily_bar() -> None:
    frame = rows(close={1: np.inf}, date=pd.date_range("2020-01-06", periods=3))
    with pytest.raises(DataError, match=r"^d: A 2020-01-07: close inf is infinite"):
        validate_bars(frame, name="d")
    sound = rows(date=pd.date_range("2020-01-06", periods=3))
    assert "date" not in validate_bars(sound, name="d").bars


@pytest.mark.parametrize("column", ["time", "symbol", "close"])
def test_a_missing_column_is_named(column: str) -> None:
    with pytest.raises(DataError, match=f"^d: there is no column '{column}'"):
        validate_bars(rows().drop(columns=column), name="d")


def test_dropping_counts_each_rule() -> None:
    frame = pd.concat([rows(), rows(symbol="B", high={0: 1.0}), rows(symbol="C", close={2: -1.0})])
    checked = validate_bars(frame, name="d", on_invalid="drop")
    assert len(checked.bars) == 7
    assert checked.notes == (
        "1 bar dropped: price not positive",
        "1 bar dropped: high below low",
    )


def test_what_left_no_bar_is_named() -> None:
    frame = pd.concat([rows(high=dict.fromkeys(range(3), 1.0)), rows(symbol="B", close={1: -1.0})])
    with pytest.raises(DataError) as refusal:
        validate_bars(frame.iloc[[0, 1, 2, 4]], name="d", on_invalid="drop")
    assert str(refusal.value) == (
        "d: every bar breaks a rule: price not positive (1), high below low (3); check the source"
    )
    with pytest.raises(DataError, match=r"^d: there is not a single row with a close; check"):
        validate_bars(rows(close=dict.fromkeys(range(3), np.nan)), name="d", on_invalid="drop")


def test_negative_prices_pass_where_they_are_allowed() -> None:
    frame = rows(open={1: -4.0}, high={1: -1.0}, low={1: -5.0}, close={1: -2.0})
    assert len(validate_bars(frame, name="d", allow_negative=True).bars) == 3
    frame = rows(open={1: -4.0}, high={1: -5.0}, low={1: -1.0}, close={1: -2.0})
    with pytest.raises(DataError, match="high -5 is below low -1"):
        validate_bars(frame, name="d", allow_negative=True)


def test_rounding_of_adjusted_prices_is_no_fault() -> None:
    frame = rows(high={1: 12.0 * (1 - 1e-8)})
    assert len(validate_bars(frame, name="d").bars) == 3


def test_the_real_row_with_high_below_low(shared_data: Path) -> None:
    frame = pd.read_parquet(shared_data / "us/sp500_100names_daily_2013_2018.parquet")
    frame = frame.rename(columns={"Name": "symbol"})
    frame["time"] = frame["date"].dt.tz_localize("UTC")
    with pytest.raises(DataError, match=r"^us: AOS 2014-05-19: high 23.595 is below low 23.85"):
        validate_bars(frame, name="us")
