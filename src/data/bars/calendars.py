"""When an exchange closes: dates of sessions flow in, the instants of their close flow out.

Sessions come from exchange_calendars; outside the years that a calendar covers every weekday is
taken for a session that closes at the usual hour, and a log line says so.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...errors import DataError, nearest

log = logging.getLogger(__name__)

Days = npt.NDArray[np.int64]

MUMBAI = ("NSE", "XNSE")
"""An exchange without a calendar of its own, whose name resembles those of others."""


@dataclass(frozen=True)
class Sessions:
    """The sessions of one exchange between two dates.

    Attributes
    ----------
    exchange : str
    dates : (T,) datetime64[ns], naive
        The sessions' own dates.
    closes : (T,) datetime64[ns, UTC]
        The instants at which they close, increasing.
    guessed : int
        How many of them lie outside the years that the calendar covers and are mere weekdays.
    """

    exchange: str
    dates: pd.DatetimeIndex
    closes: pd.DatetimeIndex
    guessed: int


@dataclass(frozen=True)
class _Years:
    """Every day of some calendar years: its usual close, and whether it is a session."""

    first_day: int  # days since 1970
    closes: npt.NDArray[np.int64]  # ns since 1970; the session's close, else the usual hour
    session: npt.NDArray[np.bool_]
    guessed: npt.NDArray[np.bool_]


def sessions(exchange: str, first: pd.Timestamp, last: pd.Timestamp) -> Sessions:
    """Return the sessions of an exchange dated from `first` to `last`, both included.

    Parameters
    ----------
    exchange : str
        A calendar of exchange_calendars, such as ``XNYS`` or ``XBOM``, or ``24/7``, whose sessions
        are the days of UTC and close at 24:00.
    first, last : naive timestamps
        Their time of day is ignored.

    Raises
    ------
    DataError
        The calendar is unknown or cannot be built.
    """
    if last < first:
        raise DataError(f"sessions of {exchange}: {last.date()} is before {first.date()}")
    years = _years(exchange, first.year, last.year)
    low = first.to_numpy().astype("datetime64[D]").astype(np.int64) - years.first_day
    high = last.to_numpy().astype("datetime64[D]").astype(np.int64) - years.first_day + 1
    days = low + np.flatnonzero(years.session[low:high])
    guessed = int(years.guessed[days].sum())
    if guessed:
        _say_guessed(exchange, years.first_day + int(days[years.guessed[days]][0]))
    dates = (days + years.first_day).astype("datetime64[D]").astype("datetime64[ns]")
    closes = pd.DatetimeIndex(years.closes[days].view("datetime64[ns]")).tz_localize("UTC")
    return Sessions(exchange, pd.DatetimeIndex(dates), closes, guessed)


def covered_sessions(exchange: str, first: pd.Timestamp, last: pd.Timestamp) -> Days | None:
    """Return the sessions from `first` to `last` as days since 1970, without a word in the log.

    None where the calendar does not cover all of these years.
    """
    years = _years(exchange, first.year, last.year)
    low = (first - pd.Timestamp(0)).days - years.first_day
    high = (last - pd.Timestamp(0)).days - years.first_day + 1
    if years.guessed[low:high].any():
        return None
    return years.first_day + low + np.flatnonzero(years.session[low:high])


def closes_of(
    exchange: str, dates: npt.NDArray[np.datetime64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return the instants at which daily bars of an exchange became knowable.

    Parameters
    ----------
    exchange : str
    dates : (B,) datetime64, naive
        The session that each bar is dated on, in any order; the time of day is ignored.

    Returns
    -------
    closes : (B,) int64
        Nanoseconds since 1970, UTC. A date that is no session closes at the usual hour.
    off_session : (B,) bool
        Which dates are no session.
    """
    if not len(dates):
        return np.empty(0, np.int64), np.empty(0, bool)
    days = dates.astype("datetime64[D]").astype(np.int64)
    first, last = (pd.Timestamp(int(d), unit="D") for d in (days.min(), days.max()))
    years = _years(exchange, first.year, last.year)
    at = days - years.first_day
    if years.guessed[at].any():
        _say_guessed(exchange, int(days[years.guessed[at]].min()))
    return years.closes[at], ~years.session[at]


