"""Whether a source still says what it said: known and fresh bars in, their first difference out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

TOLERANCE = 1e-5
"""How far, relative to it, a price may be off: sources round what they adjust."""

SHARE = 0.9
"""Of the bars that two series share, so many must agree for one to go on from the other."""

OLDEST = 20
"""As many of the oldest ones must agree likewise: what adjusts a price adjusts all before it."""


def difference(known: pd.DataFrame, fresh: pd.DataFrame) -> str | None:
    """Return how two runs of bars over the same time differ first, in a few words.

    Parameters
    ----------
    known, fresh : DataFrame
        ``time`` and float64 columns, sorted by time.
    """
    if known.empty or fresh.empty:
        return "no bar in common"
    times, others = pd.DatetimeIndex(known["time"]), pd.DatetimeIndex(fresh["time"])
    if len(odd := times.symmetric_difference(others)):
        where = "only known" if odd[0] in times else "new"
        return f"the bar of {stamp(odd[0])} is {where}"
    if set(known.columns) != set(fresh.columns):
        odd_one = sorted(set(known.columns) ^ set(fresh.columns))[0]
        return f"only one has the column {odd_one}"
    for column in known.columns.drop("time"):
        tolerance = 0.0 if column == "volume" else TOLERANCE
        same = _same(known[column].to_numpy(), fresh[column].to_numpy(), tolerance)
        if not same.all():
            return f"{column} of {stamp(times[int(same.argmin())])}"
    return None


def fits(known: pd.DataFrame, fresh: pd.DataFrame) -> bool:
    """Return whether known bars that are served no more can stand beside fresh ones.

    Single bars may have been revised. The newest of either series and all volumes do not count.

    Parameters
    ----------
    known, fresh : DataFrame
        As `difference` takes them.
    """
    columns = known.columns.drop(["time", "volume"])
    if set(known.columns) != set(fresh.columns):
        return False
    first = max(known["time"].iloc[0], fresh["time"].iloc[0])
    until = min(known["time"].iloc[-1], fresh["time"].iloc[-1])
    old, new = (
        bars[(bars["time"] >= first) & (bars["time"] < until)].set_index("time")
        for bars in (known, fresh)
    )
    times = old.index.union(new.index)
    if times.empty:
        return False
    agree = np.asarray(times.isin(old.index) & times.isin(new.index))
    old, new = old.reindex(times), new.reindex(times)
    for column in columns:
        agree &= _same(old[column].to_numpy(), new[column].to_numpy(), TOLERANCE)
    return bool(agree.mean() >= SHARE and agree[:OLDEST].mean() >= SHARE)


def _same(
    old: npt.NDArray[np.float64], new: npt.NDArray[np.float64], tolerance: float
) -> npt.NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        near = tolerance * np.maximum(np.abs(old), np.abs(new))
        return (np.abs(old - new) <= near) | (np.isnan(old) & np.isnan(new))


def stamp(time: pd.Timestamp) -> str:
    """Return the date, in UTC, of a bar that closed at an instant.

    >>> stamp(pd.Timestamp("2024-01-06", tz="UTC"))
    '2024-01-05'
    >>> stamp(pd.Timestamp("2024-01-05 21:00", tz="UTC"))
    '2024-01-05'
    """
    # A day that closes at 24:00 is not the next one.
    return str((time - pd.Timedelta(1, unit="ns")).date())
