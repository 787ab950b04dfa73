"""An incremental fetch: the newest snapshot and a remote source flow in, whole bars flow out.

A symbol is asked only for what is new where its newest known bars are still what the source says;
where they are not, such as after a dividend, all of its history is asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...errors import DataError
from ..bars.markets import misfit, refusal
from ..bars.schema import BASE, Validated
from ..sources.source import Fetched, Fetching, RemoteSource
from ..wording import counted
from .basis import Stated, exchange_of
from .joining import Series, joined, whole
from .known import Known, is_daily, newest_known
from .overlap import stamp
from .tallies import Tally, total, words

OVERLAP = {True: pd.Timedelta(days=100), False: pd.Timedelta(days=3)}
"""How far before the newest known bar: for daily ones (True) a quarter, which has its dividend."""

MARGIN = {True: pd.Timedelta(days=2), False: pd.Timedelta(days=1)}
"""After the start that a source is asked from: it may cut the bars there."""

NAMED = 5
"""How many missing symbols an error names."""


@dataclass(frozen=True)
class Reading:
    """How a dataset reads what a source gives.

    Attributes
    ----------
    name : str
        Of the dataset.
    clock : str
    checked : raw rows of one symbol -> Validated
        Dates them and lets no bar through that cannot be one.
    basis : names to JSON values
        What the bars depend on, besides the source; see `basis`.
    """

    name: str
    clock: str
    checked: Callable[[pd.DataFrame], Validated]
    basis: Stated


@dataclass(frozen=True)
class FetchedBars(Validated):
    """Bars of all symbols.

    Attributes
    ----------
    tallies : symbol -> note -> count
        What the notes add up; stored with the snapshot, for the next fetch to add to.
    """

    tallies: Mapping[str, Tally]


def fetch_bars(
    source: RemoteSource, reading: Reading, directory: Path, how: Fetching
) -> FetchedBars:
    """Fetch what the newest snapshot of a directory lacks, or everything.

    Parameters
    ----------
    source : RemoteSource
    reading : Reading
    directory : Path
        Folder of the dataset's snapshots. Nothing is written to it.
    how : Fetching

    Raises
    ------
    DataError
        A symbol cannot be had, unless `Fetching.allow_missing`; or none of them can; or the
        exchange that dates one does not fit it.
    """
    known = newest_known(source, reading.basis, directory)
    notes = [*known.notes]
    series: dict[str, Series] = {}
    missing: dict[str, str] = {}
    differing: dict[str, str] = {}
    said: list[str] = []
    since = {
        symbol: None
        if how.full or symbol in known.moved or symbol not in known.bars
        else _ask_from(known.bars[symbol], request)
        for symbol, request in source.request.items()
    }
    while since:
        fetched = source.fetch(since, how)
        missing |= fetched.missing
        said.extend(fetched.rows.attrs.get("notes", ()))
        again: dict[str, pd.Timestamp | None] = {}
        _refuse_missing(missing, source, how)
        by_symbol = _by_symbol(fetched)
        _refuse_misfits(by_symbol, fetched, source, reading)
        for symbol, raw in by_symbol.items():
            daily = is_daily(source.request[symbol])
            try:
                one = _one(symbol, raw, since[symbol], daily, known, reading.checked)
            except DataError as error:
                if not how.allow_missing:
                    raise
                missing[symbol] = _reason(error, reading.name, symbol)
                continue
            if isinstance(one, str):
                differing[symbol], again[symbol] = one, None
            elif one is None:
                missing[symbol] = "no bar of it has closed yet"
            else:
                series[symbol] = one
        since = again
    _refuse_missing(missing, source, how)
    for symbol, what in differing.items():
        if symbol in series:
            notes.append(f"{symbol}: history differs ({what}), fetched again")
    notes.extend(f"{symbol}: {note}" for symbol, one in series.items() for note in one.notes)
    for symbol, reason in missing.items():
        if symbol in known.bars:
            series[symbol] = Series(known.bars[symbol], known.tallies[symbol])
            last = stamp(known.bars[symbol]["time"].iloc[-1])
            notes.append(f"{symbol}: {reason}; its known bars, until {last}, are kept")
        else:
            notes.append(f"{symbol}: {reason}; left out")
    tallies = {symbol: one.tally for symbol, one in series.items() if one.tally}
    return FetchedBars(
        _together(series), (*words(total(tallies)), *notes, *dict.fromkeys(said)), tallies
    )


def _one(
    symbol: str,
    raw: pd.DataFrame,
    start: pd.Timestamp | None,
    daily: bool,
    known: Known,
    checked: Callable[[pd.DataFrame], Validated],
) -> Series | str | None:
    """Return a symbol's bars; how its history differs; or None where no bar has closed yet."""
    bars, unfit = known.unfit.get(symbol, (known.bars.get(symbol), None))
    had = None if bars is None else Series(bars, known.tallies.get(symbol, {}))
    if start is None or had is None:
        return whole(raw, checked, had, unfit, known.sha256, daily=daily)
    return joined(raw, checked, had, start + MARGIN[daily])


