"""What a reader should know about the bars before believing a model of them.

A landed panel and the notes of the load flow in; a table with one row a symbol flows out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..panel import PRICE_FIELDS, Panel
from .names import Name

LARGE = 0.25
"""A move of the close beyond this share is counted: often a split that was not adjusted."""

SHOWN = 12
"""Up to so many symbols are shown one by one; of more, the worst ones."""

RARE = ("zero_price", "zero_volume", "stale")
"""Columns that a terminal shows only where they are not all 0."""

HEADINGS = {
    "rows": "rows",
    "first": "first",
    "last": "last",
    "missing": "missing",
    "zero_price": "zero\nprice",
    "zero_volume": "no\nvol.",
    "stale": "stale",
    "repeated": "open=\nprior",
    "large_moves": "moves\n> 25%",
    "adjusted": "bars\nadj.",
}
"""What the terminal's table calls the columns."""


@dataclass(frozen=True)
class Health:
    """How sound the bars of each symbol are.

    Attributes
    ----------
    table : DataFrame
        One row a symbol, indexed by its name: ``rows`` (panel rows with a close), ``first`` and
        ``last`` (their dates, UTC), ``missing`` (rows without a close between first and last),
        ``missing_share`` (of the rows between them), ``zero_price`` (rows with a price of 0, which
        only a dataset with ``allow_negative`` keeps), ``zero_volume`` (rows), ``stale`` (rows that
        repeat the whole bar before them, or its close where there are only closes), ``repeated``
        (share of the rows whose open is the close before it; NaN without opens), ``large_moves``
        (closes more than 25% away from the one before); where any price was adjusted, ``adjusted``
        (bars with other prices than the source's).
    notes : sentences
        What happened to the bars on the way: dropped, merged, dated on no session...
    """

    table: pd.DataFrame
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the table and the notes as JSON values; NaN is None."""
        symbols: dict[str, dict[str, Any]] = {}
        for symbol, row in self.table.iterrows():
            symbols[str(symbol)] = {
                "rows": int(row["rows"]),
                "first": _day(row["first"]),
                "last": _day(row["last"]),
                "missing": int(row["missing"]),
                "missing_share": _number(row["missing_share"]),
                "zero_price": int(row["zero_price"]),
                "zero_volume": int(row["zero_volume"]),
                "stale": int(row["stale"]),
                "repeated": _number(row["repeated"]),
                "large_moves": int(row["large_moves"]),
            }
            if "adjusted" in row:
                symbols[str(symbol)]["adjusted"] = int(row["adjusted"])
        return {"symbols": symbols, "notes": list(self.notes)}

    def render(self, title: str = "data health") -> Group:
        """Return a table for the terminal, of many symbols the worst ones, and the notes below."""
        shown = self.table
        if len(shown) > SHOWN:
            trouble = shown[["missing", "zero_price", "zero_volume", "stale", "large_moves"]].sum(
                axis=1
            )
            order = np.argsort(-trouble.to_numpy(), kind="stable")[:SHOWN]
            shown = shown.iloc[order]
            title = f"{title}: the {SHOWN} worst of {len(self.table)} symbols"
        rendered = Table(title=title, box=SIMPLE_HEAD, padding=0, show_edge=False)
        rendered.add_column("symbol")
        # A terminal is narrow: what occurs in no symbol gets no column.
        columns = [c for c in HEADINGS if c in shown and (c not in RARE or self.table[c].any())]
        for column in columns:
            rendered.add_column(HEADINGS[column], justify="right", no_wrap=True)
        for symbol, row in shown.iterrows():
            rendered.add_row(Name(str(symbol)), *(_cell(column, row) for column in columns))
        if len(shown) < len(self.table):
            rendered.add_section()
            label, total = f"all {len(self.table)}", _total(self.table)
            rendered.add_row(label, *(_cell(column, total) for column in columns))
        notes = [Padding(Text(f"note: {note}"), (0, 0, 0, 1)) for note in self.notes]
        return Group(rendered, *notes)


def panel_health(
    panel: Panel, notes: Sequence[str] = (), changed: pd.Series[Any] | None = None
) -> Health:
    """Measure the bars of each symbol of a panel.

    Parameters
    ----------
    panel : Panel
    notes : sentences
    changed : symbol -> bars whose prices were adjusted, optional
    """
    T, N = panel.shape
    close = panel.fields["close"].T
    here = ~np.isnan(close)
    rows = here.sum(axis=1)
    some = rows > 0
    first = np.where(some, here.argmax(axis=1), 0)
    last = np.where(some, T - 1 - here[:, ::-1].argmax(axis=1), -1)
    span = last - first + 1
    # Each bar's predecessor is the symbol's own, however many rows lie between them.
    flat = np.flatnonzero(here)
    owner = flat // T
    follows = owner[1:] == owner[:-1]
    now, before = flat[1:][follows], flat[:-1][follows]
    owner = owner[1:][follows]
    values = {name: field.T.reshape(-1) for name, field in panel.fields.items()}

    def count(mask: Any) -> Any:
        return np.bincount(owner[mask], minlength=N)

    same = values["close"][now] == values["close"][before]
    for name in ("open", "high", "low", "volume"):
        if name in values:
            a, b = values[name][now], values[name][before]
            same &= (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(divide="ignore", invalid="ignore"):
        move = np.abs(values["close"][now] / values["close"][before] - 1)
        share = np.full(N, np.nan)
        if "open" in values:
            opens = values["open"][now]
            known = ~np.isnan(opens)
            share = count(known & (opens == values["close"][before])) / count(known)
        missing_share = np.where(some, (span - rows) / span, np.nan)
    volume = panel.fields["volume"].T if "volume" in panel.fields else np.full((N, T), np.nan)
    prices = [panel.fields[name] for name in PRICE_FIELDS if name in panel.fields]
    # A session that closes at 24:00 is dated on the day that ends then.
    stamps = panel.times - pd.Timedelta(1, "ns")
    table = pd.DataFrame(
        {
            "rows": rows,
            "first": stamps[first].where(some),
            "last": stamps[last].where(some),
            "missing": span - rows,
            "missing_share": missing_share,
            "zero_price": np.any([field.T == 0 for field in prices], axis=0).sum(axis=1),
            "zero_volume": (volume == 0).sum(axis=1),
            "stale": count(same),
            "repeated": share,
            "large_moves": count(move > LARGE),
        },
        index=pd.Index(panel.symbols, name="symbol"),
    )
    if changed is not None and len(changed):
        table["adjusted"] = changed.reindex(table.index, fill_value=0)
    return Health(table, tuple(notes))


def _day(stamp: Any) -> str | None:
    return None if pd.isna(stamp) else str(stamp.date())


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _cell(column: str, row: pd.Series[Any]) -> str:
    value = row[column]
    if pd.isna(value):
        return "-"
    if column in ("first", "last"):
        return str(value.date())
    if column == "repeated":
        return f"{value:.0%}"
    share = row["missing_share"]
    told = column == "missing" and share >= 0.005
    return f"{int(value):,}" + (f" ({share:.0%})" if told else "")


def _total(table: pd.DataFrame) -> pd.Series[Any]:
    """Return one row for all symbols."""
    total = table.sum(numeric_only=True).astype(object)
    total["first"], total["last"] = table["first"].min(), table["last"].max()
    total["missing_share"] = total["missing"] / max(total["missing"] + total["rows"], 1)
    total["repeated"] = table["repeated"].mean()
    return total
