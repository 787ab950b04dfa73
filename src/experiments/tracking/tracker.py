"""Tracker: what a run tells, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


class Tracker(Protocol):
    """Hears of one run at a time; all calls come from one thread, in this order.

    It may raise whatever it likes, and take its time: see `Guarded`.
    """

    def start(self, name: str, run_id: str, config: Mapping[str, Any], folder: Path) -> None:
        """Hear that a run begins, or that a stopped one of the same `run_id` goes on.

        Parameters
        ----------
        name : str
            The experiment.
        run_id : str
        config : mapping
            The resolved recipe.
        folder : Path
            Where the runs of the experiment are; a tracker's own files belong beside them.
        """

    def epoch(self, fold: int, entry: Mapping[str, float]) -> None:
        """Hear how an epoch of a fold went: ``epoch``, ``train_loss`` and ``valid_loss``."""

    def finish(self, summary: Mapping[str, float], run: Path | None) -> None:
        """Hear the figures of all folds, and where the run directory is.

        An empty summary and no directory mean that the run failed.
        """
