"""The loss that skill is measured in: one number a cell, by the label's task.

In: truths (S,) and forecasts (S, Q) of a label, NaN where missing. Out: losses (S,).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...data.labels import Label
from .classification import brier
from .quantiles import pinball

Floats = npt.NDArray[np.float64]


def loss_name(label: Label) -> str:
    """Return ``squared error``, ``Brier score`` or ``pinball loss``."""
    if label.classes:
        return "Brier score"
    return "pinball loss" if label.task == "quantile" else "squared error"


def cell_loss(label: Label, truth: Floats, values: Floats) -> Floats:
    """Return the proper loss of each cell, NaN where the truth or the forecast is missing.

    Parameters
    ----------
    truth : (S,) own units or class index
    values : (S, Q) as `label.quantities`

    Returns
    -------
    (S,)
        Squared error; Brier score over all classes; pinball loss averaged over the levels.
    """
    answered = np.isfinite(truth) & np.isfinite(values).all(1)
    losses = np.full(len(truth), np.nan)
    y, f = truth[answered], values[answered]
    if label.classes:
        losses[answered] = brier(y, f)
    elif label.task == "quantile":
        losses[answered] = pinball(y, f, label.levels).mean(1)
    else:
        losses[answered] = (f[:, 0] - y) ** 2
    return losses
