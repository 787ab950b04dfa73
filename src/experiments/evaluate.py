"""Evaluation: what a forecast is worth beside the yardsticks, on the same test cells.

In: the truth, the model's and the yardsticks' forecasts of all test samples of all folds.
Out: metrics, and per label a skill over the best yardstick with its interval and verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..data.labels import Label
from ..errors import DataError
from ..models.forecast import Forecast
from .bootstrap import LEAST_TIMES, block_length, skill, skill_interval
from .evaluated import Evaluation, FoldSkill, LabelEvaluation
from .metrics import cell_loss, loss_name, score

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

__all__ = ["Evaluation", "FoldSkill", "LabelEvaluation", "evaluate"]

APPLICABLE = 0.99
"""Share of the cells with a truth that a forecaster must answer to be compared at all."""


def evaluate(
    model: str,
    truth: Mapping[str, Floats],
    forecast: Forecast,
    yardsticks: Mapping[str, Forecast],
    folds: Ints,
    leaks: bool = False,
    seed: int = 0,
    replications: int = 1000,
) -> Evaluation:
    """Set a model's test forecasts beside the yardsticks'.

    Losses are averaged over symbols at each time, and times are resampled by a stationary block
    bootstrap. Every figure is of the same cells: those with a truth that the model and every
    applicable yardstick answered. The best yardstick is chosen on these very cells, to the model's
    disadvantage. Each label's interval is its own 95%; nothing is corrected for their number.

    Parameters
    ----------
    model : str
        Its name in the tables.
    truth : label name -> (S,)
        Realised values in own units or class index, NaN where missing.
    forecast : Forecast of S samples
    yardsticks : name -> Forecast of the same samples, in display order
        NaN where one has no answer; below 99% answered it is not applicable.
    folds : (S,) the fold of each sample
    leaks : bool
        The protocol lets the model see what it should not.
    seed, replications : int
        Of the bootstrap.

    Raises
    ------
    DataError
        If a label has no truth in the test part, or the model leaves over 1% of the truths
        unanswered.
    """
    codes, times = pd.factorize(forecast.times, sort=True)
    symbols, _ = pd.factorize(forecast.symbols)
    cells = _Cells(
        times=pd.DatetimeIndex(times),
        time=np.asarray(codes, dtype=np.int64),
        symbol=np.asarray(symbols, dtype=np.int64),
        fold=np.asarray(folds, dtype=np.int64),
    )
    boot = _Bootstrap(seed, replications)
    entries = []
    for label in forecast.labels:
        answers = {name: other.values[label.name] for name, other in yardsticks.items()}
        entry = _evaluate_label(
            label, model, truth[label.name], forecast.values[label.name], answers, cells, boot
        )
        entries.append(entry)
    return Evaluation(model, tuple(entries), leaks)


@dataclass(frozen=True)
class _Cells:
    """Where the S samples stand: codes into `times`, symbol codes and folds, (S,) each."""

    times: pd.DatetimeIndex
    time: Ints
    symbol: Ints
    fold: Ints

    def __getitem__(self, kept: npt.NDArray[np.bool_]) -> _Cells:
        return _Cells(self.times, self.time[kept], self.symbol[kept], self.fold[kept])

    def by_time(self, losses: Floats) -> Floats:
        """Average (S,) losses over the symbols of each time that has any, in time order."""
        counts = np.bincount(self.time)
        sums = np.bincount(self.time, losses)
        return np.asarray(sums[counts > 0] / counts[counts > 0])


@dataclass(frozen=True)
class _Bootstrap:
    seed: int
    replications: int

    def skill(
        self, mine: Floats, theirs: Floats, lookahead: int
    ) -> tuple[float, float, float, float]:
        """Return skill, low, high and the block length of two loss series (T,)."""
        block = block_length(theirs - mine, lookahead)
        low, high = skill_interval(mine, theirs, block, self.seed, self.replications)
        return skill(mine, theirs), low, high, block


def _evaluate_label(
    label: Label,
    model: str,
    truth: Floats,
    values: Floats,
    answers: Mapping[str, Floats],
    cells: _Cells,
    boot: _Bootstrap,
) -> LabelEvaluation:
    notes: list[str] = []
    kept = _answered(label, model, truth, values, notes)
    applicable = {}
    for name, other in answers.items():
        share = float(np.isfinite(other[kept]).all(1).mean())
        if share >= APPLICABLE:
            applicable[name] = other
        elif share == 0:
            notes.append(f"{name}: not applicable (not finite)")
        else:
            notes.append(f"{name}: not applicable (finite on only {share:.1%} of the cells)")
    before = int(kept.sum())
    for other in applicable.values():
        kept = kept & np.isfinite(other).all(1)
    if not kept.any():
        raise DataError(
            f"no test cell of {label.name} is answered by all yardsticks: lengthen the test part"
        )
    if before > kept.sum():
        notes.append(f"{before - kept.sum()} of {before} cells left out: a yardstick had no answer")

    y, cells = truth[kept], cells[kept]
    mine = cells.by_time(cell_loss(label, y, values[kept]))
    theirs = {
        name: cells.by_time(cell_loss(label, y, other[kept])) for name, other in applicable.items()
    }
    best = min(theirs, key=lambda name: float(theirs[name].mean()), default="")
    over = {name: boot.skill(mine, losses, label.lookahead) for name, losses in theirs.items()}
    nothing = (math.nan, math.nan, math.nan, math.nan)
    if not best:
        notes.append("no yardstick is applicable: no skill can be shown")
    elif theirs[best].mean() == 0:
        notes.append(f"{best} is exact on these cells: no skill can be shown over it")
    if len(mine) < LEAST_TIMES:
        notes.append(f"only {len(mine)} test times: fewer than {LEAST_TIMES} show no skill")
    gain, low, high, block = over.get(best, nothing)
    figures = {
        _row_name(model, answers): _score(label, y, values[kept], cells),
        **{name: _score(label, y, other[kept], cells) for name, other in applicable.items()},
    }
    return LabelEvaluation(
        label=label,
        loss=loss_name(label),
        times=len(mine),
        rows=int(kept.sum()),
        metrics=pd.DataFrame.from_dict(figures, orient="index").reindex(
            [_row_name(model, answers), *answers]
        ),
        best=best,
        skill=gain,
        low=low,
        high=high,
        block=block,
        skills=pd.DataFrame(
            [over.get(name, nothing)[:3] for name in answers],
            index=list(answers),
            columns=["skill", "low", "high"],
        ),
        folds=_by_fold(label, y, values[kept], applicable[best][kept], cells, boot) if best else (),
        notes=tuple(notes),
    )


def _answered(
    label: Label, model: str, truth: Floats, values: Floats, notes: list[str]
) -> npt.NDArray[np.bool_]:
    """Return the (S,) mask of truths that the model answered; say what it left out."""
    asked = np.isfinite(truth)
    if not asked.any():
        raise DataError(f"no test cell has a truth for {label.name}: lengthen the test part")
    kept = asked & np.isfinite(values).all(1)
    missing, total = int(asked.sum() - kept.sum()), int(asked.sum())
    if kept.sum() < APPLICABLE * total:
        raise DataError(
            f"{model} gave no finite forecast of {label.name} on {missing} of {total} test cells "
            "that have a truth: choose another model=, mend its inputs, or leave out by "
            "dataset.exclude= a symbol without train rows"
        )
    if missing:
        notes.append(f"{model} left {missing} of {total} cells unanswered: they count for nobody")
    return kept


def _by_fold(
    label: Label, truth: Floats, values: Floats, other: Floats, cells: _Cells, boot: _Bootstrap
) -> tuple[FoldSkill, ...]:
    found = []
    for fold in np.unique(cells.fold):
        here = cells.fold == fold
        part = cells[here]
        mine = part.by_time(cell_loss(label, truth[here], values[here]))
        theirs = part.by_time(cell_loss(label, truth[here], other[here]))
        gain, low, high, _ = boot.skill(mine, theirs, label.lookahead)
        start, end = part.times[part.time.min()], part.times[part.time.max()]
        found.append(FoldSkill(int(fold), start, end, len(mine), gain, low, high))
    return tuple(found)


def _score(label: Label, truth: Floats, values: Floats, cells: _Cells) -> dict[str, float]:
    # A time that several folds test is one row of the grid in each.
    rows = np.unique(cells.time * (cells.fold.max() + 1) + cells.fold, return_inverse=True)[1]
    return score(label, truth, values, rows.astype(np.int64), cells.symbol)


def _row_name(model: str, yardsticks: Mapping[str, Any]) -> str:
    """Tell a yardstick that is used as the model from itself."""
    return f"{model} (model)" if model in yardsticks else model
