"""Write the page on a dataset: findings in, one self-contained HTML text out.

Like a run's report, it has no script, and a policy that forbids the browser to load anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...data.health.gaps import row_dates
from ..pages import wording
from ..pages.page import filled
from ..pages.theme import drawing
from ..report.render import HEALTH
from .content import Comparison, Findings
from .coverage import NAMED, NAMES, SHADES, coverage_map
from .figures import price_charts
from .wording import advice, command, said_of, summary

TEMPLATE = Path(__file__).with_name("template.html")
CHARTS = 12
ROWS_OPEN = 30
NOTES_OPEN = 5
FIRST_ROWS = 12
"""Of a table of findings, so many rows are open; the rest unfolds."""
MOST = 10.0
"""A relative change beyond this is no longer given in figures."""
TITLES = {
    "next_move": "the move after it",
    "from": "from",
    "ratio": "ratio",
    "largest": "largest change",
    "rescaled": "rescaled",
}
SIGNED = ("move", "next_move")


def render(findings: Findings) -> str:
    """Return the page as text; equal findings, equal text."""
    with drawing():
        charts = price_charts(findings.panel, CHARTS)
    coverage = _ordered(findings.coverage)
    return filled(
        TEMPLATE,
        findings=findings,
        dates=row_dates(findings.panel),
        bars=int(np.isfinite(findings.panel.fields["close"]).sum()),
        summary=[line[0].upper() + line[1:] for line in summary(findings)],
        charts=charts,
        any_logarithmic=any(logarithmic for _, logarithmic, _ in charts),
        coverage=coverage_map(coverage),
        flat=len(coverage) > NAMED,
        shades=[(opacity, name) for (_, opacity), name in zip(SHADES, NAMES, strict=True)],
        health=_table(findings.health.table.reset_index(), HEALTH),
        adjusted=_adjusted(findings.health.table),
        gaps=_table(findings.gaps),
        moves=_table(findings.moves),
        standstills=_table(findings.standstills),
        suspected=_table(findings.suspected),
        advice=advice(findings),
        command=command(findings),
        comparison=None if findings.comparison is None else _comparison(findings.comparison),
        rows_open=ROWS_OPEN,
        first_rows=FIRST_ROWS,
        notes_open=NOTES_OPEN,
        count=wording.count,
    )


def _ordered(coverage: pd.DataFrame) -> pd.DataFrame:
    """Put the symbols that began first at the top where there are too many to look one up."""
    if len(coverage) <= NAMED:
        return coverage
    some = coverage.to_numpy() > 0
    first = np.where(some.any(axis=1), some.argmax(axis=1), some.shape[1])
    full = -coverage.to_numpy().sum(axis=1)
    return coverage.iloc[np.lexsort((np.arange(len(first)), full.round(1), first))]


def _table(frame: pd.DataFrame, titles: Mapping[str, str] = TITLES) -> dict[str, Any]:
    """Turn a frame into headings (with whether they are of numbers) and rows of text."""
    columns = [str(column) for column in frame.columns]
    numeric = [pd.api.types.is_numeric_dtype(frame[column]) for column in columns]
    rows = [
        [_cell(column, value) for column, value in zip(columns, values, strict=True)]
        for values in frame.itertuples(index=False)
    ]
    headings = [titles.get(column, column.replace("_", " ")) for column in columns]
    return {"columns": list(zip(headings, numeric, strict=True)), "rows": rows}


def _cell(column: str, value: Any) -> str:
    if column in SIGNED:
        return wording.percent(float(value), plus=True)
    if column == "largest":
        if value > MOST:
            return f"> {MOST:.0%}"
        return f"{100 * value:.2g}%" if value < 0.001 else wording.percent(float(value))
    if column in ("ratio", "close"):
        return wording.NONE if pd.isna(value) else f"{value:.6g}"
    return wording.cell(column, value)


def _adjusted(table: pd.DataFrame) -> tuple[int, int] | None:
    """Return how many bars of how many symbols adjusting changed, where that was counted."""
    if "adjusted" not in table:
        return None
    return int(table["adjusted"].sum()), int((table["adjusted"] > 0).sum())


def _comparison(comparison: Comparison) -> dict[str, Any]:
    table = comparison.differences.table
    trouble = (table["changed"] + table["gone"] + table["added"]).to_numpy(dtype=float)
    order = np.argsort(-trouble, kind="stable")
    return {
        "older": comparison.older.sha256,
        "said": [line[0].upper() + line[1:] for line in said_of(comparison)],
        "table": _table(table.iloc[order].reset_index()),
    }
