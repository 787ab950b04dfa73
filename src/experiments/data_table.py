"""The terminal's view of what a provider changed: a comparison in, a table of rich out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ..data.health.names import Name, shortened
from .data_page.content import Comparison

SHOWN = 12
"""Up to so many symbols are shown; of more, those with the most changes."""

WIDEST = 20
"""Characters of a symbol, beside which a line on what changed has room."""


def comparison_table(comparison: Comparison) -> Table | None:
    """Return a table for the terminal; of many symbols those with the most changes."""
    table = comparison.differences.table
    if table.empty:
        return None
    shown, title = table, "what the provider changed"
    if len(table) > SHOWN:
        trouble = (table["changed"] + table["gone"] + table["added"]).to_numpy()
        shown = table.iloc[np.argsort(-trouble, kind="stable")[:SHOWN]]
        title = f"{title}: the {SHOWN} most changed of {len(table)} symbols"
    rendered = Table(title=title, box=SIMPLE_HEAD, padding=0)
    rendered.add_column("symbol")
    for heading in ("added", "gone", "changed", "largest", "first", "last"):
        rendered.add_column(heading, justify="right", no_wrap=True)
    rendered.add_column("what")
    for symbol, row in shown.iterrows():
        rendered.add_row(
            Name(shortened(str(symbol), WIDEST)),
            *(f"{row[name]:,}" for name in ("added", "gone", "changed")),
            "-" if pd.isna(row["largest"]) else f"{row['largest']:.2g}",
            str(row["first"].date()),
            str(row["last"].date()),
            row["rescaled"] or row["columns"],
        )
    return rendered
