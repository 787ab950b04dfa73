"""Several: trackers by name in; one that tells them all out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .guarded import Guarded
from .tracker import Tracker


class Several:
    """Tell any number of trackers, each in its own guard, or none.

    Parameters
    ----------
    trackers : name -> Tracker
    """

    def __init__(self, trackers: Mapping[str, Tracker]) -> None:
        self._guarded = [Guarded(name, tracker) for name, tracker in trackers.items()]

    def start(self, name: str, run_id: str, config: Mapping[str, Any], folder: Path) -> None:
        """See `Tracker.start`."""
        for tracker in self._guarded:
            tracker.start(name, run_id, config, folder)

    def epoch(self, fold: int, entry: Mapping[str, float]) -> None:
        """See `Tracker.epoch`."""
        for tracker in self._guarded:
            tracker.epoch(fold, entry)

    def finish(self, summary: Mapping[str, float], run: Path | None) -> None:
        """See `Tracker.finish`."""
        for tracker in self._guarded:
            tracker.finish(summary, run)