def _ask_from(bars: pd.DataFrame, request: Mapping[str, object]) -> pd.Timestamp:
    """Return the instant from which a symbol is asked, some sessions before its newest bar."""
    newest = pd.Timestamp(bars["time"].iloc[-1])
    return (newest - OVERLAP[is_daily(request)]).normalize()


def _refuse_misfits(
    by_symbol: Mapping[str, pd.DataFrame],
    fetched: Fetched,
    source: RemoteSource,
    reading: Reading,
) -> None:
    """Refuse symbols that would be dated by an exchange which closes before their bars end."""
    misfits: dict[str, tuple[str, str | None]] = {}
    for symbol, raw in by_symbol.items():
        market = fetched.markets.get(symbol)
        if market is None:
            continue
        if "date" in raw:
            dates = raw["date"]
        else:
            dates = raw["opened" if "opened" in raw else "time"].dt.tz_convert(market.zone)
            dates = dates.dt.tz_localize(None)
        why = misfit(market, exchange_of(reading.basis, symbol), dates.dropna().to_numpy())
        if why is not None:
            misfits[symbol] = why, market.calendar
    if misfits:
        by_clock = reading.basis["exchange"] == reading.clock and not reading.basis["exchanges"]
        everything = by_clock and len(misfits) == len(source.request)
        tickers = {s: str(r.get("ticker", s)) for s, r in source.request.items()}
        raise DataError(f"{reading.name}: {refusal(misfits, everything, tickers)}")


def _reason(error: DataError, name: str, symbol: str) -> str:
    words = str(error).removeprefix(f"{name}: ").removesuffix("; check the source")
    return words.removeprefix(f"{symbol} ")


def _refuse_missing(missing: Mapping[str, str], source: RemoteSource, how: Fetching) -> None:
    everything = len(missing) == len(source.request)
    if not missing or (how.allow_missing and not everything):
        return
    named = [f"{symbol} ({reason})" for symbol, reason in list(missing.items())[:NAMED]]
    if len(missing) > NAMED:
        named.append(f"and {len(missing) - NAMED} more")
    what = f"{source.description}: {len(missing)} of {counted(len(source.request), 'symbol')}"
    advice = "check their names" if everything else "add allow_missing=true to go on without them"
    raise DataError(f"{what} cannot be had: {', '.join(named)}; {advice}")


def _by_symbol(fetched: Fetched) -> dict[str, pd.DataFrame]:
    """Return each symbol's rows, with the columns that date them alone."""
    by_symbol = {}
    for symbol, rows in fetched.rows.groupby("symbol", sort=False):
        empty = [c for c in ("date", "time", "opened") if c in rows and rows[c].isna().all()]
        rows = rows.drop(columns=empty).reset_index(drop=True)
        rows.attrs = {}
        by_symbol[str(symbol)] = rows
    return by_symbol


def _together(series: Mapping[str, Series]) -> pd.DataFrame:
    names = sorted(series)
    columns = dict.fromkeys(c for name in names for c in series[name].bars.columns)
    others = [c for c in columns if c not in ("time", *BASE)]
    frames = [series[name].bars for name in names]
    bars = pd.concat(frames, ignore_index=True)
    symbols = np.repeat(np.array(names, dtype=object), [len(frame) for frame in frames])
    bars = bars.assign(symbol=pd.Categorical(symbols, categories=names))
    return bars[["time", "symbol", *BASE, *others]]
