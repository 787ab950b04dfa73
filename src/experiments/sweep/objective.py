"""One trial: a recipe and its data in; what its validation part says of it out.

Test rows are taken off every fold before a model is fitted: a search has nothing to forecast them
with, and could not look at them by mistake.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import MarketlabError
from ...models.forecaster import FitLog
from ..fitting import seed_everything
from .validation import label_scale, validation_loss

if TYPE_CHECKING:
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


def run_objective(recipe: Recipe, prepared: Prepared, reporter: Reporter) -> Result:
    """Fit every fold as a run would, and judge the models on validation.

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
        for k, fold in enumerate(prepared.folds):
            seed = recipe.seed + k
            seed_everything(seed)
            data = MarketDataModule(
                prepared.tensor,
                replace(fold, test=np.empty(0, dtype=np.int64)),
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
