"""A comparison on the terminal: a Comparison in; rich tables and sentences out."""

from __future__ import annotations

import math

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..pages.wording import NONE, count, interval, percent, stamp
from .comparison import Comparison, Standing
from .metric import SKILL

RUNS_ACROSS = 5
"""More runs than these do not fit beside each other."""
WIDEST = 24


def comparison_table(found: Comparison) -> Group:
    """Return what ``compare.py`` prints."""
    parts: list[RenderableType] = [Text(heading(found), style="bold"), _leaderboard(found)]
    parts += [Text(note, style="dim") for note in found.notes]
    if len(found.keys):
        parts += [Text(), Text("What differs in their recipes", style="bold"), _keys(found)]
    else:
        parts.append(Text("Their recipes are the same.", style="dim"))
    return Group(*parts)


def heading(found: Comparison) -> str:
    """Say what is compared, on what."""
    rows = f"{count(found.cells, 'cell')} at {count(found.times, 'time')}"
    text = f"{found.label.name} ({found.label.task}): {rows}, "
    text += f"{stamp(found.start)} to {stamp(found.end)}"
    text += f"; skill over {found.reference}" if found.reference else ""
    return f"{text}; p of the {found.loss}"


def figure(found: Comparison, one: Standing) -> str:
    """Write the metric that ranks, with its interval."""
    if found.metric.name == SKILL:
        return f"{percent(one.value, plus=True)} {interval(one.low, one.high)}".rstrip()
    if math.isnan(one.value):
        return NONE
    low_high = "" if math.isnan(one.low) else f" [{one.low:.4g}, {one.high:.4g}]"
    return f"{one.value:.4g}{low_high}"


def against_best(one: Standing, best: bool) -> str:
    """Write the p-value of the test against the best."""
    if best:
        return ""
    return NONE if math.isnan(one.p) else f"{one.p:.3f}"


def _leaderboard(found: Comparison) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    by_skill = found.metric.name == SKILL
    table.add_column("#", justify="right")
    table.add_column("run", no_wrap=True)
    table.add_column("model", overflow="fold")
    if not by_skill:
        table.add_column(found.metric.name, justify="right", no_wrap=True)
    table.add_column("skill", justify="right", no_wrap=True)
    table.add_column("p vs #1", justify="right", no_wrap=True)
    for place, one in enumerate(found.standings, start=1):
        skill = percent(one.skill, plus=True)
        shown = [figure(found, one)] if by_skill else [figure(found, one), skill]
        row = [str(place), one.run, one.model, *shown, against_best(one, place == 1)]
        table.add_row(*(Text(cell) for cell in row), style="bold" if place == 1 else None)
    return table


def _keys(found: Comparison) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("key", overflow="fold")
    shown = found.keys.iloc[:, :RUNS_ACROSS]
    for place in range(shown.shape[1]):
        table.add_column(f"#{place + 1}", overflow="fold")
    for key, row in shown.iterrows():
        table.add_row(Text(str(key)), *(Text(_short(str(value))) for value in row))
    if found.keys.shape[1] > RUNS_ACROSS:
        table.caption = f"the first {RUNS_ACROSS} of {found.keys.shape[1]} runs; output= has all"
    return table


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}\N{HORIZONTAL ELLIPSIS}"
