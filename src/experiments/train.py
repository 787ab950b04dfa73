"""train: a recipe in, a run directory out.

One model a fold, judged beside the yardsticks on the test rows of all folds, which it never saw.
"""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numba
import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from ..data.splits import Fold
from ..data.windows import WindowTensor, build_tensor, check_rows
from ..errors import MarketlabError
from ..models.forecast import Forecast, concatenate
from ..models.forecaster import FitLog, Forecaster
from ..models.yardsticks import standard_yardsticks
from .configs import compose_config
from .evaluate import Evaluation, evaluate
from .predictions import predictions_table
from .progress import RunProgress
from .provenance import code_state, command_line, environment
from .recipe import Recipe
from .report import write_report
from .reported import report_content
from .rundir import new_run_id, open_partial, seal
from .run import Run

if TYPE_CHECKING:
    from ..data.datamodule import MarketDataModule
    from ..data.dataset import LoadedData


def train(overrides: Sequence[str] = (), *, quiet: bool = False) -> Run:
    """Train what the overrides choose, as ``marketlab-train`` does.

    Parameters
    ----------
    overrides : Hydra overrides
        Such as ``["experiment=us_volatility", "model=lightgbm", "seed=1"]``.
    quiet : bool
        Show no progress.

    Raises
    ------
    MarketlabError
        In one line, for anything that the user can mend.
    """
    config, choices = compose_config("train", overrides)
    return train_config(config, choices, overrides, quiet=quiet)


def train_config(
    config: DictConfig,
    choices: Mapping[str, str],
    overrides: Sequence[str] = (),
    *,
    quiet: bool = False,
) -> Run:
    """Train a composed config; see `train`."""
    started = time.perf_counter()
    recipe = Recipe.of(config, choices)
    _set_threads(recipe.threads)
    run_id = new_run_id(recipe.model_name)
    partial = open_partial(recipe.outputs, recipe.name, run_id)
    session = Session(recipe, run_id, partial, list(overrides), quiet)
    try:
        return session.run(started)
    except MarketlabError:
        if not any((partial / "folds").glob("*/model")):
            shutil.rmtree(partial)  # nothing was fitted yet, so nothing is lost
        raise


def _set_threads(threads: int) -> None:
    torch.set_num_threads(threads)
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))


def seed_everything(seed: int) -> None:
    """Seed every generator that a library may draw from."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries draw from the global generator
    torch.manual_seed(seed)


@dataclass
class FoldResult:
    """What one fold's fit leaves for the evaluation."""

    truth: Mapping[str, np.ndarray]
    forecast: Forecast
    yardsticks: dict[str, Forecast]
    history: list[dict[str, float]]
    seconds: float


