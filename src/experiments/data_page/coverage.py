"""The picture of coverage: shares by symbol and year in, an inline ``<svg>`` out.

Drawn by hand, a path for each shade: thousands of cells take a few kilobytes, and the page's CSS
paints them in light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

SHADES = ((1.0, 1.0), (0.99, 0.72), (0.9, 0.48), (0.5, 0.28), (0.0, 0.13))
"""Least share and opacity of each shade; a share of exactly 0 is left blank."""
NAMES = ("all", "99% or more", "90% or more", "half or more", "less")
WIDTH = 940
NAMED = 60
"""Up to so many symbols have a row with their name and figures; of more, every few are named."""
TALL, FLAT = 18, 4
ROWS_A_PANEL = 200
NARROWEST = 5
LONGEST = 18


def coverage_map(shares: pd.DataFrame) -> Markup:
    """Draw the share of the clock's sessions with a bar, a row a symbol and a column a year.

    Many symbols are laid out in several panels beside each other, in the order given.
    """
    N, years = shares.shape
    step = TALL if N <= NAMED else FLAT
    panels = 1
    if N > NAMED:
        fitting = max(1, int(WIDTH // (_labels(shares.index, step) + 16 + NARROWEST * years)))
        panels = min(fitting, 4, -(-N // ROWS_A_PANEL))
    rows = -(-N // panels)
    width = (WIDTH - 20 * (panels - 1)) / panels
    drawn = [
        _panel(shares.iloc[k * rows : (k + 1) * rows], k * (width + 20), width, step)
        for k in range(panels)
    ]
    height = 22 + rows * step + 4
    return Markup(  # noqa: S704 - names are escaped where they are written
        f'<svg viewBox="0 0 {WIDTH} {height}" style="max-width:{WIDTH}px" aria-hidden="true">'
        f"{''.join(drawn)}</svg>"
    )


def _panel(shares: pd.DataFrame, left: float, width: float, step: int) -> str:
    label = _labels(shares.index, step)
    values = shares.to_numpy()
    years = [str(year) for year in shares.columns]
    cell = min((width - label) / len(years), 90)
    x = left + label + cell * np.arange(len(years))
    gap = 1 if step == TALL else 0
    parts = [_heads(years, x, cell)]
    for row, symbol in enumerate(shares.index):
        y = 22 + row * step
        if step == TALL or row % (14 // step + 1) == 0:
            middle = y + step / 2 + 3.5 if step == TALL else y + 7
            name = (
                str(symbol)
                if len(str(symbol)) <= 18
                else f"{str(symbol)[:17]}\N{HORIZONTAL ELLIPSIS}"
            )
            parts.append(_text(left + label - 8, middle, name, "end", 11.5 if step == TALL else 9))
    level = np.full(values.shape, len(SHADES))
    for number, (least, _) in reversed(list(enumerate(SHADES))):
        level[(values >= least) & (values > 0)] = number
    for number, (_, opacity) in enumerate(SHADES):
        path = "".join(
            f"M{x[c]:.1f} {22 + r * step}h{cell - 1:.1f}v{step - gap}h-{cell - 1:.1f}z"
            for r, c in np.argwhere(level == number)
        )
        if path:
            parts.append(f'<path d="{path}" fill="var(--model)" fill-opacity="{opacity}"/>')
    parts.append(_figures(values, x, cell, step))
    parts.append(_hints(shares, left, width, step))
    return "".join(parts)


def _heads(years: Sequence[str], x: np.ndarray, cell: float) -> str:
    every = max(1, int(np.ceil(30 / cell)))
    return "".join(
        _text(x[k] + (cell - 1) / 2, 14, years[k], "middle", 10.5, "muted")
        for k in range(0, len(years), every)
    )


def _figures(values: np.ndarray, x: np.ndarray, cell: float, step: int) -> str:
    """Write the share into cells that are not full, where there is room."""
    if step != TALL or cell < 26:
        return ""
    said = []
    for r, c in np.argwhere((values > 0) & (values < 1)):
        # Rounded down: 99.9% is not all.
        text, shade = f"{int(100 * values[r, c])}%", "ink" if values[r, c] < 0.99 else "surface"
        said.append(_text(x[c] + (cell - 1) / 2, 22 + r * step + 12.5, text, "middle", 10, shade))
    return "".join(said)


def _hints(shares: pd.DataFrame, left: float, width: float, step: int) -> str:
    """Say a row's name and figures when the pointer rests on it."""
    said = []
    for row, (symbol, values) in enumerate(zip(shares.index, shares.to_numpy(), strict=True)):
        some = np.flatnonzero(values > 0)
        least = f", at least {int(100 * values[some].min())}%" if len(some) else ""
        reach = f" {shares.columns[some[0]]} to {shares.columns[some[-1]]}" if len(some) else ""
        said.append(
            f'<rect x="{left:.0f}" y="{22 + row * step}" width="{width:.0f}" height="{step}" '
            f'fill-opacity="0"><title>{escape(f"{symbol}{reach}{least}")}</title></rect>'
        )
    return "".join(said)


def _labels(names: pd.Index, step: int) -> float:
    """Return the pixels that the names need."""
    longest = min(LONGEST, max((len(str(name)) for name in names), default=0))
    # Wide enough for capitals of the widest of the fonts that a browser may take.
    return 12 + longest * (8.4 if step == TALL else 6.7)


def _text(x: float, y: float, text: str, anchor: str, size: float, role: str = "ink") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
        f'style="font-size:{size}px;fill:var(--{role})">{escape(text)}</text>'
    )
