"""Splits: bars as they came flow in, bars adjusted for what the user stated flow out.

Nothing is adjusted by guess: moves that look like splits are listed, and the user decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

Adjust = Literal["report", "ratios", "adj_close"]
ADJUST: tuple[Adjust, ...] = ("report", "ratios", "adj_close")


@dataclass(frozen=True)
class Adjusted:
    """Bars, and what was done to them.

    Attributes
    ----------
    bars : DataFrame
        As `validate_bars` returns them, without the column ``ratio``.
    changed : symbol -> bars whose prices were changed
    suspected : DataFrame
        Moves that look like splits and remain: date, symbol, move, ratio.
    notes : sentences
    """

    bars: pd.DataFrame
    changed: pd.Series[Any]
    suspected: pd.DataFrame
    notes: tuple[str, ...]


def attach_ratios(bars: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return validated bars with the column ``ratio``, and notes on what found no bar."""
    raise NotImplementedError


def adjusted(bars: pd.DataFrame, adjust: Adjust, name: str) -> Adjusted:
    """Adjust validated bars; see `Dataset`."""
    return Adjusted(bars, pd.Series(dtype="int64"), pd.DataFrame(), ())
