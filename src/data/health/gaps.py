"""What a panel lacks: its closes flow in; coverage by year and the longest gaps flow out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..panel import Panel

NAMED = 3
"""So many symbols of one gap are named."""


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
        ``from`` and ``to`` (dates of the first and last session that lack a bar), ``sessions``,
        ``symbols`` (how many lack all of them, and no more) and ``symbol`` (their names, of many
        the first); the longest first, then what most symbols lack; at most `most` of them.
    """
    T, N = panel.shape
    # Bars in order of symbol and time: a gap is a step of more than one row within a symbol.
    flat = np.flatnonzero(~np.isnan(panel.fields["close"].T))
    owner, row = flat // T, flat % T
    missing = np.where(owner[1:] == owner[:-1], np.diff(row) - 1, 0)
    at = np.flatnonzero(missing > 0)
    span = row[at] * T + missing[at]
    # Stable, so that the symbols of a gap stay in the panel's order.
    by_span = np.argsort(span, kind="stable")
    spans, starts, counts = np.unique(span[by_span], return_index=True, return_counts=True)
    first, length = spans // T + 1, spans % T
    order = np.lexsort((first, -counts, -length))[:most]
    dates = row_dates(panel)
    owners = [owner[at[by_span[starts[n] : starts[n] + counts[n]]]] for n in order]
    return pd.DataFrame(
        {
            "symbol": [_named([panel.symbols[k] for k in who], N) for who in owners],
            "from": dates[first[order]],
            "to": dates[first[order] + length[order] - 1],
            "sessions": length[order],
            "symbols": counts[order],
        }
    )


def _named(symbols: list[str], everyone: int) -> str:
    """Name the symbols of one gap.

    >>> _named(["A", "B", "C", "D", "E"], 9), _named(["A", "B"], 2), _named(["A"], 1)
    ('A, B, C and 2 more', 'all 2 symbols', 'A')
    """
    if len(symbols) == everyone > 1:
        return f"all {everyone:,} symbols"
    more = len(symbols) - NAMED
    return ", ".join(symbols[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
