"""Whether an exchange may date a symbol's bars: the symbol's market in, what speaks against it out.

A provider's dates are those of its own zone. Dated by the closes of an exchange elsewhere, a bar
would be known before it ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from .calendars import time_zone, usual_closes

DAYS_OF_UTC = ("24/7", "24/5")

AFTER_HOURS = pd.Timedelta(hours=17)
"""By then, on its own clocks, every exchange with hours has closed."""

COMPARED = pd.Timedelta(days=730)
"""How far back zones are compared: two summers, and not what a country did in 1942."""

NAMED = 3
"""How many symbols a refusal explains."""

ON_COMMAND_LINE = re.compile(r"[\w.$%*@?|/+-]+")
"""Names that Hydra takes as a key."""


@dataclass(frozen=True)
class Market:
    """Where a symbol trades, as its provider says.

    Attributes
    ----------
    words : str
        Names it in messages, such as ``INDEX of SNP``.
    zone : str
        The time zone that the provider's dates are of.
    ends : Timedelta or None
        Of what trades around the clock: when a date's bar ends, counted from the midnight at which
        the date begins in the zone. None for what has hours.
    calendar : str or None
        A calendar of exchange_calendars that fits.
    """

    words: str
    zone: str
    ends: pd.Timedelta | None = None
    calendar: str | None = None


def misfit(market: Market, exchange: str, dates: npt.NDArray[np.datetime64]) -> str | None:
    """Return why an exchange cannot date bars of a market, in a few words, or None.

    Parameters
    ----------
    market : Market
    exchange : str
        As `sessions` takes it.
    dates : (B,) datetime64, naive
        The bars' dates in the market's zone, at least one.

    Raises
    ------
    DataError
        The exchange has no calendar.
    """
    days = pd.DatetimeIndex(np.unique(dates.astype("datetime64[D]"))).as_unit("ns")
    days = days[days >= days[-1] - COMPARED]
    if market.ends is None and exchange not in DAYS_OF_UTC:
        noon = days + pd.Timedelta(hours=12)
        there = _localized(noon, market.zone).tz_convert(time_zone(exchange)).tz_localize(None)
        if bool((there == noon).all()):
            return None
        zones = f"{market.zone}, and {exchange} those of {time_zone(exchange)}"
        return f"{market.words} has the clocks of {zones}"
    ends = AFTER_HOURS if market.ends is None else market.ends
    ended = _localized(days + ends, market.zone).tz_convert("UTC")
    closes = pd.DatetimeIndex(usual_closes(exchange, days)).tz_localize("UTC")
    if bool((closes >= ended).all()):
        return None
    at = int((closes < ended).argmax())
    return (
        f"its bar of {days[at].date()}, {market.words}, ends at {_clock(ended[at], days[at])} UTC, "
        f"and {exchange} closes at {_clock(closes[at], days[at])}"
    )


def refusal(
    misfits: Mapping[str, tuple[str, str | None]], clock_of_all: bool, tickers: Mapping[str, str]
) -> str:
    """Put into one line which symbols are dated by an exchange that does not fit them.

    Parameters
    ----------
    misfits : symbol -> (reason, calendar that fits or None)
    clock_of_all : bool
        Whether these are all symbols of the dataset, and its clock dates them.
    tickers : symbol -> ticker
    """
    named = [f"{symbol}: {reason}" for symbol, (reason, _) in list(misfits.items())[:NAMED]]
    if len(misfits) > NAMED:
        named.append(f"and {len(misfits) - NAMED} more symbols")
    calendars = {symbol: calendar or "..." for symbol, (_, calendar) in misfits.items()}
    pairs = ", ".join(f"{symbol}: {calendar}" for symbol, calendar in calendars.items())
    advice = f"write dataset.exchange={{{pairs}}}"
    only = set(calendars.values())
    if clock_of_all and len(only) == 1 and "..." not in only:
        advice = f"choose dataset.clock={next(iter(only))}, or {advice}"
    if "..." in only:
        advice += " with a calendar of exchange_calendars"
    odd = [symbol for symbol in misfits if not ON_COMMAND_LINE.fullmatch(symbol)]
    if odd:
        name = re.sub(r"\W+", "", odd[0]) or "NAME"
        advice += (
            f" in a YAML file; the command line needs another name for it, as in "
            f"dataset.source.symbols={{{name}: '{tickers.get(odd[0], odd[0])}'}}"
        )
    return f"{'; '.join(named)}; {advice}"


def _localized(wall: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    return wall.tz_localize(zone, nonexistent="shift_forward", ambiguous=False)


def _clock(instant: pd.Timestamp, day: pd.Timestamp) -> str:
    """Return the time of day in UTC, beyond 24:00 where it is on the day after."""
    minutes = int((instant.tz_localize(None) - day).total_seconds()) // 60
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
