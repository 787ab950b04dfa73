"""A metric by which runs are ranked: its name as a user writes it in; figures and intervals out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from arch.bootstrap import StationaryBootstrap

from ...data.labels import Label
from ...errors import ConfigError, nearest
from ..bootstrap import LEAST_TIMES
from ..metrics import score

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SKILL = "skill"
LOWER = ("RMSE", "MAE", "QLIKE", "log loss", "Brier", "ECE", "pinball")
"""Metrics of which less is better, by how their names begin; of the others more is."""
LEVELS = ("majority", "below", "cover")
"""Metrics of which neither is better."""
REPLICATIONS = 200


@dataclass(frozen=True)
class Metric:
    """A metric of a label's task; `lower` is better, or higher."""

    name: str
    lower: bool

    def better_first(self, value: float) -> float:
        """Return the key that sorts the best first, and NaN last."""
        if np.isnan(value):
            return float("inf")
        return value if self.lower else -value


def find_metric(wanted: str, available: Iterable[str]) -> Metric:
    """Return the metric that a user means, such as ``rmse`` or ``rank_ic``.

    Raises
    ------
    ConfigError
        If there is none of this name, or more of it is neither better nor worse.
    """
    names = {_plain(name): name for name in (SKILL, *available) if not name.startswith(LEVELS)}
    if _plain(wanted) not in names:
        hint = nearest(_plain(wanted), names)
        raise ConfigError(f"metric={wanted} cannot rank these runs{hint}")
    name = names[_plain(wanted)]
    return Metric(name, name.startswith(LOWER))


def _plain(name: str) -> str:
    return name.lower().replace(" ", "_").replace("-", "_")


def metric_interval(
    label: Label,
    name: str,
    truth: Floats,
    values: Floats,
    times: Ints,
    symbols: Ints,
    block: float,
    seed: int,
) -> tuple[float, float]:
    """Return the 95% interval of a metric, by resampling times as for the skill.

    Parameters
    ----------
    truth, values : (S,), (S, Q)
    times, symbols : (S,) codes; times in order
    block : mean block length, in times
    """
    T = int(times.max()) + 1
    if T < LEAST_TIMES:
        return float("nan"), float("nan")
    order = np.argsort(times, kind="stable")
    starts = np.searchsorted(times[order], np.arange(T + 1))
    sampler = StationaryBootstrap(block, np.arange(T), seed=seed)
    draws = [
        _drawn(label, name, truth, values, symbols, order, starts, sampler.update_indices)
        for _ in range(REPLICATIONS)
    ]
    low, high = np.nanquantile(draws, [0.025, 0.975]) if np.isfinite(draws).any() else [np.nan] * 2
    return float(low), float(high)


def _drawn(
    label: Label,
    name: str,
    truth: Floats,
    values: Floats,
    symbols: Ints,
    order: Ints,
    starts: Ints,
    draw: Callable[[], Ints],
) -> float:
    chosen = draw()
    sizes = (starts[1:] - starts[:-1])[chosen]
    places = np.arange(len(chosen), dtype=np.int64).repeat(sizes)
    first = np.cumsum(sizes) - sizes
    inside = np.arange(sizes.sum()) - first.repeat(sizes)
    rows = order[starts[chosen].repeat(sizes) + inside]
    return score(label, truth[rows], values[rows], places, symbols[rows])[name]
