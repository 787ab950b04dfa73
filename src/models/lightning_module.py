"""The LightningModule of every net: batches of a fold in, a trained net and two losses out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from ..errors import MarketlabError
from .heads import Heads

if TYPE_CHECKING:
    from ..data.windows import Batch


class NetModule(LightningModule):
    """Train a net on its labels' losses; log ``train_loss`` and ``valid_loss`` once an epoch.

    Both are in scaled units and exact: summed over the epoch's cells before they are averaged, so
    that neither batch size nor missing labels shift them. ``train_loss`` is measured during the
    epoch, under dropout.

    Parameters
    ----------
    net : {view: (B, *shape)} -> (B, heads.outputs)
    heads : Heads
    optimizer : parameters -> Optimizer
    scheduler : Optimizer -> learning-rate scheduler, optional
        Stepped once an epoch, on ``valid_loss`` where it asks for a metric.
    """

    def __init__(
        self,
        net: nn.Module,
        heads: Heads,
        optimizer: Callable[..., torch.optim.Optimizer],
        scheduler: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__()
        self.net = net
        self.heads = heads
        self.optimizer = optimizer
        self.scheduler = scheduler
        self._epoch: dict[str, tuple[Tensor, Tensor]] = {}

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the loss of one batch."""
        sums, counts = self.heads.sums(self.net(batch.x), batch.y)
        self._add("train", sums.detach(), counts)
        return self.heads.total(sums, counts)

    def validation_step(self, batch: Batch, index: int) -> None:
        """Add one batch to ``valid_loss``."""
        self._add("valid", *self.heads.sums(self.net(batch.x), batch.y))

    def on_train_epoch_start(self) -> None:
        """Forget the epoch before."""
        self._epoch.pop("train", None)

    def on_validation_epoch_start(self) -> None:
        """Forget the validation before."""
        self._epoch.pop("valid", None)

    def on_train_epoch_end(self) -> None:
        """Log ``train_loss``."""
        self.log("train_loss", self.epoch_loss("train"))

    def on_validation_epoch_end(self) -> None:
        """Log ``valid_loss``, by which training stops, slows down and picks its weights."""
        self.log("valid_loss", self.epoch_loss("valid"))

    def epoch_loss(self, part: str) -> float:
        """Return the loss of "train" or "valid" over this epoch so far.

        Raises
        ------
        MarketlabError
            If it is not finite, after which no further epoch can mend it.
        """
        loss = float(self.heads.total(*self._epoch[part]))
        if not math.isfinite(loss):
            rate = self.trainer.optimizers[0].param_groups[0]["lr"]
            raise MarketlabError(
                f"{type(self.net).__name__}'s {part} loss is {loss} in epoch "
                f"{self.current_epoch + 1}: lower model.optimizer.lr (now {rate:g}), or look for "
                "features without a scale"
            )
        return loss

    def configure_optimizers(self) -> Any:
        """Build the optimizer, and the scheduler if there is one."""
        optimizer = self.optimizer(self.parameters())
        if self.scheduler is None:
            return optimizer
        schedule = {"scheduler": self.scheduler(optimizer), "monitor": "valid_loss"}
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def _add(self, part: str, sums: Tensor, counts: Tensor) -> None:
        if part in self._epoch:
            before, cells = self._epoch[part]
            sums, counts = before + sums, cells + counts
        self._epoch[part] = sums, counts
