"""What an incremental fetch has already: the newest snapshot in, each symbol's bars out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import SnapshotError
from ..panel import INTERNAL
from ..sources.source import RemoteSource
from ..wording import counted
from .basis import Stated, exchange_of, rules_that_differ
from .store import LATEST, Snapshot, find_snapshot, read_snapshot
from .tallies import Tally

log = logging.getLogger(__name__)

WINDOW = ("start", "period")
"""Keys of a request that say how far back it goes, and not what it is for."""


@dataclass(frozen=True)
class Known:
    """What the newest snapshot holds of the symbols that are asked for.

    Attributes
    ----------
    sha256 : str
    bars : symbol -> DataFrame
        Without the column ``symbol``.
    tallies : symbol -> Tally
    moved : symbols
        Asked from another start than they were: to be asked for from the beginning.
    unfit : symbol -> (bars, reason)
        Bars that a fetch cannot go on from, and why not.
    notes : sentences
    """

    sha256: str = ""
    bars: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    moved: frozenset[str] = frozenset()
    unfit: Mapping[str, tuple[pd.DataFrame, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def newest_known(source: RemoteSource, basis: Stated, directory: Path) -> Known:
    """Read the newest snapshot of a folder that can be read.

    Parameters
    ----------
    source : RemoteSource
        Bars are told by what was asked for, such as ticker and interval, whatever their names are.
    basis : names to JSON values
        As `differences` takes it. Bars that other rules let through, or that another exchange
        dated, do not count.
    directory : Path
    """
    found, notes = _newest(directory)
    if found is None:
        return Known(notes=tuple(notes))
    bars, snapshot = found
    taken = snapshot.metadata
    asked: Mapping[str, Mapping[str, Any]] = taken.get("request", {})
    frames = {
        str(name): rows.drop(columns=["symbol", *INTERNAL], errors="ignore").reset_index(drop=True)
        for name, rows in bars.groupby("symbol", observed=True)
    }
    series = {name: _series(asked[name]) for name in frames if name in asked}
    same: dict[str, pd.DataFrame] = {}
    tallies: dict[str, Tally] = {}
    unfit: dict[str, tuple[pd.DataFrame, str]] = {}
    moved, used = set(), set()
    for symbol, request in source.request.items():
        alike = [name for name in series if series[name] == _series(request)]
        if not alike:
            continue
        name = min(alike, key=lambda n: (n != symbol, bool(asked[n].get("period")), n))
        used.add(name)
        # A period is a window that moves: what has left it is no longer asked for.
        if request.get("period"):
            if not asked[name].get("period"):
                unfit[symbol] = frames[name], "source.period asks for a window that moves"
            continue
        reasons = rules_that_differ(taken, basis)
        was, now = exchange_of(taken, name), exchange_of(basis, symbol)
        if was != now:
            reasons.append(f"{was} dated them, this asks for {now}")
        if reasons:
            unfit[symbol] = frames[name], f"they are of {reasons[0]}"
            continue
        rows = frames[name]
        if any(asked[name].get(key) != request.get(key) for key in WINDOW):
            moved.add(symbol)
            rows, note = _from_start(rows, request, symbol, snapshot.sha256)
            notes.extend(note)
        if len(rows):
            same[symbol] = rows
            tallies[symbol] = taken.get("tallies", {}).get(name, {})
    for name, request in asked.items():
        # Daily bars can be had again; of others a provider keeps the newest alone.
        if name in used or name not in frames or is_daily(request) or request.get("period"):
            continue
        count = counted(len(frames[name]))
        notes.append(f"{name}: {count} not asked for any more; {_have(snapshot.sha256)}")
    return Known(snapshot.sha256, same, tallies, frozenset(moved), unfit, tuple(notes))


def is_daily(request: Mapping[str, object]) -> bool:
    """Return whether a request is for daily bars."""
    return request.get("interval", "1d") == "1d"


def _series(request: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in request.items() if key not in WINDOW}


def _from_start(
    rows: pd.DataFrame, request: Mapping[str, Any], symbol: str, sha256: str
) -> tuple[pd.DataFrame, list[str]]:
    if request.get("start") is None:
        return rows, []
    start = pd.Timestamp(request["start"], tz="UTC")
    # A bar that closes as the day begins is of the day before.
    early = (rows["time"] <= start).to_numpy()
    if not early.any() or is_daily(request):
        return rows[~early].reset_index(drop=True), []
    note = f"{symbol}: {counted(int(early.sum()))} before start={start.date()} not kept"
    return rows[~early].reset_index(drop=True), [f"{note}; {_have(sha256)}"]


def _have(sha256: str) -> str:
    return f"the snapshot {sha256[:12]} has them"


def _newest(directory: Path) -> tuple[tuple[pd.DataFrame, Snapshot] | None, list[str]]:
    if not (directory / LATEST).exists():
        return None, []
    try:
        return read_snapshot(find_snapshot(directory)), []
    except SnapshotError as error:
        damage = error
    others = [(path.stat().st_mtime_ns, path) for path in directory.glob("*.parquet")]
    for _, path in sorted(others, reverse=True):
        try:
            found = read_snapshot(path)
        except SnapshotError:
            continue
        log.warning("%s; the fetch goes on from %s", damage, path.name)
        return found, [
            f"the newest snapshot could not be read: gone on from {found[1].sha256[:12]}"
        ]
    log.warning("%s; everything is fetched again", damage)
    return None, ["the newest snapshot could not be read: everything was fetched again"]
