"""Figures of the run as a whole: where its folds lie in time, and how its training went."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup

from ..pages.theme import COLOURS, canvas, days, time_axis, to_svg
from .content import FoldSpan, Segment

WIDE, SMALL = 920, 220
SLOTS = 300
PARTS = ("train", "valid", "test")
KEYS = ("epoch", "train_loss", "valid_loss")


def fold_chart(folds: Sequence[FoldSpan], name: str) -> Markup | None:
    """Draw a line a fold: train, validation and test on the axis of time.

    A fold whose rows were shuffled gets a lane for each part, so that they are seen to interleave.
    """
    ends = [time for fold in folds for part in _parts(fold) for run in part for time in run]
    if not ends:
        return None
    x = days(pd.DatetimeIndex(ends))
    start, stop = float(x.min()), float(x.max())
    shuffled = any(len(part) > 3 for fold in folds for part in _parts(fold))
    step = max(8, min(46 if shuffled else 26, 480 // len(folds)))
    figure, axes = canvas(WIDE, 44 + step * len(folds), left=40, top=8, bottom=30)
    slot = (stop - start) / SLOTS or 1.0
    for row, fold in enumerate(folds):
        for lane, (role, part) in enumerate(zip(PARTS, _parts(fold), strict=True)):
            bars = _bars(part, slot if shuffled else slot / 4)
            low, height = (row - 0.36 + 0.24 * lane, 0.22) if shuffled else (row - 0.34, 0.68)
            axes.broken_barh(
                bars,
                (low, height),
                facecolor=COLOURS[role],
                # The edge eats a pixel of both neighbours: a purge of a few rows is seen as a gap.
                edgecolor="none" if shuffled else COLOURS["surface"],
                linewidth=0 if shuffled else 1.5,
            )
    axes.set_xlim(start, stop + (stop - start) / 500 if stop > start else start + 1)
    axes.set_ylim(len(folds) - 0.5, -0.5)
    every = math.ceil(14 / step)
    axes.set_yticks(range(0, len(folds), every))
    axes.set_yticklabels([str(row) for row in range(0, len(folds), every)])
    axes.grid(visible=False, axis="y")
    time_axis(axes)
    return to_svg(figure, name)


def _parts(fold: FoldSpan) -> tuple[tuple[Segment, ...], ...]:
    return fold.train, fold.valid, fold.test


def _bars(part: Sequence[Segment], slot: float) -> list[tuple[float, float]]:
    """Segments as (start, width) in days, those within a slot of each other joined."""
    bars: list[tuple[float, float]] = []
    for first, last in part:
        start, stop = (float(day) for day in days(pd.DatetimeIndex([first, last])))
        stop = max(stop, start + slot)
        if bars and start - sum(bars[-1]) < slot:
            bars[-1] = (bars[-1][0], max(stop, sum(bars[-1])) - bars[-1][0])
        else:
            bars.append((start, stop - start))
    return bars


def loss_curves(
    histories: Sequence[Sequence[Mapping[str, float]]], most: int, name: str
) -> list[tuple[int, Markup]]:
    """Draw the losses of each fold that has a history, all on one scale: (fold, figure)."""
    curves = [(fold, _columns(history)) for fold, history in enumerate(histories) if history][:most]
    from matplotlib.ticker import MaxNLocator

    losses = [curve[key] for _, curve in curves for key in KEYS[1:]]
    values = np.concatenate(losses) if losses else np.empty(0)
    values = values[np.isfinite(values)]
    if not len(values):
        return []
    low, high = float(values.min()), float(values.max())
    # One wild first epoch must not flatten the rest.
    high = min(high, low + 6 * (float(np.quantile(values, 0.9)) - low) or high)
    pad = 0.06 * (high - low) or 0.1
    drawn = []
    for fold, curve in curves:
        figure, axes = canvas(SMALL, 150, left=46, right=10, top=8, bottom=36)
        axes.plot(curve["epoch"], curve["train_loss"], color=COLOURS["muted"], linewidth=1.3)
        axes.plot(curve["epoch"], curve["valid_loss"], color=COLOURS["model"], linewidth=1.6)
        if np.isfinite(curve["valid_loss"]).any():
            best = int(np.nanargmin(curve["valid_loss"]))
            at = curve["epoch"][best], curve["valid_loss"][best]
            axes.plot(*([value] for value in at), "o", color=COLOURS["model"], ms=5)
        axes.set_ylim(low - pad, high + pad)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlabel("epoch")
        drawn.append((fold, to_svg(figure, f"{name}-{fold}")))
    return drawn


def _columns(history: Sequence[Mapping[str, float]]) -> dict[str, npt.NDArray[np.float64]]:
    return {key: np.array([float(epoch.get(key, math.nan)) for epoch in history]) for key in KEYS}
