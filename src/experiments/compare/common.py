"""What runs have in common: forecasts in; the label, cells and yardsticks to compare by, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ...data.labels import Label
from ...errors import ConfigError, RunError, nearest
from ..evaluate import APPLICABLE
from ..rundir import recorded_snapshot
from .entries import Entry, Forecasts

SAME_TRUTH = 1e-6
"""Of the truths' standard deviation: so far apart, two truths are still one number."""
REVISED = 0.01
"""Share of the cells whose truths differ from which on it is other data, not a revision."""


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


def agreed_cells(
    entries: Sequence[Entry], models: Sequence[Forecasts], cells: pd.MultiIndex, label: Label
) -> pd.MultiIndex:
    """Return the cells on which all runs have the same truth.

    A provider's revision changes a few of them, which then count for nobody.

    Raises
    ------
    ConfigError
        If 1% of the cells or more differ: those runs forecast different numbers.
    """
    truths = [model.at(cells).truth for model in models]
    first = truths[0]
    apart = [
        np.abs(other - first) > SAME_TRUTH * min(float(first.std()), float(other.std()))
        for other in truths
    ]
    differs = np.logical_or.reduce(apart)
    if differs.mean() >= REVISED:
        worst = max(range(len(apart)), key=lambda place: int(apart[place].sum()))
        raise ConfigError(
            f"{entries[0].id} (snapshot {_snapshot(entries[0])}) and {entries[worst].id} "
            f"(snapshot {_snapshot(entries[worst])}) forecast different numbers: their truths of "
            f"{label.name} differ on {apart[worst].sum():,} of {len(cells):,} common cells; "
            "compare runs of the same data"
        )
    same: pd.MultiIndex = cells[~differs]
    return same


def _snapshot(entry: Entry) -> str:
    data = entry.run.manifest.get("data")
    try:
        sha = recorded_snapshot(data.get("snapshot") if isinstance(data, dict) else None, Path())
    except RunError:
        return "not recorded"
    return sha[:12]


def common_yardsticks(
    answers: Sequence[Mapping[str, Forecasts]], cells: pd.MultiIndex, label: Label
) -> tuple[dict[str, list[Forecasts]], pd.MultiIndex, list[str]]:
    """Return the yardsticks that apply, the cells that all of them answered, and what to say.

    As where a run is evaluated: one that answers less than 99% of the cells is not applicable, and
    the others cost the cells that they leave open.

    Returns
    -------
    yardsticks : name -> that yardstick of each run in which it applies, at the cells returned
    cells : MultiIndex
    notes : sentences

    Raises
    ------
    ConfigError
        If no cell is answered by all of them.
    """
    found: dict[str, list[Forecasts]] = {}
    shares: dict[str, float] = {}
    kept = np.ones(len(cells), dtype=np.bool_)
    for one in answers:
        for name, yardstick in [*one.items()][1:]:
            answered = cells.isin(yardstick.answered)
            share = float(answered.mean())
            shares[name] = max(share, shares.get(name, 0.0))
            if share >= APPLICABLE:
                found.setdefault(name, []).append(yardstick)
                kept &= answered
    dropped = [
        f"{name} ({f'{share:.2%}' if share else 'none'})"
        for name, share in shares.items()
        if name not in found
    ]
    notes = []
    if dropped:
        notes.append(
            f"No yardsticks here, for they answered too few of the cells: {', '.join(dropped)}."
        )
    if not kept.any():
        raise ConfigError(
            f"no cell of {label.name} is answered by all yardsticks of these runs: compare fewer"
        )
    if not kept.all():
        notes.append(
            f"{(~kept).sum():,} of {len(cells):,} cells are left out: a yardstick had no answer."
        )
    cells = cells[kept]
    return (
        {name: [one.at(cells) for one in several] for name, several in found.items()},
        cells,
        notes,
    )
