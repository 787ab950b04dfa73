"""The Panel: the one type between a source of bars and the windows.

Bars flow in, already landed on the rows of one clock; features and targets are computed from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import DataError

PRICE_FIELDS = ("open", "high", "low", "close", "adj_close", "vwap")
"""Fields that are prices of the bar itself, so that none of them can be zero or below."""

PER_SHARE = (*PRICE_FIELDS, "prev_close", "last", "dividends")
"""Fields counted in money for a share: a split divides the past of all of them."""

SHARES = ("volume", "deliverable_volume")
"""Fields counted in shares: a split multiplies their past."""

DEGREES: Mapping[str, int] = {**dict.fromkeys(PER_SHARE, 1), **dict.fromkeys(SHARES, -1)}
"""With which power of c each field is multiplied where a share becomes 1/c shares; fields that are
not named here, such as a turnover in money, are not."""

MEMBER = "_member"
"""The column, and the panel's field, that is 1 for a member of the universe. No header of a file
becomes a name that begins with an underscore."""

RATIO = "_ratio"
"""The column of the splits' ratios, new shares for an old one; no panel has it."""

INTERNAL = (MEMBER, RATIO)
"""Columns that a dataset attaches to the bars, and no source has."""


@dataclass(frozen=True)
class Panel:
    """What was knowable at each decision time, for every symbol.

    Attributes
    ----------
    times : (T,) datetime64[ns, UTC]
        Decision times, strictly increasing: row t holds only what was knowable then.
    symbols : (N,) names
    fields : name -> (T, N) float64
        Missing is NaN. Prices in the source's own currency.
    clock : str
        The exchange (a calendar of exchange_calendars, or ``24/7``) whose closes are the rows.
    first_row : int
        Absolute number of row 0. A slice remembers where it began, so that windowed sums, which
        are anchored at absolute rows, come out with the same bits as in the whole panel.
    """

    times: pd.DatetimeIndex
    symbols: tuple[str, ...]
    fields: Mapping[str, npt.NDArray[np.float64]]
    clock: str
    first_row: int = 0

    def __post_init__(self) -> None:
        if str(self.times.tz) != "UTC" or not self.times.is_monotonic_increasing:
            raise DataError("panel times must be UTC and increasing")
        if not self.times.is_unique:
            twice = self.times[self.times.duplicated()][0]
            raise DataError(f"panel: the time {twice} occurs twice")
        for name, values in self.fields.items():
            if values.shape != self.shape:
                raise DataError(f"panel field {name!r} has shape {values.shape}, not {self.shape}")

    @property
    def shape(self) -> tuple[int, int]:
        """(T, N)."""
        return len(self.times), len(self.symbols)

    @property
    def member(self) -> npt.NDArray[np.bool_] | None:
        """(T, N): whether the symbol belongs to the universe at the time; None where all do.

        It is the field `MEMBER`, 1 for a member, which a missing bar never is.
        """
        values = self.fields.get(MEMBER)
        return None if values is None else values == 1.0

    def rows(self, start: int, stop: int) -> Panel:
        """Return rows start to stop - 1, numbered as they are here."""
        if not 0 <= start <= stop <= len(self.times):
            raise DataError(f"rows {start}:{stop} are outside the panel's 0:{len(self.times)}")
        return Panel(
            times=self.times[start:stop],
            symbols=self.symbols,
            fields={name: values[start:stop] for name, values in self.fields.items()},
            clock=self.clock,
            first_row=self.first_row + start,
        )
