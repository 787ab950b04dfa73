"""Sessions and closes agree with the exchanges, within and beyond their calendars."""

import logging

import numpy as np
import pandas as pd
import pytest
from marketlab.data.bars.calendars import closes_of, sessions, time_zone
from marketlab.errors import DataError


def close(exchange: str, date: str) -> tuple[pd.Timestamp, bool]:
    closes, off = closes_of(exchange, np.array([date], dtype="datetime64[ns]"))
    return pd.Timestamp(int(closes[0]), tz="UTC"), bool(off[0])


@pytest.mark.parametrize(
    ("exchange", "date", "expected"),
    [
        ("XNYS", "2018-07-02", "2018-07-02 20:00"),  # summer time
        ("XNYS", "2018-12-31", "2018-12-31 21:00"),
        ("XNYS", "2018-07-03", "2018-07-03 17:00"),  # half day
        ("XNYS", "1999-01-04", "1999-01-04 21:00"),  # before the calendars' own default
        ("XBOM", "2021-04-30", "2021-04-30 10:00"),
        ("24/7", "2021-04-30", "2021-05-01 00:00"),
        ("CMES", "2021-04-30", "2021-04-30 22:00"),
    ],
)
def test_a_session_closes_when_the_exchange_did(exchange: str, date: str, expected: str) -> None:
    assert close(exchange, date) == (pd.Timestamp(expected, tz="UTC"), False)


def test_a_date_that_is_no_session_closes_at_the_usual_hour() -> None:
    assert close("XNYS", "2018-07-04") == (pd.Timestamp("2018-07-04 20:00", tz="UTC"), True)
    assert close("XBOM", "2021-05-01") == (pd.Timestamp("2021-05-01 10:00", tz="UTC"), True)


def test_sessions_are_those_of_the_exchange() -> None:
    week = sessions("XNYS", pd.Timestamp("2018-07-01"), pd.Timestamp("2018-07-08"))
    assert [d.day for d in week.dates] == [2, 3, 5, 6]
    assert week.closes[1] == pd.Timestamp("2018-07-03 17:00", tz="UTC")
    assert week.dates.dtype == "datetime64[ns]"
    assert week.closes.dtype == "datetime64[ns, UTC]"
    assert week.guessed == 0
    assert len(sessions("24/7", pd.Timestamp("2018-07-01"), pd.Timestamp("2018-07-08")).dates) == 8


def test_beyond_the_calendar_weekdays_are_taken_and_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        late = sessions("XBOM", pd.Timestamp("2098-12-29"), pd.Timestamp("2099-01-04"))
    assert [d.day for d in late.dates] == [29, 30, 31, 1, 2]
    assert late.guessed == 5
    assert (late.closes.hour == 10).all()
    assert "XBOM does not cover 2098-12-29" in caplog.text
    early = sessions("XBOM", pd.Timestamp("1996-12-30"), pd.Timestamp("1997-01-03"))
    assert early.guessed == 2


def test_closes_and_sessions_are_one_truth() -> None:
    days = sessions("XLON", pd.Timestamp("2010-01-01"), pd.Timestamp("2019-12-31"))
    closes, off = closes_of("XLON", days.dates.to_numpy())
    assert np.array_equal(closes, days.closes.asi8)
    assert not off.any()


def test_an_unknown_exchange_gets_a_suggestion() -> None:
    with pytest.raises(DataError, match="'XNYX' has no calendar; did you mean 'XNYS'"):
        sessions("XNYX", pd.Timestamp("2018-01-01"), pd.Timestamp("2018-01-31"))
    for name in ("NSE", "XNSE", "xnse"):
        with pytest.raises(DataError, match=f"'{name}' has no calendar; did you mean 'XBOM'"):
            sessions(name, pd.Timestamp("2018-01-01"), pd.Timestamp("2018-01-31"))
    with pytest.raises(DataError, match="use a name of exchange_calendars, such as XNYS"):
        closes_of("the moon", np.array(["2018-01-01"], dtype="datetime64[ns]"))


def test_dates_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(DataError, match="2018-01-01 is before 2018-01-02"):
        sessions("XNYS", pd.Timestamp("2018-01-02"), pd.Timestamp("2018-01-01"))


def test_no_bars_have_no_closes() -> None:
    assert closes_of("XNYS", np.empty(0, dtype="datetime64[ns]"))[0].shape == (0,)


def test_an_exchange_has_a_zone_of_its_own() -> None:
    zones = [str(time_zone(exchange)) for exchange in ("XNYS", "XBOM", "24/7")]
    assert zones == ["America/New_York", "Asia/Kolkata", "UTC"]
    with pytest.raises(DataError, match="XNYSE"):
        time_zone("XNYSE")
