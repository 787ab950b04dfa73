"""When a bar was knowable: the date of its session, or its own times, in; that instant out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...errors import DataError, nearest
from ..wording import counted
from .calendars import closes_of, sessions

Ints = npt.NDArray[np.int64]


def date_bars(
    raw: pd.DataFrame, exchange: str | Mapping[str, str], default: str, name: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Give every row its ``time``.

    Parameters
    ----------
    raw : DataFrame
        As `Source.load` returns it.
    exchange : str or symbol -> str
        Whose closes date the bars, of all symbols or of some.
    default : str
        The exchange of the other symbols.
    name : str
        The dataset, to begin messages with.

    Returns
    -------
    rows
        With ``time``, UTC, and no ``opened``.
    notes

    Raises
    ------
    DataError
        A row has neither date nor time, or a mapping names a symbol that is not there.
    """
    dated = raw["date"].notna().to_numpy() if "date" in raw else np.zeros(len(raw), bool)
    timed = raw["time"].notna().to_numpy() if "time" in raw else np.zeros(len(raw), bool)
    if not (dated | timed).all():
        row = int((~(dated | timed)).argmax())
        raise DataError(f"{name}: {raw['symbol'].iloc[row]} has a row without a date")
    time = np.zeros(len(raw), dtype=np.int64)
    off = np.zeros(len(raw), dtype=bool)
    cut = 0
    if timed.any():
        time[timed] = pd.DatetimeIndex(raw["time"][timed]).as_unit("ns").asi8
    daily = dated & ~timed
    for place, rows in _places(raw, exchange, default, name):
        if len(at := rows[daily[rows]]):
            time[at], off[at] = closes_of(place, raw["date"].to_numpy()[at])
        if "opened" in raw and len(at := rows[timed[rows]]):
            opened = pd.DatetimeIndex(raw["opened"].iloc[at]).as_unit("ns").asi8
            closed = _cut_short(place, opened, time[at])
            cut += int((closed != time[at]).sum())
            time[at] = closed
    notes = []
    if off.any():
        notes.append(
            f"{counted(int(off.sum()))} dated on no session, taken to close at the usual hour"
        )
    if cut:
        notes.append(f"{counted(cut)} cut short by the session's close")
    stamps = pd.DatetimeIndex(time.view("datetime64[ns]")).tz_localize("UTC")
    return raw.drop(columns="opened", errors="ignore").assign(time=stamps), tuple(notes)


def _places(
    raw: pd.DataFrame, exchange: str | Mapping[str, str], default: str, name: str
) -> list[tuple[str, Ints]]:
    """Return each exchange with the rows (R,) that it dates."""
    everywhere = np.arange(len(raw), dtype=np.int64)
    if isinstance(exchange, str):
        return [(exchange, everywhere)]
    symbols = raw["symbol"].astype("str").to_numpy()
    known = set(symbols)
    for symbol in exchange:
        if symbol not in known:
            raise DataError(
                f"{name}: dataset.exchange names the symbol {symbol!r}{nearest(symbol, known)}"
            )
    places = pd.Series(symbols).map(dict(exchange)).fillna(default).to_numpy()
    return [(str(place), everywhere[places == place]) for place in dict.fromkeys(places)]


def _cut_short(exchange: str, opened: Ints, time: Ints) -> Ints:
    """Let no bar outlast the session that it opened in."""
    days = sessions(exchange, pd.Timestamp(opened.min()), pd.Timestamp(time.max()))
    if not len(days.closes):
        return time
    closes = np.append(days.closes.asi8, np.iinfo(np.int64).max)
    closed: Ints = np.minimum(time, closes[np.searchsorted(closes, opened, side="right")])
    return closed
