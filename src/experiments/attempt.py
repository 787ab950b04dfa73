"""An attempt at a run: a recipe and its partial folder in; the sealed run directory out.

The first attempt begins the run. A later one, of a run that was stopped, goes on where it stands.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from rich.console import Console

from .evaluate import Evaluation, evaluate
from .fitting import fit_folds
from .ledger import Opening, record_opening, trials_of
from .predictions import predictions_table
from .prepared import Prepared, prepare
from .provenance import code_state, command_line, environment
from .recipe import Recipe
from .report import write_report
from .reported import report_content
from .run import Run
from .rundir import PARTIAL, claimed, seal
from .start import START, Start

if TYPE_CHECKING:
    from filelock import FileLock

CONFIG = "config.yaml"


def attempt(recipe: Recipe, start: Start, partial: Path, *, quiet: bool) -> Run:
    """Fit what is not fitted yet, evaluate everything and seal the run directory.

    Parameters
    ----------
    recipe : Recipe
    start : Start
        Of this run; where it names a snapshot, that one is read.
    partial : Path
        What `open_partial` made, or an earlier attempt left.
    quiet : bool
        Show no progress.

    Raises
    ------
    MarketlabError
        In one line. The partial folder stays as it is.
    """
    try:
        with claimed(partial) as lock:
            run = _attempt(recipe, start, partial, lock, Console(stderr=True, quiet=quiet))
    except BaseException:
        recipe.tracking.finish({}, None)
        raise
    assert run.evaluation is not None
    recipe.tracking.finish(_summary(run.evaluation), run.path)
    return run


def _attempt(recipe: Recipe, start: Start, partial: Path, lock: FileLock, console: Console) -> Run:
    clock = _Clock()
    prepared = prepare(recipe, snapshot=start.snapshot)
    loaded, tensor, folds = prepared.loaded, prepared.tensor, prepared.folds
    console.print(loaded.health.render())
    clock.lap("data")

    start = _noted(recipe, start, prepared, partial, console)
    recipe.tracking.start(recipe.name, start.run, recipe.plain(), partial.parent)
    tested, histories = fit_folds(recipe, tensor, folds, partial, quiet=console.quiet)
    clock.lap("fit")
    times = tested.model.times
    opening = Opening(
        run=start.run,
        name=recipe.name,
        model=recipe.model_name,
        dataset=recipe.dataset.name,
        snapshot=loaded.snapshot.sha256,
        labels={label.name: label.expression for label in tested.model.labels},
        first=times.min().isoformat(),
        last=times.max().isoformat(),
        created=start.created,
        trials=trials_of(start.extra),
        parent=(start.extra.get("parent") or {}).get("run"),
    )
    opened = record_opening(recipe.outputs, opening)
    evaluation = evaluate(
        recipe.model_name, tested.truth, tested.model, tested.yardsticks, tested.folds,
        recipe.split.leaks, recipe.seed,
    )  # fmt: skip
    clock.lap("evaluate")

    # The evaluation tells a yardstick that was chosen as the model from itself.
    model = str(evaluation.labels[0].metrics.index[0])
    forecasts = {model: tested.model, **tested.yardsticks}
    table = predictions_table(tested.truth, forecasts, tested.folds)
    table.to_parquet(partial / "predictions.parquet", index=False)
    (partial / "metrics.json").write_text(json.dumps(evaluation.as_dict(), indent=1))
    clock.lap("tables")
    manifest = _manifest(recipe, start, prepared, clock.laps)
    if opened is not None:
        manifest["ledger"] = opened.as_dict()
    content = report_content(
        recipe, manifest, _commands(partial), loaded.health, tensor, folds, histories,
        tested.truth, forecasts, evaluation, opened,
    )  # fmt: skip
    write_report(partial / "report.html", content)
    return Run(seal(partial, manifest, lock), evaluation)


def _noted(
    recipe: Recipe, start: Start, prepared: Prepared, partial: Path, console: Console
) -> Start:
    """Write down how this attempt begins; say what is not as it was in the one before."""
    code, diff = code_state()
    around = environment(recipe.threads)
    if (partial / START).is_file():
        start = start.going_on(code, around)
        for difference in start.resumed[-1]["differs"]:
            console.print(f"warning: {difference}: other bits may come out", style="yellow")
    else:
        (partial / CONFIG).write_text(OmegaConf.to_yaml(recipe.config), encoding="utf-8")
        if diff:
            (partial / "code.diff").write_text(diff, encoding="utf-8")
        sha = prepared.loaded.snapshot.sha256
        start = replace(start, snapshot=sha, code=code, environment=around)
    start.write(partial)
    return start


def _manifest(
    recipe: Recipe, start: Start, prepared: Prepared, laps: Mapping[str, float]
) -> dict[str, Any]:
    tensor = prepared.tensor
    manifest = {
        "run": start.run,
        "name": recipe.name,
        "created": start.created,
        "model": recipe.model_name,
        "leaks": recipe.split.leaks,
        "overrides": list(start.overrides),
        "seed": recipe.seed,
        "purge": recipe.targets.purge,
        "predict_with": (
            "final" if recipe.config.refit else f"folds/{len(prepared.folds) - 1:02d}"
        ),
        "data": {
            "snapshot": prepared.loaded.snapshot.sha256,
            "rows": len(tensor.times),
            "first": tensor.times[0].isoformat(),
            "last": tensor.times[-1].isoformat(),
            "symbols": list(tensor.symbols),
        },
        "code": dict(start.code),
        "environment": dict(start.environment),
        "seconds": dict(laps),
    }
    if start.resumed:
        manifest["resumed"] = list(start.resumed)
    # Whatever is given from outside may add entries, and not change those above.
    return {**start.extra, **manifest}


def _commands(partial: Path) -> dict[str, str]:
    run = partial.with_name(partial.name.removeprefix(PARTIAL)).as_posix()
    return {
        "Train it again": command_line("marketlab-train", [f"rerun={run}"]),
        "Forecast with it": command_line("marketlab-predict", [f"run={run}"]),
    }


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
