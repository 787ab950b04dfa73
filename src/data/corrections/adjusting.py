"""Splits: bars as they came flow in, bars adjusted for what the user stated flow out.

Nothing is adjusted by guess: moves that look like splits are listed, and the user decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...errors import DataError, nearest
from ..panel import PER_SHARE, RATIO, SHARES
from ..wording import counted
from .companion import (
    UTC_ALONE,
    Zones,
    days_of,
    named_columns,
    read_companion,
    require_symbols,
    session_days,
    shown_day,
)
from .suspects import suspected_splits

Adjust = Literal["report", "ratios", "adj_close"]
ADJUST: tuple[Adjust, ...] = ("report", "ratios", "adj_close")

PRIOR = "prev_close"
"""The close before the bar, hence in the shares of the bar before."""
DIVIDED = tuple(name for name in PER_SHARE if name not in (PRIOR, "adj_close"))
"""Columns that a split divides; ``adj_close`` has been adjusted by its source already."""
SCALED = ("open", "high", "low", "vwap", "last")
"""Columns that follow the close to its adjusted value."""
ROUNDING = 1e-6
"""Relative differences between close and adjusted close that are no adjustment."""
SHOWN = 3
"""So many splits are named in a note."""
EPOCH = pd.Timestamp(0)
ADVICE = "; list"
"""What a note on suspected splits says from here on is what to do about them."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Adjusted:
    """Bars, and what was done to them.

    Attributes
    ----------
    bars : DataFrame
        As `validate_bars` returns them, without the column `RATIO`.
    changed : symbol -> bars whose prices were changed
        Only symbols that have some.
    suspected : DataFrame
        Moves that look like splits and remain; see `suspected_splits`.
    notes : sentences
    """

    bars: pd.DataFrame
    changed: pd.Series[Any]
    suspected: pd.DataFrame
    notes: tuple[str, ...]


