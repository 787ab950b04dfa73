"""Write the report: content in, one self-contained HTML file out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..pages import wording
from ..pages.page import filled
from ..pages.theme import drawing
from . import label_figures, run_figures
from .content import ReportContent
from .series import chosen_symbols, newest

if TYPE_CHECKING:
    from ..evaluate import LabelEvaluation

LABELS_DRAWN = 6
FOLDS_DRAWN = 12
NEWEST = 250
ROWS_OPEN = 30
METRICS_ACROSS = 6
ROAD = ("experiment", "dataset", "features", "target", "split", "scaler", "model", "trainer")
"""Groups of a recipe in the order in which data passes through them."""
HEALTH = {
    "zero_price": "zero price",
    "zero_volume": "no volume",
    "stale": "same bar again",
    "repeated": "open = last close",
    "large_moves": "moves > 25%",
    "adjusted": "prices adjusted",
}
"""Columns of the health table under names that explain themselves."""
TEMPLATE = Path(__file__).with_name("template.html")


def write_report(path: Path, content: ReportContent) -> None:
    """Write `content` as a page that opens offline, in light and dark; equal content, equal bytes.

    Parameters
    ----------
    path : Path
        The file, usually ``report.html`` in a run directory; its folder exists.
    """
    path.write_bytes(render(content).encode("utf-8", "replace"))


def render(content: ReportContent) -> str:
    """Return the page as text."""
    with drawing():
        page = _page(content)
    return filled(TEMPLATE, **page)


def _page(content: ReportContent) -> dict[str, Any]:
    evaluation = content.evaluation
    spans = _Axis(
        value for entry in evaluation.labels for value in (entry.skill, entry.low, entry.high)
    )
    labels = [
        _label(number, entry, content, spans) for number, entry in enumerate(evaluation.labels)
    ]
    losses = run_figures.loss_curves(content.histories, FOLDS_DRAWN, "loss")
    trained = sum(bool(history) for history in content.histories)
    return {
        "content": content,
        "leaks": evaluation.leaks,
        "choices": sorted(content.choices.items(), key=lambda choice: _turn(choice[0])),
        "headline": wording.headline(evaluation),
        "shown": any(entry.shown for entry in evaluation.labels) and not evaluation.leaks,
        "labels": labels,
        "drawn_labels": LABELS_DRAWN,
        "created": wording.stamp(content.created, clock=True),
        "opened": wording.opened(content.opened) if content.opened else "",
        "losses": losses,
        "losses_left_out": trained - len(losses),
        "folds": run_figures.fold_chart(content.folds, "folds"),
        "fold_rows": [
            [_reach(part) for part in (fold.train, fold.valid, fold.test)] + [fold.rows]
            for fold in content.folds
        ],
        "rescaled": sum(feature.rescales for feature in content.features),
        "rows_open": ROWS_OPEN,
        "health": _health(content.health),
        "manifest": _manifest(content.manifest),
        "count": wording.count,
        "dash": wording.NONE,
    }


def _turn(group: str) -> int:
    return ROAD.index(group) if group in ROAD else len(ROAD)


def _label(
    number: int, entry: LabelEvaluation, content: ReportContent, spans: _Axis
) -> dict[str, Any]:
    label, leaks = entry.label, content.evaluation.leaks
    predictions = content.predictions.get(label.name)
    view: dict[str, Any] = {
        "id": f"target-{number}",
        "entry": entry,
        "verdict": wording.verdict(entry, leaks),
        "short_verdict": wording.short_verdict(entry, leaks),
        "skill": wording.percent(entry.skill, plus=True),
        "interval": wording.interval(entry.low, entry.high),
        "span": spans.place(entry.skill, entry.low, entry.high),
        "tested": _tested(entry),
        "metrics": _metrics(entry),
        "figures": number < LABELS_DRAWN,
        "fold_skill": None,
        "skill_curve": None,
        "symbols": [],
        "calibration": [],
        "classes": [],
        "levels": ", ".join(f"{100 * level:g}%" for level in label.levels),
    }
    if number >= LABELS_DRAWN:
        return view
    name = f"t{number}"
    if len(entry.folds) > 1 and math.isfinite(entry.skill):
        view["fold_skill"] = label_figures.fold_skill(entry, f"{name}-folds")
    if predictions is None:
        return view
    if label.classes:
        roles = label_figures.class_colours(label.classes)
        view["classes"] = list(zip(roles, wording.class_names(label), strict=True))
    view["skill_curve"] = label_figures.skill_curve(entry, predictions, f"{name}-curve")
    view["calibration"] = label_figures.calibration_panels(label, predictions, f"{name}-cal")
    for place, symbol in enumerate(chosen_symbols(predictions)):
        rows = newest(predictions, symbol, NEWEST)
        view["symbols"].append(
            {
                "symbol": symbol,
                "rows": len(rows.times),
                "start": wording.stamp(rows.times[0]),
                "end": wording.stamp(rows.times[-1]),
                "figure": label_figures.against_truth(label, rows, f"{name}-s{place}"),
            }
        )
    return view


def _tested(entry: LabelEvaluation) -> str:
    """Say on how much the figures rest."""
    text = f"{wording.count(entry.rows, 'row')} at {wording.count(entry.times, 'test time')}"
    if entry.folds:
        start = min(fold.start for fold in entry.folds)
        end = max(fold.end for fold in entry.folds)
        text += f", {wording.stamp(start)} to {wording.stamp(end)}"
        text += f", in {wording.count(len(entry.folds), 'fold')}"
    return text


class _Axis:
    """The scale that the whiskers of one table share, in percent of their width."""

    def __init__(self, values: Iterable[float]) -> None:
        finite = [0.0, *(value for value in values if math.isfinite(value))]
        pad = 0.08 * (max(finite) - min(finite)) or 0.01
        self.low, self.high = min(finite) - pad, max(finite) + pad

    def place(self, skill: float, low: float, high: float) -> dict[str, float] | None:
        """Place one whisker; None where it cannot be drawn."""
        if not math.isfinite(skill):
            return None
        ends = (low, high) if math.isfinite(low) and math.isfinite(high) else (skill, skill)
        names = ("zero", "skill", "low", "high")
        spread = self.high - self.low
        return {
            name: round(min(max(100 * (value - self.low) / spread, 0), 100), 1)
            for name, value in zip(names, (0.0, skill, *ends), strict=True)
        }


def _metrics(entry: LabelEvaluation) -> dict[str, Any]:
    """Table of model and yardsticks; metrics that apply to none of them are left out."""
    table = entry.metrics.dropna(axis=1, how="all")
    names = [str(column) for column in table.columns]
    cells = {
        column: _column(table[column].to_numpy(dtype=float).tolist()) for column in table.columns
    }
    skills = entry.skills[["skill", "low", "high"]].astype(float)
    scale = _Axis(skills.to_numpy().ravel().tolist())
    rows = []
    for place, forecaster in enumerate(table.index):
        row: dict[str, Any] = {
            "name": str(forecaster),
            "model": place == 0,
            "best": place > 0 and str(forecaster) == entry.best,
            "cells": [cells[column][place] for column in table.columns],
            "skill": "",
            "interval": "",
            "span": None,
        }
        if place > 0 and forecaster in skills.index:
            skill, low, high = skills.loc[forecaster].tolist()
            row["skill"] = wording.percent(skill, plus=True)
            row["interval"] = wording.interval(low, high)
            row["span"] = scale.place(skill, low, high)
        rows.append(row)
    return {"names": names, "rows": rows, "across": len(names) <= METRICS_ACROSS}


def _column(values: list[float]) -> list[str]:
    places = wording.column_places(values)
    return [wording.decimal(value, places) for value in values]


def _health(table: pd.DataFrame) -> dict[str, Any]:
    columns = [str(column) for column in table.columns]
    numeric = [pd.api.types.is_numeric_dtype(table[column]) for column in table.columns]
    rows = [
        (str(symbol), [wording.cell(c, v) for c, v in zip(columns, values, strict=True)])
        for symbol, values in zip(table.index, table.itertuples(index=False), strict=True)
    ]
    titles = [HEALTH.get(column, column.replace("_", " ")) for column in columns]
    return {"columns": list(zip(titles, numeric, strict=True)), "rows": rows}


def _manifest(manifest: Mapping[str, object]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Single entries first, then one group a nested mapping."""
    single = [
        (str(key), wording.cell(str(key), value))
        for key, value in manifest.items()
        if not isinstance(value, Mapping)
    ]
    groups = [
        (str(key), [(str(name), wording.cell(str(name), item)) for name, item in value.items()])
        for key, value in manifest.items()
        if isinstance(value, Mapping)
    ]
    return [("", single), *groups] if single else groups


def _reach(part: Sequence[tuple[pd.Timestamp, pd.Timestamp]]) -> str:
    if not part:
        return wording.NONE
    return f"{wording.stamp(part[0][0])} to {wording.stamp(part[-1][1])}"
