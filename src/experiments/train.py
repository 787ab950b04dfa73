"""train: a recipe in, a run directory out.

One model a fold, judged beside the yardsticks on the test rows of all folds, which it never saw.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numba
import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from ..data.tensor import build_tensor, check_rows
from ..errors import MarketlabError
from .configs import compose_config
from .evaluate import Evaluation, evaluate
from .fitting import fit_folds
from .predictions import predictions_table
from .provenance import code_state, command_line, environment
from .recipe import Recipe
from .report import write_report
from .reported import report_content
from .run import Run
from .rundir import new_run_id, open_partial, seal


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
    recipe = Recipe.of(config, choices)
    torch.set_num_threads(recipe.threads)
    numba.set_num_threads(min(recipe.threads, numba.config.NUMBA_NUM_THREADS))
    run_id = new_run_id(recipe.model_name)
    partial = open_partial(recipe.outputs, recipe.name, run_id)
    try:
        return _run(recipe, run_id, partial, list(overrides), quiet=quiet)
    except MarketlabError:
        if not any(partial.glob("folds/*/scaler.json")):
            shutil.rmtree(partial)  # nothing was fitted yet, so nothing is lost
        raise


def _run(recipe: Recipe, run_id: str, partial: Path, overrides: list[str], *, quiet: bool) -> Run:
    clock = _Clock()
    console = Console(stderr=True, quiet=quiet)
    loaded = recipe.dataset.load(recipe.data)
    console.print(loaded.health.render())
    check_rows(loaded.panel, recipe.features, recipe.targets)
    mask = bool(recipe.config.windows.mask)
    tensor = build_tensor(loaded.panel, recipe.features, recipe.targets, recipe.layout, mask=mask)
    folds = recipe.split.folds(tensor.times, tensor.first, recipe.targets.purge)
    clock.lap("data")

    (partial / "config.yaml").write_text(OmegaConf.to_yaml(recipe.config), encoding="utf-8")
    recipe.tracking.start(recipe.name, run_id, recipe.plain(), partial.parent)
    summary: dict[str, float] = {}
    try:
        tested, histories = fit_folds(recipe, tensor, folds, partial, quiet=quiet)
        clock.lap("fit")
        evaluation = evaluate(
            recipe.model_name, tested.truth, tested.model, tested.yardsticks, tested.folds,
            recipe.split.leaks, recipe.seed,
        )  # fmt: skip
        clock.lap("evaluate")
        summary = _summary(evaluation)
    finally:
        recipe.tracking.finish(summary)

    # The evaluation tells a yardstick that was chosen as the model from itself.
    model = str(evaluation.labels[0].metrics.index[0])
    forecasts = {model: tested.model, **tested.yardsticks}
    table = predictions_table(tested.truth, forecasts, tested.folds)
    table.to_parquet(partial / "predictions.parquet", index=False)
    (partial / "metrics.json").write_text(json.dumps(evaluation.as_dict(), indent=1))
    code, diff = code_state()
    if diff:
        (partial / "code.diff").write_text(diff, encoding="utf-8")
    clock.lap("tables")
    manifest = {
        "run": run_id,
        "name": recipe.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": recipe.model_name,
        "leaks": recipe.split.leaks,
        "overrides": overrides,
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
        "code": code,
        "environment": environment(recipe.threads),
        "seconds": clock.laps,
    }
    run = partial.with_name(run_id).as_posix()
    commands = {
        "Train it again": command_line("marketlab-train", overrides),
        "Forecast with it": command_line("marketlab-predict", [f"run={run}"]),
    }
    content = report_content(
        recipe, manifest, commands, loaded.health, tensor, folds, histories, tested.truth,
        forecasts, evaluation,
    )  # fmt: skip
    write_report(partial / "report.html", content)
    return Run(seal(partial, manifest), evaluation)


class _Clock:
    """Seconds between laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 3)
        self._last = now


def _summary(evaluation: Evaluation) -> dict[str, Any]:
    return {
        f"{entry.label.name}/{key}": value
        for entry in evaluation.labels
        for key, value in (("skill", entry.skill), ("low", entry.low), ("high", entry.high))
    }
