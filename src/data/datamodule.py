"""MarketDataModule: one fold of the windows, as Lightning and every other model read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytorch_lightning as pl

from ..errors import DataError
from .scaling import Scaler
from .splits import Fold
from .tensor import WindowTensor
from .windows import Batch, Windows


class BatchLoader:
    """All batches of some windows, again each epoch; a shuffled one in an order of its own.

    Its length is known, so Lightning does not read ahead into a buffer that is still in use.
    """

    def __init__(self, windows: Windows, module: MarketDataModule, *, shuffle: bool) -> None:
        self.windows, self.module, self.shuffle = windows, module, shuffle

    def __len__(self) -> int:
        return -(-len(self.windows) // self.module.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        trainer = self.module.trainer
        return self.windows.batches(
            self.module.batch_size,
            shuffle=self.shuffle,
            seed=self.module.seed,
            epoch=0 if trainer is None else trainer.current_epoch,
            device="cpu" if trainer is None else str(trainer.strategy.root_device),
        )


class MarketDataModule(pl.LightningDataModule):
    """The train, validation and test windows of one fold, scaled by what its train rows say.

    Parameters
    ----------
    tensor : WindowTensor
        Shared by all folds.
    fold : Fold
        Without test rows where a model is only fitted, to forecast what is not realised yet.
    scaler : Scaler
        Fitted here, on the fold's train rows.
    batch_size : int
    seed : int
        Orders the train batches.

    Raises
    ------
    DataError
        If a part of the fold has no realised label.
    """

    def __init__(
        self, tensor: WindowTensor, fold: Fold, scaler: Scaler, batch_size: int = 256, seed: int = 0
    ) -> None:
        super().__init__()
        self.batch_size, self.seed = batch_size, seed
        self.scalers = tensor.fit_scalers(fold.train, scaler)
        self.train = Windows(tensor, fold.train, self.scalers)
        self.valid = Windows(tensor, fold.valid, self.scalers)
        self.test = Windows(tensor, fold.test, self.scalers)
        for name in ("train", "valid", "test") if len(fold.test) else ("train", "valid"):
            if not len(getattr(self, name)):
                raise DataError(
                    f"the {name} part has no realised label: use a longer split.{name} or more data"
                )

    def train_dataloader(self) -> BatchLoader:
        """Shuffled batches of the train part."""
        return BatchLoader(self.train, self, shuffle=True)

    def val_dataloader(self) -> BatchLoader:
        """Batches of the validation part, in order."""
        return BatchLoader(self.valid, self, shuffle=False)
