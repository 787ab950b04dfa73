"""TensorBoardTracker: epochs and figures in, TensorBoard's event files out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from ...errors import ConfigError


class TensorBoardTracker:
    """TensorBoard: ``tensorboard --logdir outputs/<experiment>/tensorboard``.

    A run has a folder of its own; the losses of a fold are ``fold_NN/...`` by epoch.

    Raises
    ------
    ConfigError
        If tensorboard is not installed.
    """

    def __init__(self) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError(
                "tracking=tensorboard needs TensorBoard: pip install 'marketlab[tensorboard]'"
            ) from error
        self._open = SummaryWriter
        self._writer: Any = None

    def start(self, name: str, run_id: str, config: Mapping[str, Any], folder: Path) -> None:
        """Open ``<folder>/tensorboard/<run id>`` and show the recipe there."""
        self._writer = self._open(str(folder / "tensorboard" / run_id))
        text = OmegaConf.to_yaml(OmegaConf.create(dict(config)))
        self._writer.add_text("recipe", "".join(f"    {line}\n" for line in text.splitlines()))
        self._writer.flush()

    def epoch(self, fold: int, entry: Mapping[str, float]) -> None:
        """Write the fold's losses under its own name."""
        for key, value in entry.items():
            if key != "epoch":
                self._writer.add_scalar(f"fold_{fold:02d}/{key}", value, int(entry["epoch"]))
        self._writer.flush()

    def finish(self, summary: Mapping[str, float], run: Path | None) -> None:
        """Write the figures and close the files."""
        for key, value in summary.items():
            self._writer.add_scalar(key, value)
        self._writer.close()
