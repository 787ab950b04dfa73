"""Numbers and verdicts as words: what a figure of a run is called on the page.

Values in, short strings out; nothing here knows HTML.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...data.labels import Label

if TYPE_CHECKING:
    from ..evaluate import Evaluation, LabelEvaluation
    from ..ledger import Opened

SHARES = ("repeated",)
"""Columns of the health table that hold fractions though their names do not say so."""
MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"


def decimal(value: float, places: int, plus: bool = False) -> str:
    """Write a number with a true minus, thousands apart and NaN as a dash.

    >>> decimal(-1234.5, 1), decimal(float("nan"), 2), decimal(0.0312, 2, plus=True)
    ('−1,234.5', '–', '+0.03')
    """
    if not math.isfinite(value):
        return NONE if math.isnan(value) else (MINUS if value < 0 else "") + "\N{INFINITY}"
    text = f"{abs(value):,.{places}f}"
    if not any(digit in text for digit in "123456789"):
        return text
    return (MINUS if value < 0 else "+" if plus else "") + text


def percent(fraction: float, plus: bool = False) -> str:
    """Write a fraction in percent, with one decimal.

    >>> percent(0.0341, plus=True), percent(float("nan"))
    ('+3.4%', '–')
    """
    text = decimal(100 * fraction, 1, plus)
    return text + "%" if math.isfinite(fraction) else text


def interval(low: float, high: float) -> str:
    """Write an interval of fractions in percent; empty where it is not known.

    >>> interval(-0.011, 0.017)
    '[−1.1%, 1.7%]'
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"[{percent(low)}, {percent(high)}]"


def column_places(values: Iterable[float]) -> int:
    """Decimals that give the largest of `values` four digits, between 0 and 8.

    >>> column_places([0.0123, 0.0004]), column_places([231.0])
    (5, 1)
    """
    sizes = [abs(v) for v in values if math.isfinite(v) and v != 0]
    if not sizes:
        return 2
    return max(0, min(8, 3 - math.floor(math.log10(max(sizes)))))


def stamp(time: pd.Timestamp, clock: bool = False) -> str:
    """Write an instant as its UTC date, with the time of day if `clock`.

    >>> stamp(pd.Timestamp("2024-03-01 21:00", tz="UTC"), clock=True)
    '2024-03-01 21:00'
    """
    return str(time.strftime("%Y-%m-%d %H:%M" if clock else "%Y-%m-%d"))


def count(number: int, noun: str) -> str:
    """Say how many.

    >>> count(1, "row"), count(3300, "row")
    ('1 row', '3,300 rows')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def cell(column: str, value: object) -> str:
    """Write one cell of the health table or the manifest."""
    if isinstance(value, pd.Timestamp):
        return stamp(value)
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (float, np.floating)):
        if column in SHARES or "share" in column.lower():
            return percent(float(value))
        return decimal(float(value), 0 if float(value).is_integer() else 2)
    if isinstance(value, (int, np.integer)):
        return decimal(int(value), 0)
    return NONE if value is None or value is pd.NaT else str(value)


def class_names(label: Label) -> list[str]:
    """Name the classes of a label by their edges, in percent for returns.

    >>> label = Label("up", 1, "r", "binary", 1, edges=(0.005,), measure="return")
    >>> class_names(label)
    ['≤ 0.5%', '> 0.5%']
    """

    def edge(value: float) -> str:
        text = f"{100 * value:g}%" if label.measure == "return" else f"{value:g}"
        return text.replace("-", MINUS)

    edges = [edge(value) for value in label.edges]
    middle = [f"{low} to {high}" for low, high in pairwise(edges)]
    return [f"\N{LESS-THAN OR EQUAL TO} {edges[0]}", *middle, f"> {edges[-1]}"]


def unit(label: Label) -> tuple[str, float]:
    """Name of the axis of a label's values, and the factor to draw them with."""
    if label.measure == "return":
        return "return, %", 100.0
    return label.measure.replace("_", " "), 1.0


def verdict(entry: LabelEvaluation, leaks: bool) -> str:
    """Say what a label's test found, in one line with its number.

    A protocol that leaks can show nothing, whatever its figures.
    """
    if not entry.best:
        return "No skill shown: there was no yardstick to measure against"
    if not math.isfinite(entry.skill):
        return f"No skill shown: {entry.best} leaves no loss to save"
    number = f"{percent(entry.skill, plus=True)} {interval(entry.low, entry.high)}".rstrip()
    if leaks:
        return f"Not evidence of skill: {number} over {entry.best}, under a protocol that leaks"
    if entry.shown:
        return f"Skill shown: {number} over {entry.best}"
    if entry.high < 0:
        return f"No skill shown: {number}, worse than {entry.best}"
    if not math.isfinite(entry.low):
        return f"No skill shown: {number} against {entry.best}, too few times for an interval"
    return f"No skill shown: {number} against {entry.best}"


def opened(ledger: Opened) -> str:
    """Say from how many trials a run was chosen, and how often its test period was opened before.

    >>> from marketlab.experiments.ledger import Opened
    >>> opened(Opened(4, 57))
    'This test period was opened 4 times before, by 57 trials: the best of many looks better \
than it is.'
    >>> opened(Opened(0, 0))
    'This test period was not opened before.'
    >>> opened(Opened(0, 0, 1, 12))
    'Other searches tried 12 recipes on its data and target. This test period was not opened \
before.'
    """
    text = f"Chosen from {count(ledger.trials, 'trial')}. " if ledger.trials > 1 else ""
    if ledger.searched:
        tried = count(ledger.searched, "recipe")
        text += f"Other searches tried {tried} on its data and target. "
    if not ledger.times:
        return f"{text}This test period was not opened before."
    return (
        f"{text}This test period was opened {count(ledger.times, 'time')} before, by "
        f"{count(ledger.by, 'trial')}: the best of many looks better than it is."
    )


def short_verdict(entry: LabelEvaluation, leaks: bool) -> str:
    """Say it in a table cell."""
    if leaks:
        return "not evidence"
    return entry.verdict


def headline(evaluation: Evaluation) -> str:
    """Say what the run found, in one line."""
    entries = evaluation.labels
    if len(entries) == 1:
        return verdict(entries[0], evaluation.leaks)
    if evaluation.leaks:
        return "Not evidence of skill: the protocol leaks"
    shown = sum(entry.shown for entry in entries)
    if not shown:
        return f"No skill shown in any of {len(entries)} targets"
    return f"Skill shown in {shown} of {len(entries)} targets"
