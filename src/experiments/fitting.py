"""Fitting: a tensor and its folds in; saved models and forecasts of the test rows out.

A fold that an earlier attempt at the run finished is loaded and not fitted again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from ..data.splits import Fold
from ..errors import RunError
from ..models.forecast import Forecast, concatenate
from ..models.forecaster import FitLog, Forecaster
from ..models.yardsticks import standard_yardsticks
from .fold_record import CHECKPOINT, History, clear, read_record, write_record
from .progress import RunProgress
from .recipe import Recipe

if TYPE_CHECKING:
    from ..data.datamodule import MarketDataModule
    from ..data.tensor import WindowTensor


@dataclass(frozen=True)
class TestForecasts:
    """What was forecast for the test rows of all folds, in their order.

    Attributes
    ----------
    truth : label name -> (S,)
    model : Forecast of S samples
    yardsticks : name -> Forecast of the same samples
    folds : (S,) number of the fold of each sample
    """

    truth: Mapping[str, npt.NDArray[np.float64]]
    model: Forecast
    yardsticks: Mapping[str, Forecast]
    folds: npt.NDArray[np.int64]

    @staticmethod
    def joined(parts: Sequence[TestForecasts]) -> TestForecasts:
        """Put the folds one after the other."""
        first = parts[0]
        return TestForecasts(
            {name: np.concatenate([part.truth[name] for part in parts]) for name in first.truth},
            concatenate([part.model for part in parts]),
            {
                name: concatenate([part.yardsticks[name] for part in parts])
                for name in first.yardsticks
            },
            np.concatenate([part.folds for part in parts]),
        )


def fit_folds(
    recipe: Recipe, tensor: WindowTensor, folds: Sequence[Fold], directory: Path, *, quiet: bool
) -> tuple[TestForecasts, list[History]]:
    """Fit a new model on every fold, save it below `directory`, and forecast the fold's test rows.

    Returns
    -------
    forecasts, histories
        One history a fold.
    """
    parts, histories = [], []
    refit = bool(recipe.config.refit)
    with RunProgress(len(folds) + refit, quiet=quiet) as progress:
        for k, fold in enumerate(folds):
            fitted = _fitted(recipe, tensor, fold, k, directory / f"folds/{k:02d}", progress)
            parts.append(_forecast(recipe, fitted.data, fitted.model, k, directory))
            histories.append(fitted.history)
            first, last = tensor.times[fold.test[0]], tensor.times[fold.test[-1]]
            progress.fold_done(
                f"fold {k + 1}/{len(folds)}: tests {first:%Y-%m-%d} to {last:%Y-%m-%d}, "
                f"{fitted.told}"
            )
        if refit:
            final = newest_fold(tensor, folds, rolls=recipe.split.rolls)
            fitted = _fitted(recipe, tensor, final, len(folds), directory / "final", progress)
            progress.fold_done(f"final: on the newest rows, for predict, {fitted.told}")
    return TestForecasts.joined(parts), histories


@dataclass(frozen=True)
class _Fitted:
    """One fold's data and model; `told` is how it came to be."""

    data: MarketDataModule
    model: Forecaster
    history: History
    told: str


def _fitted(
    recipe: Recipe,
    tensor: WindowTensor,
    fold: Fold,
    k: int,
    folder: Path,
    progress: RunProgress,
) -> _Fitted:
    """Fit a fold, or load what an earlier attempt fitted."""
    from ..data.datamodule import MarketDataModule  # imports Lightning, which takes a second

    seed = recipe.seed + k
    data = MarketDataModule(
        tensor, fold, recipe.scaler, int(recipe.config.windows.batch_size), seed
    )
    history = read_record(folder)
    if history is not None:
        model = recipe.new_model()
        try:
            model.load(folder / "model")
        except (RunError, LookupError, TypeError, ValueError, AttributeError, RuntimeError):
            pass  # its files are as they were saved, but by another recipe: fit it
        else:
            return _Fitted(data, model, history, "fitted before")
    started = time.perf_counter()
    clear(folder)
    seed_everything(seed)
    model = recipe.new_model()
    log = FitLog(
        folder,
        progress.step,
        lambda entry: recipe.tracking.epoch(k, entry),
        checkpoint=folder / CHECKPOINT,
    )
    model.fit(data, recipe.new_trainer, log)
    model.save(folder / "model")
    data.scalers.save(folder / "scaler.json")
    write_record(folder, log.history)
    epochs = f", {len(log.history)} epochs" if log.history else ""
    seconds = time.perf_counter() - started
    return _Fitted(data, model, log.history, f"fitted in {seconds:.1f} s{epochs}")


def _forecast(
    recipe: Recipe, data: MarketDataModule, model: Forecaster, k: int, directory: Path
) -> TestForecasts:
    yardsticks = {}
    for name, yardstick in standard_yardsticks().items():
        yardstick.fit(data, recipe.new_trainer, FitLog(directory))
        yardsticks[name] = yardstick.predict(data.test)
    forecast = model.predict(data.test)
    return TestForecasts(
        data.test.truth(), forecast, yardsticks, np.full(len(forecast.times), k, dtype=np.int64)
    )


def newest_fold(tensor: WindowTensor, folds: Sequence[Fold], *, rolls: bool = False) -> Fold:
    """Train on everything realised but the newest rows, which say when to stop; test nothing.

    Where the folds roll, only as many rows train as in the last of them.
    """
    purge = max(label.lookahead for label in tensor.labels)
    valid = len(tensor.times) - purge - len(folds[-1].valid)
    stop = valid - purge
    start = max(tensor.first, stop - len(folds[-1].train)) if rolls else tensor.first
    return Fold(
        np.arange(start, stop, dtype=np.int64),
        np.arange(valid, len(tensor.times), dtype=np.int64),
        np.empty(0, dtype=np.int64),
    )


def seed_everything(seed: int) -> None:
    """Seed every generator that a library may draw from."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries draw from the global generator
    torch.manual_seed(seed)
