"""What is found out about a stored dataset: the one thing that the page and the terminal read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...data.health.table import Health
from ...data.panel import Panel
from ...data.snapshots.compare import Differences
from ...data.snapshots.store import Snapshot


@dataclass(frozen=True)
class Comparison:
    """How a snapshot differs from an older one of the same dataset."""

    older: Snapshot
    differences: Differences


@dataclass(frozen=True)
class Findings:
    """A dataset's health.

    Attributes
    ----------
    name, source : str
        The dataset's name, and where its bars are from.
    made_up : bool
        Whether the bars are invented.
    panel : Panel
    health : Health
    snapshot : Snapshot
    coverage : DataFrame
        Symbol by year; see `coverage`.
    gaps, moves, standstills : DataFrame
        The longest and the largest; see `longest_gaps`, `largest_moves`, `longest_standstills`.
    suspected : DataFrame
        Moves that look like splits: date, symbol, ratio, move.
    comparison : Comparison or None
    page : Path
        Where the page is written.
    suspected_file : Path
        The same folder's table of suspected splits, in the form that ``dataset.ratios`` reads.
    adjust : str
        How the bars were adjusted; see `Dataset`.
    ratios : Path or None
        The file that ``dataset.ratios`` names.
    """

    name: str
    source: str
    made_up: bool
    panel: Panel
    health: Health
    snapshot: Snapshot
    coverage: pd.DataFrame
    gaps: pd.DataFrame
    moves: pd.DataFrame
    standstills: pd.DataFrame
    suspected: pd.DataFrame
    comparison: Comparison | None
    page: Path
    suspected_file: Path
    adjust: str = "report"
    ratios: Path | None = None
