"""Tracking: who else is told how a run goes. The run directory holds everything in any case."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from ..errors import ConfigError

Mode = Literal["online", "offline"]


class Tracking(Protocol):
    """What every tracker offers; all calls come from one thread, in this order."""

    def start(self, name: str, run_id: str, config: Mapping[str, Any], folder: Path) -> None:
        """Hear that a run begins; `folder` is where its experiment's runs are."""

    def epoch(self, fold: int, entry: Mapping[str, float]) -> None:
        """Hear how an epoch of a fold went."""

    def finish(self, summary: Mapping[str, float]) -> None:
        """Hear the figures of all folds; an empty summary means that the run failed."""


class NoTracking:
    """Tell nobody."""

    def start(self, name: str, run_id: str, config: Mapping[str, Any], folder: Path) -> None:
        """Do nothing."""

    def epoch(self, fold: int, entry: Mapping[str, float]) -> None:
        """Do nothing."""

    def finish(self, summary: Mapping[str, float]) -> None:
        """Do nothing."""


class WandbTracking:
    """Weights & Biases.

    Parameters
    ----------
    project : str
    mode : {"online", "offline", None}
        None: online if WANDB_API_KEY is set, else offline (``wandb sync`` sends it later).

    Raises
    ------
    ConfigError
        If wandb is not installed.
    """

    def __init__(self, project: str = "marketlab", mode: Mode | None = None) -> None:
        try:
            import wandb
        except ImportError as error:
            raise ConfigError(
                "tracking=wandb needs Weights & Biases: pip install 'marketlab[wandb]'"
            ) from error
        if mode not in ("online", "offline", None):
            raise ConfigError(f"tracking.mode={mode!r} must be online, offline or null")
        self._wandb = wandb
        self._project = project
        fallback: Mode = "online" if os.environ.get("WANDB_API_KEY") else "offline"
        self._mode = mode or fallback
        self._run: Any = None

    def start(self, name: str, run_id: str, config: Mapping[str, Any], folder: Path) -> None:
        """Open a W&B run named as ours; its files go to ``<folder>/wandb``."""
        self._run = self._wandb.init(
            project=self._project,
            name=run_id,
            group=name,
            config=dict(config),
            dir=str(folder),
            mode=self._mode,
            settings=self._wandb.Settings(silent=True, console="off"),
        )

    def epoch(self, fold: int, entry: Mapping[str, float]) -> None:
        """Log the fold's losses under its own name."""
        self._run.log({f"fold_{fold:02d}/{key}": value for key, value in entry.items()})

    def finish(self, summary: Mapping[str, float]) -> None:
        """Write the summary and close the run."""
        self._run.summary.update(dict(summary))
        self._run.finish(exit_code=0 if summary else 1)
