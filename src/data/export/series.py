"""Series: the bars of a snapshot flow in, those of each symbol, stamped as in files, flow out.

An intraday bar is stamped with its open, as providers do it, though the snapshot holds when it
closed; a daily one with its session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..bars.calendars import time_zone
from ..panel import INTERNAL

Ints = npt.NDArray[np.int64]

DAY = 86_400_000_000_000
INTRADAY = {"m": "min", "h": "h"}
"""Endings of a provider's intraday intervals, and what pandas calls them."""


@dataclass(frozen=True)
class Series:
    """The bars of one symbol, ready to be written.

    Attributes
    ----------
    symbol : str
    dates : (B,) datetime64[ns], naive
        Of the bars' sessions.
    stamps : (B,) datetime64[ns] in the zone of the exchange
        Its midnight for a daily bar, the bar's open for an intraday one.
    length : Timedelta or None
        Of an intraday bar; None for daily ones.
    values : DataFrame
        (B,) of each column of the source, by its name in the snapshot.
    """

    symbol: str
    dates: pd.DatetimeIndex
    stamps: pd.DatetimeIndex
    length: pd.Timedelta | None
    values: pd.DataFrame


def series_of(
    bars: pd.DataFrame, exchanges: Mapping[str, str], request: Mapping[str, Mapping[str, Any]]
) -> tuple[Series, ...]:
    """Part the bars of a snapshot into series.

    Parameters
    ----------
    bars : DataFrame
        As `read_snapshot` returns them.
    exchanges : symbol -> exchange
        In whose zone each series is stamped.
    request : symbol -> what was asked for
        The snapshot's; without an ``interval`` in it, a series is intraday where two of its bars
        belong to one session.

    Raises
    ------
    DataError
        An exchange has no calendar.
    """
    found = []
    codes = bars["symbol"].cat.codes.to_numpy()
    time = pd.DatetimeIndex(bars["time"]).asi8
    for code, symbol in enumerate(bars["symbol"].cat.categories):
        at = np.flatnonzero(codes == code)
        if not len(at):
            continue
        closes = time[at]
        zone = time_zone(exchanges[str(symbol)])
        # A session that closes at 24:00 is that of the day that ends then.
        local = _instants(closes - 1).tz_localize("UTC").tz_convert(zone).tz_localize(None)
        days = local.asi8 // DAY
        length = _length(closes, days, request.get(str(symbol), {}).get("interval"))
        dates = _instants(days * DAY)
        if length is None:
            # A clock that is put forward at midnight has none on that day.
            stamps = dates.tz_localize(
                zone, nonexistent="shift_forward", ambiguous=np.ones(len(dates), bool)
            )
        else:
            # A bar that the session's close cut short opened when the one before it closed.
            opens = closes - length.value
            opens[1:] = np.maximum(opens[1:], closes[:-1])
            stamps = _instants(opens).tz_localize("UTC").tz_convert(zone)
        values = bars.iloc[at].drop(columns=["time", "symbol", *INTERNAL], errors="ignore")
        found.append(Series(str(symbol), dates, stamps, length, values.reset_index(drop=True)))
    return tuple(found)


def _length(closes: Ints, days: Ints, interval: Any) -> pd.Timedelta | None:
    """Return how long the bars of a series are; None for daily ones."""
    if interval is not None:
        number, unit = str(interval)[:-1], INTRADAY.get(str(interval)[-1:])
        return pd.Timedelta(f"{number}{unit}") if number.isdigit() and unit else None
    steps = np.diff(closes)[np.diff(days) == 0]
    if not len(steps):
        return None
    # The usual step within a session: a missing bar makes a longer one, a cut one a shorter.
    lengths, counts = np.unique(steps, return_counts=True)
    return pd.Timedelta(int(lengths[counts.argmax()]), "ns")


def _instants(nanoseconds: Ints) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(nanoseconds.view("datetime64[ns]"))
