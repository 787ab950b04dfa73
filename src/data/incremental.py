"""An incremental fetch: the newest snapshot and a remote source flow in, whole bars flow out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from .bars import Validated
from .sources.source import Fetching, RemoteSource


def fetch_bars(
    source: RemoteSource,
    checked: Callable[[pd.DataFrame], Validated],
    directory: Path,
    how: Fetching,
) -> Validated:
    """Fetch what the newest snapshot of a directory lacks, or everything."""
    raise NotImplementedError
