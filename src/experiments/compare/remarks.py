"""Remarks on a comparison: the runs and their standings in; what a reader must know of them out."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from ...data.labels import Label
from ..ledger import Opening, openings
from .entries import Entry

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
    answered: int,
    times: pd.DatetimeIndex,
) -> list[str]:
    """Say what limits the comparison, in sentences.

    Parameters
    ----------
    entries, standings : best first
    answered : int
        Cells that all runs answered.
    times : of the cells that count
    """
    notes = [_chosen_from(entries, standings, label, times)]
    most = max(one.cells for one in standings)
    if most > answered:
        notes.append(
            f"The runs do not test the same rows: only the {answered:,} cells that all of them "
            f"answered count, of up to {most:,}."
        )
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
    """Say from how many the best was chosen: those here, and those in the ledgers beside them."""
    count = len(entries)
    trials = sum(max(1, one.trials) for one in standings)
    text = f"The first is the best of {count} runs"
    text += f", which were chosen from {trials:,} trials" if trials > count else ""
    # Every folder of runs has its own ledger, which counts by the name of the dataset.
    places = dict.fromkeys(
        (one.run.path.resolve().parents[1], one.recipe.get("dataset.name", "")) for one in entries
    )
    opened, unread = [], 0
    for outputs, dataset in places:
        asked = Opening(
            "", "", "", dataset, "", {label.name: label.expression}, times[0].isoformat(),
            times[-1].isoformat(), "",
        )  # fmt: skip
        try:
            opened.append(openings(outputs, asked))
        except sqlite3.Error:
            unread += 1
    if looks := sum(one.times for one in opened):
        several = len({outputs for outputs, _ in places}) > 1
        text += (
            f"; {'the ledgers count' if several else 'the ledger counts'} {looks:,} openings of "
            f"this test period, by {sum(one.by for one in opened):,} trials"
        )
    text += "; a ledger beside them cannot be read" if unread else ""
    return f"{text}: the best of many looks better than it is."
