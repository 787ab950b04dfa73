"""What happened to bars on their way to a panel: counts and bars in, sentences out."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import tzinfo

import numpy as np
import pandas as pd

from ..bars.fit import better_calendar
from ..bars.landing import Landed
from ..corrections.companion import session_days
from ..panel import MEMBER, Panel
from ..snapshots.tallies import tally
from ..wording import counted
from .gaps import row_dates

RENAMED = re.compile(r"(.+) joined under the newest name, (.+)")
"""What the sources say of one symbol that had several names."""

NAMED = 12
"""So many renamed symbols are named in one note."""

OFF_SESSION = "dated on no session"
MANY, LEAST = 0.01, 5
"""Above this share of bars on no session, and this count, the calendar itself is in doubt."""

DAILY = pd.Timedelta(hours=20)
"""Bars that usually follow each other faster than this are intraday."""


def fold_renames(notes: Sequence[str], symbols: Collection[str]) -> list[str]:
    """Say in one note which of some symbols had other names; keep the other notes, in order.

    >>> fold_renames(["A joined under the newest name, B", "1 bar repeated"], ["B"])
    ['A joined under the newest name, B', '1 bar repeated']
    """
    kept: list[str] = []
    joined: list[str] = []
    at = 0
    for note in notes:
        found = RENAMED.fullmatch(note)
        if found is None:
            kept.append(note)
        elif found[2] in symbols:
            at = at if joined else len(kept)
            joined.append(f"{found[1]} -> {found[2]}")
            one = note
    if len(joined) == 1:
        kept.insert(at, one)
    elif joined:
        more = f" and {len(joined) - NAMED} more" if len(joined) > NAMED else ""
        kept.insert(
            at,
            f"{counted(len(joined), 'symbol')} joined under their newest names: "
            f"{', '.join(joined[:NAMED])}{more}",
        )
    return kept


def doubt_calendar(
    notes: Sequence[str], bars: pd.DataFrame, zones: Mapping[str, tzinfo], place: str, key: str
) -> list[str]:
    """Ask whether the calendar is right, in the note on bars dated on no session of it.

    Parameters
    ----------
    notes : sentences
        Of the snapshot.
    bars : DataFrame
        All of the snapshot's.
    zones : symbol -> time zone
    place : str
        The exchange that dates the daily bars.
    key : str
        The option that chose it.
    """
    asked = []
    for note in notes:
        off = sum(count for what, count in tally([note]).items() if OFF_SESSION in what)
        if off > max(MANY * len(bars), LEAST):
            better = better_calendar(_daily_dates(bars, zones), place)
            hint = "" if better is None else f" {better} fits the dates better"
            note = f"{note}; is {key}={place} right?{hint}"
        asked.append(note)
    return asked


def landing_notes(landed: Landed, bars: pd.DataFrame) -> list[str]:
    """Say what merged, what landed nowhere, which rows were guessed and which are members'.

    Parameters
    ----------
    landed : Landed
    bars : DataFrame
        Those that were landed.
    """
    panel = landed.panel
    notes = _merges(landed, bars) if landed.merged else []
    if landed.late:
        notes.append(f"{counted(landed.late)} after the last close of {panel.clock} left out")
    if landed.guessed:
        notes.append(
            f"{counted(landed.guessed, 'row')} beyond the calendar of {panel.clock}: weekdays "
            "taken for sessions"
        )
    if MEMBER in panel.fields:
        notes.append(_members(panel))
    return notes


def _merges(landed: Landed, bars: pd.DataFrame) -> list[str]:
    """Tell intraday bars, which are meant to merge, from daily ones."""
    rows = np.isfinite(landed.panel.fields["close"]).sum(axis=0)
    lengths = usual_steps(bars)
    notes = []
    for length in sorted({step for step in lengths if step < DAILY}):
        ours = np.array([step == length for step in lengths])
        made = int(rows[ours].sum())
        count = int(landed.merged_by[ours].sum()) + made
        notes.append(f"{counted(count)} of {_words(length)} made into {counted(made, 'daily one')}")
    daily = np.array([not step < DAILY for step in lengths])
    if merged := int(landed.merged_by[daily].sum()):
        notes.append(f"{counted(merged)} merged with another on the same row")
    return notes


def usual_steps(bars: pd.DataFrame) -> list[pd.Timedelta]:
    """Return the usual time from one bar of each symbol to the next; NaT where there is none."""
    time = pd.DatetimeIndex(bars["time"]).asi8
    codes = bars["symbol"].cat.codes.to_numpy()
    step, of = np.diff(time), codes[1:]
    same = of == codes[:-1]
    median = pd.Series(step[same]).groupby(of[same]).median()
    here = median.reindex(range(len(bars["symbol"].cat.categories)))
    return [pd.Timedelta(value, "ns") for value in here]


def _daily_dates(bars: pd.DataFrame, zones: Mapping[str, tzinfo]) -> np.ndarray:
    lengths = usual_steps(bars)
    daily = np.array([not step < DAILY for step in lengths])
    return session_days(bars[daily[bars["symbol"].cat.codes]], zones)


def _words(length: pd.Timedelta) -> str:
    seconds = int(length.total_seconds())
    if seconds % 3600 == 0:
        return f"{seconds // 3600}h"
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


def _members(panel: Panel) -> str:
    belongs = panel.fields[MEMBER] == 1.0
    cells = int(np.isfinite(panel.fields["close"]).sum())
    count = int(belongs.sum())
    if not count:
        return f"none of {cells:,} cells belongs to a member"
    rows = row_dates(panel)[belongs.any(axis=1)]
    return (
        f"{count:,} of {cells:,} cells ({count / cells:.0%}) belong to members, "
        f"from {rows[0].date()} to {rows[-1].date()}"
    )
