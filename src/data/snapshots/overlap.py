"""Whether a source still says what it said: known and fresh bars in, their first difference out."""

from __future__ import annotations

import numpy as np
import pandas as pd

TOLERANCE = 1e-5
"""How far, relative to it, a price may be off: sources round what they adjust."""


def difference(known: pd.DataFrame, fresh: pd.DataFrame) -> str | None:
    """Return how two runs of bars over the same time differ first, in a few words.

    Parameters
    ----------
    known, fresh : DataFrame
        ``time`` and float64 columns, sorted by time. The last known volume is not compared: sources
        complete it after the close.
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
        old, new = known[column].to_numpy(), fresh[column].to_numpy()
        with np.errstate(invalid="ignore"):
            near = 0.0 if column == "volume" else TOLERANCE * np.maximum(abs(old), abs(new))
            same = (np.abs(old - new) <= near) | (np.isnan(old) & np.isnan(new))
        if column == "volume":
            same[-1] = True
        if not same.all():
            return f"{column} of {stamp(times[int(same.argmin())])}"
    return None


def stamp(time: pd.Timestamp) -> str:
    """Return the date, in UTC, of a bar that closed at an instant.

    >>> stamp(pd.Timestamp("2024-01-06", tz="UTC"))
    '2024-01-05'
    >>> stamp(pd.Timestamp("2024-01-05 21:00", tz="UTC"))
    '2024-01-05'
    """
    # A day that closes at 24:00 is not the next one.
    return str((time - pd.Timedelta(1, unit="ns")).date())
