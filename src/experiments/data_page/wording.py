"""Findings as sentences: what is known of a dataset in; lines for terminal and page alike out."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...data.wording import counted
from .content import Comparison, Findings

NAMED = 12
"""So many symbols or columns are named."""

OWN = "ratios.csv"
"""A name for the user's own table of splits."""


def summary(findings: Findings) -> list[str]:
    """Say what to look at first, a sentence each."""
    said = []
    if len(findings.gaps):
        gap = findings.gaps.iloc[0]
        said.append(
            f"longest gap: {gap['symbol']}, {counted(int(gap['sessions']), 'session')} "
            f"from {_day(gap['from'])} to {_day(gap['to'])}"
        )
    if len(findings.moves):
        move = findings.moves.iloc[0]
        next_move = "" if pd.isna(move["next_move"]) else f", then {move['next_move']:+.1%}"
        said.append(
            f"largest move: {move['symbol']} on {_day(move['date'])}, "
            f"{move['move']:+.1%}{next_move}"
        )
    if len(findings.standstills):
        still = findings.standstills.iloc[0]
        said.append(
            f"longest standstill: {still['symbol']}, {counted(int(still['bars']))} alike "
            f"from {_day(still['from'])} to {_day(still['to'])}"
        )
    if len(findings.suspected):
        then = "" if (words := command(findings)) is None else f", then {words}"
        said.append(f"{_suspects(findings)}: {findings.suspected_file}; {advice(findings)}{then}")
    return said


def _suspects(findings: Findings) -> str:
    one = len(findings.suspected) == 1
    looks = "looks like a split" if one else "look like splits"
    return f"{counted(len(findings.suspected), 'move')} {looks}"


def advice(findings: Findings) -> str:
    """Say where the user keeps the moves that are splits; the written file is written anew."""
    if findings.ratios is None:
        own = f"a file of your own, such as {OWN}"
    else:
        own = f"{findings.ratios}, which dataset.ratios names and which is left as it is"
    return f"copy the rows that are splits to {own}"


def command(findings: Findings) -> str | None:
    """Return what then has the prices divided, unless it is set already."""
    if findings.ratios is None:
        return f"dataset.adjust=ratios dataset.ratios={OWN}"
    return None if findings.adjust == "ratios" else "dataset.adjust=ratios"


def said_of(comparison: Comparison) -> list[str]:
    """Say what changed in the whole snapshot, a sentence each."""
    found, older = comparison.differences, comparison.older
    since = f"since {older.sha256[:12]}"
    if found.identical:
        return [f"identical: {counted(found.compared)}, none changed {since}"]
    table = found.table
    said = [
        f"{since}: {counted(int(table['changed'].sum()))} of {found.compared:,} changed, "
        f"{int(table['added'].sum()):,} added and {int(table['gone'].sum()):,} gone, "
        f"in {counted(len(table), 'symbol')}"
    ]
    for what, names in (
        ("symbols added", found.added),
        ("symbols removed", found.removed),
        ("columns added", found.columns_added),
        ("columns removed", found.columns_removed),
    ):
        if names:
            more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
            said.append(f"{what}: {', '.join(names[:NAMED])}{more}")
    return said


def _day(stamp: Any) -> str:
    return str(pd.Timestamp(stamp).date())