def usual_closes(exchange: str, days: pd.DatetimeIndex) -> npt.NDArray[np.datetime64]:
    """Return the instants of the usual hour of close, early closes aside.

    Parameters
    ----------
    exchange : str
    days : (D,) naive, at midnight, sessions or not

    Returns
    -------
    (D,) datetime64[ns]
        UTC.
    """
    return _usual_closes(_probe(exchange), days).view("datetime64[ns]")


def time_zone(exchange: str) -> tzinfo:
    """Return the zone of an exchange's own clocks.

    Raises
    ------
    DataError
        The calendar is unknown.
    """
    zone: tzinfo = _probe(exchange).tz
    return zone


@lru_cache(maxsize=64)
def _years(exchange: str, first_year: int, last_year: int) -> _Years:
    """Tabulate whole years, so that a lookup is one index operation."""
    covered = _probe(exchange)
    start = pd.Timestamp(first_year, 1, 1)
    end = pd.Timestamp(last_year, 12, 31)
    days = pd.date_range(start, end, freq="D").as_unit("ns")
    closes = _usual_closes(covered, days)
    open_days = np.array([flag == "1" for flag in covered.weekmask])
    session = open_days[days.day_of_week.to_numpy()]
    guessed = session.copy()
    low = max(start, covered.bound_min() or start)
    high = min(end, covered.bound_max() or end)
    if low < high:
        calendar = _calendar(exchange, low, high)
        inside = np.asarray((days >= low) & (days <= high))
        at = days.get_indexer(calendar.sessions)
        session[inside] = False
        session[at] = True
        guessed[inside] = False
        closes[at] = pd.DatetimeIndex(calendar.closes).as_unit("ns").asi8
    for array in (closes, session, guessed):
        array.setflags(write=False)
    return _Years(int(days[0].value // 86_400_000_000_000), closes, session, guessed)


@lru_cache(maxsize=64)
def _probe(exchange: str) -> Any:
    """Build one month of a calendar, only to learn its bounds and usual hours cheaply."""
    return _calendar(exchange, pd.Timestamp("2022-01-03"), pd.Timestamp("2022-01-31"))


def _calendar(exchange: str, start: pd.Timestamp, end: pd.Timestamp) -> Any:
    import exchange_calendars as ec

    try:
        with warnings.catch_warnings():
            # exchange_calendars 4.13 reads Series.values, which pandas 3.1 announces to change.
            warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
            # The start is passed because it otherwise lies twenty years before today.
            return ec.get_calendar(exchange, start=start, end=end)
    except ec.errors.InvalidCalendarName:
        hint = nearest(exchange, ec.get_calendar_names(include_aliases=True))
        if exchange.upper() in MUMBAI:
            hint = "; did you mean 'XBOM'? the NSE has the same sessions"
        if not hint.startswith("; did"):
            hint = "; use a name of exchange_calendars, such as XNYS, XBOM or 24/7"
        raise DataError(f"the exchange {exchange!r} has no calendar{hint}") from None
    except (ValueError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"exchange_calendars cannot build {exchange!r} from {start.date()} to {end.date()}: "
            f"{reason}; name another exchange with the same hours"
        ) from None


def _usual_closes(calendar: Any, days: pd.DatetimeIndex) -> npt.NDArray[np.int64]:
    """Return the instant of the usual hour of close on each day, session or not."""
    local = days + pd.Timedelta(days=calendar.close_offset)
    hour = np.zeros(len(days), dtype=np.int64)
    for since, time in calendar.close_times:
        seconds = (time.hour * 60 + time.minute) * 60 + time.second
        hour[slice(None) if since is None else np.asarray(days >= since)] = seconds
    wall = local + pd.to_timedelta(hour, unit="s").as_unit("ns")
    utc = wall.tz_localize(calendar.tz, nonexistent="shift_forward", ambiguous=False).tz_convert(
        "UTC"
    )
    return np.array(utc.as_unit("ns").asi8)


@lru_cache(maxsize=64)
def _say_guessed(exchange: str, day: int) -> None:
    log.warning(
        "the calendar of %s does not cover %s: weekdays are taken for sessions there",
        exchange,
        pd.Timestamp(day, unit="D").date(),
    )
