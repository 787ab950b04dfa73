"""Symbols in a narrow table: a name in; as much of it as there is room for, in one line, out."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

LEAST = 12
"""Characters that a name keeps however narrow the terminal is."""
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def shortened(name: str, most: int) -> str:
    """Return a name, or its beginning and its end where it is longer than `most` characters.

    >>> shortened("NIFTY_PHARMA_daily_to_2022_08", 16), shortened("NIFTY", 16)
    ('NIFTY_PHAR…22_08', 'NIFTY')
    """
    if len(name) <= most:
        return name
    end = max(most - 1, 1) // 3
    return f"{name[: max(most - 1 - end, 0)]}{ELLIPSIS}{name[len(name) - end :]}"


class Name:
    """A symbol in a cell of rich: the one column that gives way to the others."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw what fits."""
        yield Text(shortened(self._name, options.max_width), no_wrap=True)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Say how narrow and how wide the cell may be."""
        wide = len(self._name)
        return Measurement(min(wide, LEAST), wide).with_maximum(options.max_width)
