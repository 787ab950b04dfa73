"""The terminal's tables: what an evaluation found, at 100 columns.

In: an Evaluation. Out: rich renderables, one table a label, its verdict and notes below.
"""

from __future__ import annotations

import math

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .evaluated import LEAKY_VERDICT, Evaluation, LabelEvaluation

_COLUMNS = {
    "regression": ("RMSE", "MAE", "R2", "QLIKE", "direction", "rank IC"),
    "binary": ("accuracy", "MCC", "log loss", "Brier", "ECE"),
    "classification": ("accuracy", "MCC", "log loss", "Brier", "ECE"),
    "quantile": ("pinball",),
}
_SHORT = {"direction": "sign", "accuracy": "acc."}
_IN_UNITS = frozenset({"RMSE", "MAE", "pinball", "QLIKE", "log loss"})
"""Metrics of any magnitude; the others lie about 0 to 1."""


def evaluation_table(evaluation: Evaluation) -> Group:
    """Return what ``train.py`` prints at its end; ``rich.print`` shows it."""
    parts: list[RenderableType] = []
    for entry in evaluation.labels:
        parts += [_title(entry), _label_table(entry), _verdict(entry, evaluation.leaks)]
        parts += [Text(f"note: {note}", style="dim") for note in entry.notes]
        parts.append(Text())
    parts += [Text(note, style="dim") for note in evaluation.notes]
    if evaluation.leaks:
        parts.append(
            Text(
                "THIS PROTOCOL LEAKS: in training the model could see what it is tested on. These "
                "figures show how a claim comes about, and nothing of the future.",
                style="bold red",
            )
        )
    return Group(*parts)


def verdict_line(entry: LabelEvaluation, leaks: bool = False) -> str:
    """Return one sentence, such as ``skill +3.4% [1.2%, 5.5%] over ewma: skill shown``."""
    verdict = LEAKY_VERDICT if leaks else entry.verdict
    if not entry.best:
        return f"no yardstick is applicable: {verdict}"
    return f"skill {_percent(entry)} over {entry.best}: {verdict}"


def _title(entry: LabelEvaluation) -> Text:
    label = entry.label
    span = ""
    if entry.folds:
        first = min(fold.start for fold in entry.folds)
        last = max(fold.end for fold in entry.folds)
        span = f", {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    return Text(
        f"{label.name} ({label.task}): {entry.rows} cells at {entry.times} times{span}",
        style="bold",
    )


def _label_table(entry: LabelEvaluation) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    names = _columns(entry)
    table.add_column("forecaster", no_wrap=True)
    for name in names:
        table.add_column(_SHORT.get(name, name), justify="right", no_wrap=True)
    table.add_column("skill over it, %", justify="right", no_wrap=True)
    model, *yardsticks = [str(row) for row in entry.metrics.index]
    for row in (model, *yardsticks):
        shown = [_figure(name, float(entry.metrics[name][row])) for name in names]
        over = "" if row == model else _skill_over(entry.skills.T[row])
        table.add_row(row, *shown, over, style="bold" if row == model else None)
    return table


def _columns(entry: LabelEvaluation) -> list[str]:
    every = [str(name) for name in entry.metrics]
    names = [name for name in _COLUMNS[entry.label.task] if name in every]
    if entry.label.task == "quantile":
        covers = [name for name in every if name.startswith("cover ")]
        names += covers[:4] or [name for name in every if name.startswith("below ")][:4]
    names = [name for name in names if entry.metrics[name].notna().any()]
    # Five columns of figures and the skill are what 80 columns hold.
    return [name for name in names if name != "MAE"] if len(names) > 4 else names


def _verdict(entry: LabelEvaluation, leaks: bool) -> Text:
    text = verdict_line(entry, leaks)
    if "majority" in entry.metrics:
        share = entry.metrics["majority"].iloc[0]
        text += f"\nalways naming the most frequent class: accuracy {share:.4f}"
    return Text(text, style="bold green" if entry.shown and not leaks else "bold yellow")


def _skill_over(row: pd.Series[float]) -> str:
    if math.isnan(row["skill"]):
        return "not applicable"
    return _percent(row, unit="")


def _percent(found: LabelEvaluation | pd.Series[float], unit: str = "%") -> str:
    skill, low, high = (
        (found.skill, found.low, found.high)
        if isinstance(found, LabelEvaluation)
        else (found["skill"], found["low"], found["high"])
    )
    if math.isnan(skill):
        return "undefined"
    # Finer where one decimal would show zeros only.
    places = 1 if abs(skill) >= 0.001 else 2
    gain, least, most = (f"{100 * value:.{places}f}" for value in (skill, low, high))
    if float(gain) == 0:
        gain = f"{0:.{places}f}"
    sign = "" if gain.startswith("-") else "+"
    if math.isnan(low):
        return f"{sign}{gain}{unit} [no interval]"
    return f"{sign}{gain}{unit} [{least}{unit}, {most}{unit}]"


def _figure(name: str, value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.3g}" if name in _IN_UNITS else f"{value:.3f}"