def attach_ratios(
    bars: pd.DataFrame, path: Path, zones: Zones = UTC_ALONE
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return validated bars with the column `RATIO`, and notes on what found no bar.

    Parameters
    ----------
    bars : DataFrame
        As `validate_bars` returns them.
    path : Path
        A CSV file whose header names date, symbol and ratio, in any case. ratio: new shares for
        an old one, such as 2 for a bonus of 1:1 and 0.5 for a consolidation of 1-for-2. date: the
        first session on which the price is that of a new share.
    zones : symbol -> time zone
        Of the exchange that dates it; UTC where it is not named.

    Returns
    -------
    bars, notes
        A ratio stands on its symbol's first bar at or after its date, several that meet there as
        their product; elsewhere is NaN. One after the last bar, or with no bar before it, changes
        nothing and is noted.

    Raises
    ------
    DataError
        The file is missing or no CSV, or one of its rows cannot be right.
    """
    table = named_columns(
        read_companion(path, "dataset.ratios"),
        {"date": ("date", "ex_date", "ex-date"), "symbol": ("symbol",), "ratio": ("ratio",)},
        path.name,
    )
    require_symbols(table["symbol"], path.name)
    days, ratios = days_of(table["date"], path.name), _ratios(table["ratio"], path.name)
    known = bars["symbol"].cat.categories
    codes = known.get_indexer(pd.Index(table["symbol"])).astype(np.int64)
    if (unknown := codes < 0).any():
        row = int(unknown.argmax())
        symbol = str(table["symbol"].iloc[row])
        hint = nearest(symbol, [str(name) for name in known])
        raise DataError(f"{path.name}: row {row + 1}: there are no bars of {symbol!r}{hint}")
    if (again := pd.DataFrame({"c": codes, "d": days}).duplicated().to_numpy()).any():
        row = int(again.argmax())
        raise DataError(
            f"{path.name}: row {row + 1}: {table['symbol'].iloc[row]} has a ratio of "
            f"{shown_day(days[row])} already; multiply the two into one row"
        )
    owner = bars["symbol"].cat.codes.to_numpy().astype(np.int64)
    sessions = session_days(bars, zones)
    # One increasing number for symbol and day finds the bars of all ratios at once.
    low, span = int(min(sessions.min(), days.min())), int(max(sessions.max(), days.max()))
    span += 1 - low
    at = np.searchsorted(owner * span + sessions - low, codes * span + days - low)
    bounds = np.searchsorted(owner, np.arange(len(known) + 1))
    inside = (at > bounds[codes]) & (at < bounds[codes + 1])
    column = np.ones(len(bars))
    np.multiply.at(column, at[inside], ratios[inside])
    marked = np.zeros(len(bars), dtype=bool)
    marked[at[inside]] = True
    notes = []
    if not inside.all():
        outside = [str(known[code]) for code in dict.fromkeys(codes[~inside])]
        notes.append(
            f"{counted(int((~inside).sum()), 'ratio')} outside the bars of the symbol, which "
            f"change nothing: {_few(outside)}"
        )
    return bars.assign(**{RATIO: np.where(marked, column, np.nan)}), tuple(notes)


def adjusted(
    bars: pd.DataFrame,
    adjust: Adjust,
    name: str,
    zones: Zones = UTC_ALONE,
    span: tuple[pd.Timestamp | None, pd.Timestamp | None] = (None, None),
) -> Adjusted:
    """Adjust validated bars, and list what still looks like a split.

    Parameters
    ----------
    bars : DataFrame
        As `validate_bars` returns them, in any order of the symbols; left as they are.
    adjust : "report", "ratios" or "adj_close"
        ratios: before each ratio the prices and dividends of a share are divided by it, and
        volumes multiplied; turnover stays. adj_close: open, high, low, close, last and vwap are
        multiplied by adj_close / close, prev_close by that of the bar before; volume stays, because
        that quotient carries dividends as well and is no count of shares.
    name : str
        The dataset, to begin messages with.
    zones : symbol -> time zone
        Of the exchange that dates it; UTC where it is not named.
    span : first and last session, each a date or None
        What is counted, listed and told lies between them; all bars are adjusted.

    Raises
    ------
    DataError
        There is nothing to adjust by.
    """
    plain = bars.drop(columns=RATIO, errors="ignore")
    notes: list[str] = []
    moved = np.zeros(len(bars), dtype=bool)
    inside = _inside(bars, zones, span)
    if adjust == "ratios":
        if RATIO not in bars:
            raise DataError(
                f"{name}: dataset.adjust=ratios needs the ratios of splits: give "
                "dataset.ratios=FILE (a CSV of date, symbol, ratio), and fetch again if the bars "
                "come from the network"
            )
        ratio = bars[RATIO].to_numpy()
        factor = _later(ratio, _starts(bars))
        moved = (factor != 1.0) & inside
        plain = _divided(plain, factor, np.where(np.isnan(ratio), 1.0, ratio))
        # A ratio divides the bars before it: on the first session kept, it changes none that is.
        after = None if span[0] is None else span[0] + pd.Timedelta(days=1)
        told = np.where(_inside(bars, zones, (after, None)), ratio, np.nan)
        notes.append(_told(bars, told, zones))
    elif adjust == "adj_close":
        factor = _to_adjusted(bars, name, zones)
        moved = (np.abs(factor - 1.0) > ROUNDING) & inside
        scaled = {c: plain[c].to_numpy() * factor for c in SCALED if c in plain}
        if PRIOR in plain:
            before = np.where(_starts(bars), factor, np.roll(factor, 1))
            scaled[PRIOR] = plain[PRIOR].to_numpy() * before
        plain = plain.assign(**scaled, close=plain["adj_close"])
        notes.append(f"prices of {counted(int(moved.sum()))} scaled to the adjusted close")
    elif RATIO in bars and (there := int(bars[RATIO][inside].notna().sum())):
        notes.append(f"{counted(there, 'ratio')} not applied; set dataset.adjust=ratios")
    suspected = suspected_splits(plain, zones)
    first, last = span
    if first is not None:
        suspected = suspected[suspected["date"] >= first]
    if last is not None:
        suspected = suspected[suspected["date"] <= last]
    suspected = suspected.reset_index(drop=True)
    if len(suspected):
        one = len(suspected) == 1
        notes.append(
            f"{counted(len(suspected), 'move')} {'looks' if one else 'look'} like "
            f"{'a split' if one else 'splits'} that nobody adjusted: {_named(suspected)}{ADVICE} "
            f"{'it' if one else 'them'} with marketlab-data"
            + (", then dataset.adjust=ratios" if adjust == "report" else "")
        )
    changed = bars["symbol"][moved].value_counts(sort=False)
    changed.index = changed.index.astype("str")
    return Adjusted(plain, changed[changed > 0].rename("adjusted"), suspected, tuple(notes))


def _inside(
    bars: pd.DataFrame, zones: Zones, span: tuple[pd.Timestamp | None, pd.Timestamp | None]
) -> npt.NDArray[np.bool_]:
    """Mark the bars whose session lies between two dates."""
    inside = np.ones(len(bars), dtype=bool)
    if span == (None, None):
        return inside
    days = session_days(bars, zones)
    first, last = span
    if first is not None:
        inside &= days >= (first - EPOCH).days
    if last is not None:
        inside &= days <= (last - EPOCH).days
    return inside


def _ratios(text: pd.Series[Any], name: str) -> Floats:
    ratios = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64)
    bad = ~(np.isfinite(ratios) & (ratios > 0) & (ratios != 1))
    if bad.any():
        row = int(bad.argmax())
        given = text.iloc[row]
        shown = "an empty cell" if pd.isna(given) else repr(str(given))
        raise DataError(
            f"{name}: row {row + 1}: the ratio {shown} must be a positive number other than 1: "
            "the new shares for an old one, as 2 or 0.5"
        )
    return ratios


def _starts(bars: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Mark the first bar of each symbol; a symbol's bars lie together, in order."""
    codes = bars["symbol"].cat.codes.to_numpy()
    first = np.ones(len(codes), dtype=bool)
    np.not_equal(codes[1:], codes[:-1], out=first[1:])
    return first


def _later(ratio: Floats, first: npt.NDArray[np.bool_]) -> Floats:
    """Return, for each bar, the product of the ratios on later bars of its symbol."""
    factor = np.ones(len(ratio))
    starts = np.flatnonzero(first)
    at = np.flatnonzero(~np.isnan(ratio))
    # Ratios are few: each multiplies the bars from its symbol's first one up to itself.
    for row, start in zip(at, starts[np.searchsorted(starts, at, side="right") - 1], strict=True):
        factor[start:row] *= ratio[row]
    return factor


def _divided(bars: pd.DataFrame, factor: Floats, own: Floats) -> pd.DataFrame:
    columns = {c: bars[c].to_numpy() / factor for c in DIVIDED if c in bars}
    columns |= {c: bars[c].to_numpy() * factor for c in SHARES if c in bars}
    if PRIOR in bars:
        columns[PRIOR] = bars[PRIOR].to_numpy() / (factor * own)
    return bars.assign(**columns)


def _to_adjusted(bars: pd.DataFrame, name: str, zones: Zones) -> Floats:
    """Return adj_close / close of each bar."""
    if "adj_close" not in bars:
        raise DataError(
            f"{name}: dataset.adjust=adj_close needs the column adj_close, which the bars lack; "
            "set dataset.adjust=report"
        )
    close, goal = bars["close"].to_numpy(), bars["adj_close"].to_numpy()
    for lacking, what in ((np.isnan(goal), "no adj_close"), (close == 0, "a close of 0")):
        if lacking.any():
            row = int(lacking.argmax())
            day = shown_day(session_days(bars.iloc[[row]], zones)[0])
            raise DataError(
                f"{name}: {bars['symbol'].iloc[row]} {day} has {what}, which "
                "dataset.adjust=adj_close needs on every bar; set dataset.adjust=report"
            )
    return np.asarray(goal / close)


def _told(bars: pd.DataFrame, ratio: Floats, zones: Zones) -> str:
    rows = np.flatnonzero(~np.isnan(ratio))
    if not len(rows):
        return "no bar carries the ratio of a split: no price was changed"
    there = bars.iloc[rows]
    table = pd.DataFrame(
        {
            "date": [np.datetime64(int(day), "D") for day in session_days(there, zones)],
            "symbol": there["symbol"].astype("str").to_numpy(),
            "ratio": ratio[rows],
        }
    )
    symbols = counted(table["symbol"].nunique(), "symbol")
    return f"prices divided by {counted(len(table), 'split ratio')} of {symbols}: {_named(table)}"


def _named(table: pd.DataFrame) -> str:
    """Name the first few splits, and say that there are more."""
    return _few(
        [f"{r.symbol} {r.date:%Y-%m-%d} ({r.ratio:g})" for r in table.itertuples(index=False)]
    )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
