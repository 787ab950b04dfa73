"""Membership: when each symbol belongs to an index flows in; a column of 1 and 0 flows out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...errors import DataError
from ..panel import MEMBER
from ..sources.text import split_header
from ..wording import counted
from .companion import (
    UTC_ALONE,
    Zones,
    days_of,
    named_columns,
    read_companion,
    require_symbols,
    session_days,
    shown_day,
)

KEY = "dataset.universe"
COLUMNS = {
    "symbol": ("symbol", "ticker", "instrument"),
    "from": ("from", "start"),
    "to": ("to", "end"),
}
SHOWN = 3
"""So many symbols are named in a note."""

Ints = npt.NDArray[np.int64]


def attach_members(
    bars: pd.DataFrame, path: Path, zones: Zones = UTC_ALONE
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return validated bars with the column `MEMBER` (1 for a member, else 0), and notes.

    Parameters
    ----------
    bars : DataFrame
        As `validate_bars` returns them; that column, where it is there, is replaced.
    path : Path
        When each symbol is a member: symbol, first and last day, both included; a symbol may have
        several spans. A CSV file whose header names symbol, from (or start) and to (or end), in any
        case, where an empty last day means a member still, or an instruments file of Qlib
        (separated by tabs, without a header), which has all three.
    zones : symbol -> time zone
        Of the exchange that dates it; UTC where it is not named.

    Raises
    ------
    DataError
        The file is missing or no such table, a span ends before it begins or overlaps another of
        its symbol, or no symbol of it has bars.
    """
    spans = _spans(path)
    known = bars["symbol"].cat.categories
    codes = known.get_indexer(pd.Index(spans["symbol"])).astype(np.int64)
    spans, lacking = spans.assign(code=codes)[codes >= 0], spans[codes < 0]
    if spans.empty:
        raise DataError(
            f"{path.name} and the bars have no symbol in common: it names {_few(lacking)}, they "
            f"{', '.join(map(str, known[:SHOWN]))}, ...; write symbols as the bars do"
        )
    sessions = session_days(bars, zones)
    notes = _notes(spans, lacking, bars, sessions, path.name)
    owner = bars["symbol"].cat.codes.to_numpy().astype(np.int64)
    # One increasing number for symbol and day: the last span that began by then is the only one
    # that can hold it.
    low, high = int(sessions.min()), int(sessions.max())
    width = high - low + 1
    spans = spans[(spans["to"] >= low) & (spans["from"] <= high)].sort_values(["code", "from"])
    first = spans["from"].to_numpy().clip(low, high) - low + spans["code"].to_numpy() * width
    last = spans["to"].to_numpy().clip(low, high) - low + spans["code"].to_numpy() * width
    day = sessions - low + owner * width
    at = np.searchsorted(first, day, side="right") - 1
    member = (at >= 0) & (day <= np.append(last, -1)[at])
    return bars.assign(**{MEMBER: member.astype(np.float64)}), notes


def _spans(path: Path) -> pd.DataFrame:
    """Return symbol, from, to (days since 1970) of each span, none overlapping another."""
    separator = _separator(path)
    table = read_companion(path, KEY, header=None, sep=separator)
    # A row that was cut before its last day is none without an end.
    split_header(path.read_text(encoding="utf-8-sig"), separator, path, named=False)
    header = [str(cell).lower() for cell in table.iloc[0]]
    # One match is not enough: there are companies with the symbols TO and END.
    headed = sum(cell in names for cell in header for names in COLUMNS.values()) > 1
    if headed:
        table.columns = pd.Index(header)
        table = table.iloc[1:].reset_index(drop=True)
        if table.empty:
            raise DataError(f"{path.name} has not a single row; {KEY} needs at least one")
        table = named_columns(table, COLUMNS, path.name)
    elif table.shape[1] == len(COLUMNS):
        table.columns = pd.Index(list(COLUMNS))
    else:
        raise DataError(
            f"{path.name} has {counted(table.shape[1], 'column')} and no header; it must name "
            f"{', '.join(COLUMNS)}"
        )
    require_symbols(table["symbol"], path.name)
    still = table["to"].isna().to_numpy()
    if still.any() and not headed:
        # Without a header an empty cell may be where a file was cut.
        row = int(still.argmax())
        raise DataError(
            f"{path.name}: row {row + 1}: the span of {table['symbol'].iloc[row]} has no last day; "
            "add it, or give the file a header of symbol, from, to, where an empty cell is no end"
        )
    begins = days_of(table["from"], path.name)
    # Rows of a message are counted in the whole column: an open end borrows its row's first day.
    ends = days_of(table["to"].where(~still, table["from"]), path.name)
    ends = np.where(still, np.iinfo(np.int64).max, ends)
    spans = pd.DataFrame({"symbol": table["symbol"], "from": begins, "to": ends})
    if (backward := begins > ends).any():
        row = int(backward.argmax())
        raise DataError(
            f"{path.name}: row {row + 1}: {table['symbol'].iloc[row]} is a member from "
            f"{shown_day(begins[row])} to {shown_day(ends[row])}, which is before; swap them"
        )
    rising = spans.sort_values(["symbol", "from"], kind="stable")
    same = (rising["symbol"].to_numpy()[1:] == rising["symbol"].to_numpy()[:-1]) & (
        rising["from"].to_numpy()[1:] <= rising["to"].to_numpy()[:-1]
    )
    if same.any():
        later = rising.iloc[int(same.argmax()) + 1]
        raise DataError(
            f"{path.name}: row {int(rising.index[int(same.argmax()) + 1]) + 1}: the span of "
            f"{later['symbol']} from {shown_day(later['from'])} overlaps another; join the two"
        )
    return spans


def _separator(path: Path) -> str:
    """Tell tabs from commas by the first line."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            return "\t" if "\t" in file.readline() else ","
    except (OSError, UnicodeDecodeError):
        return ","


def _notes(
    spans: pd.DataFrame, lacking: pd.DataFrame, bars: pd.DataFrame, days: Ints, name: str
) -> tuple[str, ...]:
    """Say which members have no bars and which symbols are never members."""
    notes = []
    absent, listed = len(lacking["symbol"].unique()), len(spans["symbol"].unique())
    if absent:
        low, high = int(days.min()), int(days.max())
        inside, outside = _days(spans, low, high), _days(lacking, low, high)
        notes.append(
            f"{absent} of {counted(absent + listed, 'member')} without bars: "
            f"{_few(lacking)}; {outside / max(inside + outside, 1):.1%} of member-days"
        )
    never = bars["symbol"].cat.categories.difference(pd.Index(spans["symbol"]))
    if len(never):
        notes.append(
            f"{counted(len(never), 'symbol')} never in {name}, hence no member: "
            + ", ".join(map(str, never[:SHOWN]))
            + (", ..." if len(never) > SHOWN else "")
        )
    return tuple(notes)


def _days(spans: pd.DataFrame, low: int, high: int) -> int:
    """Count the days of spans within the bars' own."""
    inside = spans["to"].clip(upper=high) - spans["from"].clip(lower=low) + 1
    return int(inside.clip(lower=0).sum())


def _few(spans: pd.DataFrame) -> str:
    names = [str(name) for name in spans["symbol"].unique()]
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
