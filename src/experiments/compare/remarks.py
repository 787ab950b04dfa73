"""Remarks on a comparison: the runs and their standings in; what a reader must know of them out."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...data.labels import Label
from ..ledger import Opening, openings
from .entries import Entry, Forecasts

if TYPE_CHECKING:
    from .comparison import Standing


def differing_keys(entries: Sequence[Entry]) -> pd.DataFrame:
    """Return the keys of the recipes that differ, one row a key and one column a run."""
    every = dict.fromkeys(key for entry in entries for key in entry.recipe)
    rows = {
        key: [entry.recipe.get(key, "") for entry in entries]
        for key in every
        if len({entry.recipe.get(key) for entry in entries}) > 1
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=[entry.id for entry in entries])


def remarks(
    entries: Sequence[Entry],
    standings: Sequence[Standing],
    label: Label,
    cells: pd.MultiIndex,
    here: Sequence[Forecasts],
    times: pd.DatetimeIndex,
) -> list[str]:
    """Say what limits the comparison, in sentences; the entries and `here` are best first."""
    notes = [_chosen_from(entries, standings, label, times)]
    most = max(one.cells for one in standings)
    if most > len(cells):
        notes.append(
            f"The runs do not test the same rows: only the {len(cells):,} cells that all of them "
            f"answered count, of up to {most:,}."
        )
    if any(not np.allclose(one.truth, here[0].truth, rtol=1e-9, atol=0) for one in here):
        notes.append("The runs do not read the same bars: their truths differ on common cells.")
    targets = [set(entry.labels) for entry in entries]
    if any(one != targets[0] for one in targets) or len(targets[0]) > 1:
        notes.append(f"Only {label.name} is compared here; the runs forecast other targets too.")
    notes += [
        f"{one.run} leaks: its figures are no evidence of skill." for one in standings if one.leaks
    ]
    return notes


def _chosen_from(
    entries: Sequence[Entry],
    standings: Sequence[Standing],
    label: Label,
    times: pd.DatetimeIndex,
) -> str:
    """Say from how many the best was chosen: those here, and those in the ledger beside it."""
    count = len(entries)
    trials = sum(max(1, one.trials) for one in standings)
    text = f"The first is the best of {count} runs"
    text += f", which were chosen from {trials:,} trials" if trials > count else ""
    best = entries[0]
    dataset = best.recipe.get("dataset.name", "")
    asked = Opening(
        "", "", "", dataset, "", {label.name: label.expression}, times[0].isoformat(),
        times[-1].isoformat(), "",
    )  # fmt: skip
    try:
        opened = openings(best.run.path.absolute().parents[1], asked)
    except sqlite3.Error:
        opened = None
    if opened is not None and opened.times:
        text += (
            f"; the ledger counts {opened.times:,} openings of this test period, by "
            f"{opened.by:,} trials"
        )
    return f"{text}: the best of many looks better than it is."
