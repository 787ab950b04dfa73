"""One trial: a recipe and its data in; what its validation part says of it out.

A search sees no test row. The folds that it fits are those whose train and validation rows lie
before the first test row of all folds: of a walk-forward the first one, since the later ones train
on rows that the earlier ones test. Their own test rows are taken off before a model is fitted.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import MarketlabError
from ...models.forecaster import FitLog
from ..fitting import seed_everything
from .validation import label_scale, validation_loss

if TYPE_CHECKING:
    from ...data.splits import Fold
    from ..prepared import Prepared
    from ..recipe import Recipe
    from .pruning import Reporter


@dataclass(frozen=True)
class Result:
    """What a trial found.

    Attributes
    ----------
    valid_loss : float
        Mean over the folds, in units of the labels' deviation on the train rows.
    error : float
        Its standard error.
    seconds : float
        In the models' `fit`.
    size : int
        Bytes of the saved models.
    folds : validation loss of each fold
    """

    valid_loss: float
    error: float
    seconds: float
    size: int
    folds: tuple[float, ...]

    def value(self, metric: str) -> float:
        """Return one of `settings.METRICS`."""
        return float(getattr(self, metric))

    def attributes(self) -> Mapping[str, Any]:
        """Return what the study keeps beside the values."""
        return {**asdict(self), "folds": list(self.folds)}


def unseen_folds(folds: Sequence[Fold]) -> list[Fold]:
    """Return the folds that know nothing of any test row, without their test rows.

    Where the parts are shuffled, as only a protocol that leaks does, there is none; it is the first
    fold then, without its own test rows.
    """
    first = min(int(fold.test.min()) for fold in folds)
    unseen = [fold for fold in folds if max(fold.train.max(), fold.valid.max()) < first]
    return [replace(f, test=np.empty(0, dtype=np.int64)) for f in unseen or folds[:1]]


def _folds(recipe: Recipe, prepared: Prepared, *, same_parts: bool) -> list[Fold]:
    if same_parts:
        return unseen_folds(prepared.folds)
    tensor = prepared.tensor
    folds = unseen_folds(recipe.split.folds(tensor.times, 0, recipe.targets.purge))
    if any(tensor.first > fold.valid.min() for fold in folds):
        raise MarketlabError(
            f"features and windows take {tensor.first} rows to warm up, which reach into the "
            "validation part: search shorter ones, or use a longer split.train"
        )
    return [replace(fold, train=fold.train[fold.train >= tensor.first]) for fold in folds]


def run_objective(
    recipe: Recipe, prepared: Prepared, reporter: Reporter, *, same_parts: bool = True
) -> Result:
    """Fit what `unseen_folds` gives as a run would, and judge the models on validation.

    Parameters
    ----------
    recipe : Recipe
    prepared : Prepared
    reporter : Reporter
    same_parts : bool
        All trials have the same folds. Where features are searched, their lookbacks would move
        the parts: the folds are then those of no lookback at all, so that all trials are judged
        on the same rows, none of which a recipe of the search can test.

    Raises
    ------
    MarketlabError
        What the model refuses, or a loss that is not finite.
    optuna.TrialPruned, OutOfTime
        From the reporter.
    """
    from ...data.datamodule import MarketDataModule  # imports Lightning, which takes a second

    losses, errors, seconds, size = [], [], 0.0, 0
    with tempfile.TemporaryDirectory(prefix="marketlab-trial-") as scratch:
        for k, fold in enumerate(_folds(recipe, prepared, same_parts=same_parts)):
            seed = recipe.seed + k
            seed_everything(seed)
            data = MarketDataModule(
                prepared.tensor,
                fold,
                recipe.scaler,
                int(recipe.config.windows.batch_size),
                seed,
            )
            model = recipe.new_model()
            folder = Path(scratch, f"{k:02d}")
            saved = folder / "model"
            saved.mkdir(parents=True)
            started = time.perf_counter()
            model.fit(data, recipe.new_trainer, FitLog(folder, validated=reporter.fold()))
            seconds += time.perf_counter() - started
            model.save(saved)
            size += sum(path.stat().st_size for path in saved.iterdir())
            loss, error = validation_loss(
                data.valid,
                model.predict(data.valid),
                label_scale(prepared.tensor, fold.train),
            )
            if not math.isfinite(loss):
                raise MarketlabError(f"valid_loss of fold {k + 1} is {loss}")
            reporter.fold_done(loss)
            losses.append(loss)
            errors.append(error)
    mean = sum(losses) / len(losses)
    spread = math.sqrt(sum(error**2 for error in errors)) / len(errors)
    return Result(mean, spread, seconds, size, tuple(losses))
