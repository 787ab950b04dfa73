"""Comparison: runs in; their standing on the test cells that all of them answered, out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.labels import Label
from ...errors import ConfigError
from ..bootstrap import block_length, skill, skill_interval
from ..metrics import loss_name, score
from .common import agreed_cells, common_cells, common_label, common_yardsticks
from .diebold_mariano import diebold_mariano
from .entries import read_entries
from .metric import SKILL, Metric, find_metric, metric_interval
from .remarks import differing_keys, remarks

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Standing:
    """One run among the others, on their common cells.

    Attributes
    ----------
    run : str
        Its id.
    path : Path
    name, model : str
    value, low, high : float
        The metric that ranks, and its 95% interval.
    skill, skill_low, skill_high : float
        Over the comparison's reference.
    statistic, p : float
        Diebold-Mariano against the best: positive where this run loses more. NaN for the best.
    cells : int
        Cells that the run answered, common or not.
    leaks : bool
    trials : int
        From how many it was chosen.
    """

    run: str
    path: Path
    name: str
    model: str
    value: float
    low: float
    high: float
    skill: float
    skill_low: float
    skill_high: float
    statistic: float
    p: float
    cells: int
    leaks: bool
    trials: int


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Attributes
    ----------
    label : Label
        What all of them forecast.
    metric : Metric
    reference : str
        The yardstick that lost least on the common cells, over which skill is measured; empty
        where none is applicable.
    standings : best first
    cells, times : int
        (time, symbol) cells that count, and their times: those with one truth, which all runs and
        all applicable yardsticks answered.
    start, end : Timestamp
    keys : DataFrame
        Index: keys of the recipes that differ; columns: run ids, best first; absent is ``""``.
    notes : sentences for the reader
    """

    label: Label
    metric: Metric
    reference: str
    standings: tuple[Standing, ...]
    cells: int
    times: int
    start: pd.Timestamp
    end: pd.Timestamp
    keys: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def loss(self) -> str:
        """What skill and the Diebold-Mariano test are of, whatever metric ranks."""
        return loss_name(self.label)

    def table(self) -> pd.DataFrame:
        """Return the leaderboard, one row a run."""
        frame = pd.DataFrame([vars(one) for one in self.standings]).set_index("run")
        if self.metric.name == SKILL:
            return frame.drop(columns=["value", "low", "high"])
        return frame.rename(columns={"value": self.metric.name})

    def write(self, path: str | Path) -> None:
        """Write it as one HTML page that opens offline."""
        from .page import write_page

        write_page(Path(path), self)


def compare(
    paths: Sequence[str | Path],
    *,
    metric: str = SKILL,
    label: str | None = None,
    allow: Sequence[str] = (),
    seed: int = 0,
) -> Comparison:
    """Set finished runs side by side on the test cells that all of them answered.

    Parameters
    ----------
    paths : run directories, folders of them, or patterns such as ``outputs/*/2026*``
    metric : str
        ``skill``, or a metric of the label's task such as ``rmse`` or ``rank_ic``.
    label : str, optional
        Target and horizon, as in ``ret_next@1``. Default: the first that all runs forecast.
    allow : targets that the saved configs may name besides marketlab's
    seed : int
        Of the bootstrap.

    Raises
    ------
    RunError, ConfigError
        In one line: for a run that was changed, fewer than two, nothing in common, truths that
        are different numbers, or a metric that is not defined for any of them.
    """
    entries = read_entries(paths, allow)
    chosen = common_label(entries, label)
    answers = [entry.forecasts(chosen) for entry in entries]
    models = [next(iter(found.values())) for found in answers]
    both = common_cells(entries, models, chosen)
    agreed = agreed_cells(entries, models, both, chosen)
    yardsticks, cells, said = common_yardsticks(answers, agreed, chosen)
    if len(agreed) < len(both):
        said.insert(
            0,
            f"The truths of {len(both) - len(agreed):,} of {len(both):,} common cells differ "
            "between the runs, as where a provider revises its bars: they are left out.",
        )
    here = [model.at(cells) for model in models]
    codes, times = pd.factorize(cells.get_level_values(0), sort=True)
    symbols, _ = pd.factorize(cells.get_level_values(1))
    time = np.asarray(codes, dtype=np.int64)
    symbol = np.asarray(symbols, dtype=np.int64)

    losses = [_by_time(one.losses, time) for one in here]
    # Of a yardstick that several runs have, the best counts: to every model's disadvantage.
    lost = {
        name: min((_by_time(one.losses, time) for one in several), key=_mean)
        for name, several in yardsticks.items()
    }
    reference = min(lost, key=lambda name: _mean(lost[name]), default="")
    theirs = lost.get(reference)
    figures = [score(chosen, one.truth, one.values, time, symbol) for one in here]
    ranked = find_metric(metric, figures[0])
    skills = [_skill(mine, theirs, chosen, seed) for mine in losses]
    values = [
        found[0] if ranked.name == SKILL else figure[ranked.name]
        for found, figure in zip(skills, figures, strict=True)
    ]
    if np.isnan(values).all():
        raise ConfigError(
            f"metric={metric} is not defined for any of these runs on their {len(cells):,} common "
            "cells, so it cannot rank them: choose another metric="
        )
    order = sorted(range(len(entries)), key=lambda k: (ranked.better_first(values[k]), k))
    best = order[0]
    standings = []
    for k in order:
        entry, mine = entries[k], losses[k]
        low, high = skills[k][1:]
        if ranked.name != SKILL:
            block = block_length(mine, chosen.lookahead)
            low, high = metric_interval(
                chosen, ranked.name, here[k].truth, here[k].values, time, symbol, block, seed
            )
        statistic, p = (
            (math.nan, math.nan)
            if k == best
            else diebold_mariano(mine, losses[best], chosen.lookahead)
        )
        opened = entry.run.opened
        standings.append(
            Standing(
                entry.id, entry.run.path, str(entry.run.manifest.get("name", "")), entry.model,
                values[k], low, high, *skills[k], statistic, p, len(models[k].answered),
                bool(entry.run.manifest.get("leaks")), opened.trials if opened else 1,
            )
        )  # fmt: skip
    span = pd.DatetimeIndex(times)
    ordered = [entries[k] for k in order]
    return Comparison(
        label=chosen,
        metric=ranked,
        reference=reference,
        standings=tuple(standings),
        cells=len(cells),
        times=len(span),
        start=span[0],
        end=span[-1],
        keys=differing_keys(ordered),
        notes=(*remarks(ordered, standings, chosen, len(both), span), *said),
    )


def _mean(losses: Floats) -> float:
    return float(losses.mean())


def _by_time(losses: Floats, time: npt.NDArray[np.int64]) -> Floats:
    return np.asarray(np.bincount(time, losses) / np.bincount(time))


def _skill(
    mine: Floats, theirs: Floats | None, label: Label, seed: int
) -> tuple[float, float, float]:
    if theirs is None:
        return math.nan, math.nan, math.nan
    block = block_length(theirs - mine, label.lookahead)
    return skill(mine, theirs), *skill_interval(mine, theirs, block, seed)
