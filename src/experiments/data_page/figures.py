"""Small price charts: a panel in, one inline ``<svg>`` a symbol out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from ...data.panel import Panel
from ..pages.theme import COLOURS, canvas, days, time_axis, to_svg
from ..report.series import thin

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 500
WIDE_RANGE = 8.0
"""A price that rose or fell by more than this factor is drawn on a logarithmic scale."""


def price_charts(panel: Panel, most: int) -> list[tuple[str, bool, Markup]]:
    """Draw the closes of a panel of at most `most` symbols: (symbol, whether logarithmic, figure).

    Missing sessions are gaps in the line.
    """
    if len(panel.symbols) > most:
        return []
    from matplotlib.ticker import MaxNLocator

    drawn = []
    for number, symbol in enumerate(panel.symbols):
        close = panel.fields["close"][:, number]
        known = np.isfinite(close)
        if not known.any():
            continue
        span = close[known]
        logarithmic = bool(span.min() > 0 and span.max() / span.min() > WIDE_RANGE)
        at = thin(len(close), POINTS)
        figure, axes = canvas(300, 150, left=48, right=8, top=8, bottom=26)
        axes.plot(days(panel.times[at]), close[at], color=COLOURS["model"], linewidth=1.2)
        if logarithmic:
            _log_axis(axes)
        else:
            axes.yaxis.set_major_locator(MaxNLocator(4))
        time_axis(axes, most=7)
        drawn.append((symbol, logarithmic, to_svg(figure, f"price-{number}")))
    return drawn


def _log_axis(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=5))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
