"""Whose sessions bars are dated on: their dates in, the calendar that fits them better out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from .calendars import covered_sessions

CALENDARS = ("XNYS", "XBOM", "XLON", "XSHG", "XTKS", "XHKG", "24/7", "24/5", "CMES")
"""Calendars that are tried, each of another part of the world or of the week."""

RECENT = 4 * 365
"""Days, up to the newest bar, whose dates are compared: calendars take their time to build."""

FEWEST = 20
"""Bars that say something about a calendar."""

BETTER = 0.5
"""A calendar fits better if it leaves at most this share of what the other does not explain."""


def better_calendar(days: npt.NDArray[np.int64], exchange: str) -> str | None:
    """Return the calendar of `CALENDARS` that fits dates clearly better, or None.

    A calendar fits badly by the share of the bars that lie on none of its sessions, and the share
    of its sessions on which no symbol has a bar.

    Parameters
    ----------
    days : (B,) days since 1970
        On which daily bars of any number of symbols are dated, in any order.
    exchange : str
        The calendar that they have been read with.
    """
    if not len(days):
        return None
    recent = days[days > days.max() - RECENT]
    found, counts = np.unique(recent, return_counts=True)
    if len(found) < FEWEST or (now := _misfit(found, counts, exchange)) is None:
        return None
    others = {name: _misfit(found, counts, name) for name in CALENDARS if name != exchange}
    known = {name: misfit for name, misfit in others.items() if misfit is not None}
    best = min(known, key=lambda name: known[name])
    return best if known[best] <= BETTER * now else None


def _misfit(
    days: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], exchange: str
) -> float | None:
    first, last = (pd.Timestamp(int(day), unit="D") for day in (days[0], days[-1]))
    known = covered_sessions(exchange, first, last)
    if known is None or not len(known):
        return None
    off = counts[~np.isin(days, known)].sum() / counts.sum()
    return float(off + (~np.isin(known, days)).mean())
