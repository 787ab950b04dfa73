"""Series know their sessions, their zone and how long their bars are."""

import pandas as pd
import pytest
from marketlab.data.bars.calendars import sessions, time_zone

from made_series import bars, daily, intraday, written


def test_a_bar_that_the_close_cut_short_opened_when_the_one_before_it_closed():
    (series,) = written(bars(intraday("H", minutes=60)))
    assert series.length == pd.Timedelta(hours=1)
    stamps = series.stamps[series.dates == "2024-03-05"].strftime("%H:%M").tolist()
    assert stamps == ["09:15", "10:15", "11:15", "12:15", "13:15", "14:15", "15:15"]


@pytest.mark.parametrize(
    ("interval", "length"),
    [("1d", None), ("1wk", None), ("1mo", None), ("5m", "5min"), ("1h", "1h"), ("90m", "90min")],
)
def test_the_length_of_a_bar_is_the_one_that_was_asked_for(interval, length):
    (series,) = written(bars(daily("A", rows=2)), request={"A": {"interval": interval}})
    assert series.length == (None if length is None else pd.Timedelta(length))


@pytest.mark.parametrize("exchange", ["XNYS", "XTKS", "24/7"])
def test_dates_are_those_of_the_sessions_wherever_the_exchange_is(exchange):
    frame = bars(daily("A", rows=20, exchange=exchange))
    (series,) = written(frame, exchange=exchange)
    expected = sessions(exchange, pd.Timestamp("2024-03-01"), pd.Timestamp("2024-04-30")).dates[:20]
    assert (series.dates == expected).all()
    assert (series.stamps.tz_localize(None) == expected).all()
    assert str(series.stamps.tz) == str(time_zone(exchange))


def test_hours_of_sydney_belong_to_its_day_and_columns_of_a_dataset_to_no_file():
    days = pd.bdate_range("2024-02-01", periods=3)
    hours = pd.DatetimeIndex([day + pd.Timedelta(hours=h) for day in days for h in range(11, 17)])
    closed = hours.tz_localize("Australia/Sydney").tz_convert("UTC").as_unit("ns")
    frame = bars(pd.DataFrame({"time": closed, "symbol": "A", "close": 1.0}))
    (series,) = written(frame.assign(_member=1.0, _ratio=2.0), exchange="XASX")
    assert series.dates.unique().tolist() == days.tolist()
    assert series.length == pd.Timedelta(hours=1)
    assert not {"_member", "_ratio"} & set(series.values.columns)
