"""Which calendar dates are of: the right one is never doubted, a wrong one is named."""

import numpy as np
import pandas as pd
import pytest
from marketlab.data.bars.calendars import covered_sessions, sessions
from marketlab.data.bars.fit import CALENDARS, better_calendar

FIRST, LAST = pd.Timestamp("2019-01-01"), pd.Timestamp("2022-06-30")


def days_of(exchange, first=FIRST, last=LAST):
    dates = sessions(exchange, first, last).dates
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)


@pytest.mark.parametrize("exchange", CALENDARS)
def test_the_calendar_that_dates_are_of_fits_best(exchange):
    days = days_of(exchange)
    assert better_calendar(days, exchange) is None
    wrong = "XNYS" if exchange != "XNYS" else "XBOM"
    assert better_calendar(np.tile(days, 3), wrong) == exchange


def test_some_holes_and_a_special_session_do_not_mislead():
    days = np.delete(days_of("XBOM"), slice(100, 130))
    saturday = days[0] + (9 - (days[0] + 3) % 7) % 7
    days = np.append(days, saturday)
    assert better_calendar(days, "XBOM") is None
    assert better_calendar(days, "XNYS") == "XBOM"


def test_few_dates_say_nothing():
    assert better_calendar(days_of("XBOM")[:15], "XNYS") is None
    assert better_calendar(np.empty(0, np.int64), "XNYS") is None


def test_years_that_a_calendar_does_not_cover_are_left_alone(caplog):
    days = np.arange(-20_000, -19_000)
    assert better_calendar(days, "24/7") is None
    assert covered_sessions("XTKS", pd.Timestamp(1950, 1, 1), pd.Timestamp(1950, 2, 1)) is None
    assert caplog.messages == []
