"""Bars that a reader should look at: a panel flows in; large moves and standstills flow out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..panel import Panel
from .gaps import row_dates


def largest_moves(panel: Panel, most: int = 50) -> pd.DataFrame:
    """Return the largest moves of a close from the symbol's close before it.

    Returns
    -------
    DataFrame
        ``date``, ``symbol``, ``move`` (a fraction: 0.1 is 10% up) and ``next_move``, that of the
        symbol's next bar: one that undoes the first points at a wrong price; NaN at the end. The
        largest first, at most `most`; a price that was not above 0 has no moves.
    """
    T = len(panel.times)
    close = panel.fields["close"].T.reshape(-1)
    flat = np.flatnonzero(~np.isnan(close))
    owner = flat // T
    move = np.full(len(flat), np.nan)
    before, now = close[flat[:-1]], close[flat[1:]]
    follows = (owner[1:] == owner[:-1]) & (before > 0)
    move[1:][follows] = now[follows] / before[follows] - 1
    after = np.append(np.where(owner[1:] == owner[:-1], move[1:], np.nan), np.nan)[: len(move)]
    # Sizes in logarithms: a price that halves has moved as far as one that doubles.
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.abs(np.log1p(np.maximum(move, -1)))
    size = np.where(np.isnan(size), 0.0, size)
    order = np.argsort(-size, kind="stable")[:most]
    order = order[size[order] > 0]
    return pd.DataFrame(
        {
            "date": row_dates(panel)[flat[order] % T],
            "symbol": [panel.symbols[n] for n in owner[order]],
            "move": move[order],
            "next_move": after[order],
        }
    )


def longest_standstills(panel: Panel, most: int = 20, least: int = 3) -> pd.DataFrame:
    """Return the longest runs of bars of a symbol that repeat the whole bar before them.

    Parameters
    ----------
    panel : Panel
    most : int
        Runs to return.
    least : int
        Bars that make a run, the first one included.

    Returns
    -------
    DataFrame
        ``symbol``, ``from`` and ``to`` (dates of the first and last equal bar), ``bars`` and
        ``close``; the longest first.
    """
    T = len(panel.times)
    values = {name: field.T.reshape(-1) for name, field in panel.fields.items()}
    flat = np.flatnonzero(~np.isnan(values["close"]))
    owner = flat // T
    same = owner[1:] == owner[:-1]
    for name in ("open", "high", "low", "close", "volume"):
        if name in values:
            before, now = values[name][flat[:-1]], values[name][flat[1:]]
            same &= (now == before) | (np.isnan(now) & np.isnan(before))
    starts = np.flatnonzero(np.append(True, ~same))[: len(flat)]
    lengths = np.diff(np.append(starts, len(flat)))
    order = np.argsort(-lengths, kind="stable")[:most]
    order = order[lengths[order] >= least]
    dates = row_dates(panel)
    return pd.DataFrame(
        {
            "symbol": [panel.symbols[n] for n in owner[starts[order]]],
            "from": dates[flat[starts[order]] % T],
            "to": dates[flat[starts[order] + lengths[order] - 1] % T],
            "bars": lengths[order],
            "close": values["close"][flat[starts[order]]],
        }
    )
