"""A small hand-made tensor that the window tests share."""

import numpy as np
import pandas as pd
from marketlab.data.features import View
from marketlab.data.labels import Label
from marketlab.data.targets import LabelValues
from marketlab.data.tensor import WindowTensor

LABELS = (
    Label("ret", 1, "lead(close, 1)", "regression", 1),
    Label("ret", 5, "lead(close, 5)", "regression", 5),
    Label("up", 1, "lead(close, 1)", "binary", 1, edges=(0.0,)),
)


def made_tensor(
    *, layout="pooled", mask=False, rows=120, symbols=3, views=None, missing=0.05, seed=0
):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(symbols, rows, 4)).astype(np.float32) * [1, 10, 0.1, 5] + 2
    features = features.astype(np.float32)
    features[rng.random(features.shape) < missing] = np.nan
    y = rng.normal(size=(rows, symbols, len(LABELS)))
    y[:, :, 2] = y[:, :, 2] > 0
    known = np.full_like(y, np.nan)
    for k, label in enumerate(LABELS):
        y[len(y) - label.lookahead :, :, k] = np.nan
        known[label.lookahead :, :, k] = y[: -label.lookahead, :, k]
    present = np.ones((rows, symbols), dtype=bool)
    present[:40, 1] = False  # listed later
    y[:40, 1] = np.nan
    columns = ("a", "b", "c", "d")
    if views is None:
        views = {"x": View("x", columns, 8)}
    return WindowTensor(
        features=features,
        columns=columns,
        views=views,
        labels=LABELS,
        values=LabelValues(y, known, np.where(np.isnan(y), np.nan, y * 0.5)),
        present=present,
        times=pd.date_range("2020-01-01", periods=rows, tz="UTC", unit="ns"),
        symbols=tuple("ABCDEFGH"[:symbols]),
        first=10,
        layout=layout,
        mask=mask,
    )
