"""Differences: two tables of forecasts in; which forecaster differs where, and by how much, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

KEYS = ["model", "fold", "time", "symbol", "target", "horizon", "quantity"]


@dataclass(frozen=True)
class Difference:
    """What is not the same, bit for bit, in the forecasts of one label by one forecaster.

    Attributes
    ----------
    forecaster : str
        ``truth`` for the realised values.
    label : str
    cells, total : int
        Forecasts that differ, of how many that both tables have.
    absolute : float
        The largest difference, in the target's units; infinite where one of the two is missing.
    relative : float
        The same, as a share of the forecasts' root mean square.
    unmatched : int
        Forecasts that one of the tables has alone.
    """

    forecaster: str
    label: str
    cells: int
    total: int
    absolute: float
    relative: float
    unmatched: int = 0

    def __str__(self) -> str:
        text = f"{self.forecaster} {self.label}: {self.cells:,} of {self.total:,} forecasts differ"
        if self.cells:
            text += f", by up to {self.absolute:.2g}, {self.relative:.2g} of their size"
        return text + (f"; {self.unmatched:,} are in one run alone" if self.unmatched else "")


def differences(then: pd.DataFrame, now: pd.DataFrame) -> tuple[Difference, ...]:
    """Compare two tables as ``predictions.parquet`` holds them.

    Parameters
    ----------
    then, now : DataFrame
        model, fold, time, symbol, target, horizon, quantity, value, truth.

    Returns
    -------
    tuple
        One entry a forecaster and label that differ, worst first; empty if every bit is the same.
    """
    found = []
    names = ["model", "target", "horizon"]
    groups = [dict(list(table.groupby(names, sort=False))) for table in (then, now)]
    for key in dict.fromkeys([*groups[0], *groups[1]]):
        old, new = (group.get(key, then.iloc[:0]) for group in groups)
        forecaster, target, horizon = key
        found += _compared(str(forecaster), f"{target}@{horizon}", old, new)
    truths: dict[str, Difference] = {}
    for one in found:
        if one.forecaster == "truth":
            truths.setdefault(one.label, one)
    rest = [one for one in found if one.forecaster != "truth"]
    return tuple(sorted([*truths.values(), *rest], key=_badness, reverse=True))


def _badness(one: Difference) -> tuple[bool, float]:
    return bool(one.unmatched), one.relative


def _compared(
    forecaster: str, label: str, old: pd.DataFrame, new: pd.DataFrame
) -> list[Difference]:
    unmatched = 0
    if len(old) != len(new) or not old[KEYS].reset_index(drop=True).equals(
        new[KEYS].reset_index(drop=True)
    ):
        both: Any = old.merge(new, on=KEYS, suffixes=("_then", "_now"))
        unmatched = len(old) + len(new) - 2 * len(both)
        pairs = {name: (both[f"{name}_then"], both[f"{name}_now"]) for name in ("value", "truth")}
    else:
        pairs = {name: (old[name], new[name]) for name in ("value", "truth")}
    found = []
    for name, (before, after) in pairs.items():
        a, b = (np.asarray(side, dtype=np.float64) for side in (before, after))
        cells, absolute, relative = _gap(a, b)
        missing = unmatched if name == "value" else 0
        if cells or missing:
            who = forecaster if name == "value" else "truth"
            found.append(Difference(who, label, cells, len(a), absolute, relative, missing))
    return found


def _gap(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> tuple[int, float, float]:
    """Return how many of (S,) pairs differ in any bit, the largest gap and its share of the size.

    >>> _gap(np.array([3.0, 4.0]), np.array([3.0, 4.5]))[:2]
    (1, 0.5)
    """
    other = (a.view(np.int64) != b.view(np.int64)) & ~(np.isnan(a) & np.isnan(b))
    if not other.any():
        return 0, 0.0, 0.0
    with np.errstate(invalid="ignore"):
        gaps = np.abs(a[other] - b[other])
    gap = float(np.where(np.isnan(gaps), np.inf, gaps).max())
    known = a[np.isfinite(a)]
    size = float(np.sqrt(np.mean(known**2))) if len(known) else 0.0
    return int(other.sum()), gap, gap / size if size else (np.inf if gap else 0.0)
