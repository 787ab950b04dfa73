"""What watches a Lightning fit: the weights of the best epoch, and the fit's log.

A running Trainer's ``valid_loss`` goes in; the best weights, and one line of history an epoch, come
out. Imported only while fitting.
"""

from __future__ import annotations

import math
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from ..errors import ConfigError
from .forecaster import FitLog
from .lightning_module import NetModule


class BestWeights(Callback):
    """Keep a copy of the net's weights of the epoch with the lowest ``valid_loss``.

    In memory rather than by ``ModelCheckpoint``: its files are pickles, and these nets are small.
    """

    def __init__(self) -> None:
        self.loss = math.inf
        self.weights: dict[str, Tensor] = {}

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Copy the weights if they are the best so far."""
        loss = float(trainer.callback_metrics["valid_loss"])
        if not trainer.sanity_checking and loss < self.loss:
            assert isinstance(pl_module, NetModule)
            state = pl_module.net.state_dict()
            self.loss = loss
            self.weights = {name: value.detach().cpu().clone() for name, value in state.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the best epoch's loss and weights, for a checkpoint."""
        return {"loss": self.loss, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.loss, self.weights = float(state_dict["loss"]), dict(state_dict["weights"])


class Narrator(Callback):
    """Tell the FitLog about each epoch."""

    def __init__(self, log: FitLog) -> None:
        self.log_ = log

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Append to the history and report progress."""
        assert isinstance(pl_module, NetModule)
        epoch = trainer.current_epoch + 1
        epochs = max(trainer.max_epochs or 0, epoch)  # -1 is without end
        if "valid_loss" not in trainer.callback_metrics:
            raise ConfigError(
                f"epoch {epoch} ended without a validation, by which weights are picked: set "
                "trainer.check_val_every_n_epoch=1, or allow more trainer.max_steps or max_time"
            )
        train, valid = pl_module.epoch_loss("train"), float(trainer.callback_metrics["valid_loss"])
        self.log_.record({"epoch": epoch, "train_loss": train, "valid_loss": valid})
        text = f"epoch {epoch}/{epochs}  train {train:.4f}  valid {valid:.4f}"
        self.log_.progress(text, epoch, epochs)
