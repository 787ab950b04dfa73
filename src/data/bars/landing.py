"""Bars to Panel: each bar lands on the first row at or after the instant it was knowable.

Validated bars of any number of exchanges flow in; a Panel on the sessions of one clock flows out,
with a count of what merged and of what landed nowhere. Nothing is filled forward.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...errors import DataError
from ..panel import RATIO, Panel
from .calendars import sessions

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SUMMED = ("volume", "deliverable_volume", "turnover", "trades", "dividends")
"""Fields that add up when several bars land on one row; a field not named here keeps its last."""

WEIGHTED = ("vwap", "deliverble", "deliverable", "deliv_per")
"""Fields that are means over the shares traded, hence weighted by the volume: prices, and the share
of the volume that was delivered, as the NSE spells it. Bars without a volume have no weight; where
no bar has any, the last value stays."""

MULTIPLIED = ("stock_splits", RATIO)
"""New shares for an old one: those of several bars multiply. 0, as Yahoo writes it, is none."""

DAY = 86_400_000_000_000


@dataclass(frozen=True)
class Landed:
    """A panel and what happened to the bars on the way to it.

    Attributes
    ----------
    panel : Panel
    late : int
        Bars after the close of the clock's last session: no row was decided after them yet.
    merged : int
        Bars that landed on a row that an earlier bar of the same symbol had reached.
    merged_by : (N,) int64
        The same, of each symbol.
    guessed : int
        Rows that are weekdays because the clock's calendar does not cover them.
    """

    panel: Panel
    late: int
    merged: int
    merged_by: Ints
    guessed: int


def panel_from_bars(bars: pd.DataFrame, clock: str) -> Panel:
    """Return the panel of validated bars on a clock; see `land_bars`."""
    return land_bars(bars, clock).panel


def land_bars(
    bars: pd.DataFrame,
    clock: str,
    start: pd.Timestamp | None = None,
    end: pd.Timestamp | None = None,
) -> Landed:
    """Land validated bars on the sessions of a clock.

    Parameters
    ----------
    bars : DataFrame
        As `validate_bars` returns them: sorted by symbol and time, the symbol categorical. A
        category without bars becomes a symbol without values.
    clock : str
        The exchange whose sessions are the rows; its last row is the last one that had closed
        when the last bar did.
    start, end : dates of sessions, optional
        The first and the last row to keep, both included.

    Returns
    -------
    Landed
        Its panel holds every field that has a value at all. Several bars on one row merge: first
        open and the first bar's prev_close, highest high, lowest low, sums of `SUMMED`, means of
        `WEIGHTED`, products of `MULTIPLIED`, and the last of anything else, such as the close.

    Raises
    ------
    DataError
        There are no bars, or none on the rows asked for.
    """
    if bars.empty:
        raise DataError("there are no bars to land; check the source and its symbols")
    time = pd.DatetimeIndex(bars["time"]).asi8
    codes = bars["symbol"].cat.codes.to_numpy().astype(np.int64)
    first, last = pd.Timestamp(time.min()), pd.Timestamp(time.max())
    days = sessions(clock, first - pd.Timedelta(days=1), last)
    closed = int(np.searchsorted(days.closes.asi8, last.value, side="right"))
    closes = days.closes.asi8[:closed]
    low, high = 0, closed
    if start is not None:
        low = int(np.searchsorted(days.dates, np.datetime64(start, "ns"), side="left"))
    if end is not None:
        high = min(high, int(np.searchsorted(days.dates, np.datetime64(end, "ns"), side="right")))
    row = _rows(time, closes)
    late = int((row == closed).sum()) if high == closed else 0
    keep = (row >= low) & (row < high)
    if not keep.any():
        raise DataError(
            f"no bar lands on a session of {clock} from {(start or first).date()} to "
            f"{(end or last).date()}; the bars run from {first.date()} to {last.date()}"
        )
    everything = bool(keep.all())
    if not everything:
        row, codes = row[keep], codes[keep]
    low, high = int(row.min()), int(row.max()) + 1
    symbols = tuple(str(name) for name in bars["symbol"].cat.categories)
    cell = codes * (high - low) + (row - low)
    again = _again(cell)
    weights = np.empty(0)
    if len(again.bars) and "volume" in bars:
        volume = bars["volume"].to_numpy(dtype=np.float64)
        weights = (volume if everything else volume[keep])[again.bars]
    fields = {}
    for name in bars.columns.drop(["time", "symbol"]):
        values = bars[name].to_numpy(dtype=np.float64)
        values = values if everything else values[keep]
        if np.isnan(values[0]) and np.isnan(values).all():
            continue
        grid = np.full(len(symbols) * (high - low), np.nan)
        grid[cell] = values
        if len(again.bars):
            grid[again.cells] = _merge(name, values[again.bars], again.starts, weights)
        # A symbol's rows lie together in memory: windows and kernels run along them.
        fields[str(name)] = grid.reshape(len(symbols), high - low).T
    rows = days.closes[low:high]
    guessed = sessions(clock, days.dates[low], days.dates[high - 1]).guessed if days.guessed else 0
    panel = Panel(rows, symbols, fields, clock)
    landed, made = (
        np.bincount(c, minlength=len(symbols))
        for c in (codes[again.bars], again.cells // (high - low))
    )
    merged_by = landed - made
    return Landed(panel, late, int(merged_by.sum()), merged_by, guessed)


def _rows(time: Ints, closes: Ints) -> Ints:
    """Return, for each instant, the first row that closes at or after it; T where there is none."""
    if not len(closes):
        return np.zeros(len(time), dtype=np.int64)
    # A table over days and a few corrections beats a binary search for each of a million bars.
    first = int(min(time.min(), closes[0])) // DAY
    last = int(max(time.max(), closes[-1])) // DAY
    table = np.searchsorted(closes, np.arange(first, last + 1) * DAY, side="left")
    row: Ints = table[time // DAY - first].astype(np.int64)
    padded = np.append(closes, np.iinfo(np.int64).max)
    while (early := padded[row] < time).any():
        row += early
    return row


class _Again(NamedTuple):
    """The bars that share a cell with another."""

    bars: Ints  # (M,) their positions
    starts: Ints  # (C,) where each run of them begins
    cells: Ints  # (C,) the cell that each run lands on


def _again(cell: Ints) -> _Again:
    """Find the runs of bars with one cell; bars are sorted, so that they lie side by side."""
    same = cell[1:] == cell[:-1]
    shared = np.zeros(len(cell), dtype=bool)
    shared[1:] = same
    shared[:-1] |= same
    bars = np.flatnonzero(shared)
    cells = cell[bars]
    starts = np.flatnonzero(np.r_[True, cells[1:] != cells[:-1]]) if len(bars) else bars
    return _Again(bars, starts, cells[starts])


def _merge(name: str, values: Floats, starts: Ints, volume: Floats) -> Floats:
    """Merge the runs of bars that begin at `starts` into one value each; NaN counts as absent."""
    if name == "prev_close":
        return values[starts]  # a later bar's is a close within the row
    if name == "high":
        return np.fmax.reduceat(values, starts)
    if name == "low":
        return np.fmin.reduceat(values, starts)
    absent = np.isnan(values)
    if name in SUMMED:
        total = np.add.reduceat(np.where(absent, 0.0, values), starts)
        return np.where(np.logical_and.reduceat(absent, starts), np.nan, total)
    if name in MULTIPLIED:
        none = absent | (values == 0.0)
        product = np.multiply.reduceat(np.where(none, 1.0, values), starts)
        product = np.where(np.logical_and.reduceat(none, starts), 0.0, product)
        return np.where(np.logical_and.reduceat(absent, starts), np.nan, product)
    here = np.arange(len(values))
    if name == "open":
        pick = np.minimum.reduceat(np.where(absent, len(values), here), starts)
        return np.where(pick < len(values), values[np.minimum(pick, len(values) - 1)], np.nan)
    pick = np.maximum.reduceat(np.where(absent, -1, here), starts)
    last = np.where(pick >= 0, values[pick], np.nan)
    if name in WEIGHTED and len(volume):
        weights = np.where(absent | ~(volume > 0), 0.0, volume)
        total = np.add.reduceat(weights, starts)
        mass = np.add.reduceat(weights * np.where(absent, 0.0, values), starts)
        return np.divide(mass, total, out=last, where=total > 0)
    return last
