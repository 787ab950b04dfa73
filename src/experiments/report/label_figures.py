"""Figures of one label: skill by fold and over time, forecast against truth, calibration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from ...data.labels import Label
from ..pages.theme import COLOURS, canvas, days, time_axis, to_svg
from ..pages.wording import class_names, decimal, percent, stamp, unit
from .content import LabelPredictions
from .series import Bins, calibration, mean_interval, skill_over_time, thin

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..evaluate import LabelEvaluation

WIDE, HALF, THIRD = 920, 440, 300
POINTS = 450
CLASS_COLOURS = {
    2: ("class-1", "class-3"),
    3: ("class-0", "class-2", "class-4"),
    4: ("class-0", "class-1", "class-3", "class-4"),
}
"""Number of classes -> their colours, low to high: diverging, and safe for the colour-blind."""


def class_colours(classes: int) -> list[str]:
    """Colour roles of a label's classes; beyond five they repeat."""
    scale = CLASS_COLOURS.get(classes, ("class-0", "class-1", "class-2", "class-3", "class-4"))
    return [scale[k % len(scale)] for k in range(classes)]


def fold_skill(entry: LabelEvaluation, name: str) -> Markup:
    """Draw each fold's skill as dot and whisker, and the whole test period's below them."""
    rows = [(f"{f.fold}", _period(f.start, f.end), f.skill, f.low, f.high) for f in entry.folds]
    rows.append(("all", "", entry.skill, entry.low, entry.high))
    step = max(11, min(24, 420 // len(rows)))
    figure, axes = canvas(HALF, 46 + step * len(rows), left=132, right=58, top=8, bottom=38)
    finite = [100 * v for row in rows for v in row[2:] if math.isfinite(v)]
    low, high = min([0.0, *finite]), max([0.0, *finite])
    pad = 0.06 * (high - low) or 1.0
    axes.set_xlim(low - pad, high + pad)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.axvline(0, color=COLOURS["muted"], linewidth=1)
    axes.axhline(len(rows) - 1.5, color=COLOURS["grid"], linewidth=0.6)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    every = math.ceil(12 / step)
    for y, (fold, period, skill, start, end) in enumerate(rows):
        whole = y == len(rows) - 1
        if math.isfinite(start) and math.isfinite(end):
            axes.plot(
                [100 * start, 100 * end], [y, y], color=COLOURS["model"], lw=2.5 if whole else 1.5
            )
        if math.isfinite(skill):
            axes.plot([100 * skill], [y], "o", color=COLOURS["model"], ms=7 if whole else 5)
        if y % every == 0 or whole:
            ink = COLOURS["ink" if whole else "muted"]
            style: dict[str, Any] = {"color": ink, "fontsize": 10.5, "va": "center_baseline"}
            style["transform"] = axes.get_yaxis_transform()
            axes.text(-0.03, y, f"{period}\N{EM SPACE}{fold}".strip(), ha="right", **style)
            axes.text(1.03, y, percent(skill, plus=True), ha="left", **style)
    axes.set_yticks([])
    axes.set_xlabel("skill, %")
    return to_svg(figure, name)


def _period(start: pd.Timestamp, end: pd.Timestamp) -> str:
    if stamp(start) == stamp(end):
        return stamp(start)
    days_only = (end - start).days < 62
    form = "%Y-%m-%d" if days_only else "%Y-%m"
    return f"{start.strftime(form)} \N{EN DASH} {end.strftime('%m-%d' if days_only else form)}"


def skill_curve(entry: LabelEvaluation, predictions: LabelPredictions, name: str) -> Markup | None:
    """Draw the running loss difference against the best yardstick: it rises where the model won."""
    times, share = skill_over_time(entry.label, predictions)
    if len(times) < 2:
        return None
    keep = thin(len(times), POINTS)
    x, y = days(times[keep]), 100 * share[keep]
    figure, axes = canvas(WIDE, 200, right=56)
    axes.axhline(0, color=COLOURS["muted"], linewidth=1)
    for fold in entry.folds[1:]:
        axes.axvline(
            days(pd.DatetimeIndex([fold.start]))[0],
            color=COLOURS["grid"],
            linewidth=0.8,
            dashes=(3, 3),
        )
    axes.fill_between(x, y, color=COLOURS["model"], alpha=0.12, linewidth=0)
    axes.plot(x, y, color=COLOURS["model"])
    axes.annotate(
        percent(share[-1], plus=True),
        (x[-1], y[-1]),
        (6, 0),
        textcoords="offset points",
        va="center",
        color=COLOURS["model"],
    )
    axes.set_xlim(x[0], x[-1])
    axes.set_ylabel("gained so far, %")
    time_axis(axes)
    return to_svg(figure, name)


def against_truth(label: Label, rows: LabelPredictions, name: str) -> Markup:
    """Draw forecast, best yardstick and truth of one symbol over time."""
    figure, axes = canvas(WIDE, 210)
    x = days(rows.times)
    if label.classes:
        _probabilities(axes, label, x, rows)
    elif label.task == "quantile":
        _fan(axes, label, x, rows)
    else:
        text, factor = unit(label)
        axes.plot(x, factor * rows.truth, color=COLOURS["truth"], linewidth=0.9)
        axes.plot(x, factor * rows.yardstick[:, 0], color=COLOURS["yardstick"], linewidth=1.2)
        axes.plot(x, factor * rows.forecast[:, 0], color=COLOURS["model"], linewidth=1.7)
        axes.set_ylabel(text)
    if len(x) > 1:
        axes.set_xlim(x[0], x[-1])
    time_axis(axes)
    return to_svg(figure, name)


def _probabilities(axes: Axes, label: Label, x: Any, rows: LabelPredictions) -> None:
    """Stack the probabilities; the strip above them is the class that came true."""
    colours = [COLOURS[role] for role in class_colours(label.classes)]
    tops = np.cumsum(100 * rows.forecast, axis=1)
    below = np.zeros(len(x))
    for k, colour in enumerate(colours):
        axes.fill_between(x, below, tops[:, k], color=colour, alpha=0.55, linewidth=0, step="mid")
        below = tops[:, k]
        came = x[rows.truth == k]
        # One path with gaps: a line of its own for each row would be most of the page's bytes.
        gaps = np.full(len(came), np.nan)
        strokes = np.stack([came, came, gaps], axis=1).ravel()
        heights = np.tile([104.0, 114.0, np.nan], len(came))
        axes.plot(strokes, heights, color=colour, linewidth=2.2, solid_capstyle="butt")
    axes.set_ylim(0, 116)
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.set_ylabel("probability, %", y=0.43)


def _fan(axes: Axes, label: Label, x: Any, rows: LabelPredictions) -> None:
    """Shade between quantiles that mirror each other; dots are the truth."""
    text, factor = unit(label)
    last = len(label.levels) - 1
    for q in range((last + 1) // 2):
        axes.fill_between(
            x,
            factor * rows.forecast[:, q],
            factor * rows.forecast[:, last - q],
            color=COLOURS["model"],
            alpha=0.16,
            linewidth=0,
        )
    if last % 2 == 0:
        axes.plot(x, factor * rows.forecast[:, last // 2], color=COLOURS["model"], linewidth=1.5)
    for q in {0, last}:
        axes.plot(
            x, factor * rows.yardstick[:, q], color=COLOURS["yardstick"], lw=1.1, dashes=(4, 2)
        )
    axes.plot(x, factor * rows.truth, "o", color=COLOURS["truth"], ms=2.6, mew=0)
    axes.set_ylabel(text)


def calibration_panels(
    label: Label, predictions: LabelPredictions, name: str
) -> list[tuple[str, Markup]]:
    """Draw the calibration as (caption, figure): one panel, or one a class."""
    lag = max(label.lookahead - 1, 0)
    truth, times = predictions.truth, predictions.times
    if label.task == "quantile":
        figure = _coverage(label, predictions, lag, name)
        return [("", figure)] if figure else []
    if label.classes:
        panels = []
        names = class_names(label)
        for k in range(label.classes)[1 if label.classes == 2 else 0 : 6]:
            hit = np.where(np.isfinite(truth), truth == k, np.nan)
            bins = calibration(predictions.forecast[:, k], hit, times, lag)
            size = (HALF, 300) if label.classes == 2 else (THIRD, 240)
            axes = "forecast probability, %", "came true, %"
            figure = _curve(bins, 100.0, *axes, f"{name}-{k}", size)
            panels.append((names[k], figure))
        return [panel for panel in panels if panel[1]]
    text, factor = unit(label)
    bins = calibration(predictions.forecast[:, 0], truth, times, lag)
    figure = _curve(bins, factor, f"mean forecast ({text})", f"mean truth ({text})", name)
    return [("", figure)] if figure else []


def _curve(
    bins: Bins, factor: float, x: str, y: str, name: str, size: tuple[int, int] = (HALF, 300)
) -> Markup:
    if not len(bins.x):
        return Markup("")
    figure, axes = canvas(*size, left=64, bottom=42)
    half = np.nan_to_num(bins.half)
    ends = np.concatenate([bins.x, bins.y - half, bins.y + half]) * factor
    centre, reach = (bins.x.min() + bins.x.max()) / 2 * factor, np.ptp(bins.x) * factor
    axes.axline((centre, centre), slope=1, color=COLOURS["muted"], linewidth=1, dashes=(4, 3))
    axes.vlines(
        bins.x * factor,
        (bins.y - half) * factor,
        (bins.y + half) * factor,
        color=COLOURS["model"],
        linewidth=1.5,
    )
    axes.plot(bins.x * factor, bins.y * factor, "o", color=COLOURS["model"], ms=5)
    tall = float(np.ptp(ends)) or 1.0
    # A forecast that hardly varies keeps a little width, so that its points do not fill the plot.
    wide = max(float(reach), 0.15 * tall)
    axes.set_xlim(centre - 0.56 * wide, centre + 0.56 * wide)
    axes.set_ylim(ends.min() - 0.06 * tall, ends.max() + 0.06 * tall)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return to_svg(figure, name)


def _coverage(label: Label, predictions: LabelPredictions, lag: int, name: str) -> Markup:
    """Draw the share of truths at or below each quantile, for the model and the best yardstick."""
    if not (np.isfinite(predictions.truth) & np.isfinite(predictions.forecast).all(axis=1)).any():
        return Markup("")
    figure, axes = canvas(HALF, 300, left=64, bottom=42)
    axes.plot([0, 100], [0, 100], color=COLOURS["muted"], linewidth=1, dashes=(4, 3))
    for role, values, shift in (
        ("yardstick", predictions.yardstick, -0.7),
        ("model", predictions.forecast, 0.7),
    ):
        for q, level in enumerate(label.levels):
            scored = np.isfinite(predictions.truth) & np.isfinite(values[:, q])
            if not scored.any():
                continue
            hit = (predictions.truth[scored] <= values[scored, q]).astype(np.float64)
            when = predictions.times[scored]
            share, half = mean_interval(hit, when, when, lag)
            x, y, reach = 100 * level + shift, 100 * share, 100 * np.nan_to_num(half)
            axes.plot([x, x], [y - reach, y + reach], color=COLOURS[role])
            axes.plot([x], [y], "o" if role == "model" else "D", color=COLOURS[role], ms=5)
    axes.set_xlim(-3, 103)
    axes.set_ylim(-3, 103)
    axes.set_xticks([100 * level for level in label.levels])
    axes.set_xticklabels([decimal(100 * level, 0) for level in label.levels])
    axes.set_xlabel("asked for, %")
    axes.set_ylabel("truths at or below, %")
    return to_svg(figure, name)
