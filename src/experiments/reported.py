"""From a run to what its report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from omegaconf import OmegaConf

from .report import FoldSpan, LabelPredictions, ReportContent

if TYPE_CHECKING:
    from ..data.health.table import Health
    from ..data.splits import Fold
    from ..data.tensor import WindowTensor
    from ..models.forecast import Forecast
    from .evaluate import Evaluation
    from .ledger import Opened
    from .recipe import Recipe


def report_content(
    recipe: Recipe,
    manifest: Mapping[str, Any],
    commands: Mapping[str, str],
    health: Health,
    tensor: WindowTensor,
    folds: Sequence[Fold],
    histories: Sequence[Sequence[Mapping[str, float]]],
    truth: Mapping[str, npt.NDArray[np.float64]],
    forecasts: Mapping[str, Forecast],
    evaluation: Evaluation,
    opened: Opened | None = None,
) -> ReportContent:
    """Gather what the report shows; `forecasts` holds the model first, then the yardsticks."""
    model = next(iter(forecasts.values()))
    predictions = {}
    for entry in evaluation.labels:
        name = entry.label.name
        values = model.values[name]
        best = forecasts[entry.best].values[name] if entry.best else np.full_like(values, np.nan)
        predictions[name] = LabelPredictions(model.times, model.symbols, truth[name], values, best)
    environment = manifest["environment"]
    return ReportContent(
        name=recipe.name,
        run=manifest["run"],
        created=pd.Timestamp(manifest["created"]),
        choices=recipe.choices,
        evaluation=evaluation,
        predictions=predictions,
        folds=[FoldSpan.of(tensor.times, fold.train, fold.valid, fold.test) for fold in folds],
        histories=histories,
        health=health.table,
        health_notes=health.notes,
        features=tuple(recipe.features.facts.values()),
        purge=0 if recipe.split.leaks else recipe.targets.purge,
        manifest={
            "snapshot (SHA-256)": manifest["data"]["snapshot"],
            "code revision": manifest["code"]["revision"] or "not a git checkout",
            "uncommitted changes": "yes, in code.diff" if manifest["code"]["dirty"] else "none",
            "seed": recipe.seed,
            "threads": recipe.threads,
            "processor": f"{environment['cpu']} ({environment['cpu_features']})",
            "seconds": manifest["seconds"],
            "versions": {"python": environment["python"], **environment["versions"]},
        },
        config=OmegaConf.to_yaml(recipe.config),
        commands=commands,
        opened=opened,
    )
