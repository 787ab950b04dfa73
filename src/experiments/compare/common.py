"""What runs have in common: forecasts in; the label, cells and yardsticks to compare by, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.labels import Label
from ...errors import ConfigError, nearest
from .entries import Entry, Forecasts

Floats = npt.NDArray[np.float64]


def common_label(entries: Sequence[Entry], wanted: str | None) -> Label:
    """Return the label to compare by; one name with two meanings is not in common."""
    first = entries[0]
    common = [
        name
        for name, label in first.labels.items()
        if all(_same(label, other.labels.get(name)) for other in entries)
    ]
    if wanted is not None and wanted not in common:
        raise ConfigError(
            f"label={wanted} is not forecast by all of these runs{nearest(wanted, common)}"
        )
    if not common:
        said = "; ".join(f"{entry.id}: {', '.join(entry.labels)}" for entry in entries[:3])
        raise ConfigError(f"these runs have no target in common ({said}): compare others")
    return first.labels[wanted or common[0]]


def _same(label: Label, other: Label | None) -> bool:
    return other is not None and (label.expression, label.task, label.edges, label.levels) == (
        other.expression, other.task, other.edges, other.levels,
    )  # fmt: skip


def common_cells(
    entries: Sequence[Entry], models: Sequence[Forecasts], label: Label
) -> pd.MultiIndex:
    """Return the cells that every model answered, sorted."""
    cells = models[0].answered
    for model in models[1:]:
        cells = cells.intersection(model.answered)
    if not len(cells):
        spans = [
            f"{entry.id}: {times.min():%Y-%m-%d} to {times.max():%Y-%m-%d}"
            for entry, model in zip(entries, models, strict=True)
            if len(times := model.answered.get_level_values(0))
        ]
        raise ConfigError(
            f"no time and symbol of {label.name} was tested by all of these runs "
            f"({'; '.join(spans[:3])}): compare runs whose test parts overlap"
        )
    return cells.sort_values()


def common_yardsticks(
    answers: Sequence[Mapping[str, Forecasts]], cells: pd.MultiIndex
) -> dict[str, Floats]:
    """Return the losses of the yardsticks that answer all cells: of each, those of the best run."""
    found: dict[str, Floats] = {}
    for one in answers:
        for name, yardstick in [*one.items()][1:]:
            if not cells.isin(yardstick.answered).all():
                continue
            losses = yardstick.at(cells).losses
            if name not in found or losses.mean() < found[name].mean():
                found[name] = losses
    return found