@dataclass
class Session:
    """One run while it happens."""

    recipe: Recipe
    run_id: str
    partial: Path
    overrides: list[str]
    quiet: bool
    timings: dict[str, float] = field(default_factory=dict)

    def run(self, started: float) -> Run:
        """Load, fit every fold, evaluate, report, seal."""
        recipe = self.recipe
        console = Console(stderr=True, quiet=self.quiet)
        begin = time.perf_counter()
        loaded = recipe.dataset.load(recipe.data)
        console.print(loaded.health.render())
        check_rows(loaded.panel, recipe.features, recipe.targets)
        tensor = build_tensor(
            loaded.panel, recipe.features, recipe.targets, recipe.layout,
            mask=bool(recipe.config.windows.mask),
        )  # fmt: skip
        folds = recipe.split.folds(tensor.times, tensor.first, recipe.targets.purge)
        self.timings["data"] = time.perf_counter() - begin
        (self.partial / "config.yaml").write_text(OmegaConf.to_yaml(recipe.config))
        recipe.tracking.start(
            recipe.name, self.run_id, OmegaConf.to_container(recipe.config), self.partial.parent  # type: ignore[arg-type]
        )
        summary: dict[str, float] = {}
        try:
            results = self._fit_folds(tensor, folds)
            evaluation = self._evaluate(results)
            summary = {
                f"{entry.label.name}/{key}": value
                for entry in evaluation.labels
                for key, value in (("skill", entry.skill), ("low", entry.low), ("high", entry.high))
            }
        finally:
            recipe.tracking.finish(summary)
        return self._write(started, loaded, tensor, folds, results, evaluation)

    def _fit_folds(self, tensor: WindowTensor, folds: list[Fold]) -> list[FoldResult]:
        begin = time.perf_counter()
        rounds = len(folds) + bool(self.recipe.config.refit)
        with RunProgress(rounds, quiet=self.quiet) as progress:
            results = []
            for k, fold in enumerate(folds):
                result = self._fit_fold(tensor, fold, k, progress)
                span = f"{tensor.times[fold.test[0]]:%Y-%m-%d} to {tensor.times[fold.test[-1]]:%Y-%m-%d}"
                progress.fold_done(
                    f"fold {k + 1}/{len(folds)}: tests {span}, fitted in {result.seconds:.1f} s"
                    + (f", {len(result.history)} epochs" if result.history else "")
                )
                results.append(result)
            if self.recipe.config.refit:
                self._fit(tensor, _final_fold(tensor, folds), len(folds), "final", progress)
                progress.fold_done("final: fitted on the newest rows")
        self.timings["fit"] = time.perf_counter() - begin
        return results

    def _fit_fold(
        self, tensor: WindowTensor, fold: Fold, k: int, progress: RunProgress
    ) -> FoldResult:
        begin = time.perf_counter()
        data, model, history = self._fit(tensor, fold, k, f"folds/{k:02d}", progress)
        seconds = time.perf_counter() - begin
        yardsticks = {}
        for name, yardstick in standard_yardsticks().items():
            yardstick.fit(data, self.recipe.new_trainer, FitLog(self.partial))
            yardsticks[name] = yardstick.predict(data.test)
        return FoldResult(data.test.truth(), model.predict(data.test), yardsticks, history, seconds)

    def _fit(
        self, tensor: WindowTensor, fold: Fold, k: int, place: str, progress: RunProgress
    ) -> tuple[MarketDataModule, Forecaster, list[dict[str, float]]]:
        from ..data.datamodule import MarketDataModule

        recipe = self.recipe
        folder = self.partial / place
        (folder / "model").mkdir(parents=True)
        seed_everything(recipe.seed + k)
        data = MarketDataModule(
            tensor, fold, recipe.scaler, int(recipe.config.windows.batch_size), recipe.seed + k
        )
        model = recipe.new_model()
        log = FitLog(folder, progress.step, lambda entry: recipe.tracking.epoch(k, entry))
        model.fit(data, recipe.new_trainer, log)
        model.save(folder / "model")
        data.scalers.save(folder / "scaler.json")
        return data, model, log.history

    def _evaluate(self, results: list[FoldResult]) -> Evaluation:
        begin = time.perf_counter()
        self.truth = {
            name: np.concatenate([result.truth[name] for result in results])
            for name in results[0].truth
        }
        self.forecast = concatenate([result.forecast for result in results])
        self.yardsticks = {
            name: concatenate([result.yardsticks[name] for result in results])
            for name in results[0].yardsticks
        }
        self.fold_of = np.concatenate(
            [np.full(len(result.forecast.times), k) for k, result in enumerate(results)]
        )
        evaluation = evaluate(
            self.recipe.model_name, self.truth, self.forecast, self.yardsticks, self.fold_of,
            self.recipe.split.leaks, self.recipe.seed,
        )  # fmt: skip
        self.timings["evaluate"] = time.perf_counter() - begin
        return evaluation

    def _write(
        self,
        started: float,
        loaded: LoadedData,
        tensor: WindowTensor,
        folds: list[Fold],
        results: list[FoldResult],
        evaluation: Evaluation,
    ) -> Run:
        recipe = self.recipe
        forecasts = {recipe.model_name: self.forecast, **self.yardsticks}
        predictions_table(self.truth, forecasts, self.fold_of).to_parquet(
            self.partial / "predictions.parquet", index=False
        )
        (self.partial / "metrics.json").write_text(json.dumps(evaluation.as_dict(), indent=1))
        state, diff = code_state()
        if diff:
            (self.partial / "code.diff").write_text(diff)
        final = self.partial.with_name(self.run_id)
        self.timings["total"] = time.perf_counter() - started
        manifest = {
            "run": self.run_id,
            "name": recipe.name,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "model": recipe.model_name,
            "leaks": recipe.split.leaks,
            "overrides": self.overrides,
            "seed": recipe.seed,
            "purge": recipe.targets.purge,
            "predict_with": "final" if recipe.config.refit else f"folds/{len(folds) - 1:02d}",
            "data": {
                "snapshot": loaded.snapshot.sha256,
                "rows": len(tensor.times),
                "first": tensor.times[0].isoformat(),
                "last": tensor.times[-1].isoformat(),
                "symbols": list(tensor.symbols),
            },
            "code": state,
            "environment": environment(recipe.threads),
            "seconds": {name: round(value, 3) for name, value in self.timings.items()},
        }
        commands = {
            "Train it again": command_line("marketlab-train", self.overrides),
            "Forecast with it": command_line("marketlab-predict", [f"run={final.as_posix()}"]),
        }
        write_report(
            self.partial / "report.html",
            report_content(
                recipe, manifest, commands, loaded.health, tensor, folds,
                [result.history for result in results], self.truth, forecasts, evaluation,
            ),
        )  # fmt: skip
        return Run(seal(self.partial, manifest), evaluation)


def _final_fold(tensor: WindowTensor, folds: list[Fold]) -> Fold:
    """Train on everything realised but the newest rows, which say when to stop; test nothing."""
    purge = max(label.lookahead for label in tensor.labels)
    valid_from = len(tensor.times) - purge - len(folds[-1].valid)
    return Fold(
        np.arange(tensor.first, valid_from - purge, dtype=np.int64),
        np.arange(valid_from, len(tensor.times), dtype=np.int64),
        np.empty(0, dtype=np.int64),
    )
