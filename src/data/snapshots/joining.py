"""Known and fresh bars of one symbol flow in; its history, or how they disagree, flows out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..bars.schema import Validated
from ..wording import counted
from .overlap import difference, fits, stamp
from .tallies import Tally, tally, total

Checked = Callable[[pd.DataFrame], Validated]


@dataclass(frozen=True)
class Series:
    """One symbol.

    Attributes
    ----------
    bars : DataFrame
        Without the column ``symbol``.
    tally : Tally
        What is to be said of them; the next fetch adds to it.
    notes : sentences
        What is to be said of this fetch.
    """

    bars: pd.DataFrame
    tally: Tally
    notes: tuple[str, ...] = ()


def joined(
    raw: pd.DataFrame, checked: Checked, known: Series, cutoff: pd.Timestamp
) -> Series | str:
    """Return known bars before an instant and fresh ones from it on, or how they disagree.

    The newest bar of either is not compared: a source completes it after the close. An answer that
    ends before the newest known bar comes from a server that lags behind.
    """
    raw = _numbered(raw)
    fresh = checked(raw).bars
    if fresh.empty:
        return "no bar in common"
    row, fresh = fresh["row_"], fresh.drop(columns=["symbol", "row_"])
    old, newest, last = known.bars, known.bars["time"].iloc[-1], fresh["time"].iloc[-1]
    until = min(newest, last)
    how = difference(_between(old, cutoff, until), _between(fresh, cutoff, until))
    if how is not None:
        return how
    if last < newest:
        return Series(old, known.tally, (_lags(last, newest),))
    if not (fresh["time"] == newest).any():
        return f"the bar of {stamp(newest)} is only known"
    bars = pd.concat([old[old["time"] < cutoff], fresh[fresh["time"] >= cutoff]], ignore_index=True)
    return Series(bars, _added(raw, checked, known.tally, row, fresh["time"], newest))


def whole(
    raw: pd.DataFrame,
    checked: Checked,
    known: Series | None,
    unfit: str | None,
    sha256: str,
    *,
    daily: bool,
) -> Series | None:
    """Read a symbol that was asked from the beginning; bars that are served no more are kept.

    Parameters
    ----------
    raw : DataFrame
    checked : raw rows -> Validated
    known : Series, optional
    unfit : str, optional
        Why known bars cannot be kept, whatever they are.
    sha256 : str
        The snapshot that has them.
    daily : bool
        Whether these are daily bars.

    Returns
    -------
    Series or None
        None where no bar has closed yet.
    """
    numbered = _numbered(raw)
    checked_all = checked(numbered)
    fresh = checked_all.bars
    if fresh.empty:
        return None
    row, fresh = fresh["row_"], fresh.drop(columns=["symbol", "row_"])
    end = int(row.iloc[-1]) + 1
    # Nothing is said of the rows after the last bar, such as an open one.
    notes = checked_all.notes if end == len(raw) else checked(raw.iloc[:end]).notes
    alone = Series(fresh, tally(notes))
    if known is None:
        return alone
    old = known.bars
    first, last, newest = fresh["time"].iloc[0], fresh["time"].iloc[-1], old["time"].iloc[-1]
    # Another exchange dates the same daily bars some hours apart.
    slack = pd.Timedelta(days=1 if unfit and daily else 0)
    head, tail = old[old["time"] < first - slack], old[old["time"] > last + slack]
    if head.empty and tail.empty:
        return alone
    if unfit is None and fits(old, fresh):
        if len(tail):
            tail = old[old["time"] >= last]
            fresh = fresh[fresh["time"] < tail["time"].iloc[0]]
            bars = pd.concat([head, fresh, tail], ignore_index=True)
            return Series(bars, known.tally, (_lags(last, newest),))
        bars = pd.concat([head, fresh], ignore_index=True)
        return Series(bars, _added(numbered, checked, known.tally, row, fresh["time"], newest))
    lost = []
    for gone, where in ((head, f"before {stamp(first)}"), (tail, f"after {stamp(last)}")):
        if len(gone):
            lost.append(
                f"{counted(len(gone))} {where} served no more, and not kept, as "
                f"{unfit or 'they do not fit the others'}; the snapshot {sha256[:12]} has them"
            )
    return Series(fresh, alone.tally, tuple(lost))


def _numbered(raw: pd.DataFrame) -> pd.DataFrame:
    return raw.assign(row_=np.arange(len(raw), dtype=np.float64))


def _between(bars: pd.DataFrame, first: pd.Timestamp, until: pd.Timestamp) -> pd.DataFrame:
    return bars[(bars["time"] >= first) & (bars["time"] < until)]


def _lags(last: pd.Timestamp, newest: pd.Timestamp) -> str:
    kept = f"the known bars after it, until {stamp(newest)}, are kept"
    return f"the answer ends on {stamp(last)}; {kept}"


def _added(
    raw: pd.DataFrame,
    checked: Checked,
    counts: Tally,
    row: pd.Series[float],
    time: pd.Series[pd.Timestamp],
    newest: pd.Timestamp,
) -> Tally:
    """Return the counts of known bars with those of the rows after the newest of them."""
    start = int(row[time <= newest].iloc[-1]) + 1
    new = raw.iloc[start : int(row.iloc[-1]) + 1].drop(columns="row_")
    said = tally(checked(new).notes) if len(new) else {}
    return total({"old": counts, "new": said})
