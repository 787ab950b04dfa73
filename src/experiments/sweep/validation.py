"""The objective: a fold's validation windows and a model's forecast of them in; its loss out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...data.scaling import joined, standard
from ...errors import DataError

if TYPE_CHECKING:
    from ...data.labels import Label
    from ...data.tensor import WindowTensor
    from ...data.windows import Windows
    from ...models.forecast import Forecast

Floats = npt.NDArray[np.float64]
ANSWERED = 0.99
"""Share of the cells with a truth that a model must answer, or it could choose the easy ones."""


def label_scale(tensor: WindowTensor, rows: npt.NDArray[np.int64]) -> Floats:
    """Return the deviation of each label on the train rows (R,): (K,) pooled, (N * K,) joint.

    Trials are judged in these units whatever scaler they have: in a scaler's own, the one whose
    numbers are smallest would win.
    """
    y = np.ascontiguousarray(tensor.values.y[rows].transpose(1, 0, 2))
    parts = [y] if tensor.layout == "pooled" else [y[n : n + 1] for n in range(len(y))]
    return joined([standard(part) for part in parts]).scale


def validation_loss(windows: Windows, forecast: Forecast, scale: Floats) -> tuple[float, float]:
    """Return the mean loss in units of the labels' deviation, and its standard error.

    Squared error, cross-entropy in nats, or pinball loss, averaged over the cells of each label and
    then over the labels: with the standard scaler, what a net's ``valid_loss`` is at its best
    epoch, and the same for every model. The standard error is over times, of which as many as the
    longest lookahead count as one.

    Parameters
    ----------
    windows : Windows of S samples
    forecast : Forecast of the same samples
    scale : (n_out * K,)
        See `label_scale`.

    Raises
    ------
    DataError
        If a label has no truth, or the model leaves too many unanswered.
    """
    truth = windows.truth()
    means, variances = [], []
    for k, label in enumerate(windows.labels):
        y, values = truth[label.name], forecast.values[label.name]
        present = np.isfinite(y)
        answered = present & ~np.isnan(values).any(1)
        if answered.sum() < ANSWERED * present.sum() or not answered.any():
            raise DataError(
                f"the model answers {answered.sum()} of {present.sum()} validation cells of "
                f"{label.name}: too few to judge it by"
            )
        columns = np.arange(windows.n_out) * len(windows.labels) + k
        unit = np.tile(scale[columns], len(windows))
        with np.errstate(invalid="ignore", over="ignore"):
            losses = _losses(label, y[answered], values[answered], unit[answered])
            means.append(float(losses.mean()))
            variances.append(_variance(losses, forecast.times[answered].asi8, label.lookahead))
    return float(np.mean(means)), math.sqrt(sum(variances)) / len(means)


def _losses(label: Label, y: Floats, values: Floats, scale: Floats) -> Floats:
    if label.classes:
        chosen = np.take_along_axis(values, y.astype(np.int64)[:, None], axis=1)[:, 0]
        return np.asarray(-np.log(np.clip(chosen, 1e-12, None)))
    error = (y[:, None] - values) / scale[:, None]
    if label.task == "quantile":
        levels = np.array(label.levels)
        return np.asarray(np.maximum(levels * error, (levels - 1) * error).mean(1))
    return np.asarray(error[:, 0] ** 2)


def _variance(losses: Floats, times: npt.NDArray[np.int64], lookahead: int) -> float:
    """Variance of the mean of (S,) losses whose cells of one time are no independent evidence."""
    _, codes = np.unique(times, return_inverse=True)
    by_time = np.bincount(codes, losses - losses.mean())
    count = len(by_time)
    if count < 2:
        return 0.0
    mean = by_time * count / len(losses)
    return float(mean.var(ddof=1) / count * max(1, lookahead))
