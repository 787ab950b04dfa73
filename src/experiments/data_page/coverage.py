"""The picture of coverage: shares by symbol and year in, an inline ``<svg>`` out.

Drawn by hand, a path for each shade: thousands of cells take a few kilobytes, and the page's CSS
paints them in light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from ...data.health.names import shortened

SHADES = ((1.0, 1.0), (0.99, 0.5), (0.9, 0.36), (0.5, 0.22), (0.0, 0.11))
"""Least share and opacity of each shade; a share of exactly 0 is left blank. All but the first let
the figures on them be read, in light and dark."""
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

    Many symbols are laid out in several panels beside each other, in the order given. Of one panel
    the names stay in sight where the page is narrow, and the years move beside them, the newest
    ones first.
    """
    N, years = shares.shape
    step = TALL if N <= NAMED else FLAT
    panels = 1
    if N > NAMED:
        fitting = max(1, int(WIDTH // (_labels(shares.index, step) + 16 + NARROWEST * years)))
        panels = min(fitting, 4, -(-N // ROWS_A_PANEL))
    rows = -(-N // panels)
    height = 22 + rows * step + 4
    label = _labels(shares.index, step)
    width = (WIDTH - 20 * (panels - 1)) / panels - label
    if panels == 1:
        cells = _cells(shares, 0, width, step)
        parts = [
            _svg(label, height, _names(shares.index, label, step)),
            f'<div class="newest">{_svg(width, height, cells)}</div>',
        ]
        return Markup(f'<div class="map">{"".join(parts)}</div>')  # noqa: S704 - names are escaped
    drawn = []
    for k in range(panels):
        part, left = shares.iloc[k * rows : (k + 1) * rows], k * (label + width + 20) + label
        drawn += [_names(part.index, left, step), _cells(part, left, width, step)]
    return Markup(  # noqa: S704 - names are escaped where they are written
        f'<div class="map"><div class="oldest">{_svg(WIDTH, height, "".join(drawn))}</div></div>'
    )


def _svg(width: float, height: int, inside: str) -> str:
    wide = round(width)
    return (
        f'<svg viewBox="0 0 {wide} {height}" style="width:{wide}px;height:{height}px" '
        f'aria-hidden="true">{inside}</svg>'
    )


def _names(symbols: pd.Index, right: float, step: int) -> str:
    """Name the rows, or every few of them, to the left of `right`."""
    parts = []
    for row, symbol in enumerate(symbols):
        if step != TALL and row % (14 // step + 1):
            continue
        y = 22 + row * step
        middle = y + step / 2 + 3.5 if step == TALL else y + 7
        name = shortened(str(symbol), LONGEST)
        size = 11.5 if step == TALL else 9
        parts.append(_text(right - 8, middle, name, "end", size, hint=str(symbol)))
    return "".join(parts)


def _cells(shares: pd.DataFrame, left: float, width: float, step: int) -> str:
    values = shares.to_numpy()
    years = [str(year) for year in shares.columns]
    cell = min(width / len(years), 90)
    x = left + cell * np.arange(len(years))
    gap = 1 if step == TALL else 0
    parts = [_heads(years, x, cell)]
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
        text = f"{int(100 * values[r, c])}%"
        said.append(_text(x[c] + (cell - 1) / 2, 22 + r * step + 12.5, text, "middle", 10))
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


def _text(
    x: float, y: float, text: str, anchor: str, size: float, role: str = "ink", hint: str = ""
) -> str:
    title = f"<title>{escape(hint)}</title>" if hint not in ("", text) else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
        f'style="font-size:{size}px;fill:var(--{role})">{escape(text)}{title}</text>'
    )
