"""Findings as sentences: what is known of a dataset in; lines for terminal and page alike out."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...data.wording import counted
from .content import Comparison, Findings

NAMED = 12
"""So many symbols or columns are named."""


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
        said.append(
            f"{counted(len(findings.suspected), 'move')} that look like splits: "
            f"{findings.suspected_file}"
        )
    return said


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
