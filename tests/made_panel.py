"""A small made-up panel that the tests of features and targets share."""

import numpy as np
import pandas as pd
from marketlab.data.panel import Panel


def made_panel(rows=120, symbols=3, seed=0, **fields):
    """Random prices of a few symbols; `fields` replaces or adds some, each (T, N) or (T,)."""
    random = np.random.default_rng(seed)
    if fields:
        rows = len(next(iter(fields.values())))
        shapes = [np.asarray(values).shape for values in fields.values()]
        symbols = shapes[0][1] if len(shapes[0]) > 1 else 1
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.02, (rows, symbols)), axis=0))
    opened = close * np.exp(random.normal(0, 0.01, close.shape))
    made = {
        "open": opened,
        "high": np.maximum(opened, close) * np.exp(random.uniform(0.001, 0.01, close.shape)),
        "low": np.minimum(opened, close) * np.exp(-random.uniform(0.001, 0.01, close.shape)),
        "close": close,
        "volume": random.uniform(1, 2, close.shape),
    }
    for name, values in fields.items():
        made[name] = np.asarray(values, dtype=np.float64).reshape(rows, symbols)
    times = pd.date_range("2020-01-01", periods=rows, tz="UTC", unit="ns")
    return Panel(times, tuple("ABCDEFGH"[:symbols]), made, "24/7")
