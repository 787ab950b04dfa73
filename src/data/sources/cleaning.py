"""Blanks beside symbols and zeros for no price flow in; clean rows flow out, with notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...errors import DataError, nearest
from ..wording import counted
from .layouts import RANGE
from .numbers import shown


def clean_symbols(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Return a column of symbols without blanks around them, as categories."""
    codes, uniques = pd.factorize(column)
    names = [str(unique).strip() for unique in uniques]
    empty = codes < 0
    for code, symbol in enumerate(names):
        if not symbol:
            empty |= codes == code
        elif not symbol.isprintable():
            raise DataError(f"{name}: {shown(symbol)} cannot be a symbol")
    if empty.any():
        raise DataError(f"{name}: row {int(empty.argmax()) + 1} has no symbol")
    distinct = {symbol: place for place, symbol in enumerate(dict.fromkeys(names))}
    places = np.array([distinct[symbol] for symbol in names], dtype=np.int64)
    return pd.Series(
        pd.Categorical.from_codes(places[codes], categories=pd.Index(list(distinct))),
        index=column.index,
    )


def only_symbols(frame: pd.DataFrame, symbols: Sequence[str], name: str) -> pd.DataFrame:
    """Keep the rows of some symbols, each of which must be there."""
    present = {str(symbol) for symbol in frame["symbol"].unique()}
    for symbol in symbols:
        if symbol not in present:
            raise DataError(f"{name} has no symbol {symbol!r}{nearest(symbol, present)}")
    kept = frame[frame["symbol"].isin(symbols)].reset_index(drop=True)
    if isinstance(kept["symbol"].dtype, pd.CategoricalDtype):
        kept["symbol"] = kept["symbol"].cat.remove_unused_categories()
    return kept


def without_zeros(frame: pd.DataFrame, *, every: bool) -> tuple[pd.DataFrame, list[str]]:
    """Read zeros that are no prices as missing, and say so.

    An open, high and low of 0 beside a close above 0 are no bar. With `every`, any open, high or
    low of 0 is missing.
    """
    there = [column for column in RANGE if column in frame]
    if every:
        return frame.assign(**{c: frame[c].mask(frame[c] == 0) for c in there}), []
    if len(there) < len(RANGE):
        return frame, []
    alone = (frame["close"] > 0) & (frame["high"] == 0)
    alone &= (frame["open"] == 0) & (frame["low"] == 0)
    if not (count := int(alone.sum())):
        return frame, []
    note = f"open, high and low of 0 beside a close read as missing: {counted(count, 'row')}"
    return frame.assign(**{c: frame[c].mask(alone) for c in there}), [note]
