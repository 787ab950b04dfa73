"""Membership: when each symbol belongs to an index flows in; a column ``member`` flows out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd


def attach_members(bars: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return validated bars with ``member`` (1 for a member, else 0), and notes."""
    raise NotImplementedError
