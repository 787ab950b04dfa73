"""What a provider changed: the bars of two snapshots flow in, their differences flow out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..panel import INTERNAL

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STEADY = 1e-4
"""Ratios of new to old prices that differ by less, relatively, count as one factor."""

PIECES = 4
"""A history rescaled by at most so many factors, each over a run of bars, is called rescaled."""


@dataclass(frozen=True)
class Differences:
    """How the bars of a newer snapshot differ from those of an older one.

    Attributes
    ----------
    added, removed : symbols
        Only in the newer, only in the older one.
    columns_added, columns_removed : names
    table : DataFrame
        One row for each symbol in both whose bars differ, indexed by its name: ``added`` and
        ``gone`` (bars at times that the other lacks), ``changed`` (bars at one time with other
        values), ``columns`` (which ones changed), ``largest`` (the largest relative change; NaN
        where a value only came or went), ``first`` and ``last`` (dates of the first and last bar
        that was added, gone or changed) and ``rescaled`` (in words, what a constant factor
        explains; empty otherwise).
    compared : int
        Bars in both.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    table: pd.DataFrame
    compared: int

    @property
    def identical(self) -> bool:
        """Whether every bar is in both, with the same values."""
        lists = (self.added, self.removed, self.columns_added, self.columns_removed)
        return not any(lists) and self.table.empty


def compare_bars(before: pd.DataFrame, after: pd.DataFrame) -> Differences:
    """Compare the bars of two snapshots; see `Differences`.

    Parameters
    ----------
    before, after : DataFrame
        As `read_snapshot` returns them: sorted by symbol and time, the symbol categorical.
    """
    # What a dataset attached is no provider's.
    before, after = (b.drop(columns=[*INTERNAL], errors="ignore") for b in (before, after))
    old, new = _by_symbol(before), _by_symbol(after)
    columns = [str(c) for c in after.columns.drop(["time", "symbol"]) if c in before]
    olds = {c: before[c].to_numpy(dtype=np.float64) for c in columns}
    news = {c: after[c].to_numpy(dtype=np.float64) for c in columns}
    old_time = pd.DatetimeIndex(before["time"]).asi8
    new_time = pd.DatetimeIndex(after["time"]).asi8
    rows: dict[str, dict[str, Any]] = {}
    compared = 0
    for symbol in sorted(old.keys() & new.keys()):
        a, b = old[symbol], new[symbol]
        times, i, j = np.intersect1d(
            old_time[a], new_time[b], assume_unique=True, return_indices=True
        )
        compared += len(times)
        pairs = {c: (olds[c][a][i], news[c][b][j]) for c in columns}
        found = _changes(times, pairs)
        gone = np.delete(old_time[a], i)
        added = np.delete(new_time[b], j)
        touched = np.concatenate([gone, added, found.pop("times")])
        if len(touched):
            rows[symbol] = {
                "added": len(added),
                "gone": len(gone),
                **found,
                "first": _date(touched.min()),
                "last": _date(touched.max()),
            }
    names = ["added", "gone", "changed", "columns", "largest", "first", "last", "rescaled"]
    return Differences(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        columns_added=tuple(str(c) for c in after if c not in before),
        columns_removed=tuple(str(c) for c in before if c not in after),
        table=pd.DataFrame(
            [[row[name] for name in names] for row in rows.values()],
            index=pd.Index(list(rows), name="symbol", dtype="str"),
            columns=names,
        ),
        compared=compared,
    )


def _by_symbol(bars: pd.DataFrame) -> dict[str, slice]:
    """Return where each symbol's bars are."""
    codes = bars["symbol"].cat.codes.to_numpy()
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    ends = np.append(starts[1:], len(codes))
    names = bars["symbol"].cat.categories
    return {
        str(names[codes[start]]): slice(int(start), int(end))
        for start, end in zip(starts, ends, strict=True)
    }


def _changes(times: Ints, pairs: dict[str, tuple[Floats, Floats]]) -> dict[str, Any]:
    """Compare the values of one symbol at the times (B,) of the bars that are in both."""
    anywhere = np.zeros(len(times), dtype=bool)
    columns, largest = [], np.nan
    scaled: dict[str, list[str]] = {}
    for name, (a, b) in pairs.items():
        other = ~((a == b) | (np.isnan(a) & np.isnan(b)))
        if not other.any():
            continue
        columns.append(name)
        anywhere |= other
        known = other & np.isfinite(a) & np.isfinite(b)
        if known.any():
            with np.errstate(divide="ignore"):
                largest = np.fmax(largest, np.abs((b[known] - a[known]) / a[known]).max())
        if text := rescaled(times, a, b):
            scaled.setdefault(text, []).append(name)
    return {
        "times": times[anywhere],
        "changed": int(anywhere.sum()),
        "columns": ", ".join(columns),
        "largest": float(largest),
        "rescaled": "; ".join(f"{', '.join(names)} {text}" for text, names in scaled.items()),
    }


def rescaled(times: Ints, before: Floats, after: Floats) -> str:
    """Say which runs of values were multiplied by a constant, as an adjustment does it.

    Parameters
    ----------
    times : (B,) int64
        Nanoseconds since 1970, UTC, increasing.
    before, after : (B,)

    Returns
    -------
    str
        Such as ``before 2024-06-07 times 0.9871``: the date is that of the first bar that was not.
        Empty where the changes are not of this kind.
    """
    known = np.isfinite(before) & np.isfinite(after) & (before != 0)
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    if not (known | same).all() or known.sum() < 2:
        return ""
    when = times[known]
    ratio = after[known] / before[known]
    if (ratio <= 0).any():
        return ""
    cuts = np.flatnonzero(np.abs(np.diff(np.log(ratio))) > STEADY) + 1
    if len(cuts) >= PIECES:
        return ""
    starts = np.array([0, *cuts])
    ends = np.array([*cuts, len(ratio)])
    said = []
    for start, end in zip(starts, ends, strict=True):
        piece = ratio[start:end]
        factor = float(np.median(piece))
        if np.abs(piece / factor - 1).max() > STEADY:
            return ""
        if abs(factor - 1) <= STEADY:
            if (piece != 1).any():
                return ""
            continue
        if end - start < 2:
            return ""  # one bar that changed is a correction, whatever its size
        said.append(f"{_reach(when, int(start), int(end))} times {factor:.6g}")
    return ", ".join(said)


def _reach(when: Ints, start: int, end: int) -> str:
    """Say which dates a run of bars covers."""
    if start == 0 and end == len(when):
        return "throughout"
    if start == 0:
        return f"before {_date(when[end]):%Y-%m-%d}"
    if end == len(when):
        return f"from {_date(when[start]):%Y-%m-%d} on"
    return f"from {_date(when[start]):%Y-%m-%d} to {_date(when[end - 1]):%Y-%m-%d}"


def _date(time: Any) -> pd.Timestamp:
    """Return the session's date of a bar: a close at 24:00 UTC belongs to the day that ends."""
    return pd.Timestamp(int(time) - 1).normalize()
