"""When bars were knowable: sessions' closes, intraday closes, and bars that a close cuts short."""

import pandas as pd
import pytest
from marketlab.data.bars.dating import date_bars
from marketlab.errors import DataError


def intraday(opened: str, minutes: int, symbol: str = "NIFTY") -> pd.DataFrame:
    """One bar, its stamps in Mumbai's time."""
    start = pd.Timestamp(opened, tz="Asia/Kolkata").tz_convert("UTC")
    return pd.DataFrame(
        {"symbol": symbol, "opened": [start], "time": [start + pd.Timedelta(minutes=minutes)]}
    )


def closed(frame: pd.DataFrame, **options: object) -> list[str]:
    given = {"exchange": "XBOM", "default": "XBOM", "name": "d", **options}
    rows, _ = date_bars(frame, **given)  # type: ignore[arg-type]
    assert "opened" not in rows
    local = rows["time"].dt.tz_convert("Asia/Kolkata")
    return list(local.dt.strftime("%Y-%m-%d %H:%M"))


def test_a_daily_bar_is_knowable_at_its_sessions_close() -> None:
    frame = pd.DataFrame({"symbol": "A", "date": pd.to_datetime(["2021-04-26", "2021-04-27"])})
    assert closed(frame) == ["2021-04-26 15:30", "2021-04-27 15:30"]


def test_an_hour_that_outlasts_its_session_closes_with_it() -> None:
    hours = pd.concat([intraday("2021-04-26 14:15", 60), intraday("2021-04-26 15:15", 60)])
    assert closed(hours) == ["2021-04-26 15:15", "2021-04-26 15:30"]
    _, notes = date_bars(hours, "XBOM", "XBOM", "d")
    assert notes == ("1 bar cut short by the session's close",)


def test_bars_around_the_clock_are_never_cut() -> None:
    night = intraday("2021-04-27 04:30", 60)  # 23:00 to 24:00 UTC
    assert closed(night, exchange="24/7") == ["2021-04-27 05:30"]


def test_a_bar_after_the_close_is_left_as_it_is() -> None:
    assert closed(intraday("2021-04-26 16:00", 15)) == ["2021-04-26 16:15"]


def test_daily_and_intraday_rows_may_be_mixed() -> None:
    daily = pd.DataFrame({"symbol": ["Gold"], "date": pd.to_datetime(["2021-04-26"])})
    mixed = pd.concat([daily, intraday("2021-04-26 15:15", 60)], ignore_index=True)
    # New York's gold closes at 17:00 in Chicago, hours after Mumbai.
    assert closed(mixed, exchange={"Gold": "CMES"}) == ["2021-04-27 03:30", "2021-04-26 15:30"]


def test_a_row_without_a_date_is_named() -> None:
    frame = pd.DataFrame({"symbol": ["A", "B"], "date": pd.to_datetime(["2021-04-26", None])})
    with pytest.raises(DataError, match=r"^d: B has a row without a date$"):
        date_bars(frame, "XBOM", "XBOM", "d")
