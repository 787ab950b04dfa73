"""An incremental fetch: the newest snapshot and a remote source flow in, whole bars flow out.

A symbol is asked only for what is new where its newest known bars are still what the source says;
where they are not, such as after a dividend, all of its history is asked for again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from ...errors import DataError, SnapshotError
from ..bars.schema import BASE, Validated
from ..sources.source import Fetched, Fetching, RemoteSource
from ..wording import counted
from .overlap import difference, stamp
from .store import LATEST, find_snapshot, read_snapshot
from .tallies import Tally, tally, total, words

log = logging.getLogger(__name__)

Checked = Callable[[pd.DataFrame], Validated]

ATTACHED = ("ratio", "member")
"""Columns that a dataset adds to what a source gave."""

NAMED = 5
"""How many missing symbols an error names."""


@dataclass(frozen=True)
class FetchedBars(Validated):
    """Bars of all symbols.

    Attributes
    ----------
    tallies : symbol -> note -> count
        What the notes add up; stored with the snapshot, for the next fetch to add to.
    """

    tallies: Mapping[str, Tally]


@dataclass(frozen=True)
class _Known:
    """What the newest snapshot holds of the symbols that are still asked for in the same way."""

    sha256: str = ""
    bars: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    tallies: Mapping[str, Tally] = field(default_factory=dict)


@dataclass(frozen=True)
class _Series:
    """One symbol: its bars without the column ``symbol``, and what is to be said of them."""

    bars: pd.DataFrame
    tally: Tally


def fetch_bars(
    source: RemoteSource, checked: Checked, directory: Path, how: Fetching
) -> FetchedBars:
    """Fetch what the newest snapshot of a directory lacks, or everything.

    Parameters
    ----------
    source : RemoteSource
    checked : raw rows -> Validated
        Dates the rows of one symbol and lets no bar through that cannot be one.
    directory : Path
        Folder of the dataset's snapshots. Nothing is written to it.
    how : Fetching

    Raises
    ------
    DataError
        A symbol cannot be had, unless `Fetching.allow_missing`; or none of them can.
    """
    known, notes = _known(source, directory)
    series: dict[str, _Series] = {}
    missing: dict[str, str] = {}
    differing: dict[str, str] = {}
    lost: list[str] = []
    said: list[str] = []
    since = {
        symbol: None if how.full or symbol not in known.bars else _ask_from(known.bars[symbol], r)
        for symbol, r in source.request.items()
    }
    while since:
        fetched = source.fetch(since, how)
        missing |= fetched.missing
        said.extend(fetched.rows.attrs.get("notes", ()))
        again: dict[str, pd.Timestamp | None] = {}
        _refuse_missing(missing, source, how)
        for symbol, raw in _by_symbol(fetched).items():
            start = since[symbol]
            one: _Series | str | None
            if start is None:
                one = _whole(symbol, raw, checked, known, lost)
            else:
                # A source may cut the bar at the start: the first days are not used.
                cutoff = start + _margin(source.request[symbol])
                one = _joined(raw, checked, known, symbol, cutoff)
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
    notes.extend(lost)
    for symbol, reason in missing.items():
        if symbol in known.bars:
            series[symbol] = _Series(known.bars[symbol], known.tallies.get(symbol, {}))
            last = stamp(known.bars[symbol]["time"].iloc[-1])
            notes.append(f"{symbol}: {reason}; its known bars, until {last}, are kept")
        else:
            notes.append(f"{symbol}: {reason}; left out")
    tallies = {symbol: one.tally for symbol, one in series.items() if one.tally}
    return FetchedBars(
        _together(series), (*words(total(tallies)), *notes, *dict.fromkeys(said)), tallies
    )


def _known(source: RemoteSource, directory: Path) -> tuple[_Known, list[str]]:
    """Read the newest snapshot; one that cannot be read is as good as none, and that is said."""
    if not (directory / LATEST).exists():
        return _Known(), []
    try:
        bars, snapshot = read_snapshot(find_snapshot(directory))
    except SnapshotError as error:
        log.warning("%s; everything is fetched again", error)
        return _Known(), ["the newest snapshot could not be read: everything was fetched again"]
    asked = snapshot.metadata.get("request", {})
    bars = bars.drop(columns=[*ATTACHED], errors="ignore")
    same = {}
    for name, rows in bars.groupby("symbol", observed=True):
        request = source.request.get(str(name))
        # A period is a window that moves: what has left it is no longer asked for.
        if request and request == asked.get(str(name)) and not request.get("period"):
            same[str(name)] = rows.drop(columns="symbol").reset_index(drop=True)
    return _Known(snapshot.sha256, same, snapshot.metadata.get("tallies", {})), []


def _ask_from(bars: pd.DataFrame, request: Mapping[str, object]) -> pd.Timestamp:
    """Return the instant from which a symbol is asked, some sessions before its newest bar."""
    newest = pd.Timestamp(bars["time"].iloc[-1])
    return (newest - pd.Timedelta(days=12 if _daily(request) else 3)).normalize()


def _margin(request: Mapping[str, object]) -> pd.Timedelta:
    return pd.Timedelta(days=2 if _daily(request) else 1)


def _daily(request: Mapping[str, object]) -> bool:
    return request.get("interval", "1d") == "1d"


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


def _whole(
    symbol: str, raw: pd.DataFrame, checked: Checked, known: _Known, lost: list[str]
) -> _Series | None:
    """Read a symbol that was asked from the beginning; bars that are served no more are kept."""
    fresh = _read(raw, checked)
    if fresh is None or symbol not in known.bars:
        return fresh
    first = fresh.bars["time"].iloc[0]
    gone = known.bars[symbol]["time"] < first
    if not gone.any():
        return fresh
    joined = _joined(raw, checked, known, symbol, first)
    if not isinstance(joined, str):
        return joined
    lost.append(
        f"{symbol}: {counted(int(gone.sum()))} before {stamp(first)} served no more, and not kept, "
        f"as they do not fit the others; the snapshot {known.sha256[:12]} has them"
    )
    return fresh


def _joined(
    raw: pd.DataFrame, checked: Checked, known: _Known, symbol: str, cutoff: pd.Timestamp
) -> _Series | str:
    """Return known bars before an instant and fresh ones from it on, or how they disagree."""
    old = known.bars[symbol]
    newest = old["time"].iloc[-1]
    raw = raw.assign(row_=np.arange(len(raw), dtype=np.float64))
    fresh = checked(raw).bars.drop(columns="symbol")
    row, fresh = fresh["row_"], fresh.drop(columns="row_")
    from_then = fresh["time"] >= cutoff
    both = from_then & (fresh["time"] <= newest)
    how = difference(old[old["time"] >= cutoff], fresh[both])
    if how is not None:
        return how
    bars = pd.concat([old[old["time"] < cutoff], fresh[from_then]], ignore_index=True)
    new = raw.iloc[int(row[both].iloc[-1]) + 1 : int(row.iloc[-1]) + 1]
    said = tally(checked(new.drop(columns="row_")).notes) if len(new) else {}
    return _Series(bars, total({"old": known.tallies.get(symbol, {}), "new": said}))


def _read(raw: pd.DataFrame, checked: Checked) -> _Series | None:
    """Check one symbol's rows; nothing is said of those after its last bar, such as an open one."""
    fresh = checked(raw.assign(row_=np.arange(len(raw), dtype=np.float64)))
    if fresh.bars.empty:
        return None
    last = int(fresh.bars["row_"].iloc[-1]) + 1
    notes = fresh.notes if last == len(raw) else checked(raw.iloc[:last]).notes
    return _Series(fresh.bars.drop(columns=["symbol", "row_"]), tally(notes))


def _together(series: Mapping[str, _Series]) -> pd.DataFrame:
    names = sorted(series)
    columns = dict.fromkeys(c for name in names for c in series[name].bars.columns)
    others = [c for c in columns if c not in ("time", *BASE)]
    frames = [series[name].bars for name in names]
    bars = pd.concat(frames, ignore_index=True)
    symbols = np.repeat(np.array(names, dtype=object), [len(frame) for frame in frames])
    bars = bars.assign(symbol=pd.Categorical(symbols, categories=names))
    return bars[["time", "symbol", *BASE, *others]]
