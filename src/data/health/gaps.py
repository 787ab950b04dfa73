"""What a panel lacks: its closes flow in; coverage by year and the longest gaps flow out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..panel import Panel


def row_dates(panel: Panel) -> pd.DatetimeIndex:
    """Return the (T,) naive dates of a panel's rows.

    A session that closes at 24:00 UTC belongs to the day that ends then.
    """
    return (panel.times - pd.Timedelta(1, "ns")).tz_localize(None).normalize()


def coverage(panel: Panel) -> pd.DataFrame:
    """Return the share of the clock's sessions with a bar, one row a symbol and a column a year."""
    years = row_dates(panel).year.to_numpy()
    here = ~np.isnan(panel.fields["close"])
    named, first = np.unique(years, return_index=True)
    bars = np.add.reduceat(here, first, axis=0, dtype=np.int64)
    sessions = np.diff(np.append(first, len(years)))
    return pd.DataFrame(
        (bars / sessions[:, None]).T,
        index=pd.Index(panel.symbols, name="symbol"),
        columns=pd.Index(named, name="year"),
    )


def longest_gaps(panel: Panel, most: int = 50) -> pd.DataFrame:
    """Return the longest runs of sessions without a bar between a symbol's first and last bar.

    Returns
    -------
    DataFrame
        ``symbol``, ``from`` and ``to`` (dates of the first and last session that lack a bar) and
        ``sessions``; the longest first, at most `most` of them.
    """
    T = len(panel.times)
    # Bars in order of symbol and time: a gap is a step of more than one row within a symbol.
    flat = np.flatnonzero(~np.isnan(panel.fields["close"].T))
    owner, row = flat // T, flat % T
    missing = np.where(owner[1:] == owner[:-1], np.diff(row) - 1, 0)
    order = np.argsort(-missing, kind="stable")[:most]
    order = order[missing[order] > 0]
    dates = row_dates(panel)
    return pd.DataFrame(
        {
            "symbol": [panel.symbols[n] for n in owner[order]],
            "from": dates[row[order] + 1],
            "to": dates[row[order + 1] - 1],
            "sessions": missing[order],
        }
    )
