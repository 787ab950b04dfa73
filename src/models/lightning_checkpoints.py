"""Checkpoints of a Lightning fit: a running Trainer in; a file to go on from out, and no pickle.

What goes on ends at the same bits as what was not stopped. Imported only while fitting.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import CheckpointIO
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import CSVLogger

from ..errors import RunError
from .checkpoint import read_checkpoint, write_checkpoint
from .forecaster import FitLog

log = logging.getLogger(__name__)

SECONDS = 10.0
"""An epoch is written down if the last writing is so long ago, so that small nets lose nothing."""
SHARE = 0.02
"""Writing takes at most this share of the time, however large the net is."""


class PlainCheckpointIO(CheckpointIO):
    """Write Lightning's checkpoints as `write_checkpoint` does, whoever asks for one."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a checkpoint."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_checkpoint(Path(path), checkpoint)

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read one; its tensors are on the CPU, from where Lightning takes them to its device."""
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete one."""
        Path(path).unlink(missing_ok=True)


class EpochCheckpoints(Callback):
    """Write the state between two epochs, now and then, and put back what Lightning forgets.

    The state is taken when an epoch begins: only then have schedules, early stopping and logs seen
    the whole epoch before. Beside Lightning's own state it holds the fit's history, its log, and
    the generator from which dropout draws.

    Parameters
    ----------
    path : Path
    log : FitLog
    """

    def __init__(self, path: Path, log: FitLog) -> None:
        self.path = path
        self.began = False
        self._log = log
        self._wait = SECONDS
        self._last = time.monotonic()
        self._cuda: torch.device | None = None
        self._restored: Mapping[str, Any] = {}

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the epochs so far; or, just resumed, go on from where generator and log stood."""
        self._cuda = pl_module.device if pl_module.device.type == "cuda" else None
        if self._restored:
            self._restore(trainer)
        elif trainer.current_epoch and time.monotonic() - self._last >= self._wait:
            self._write(trainer)
        self.began = True

    def _restore(self, trainer: Trainer) -> None:
        torch.set_rng_state(self._restored["random"])
        if self._restored["cuda"] is not None and self._cuda is not None:
            torch.cuda.set_rng_state(self._restored["cuda"], self._cuda)
        for logger in trainer.loggers:
            if isinstance(logger, CSVLogger) and (text := self._restored["metrics"]):
                Path(logger.experiment.metrics_file_path).write_bytes(text.encode())
                logger.experiment.metrics_keys = text.splitlines()[0].split(",")
        self._restored = {}

    def _write(self, trainer: Trainer) -> None:
        started = time.monotonic()
        for logger in trainer.loggers:
            logger.save()
        try:
            trainer.save_checkpoint(self.path, weights_only=False)
            self._last = time.monotonic()
            self._wait = max(SECONDS, (self._last - started) / SHARE)
        except (RunError, OSError) as error:
            self._wait = float("inf")
            log.warning("no more checkpoints of this fit: %s", error)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Say that no epoch has begun, since nothing was done in it."""
        for counts in checkpoint["loops"]["fit_loop"]["epoch_progress"].values():
            counts["ready"] = counts["started"]

    def state_dict(self) -> dict[str, Any]:
        """Return the history, the log and the generators' states."""
        metrics = self._log.directory / "metrics.csv"
        return {
            "history": self._log.history,
            "metrics": metrics.read_bytes().decode() if metrics.is_file() else None,
            "random": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(self._cuda) if self._cuda else None,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep what `state_dict` returned until the first epoch begins."""
        self._log.history[:] = [dict(entry) for entry in state_dict["history"]]
        self._restored = state_dict
