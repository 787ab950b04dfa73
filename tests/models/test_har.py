from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from marketlab.data.features import View
from marketlab.data.labels import Label
from marketlab.data.scaling import standard
from marketlab.data.targets import LabelValues
from marketlab.data.tensor import Layout, WindowTensor
from marketlab.data.windows import Windows
from marketlab.errors import ConfigError
from marketlab.models.forecaster import FitLog, TrainerFactory
from marketlab.models.har import HAR

SLOPES = (0.3, 0.3, 0.2)


class Part:
    """Stands where a fold's data module does: HAR reads only its train part."""

    def __init__(self, train: Windows) -> None:
        self.train = train


def windows(
    T: int, rows: slice, layout: Layout = "pooled", noise: float = 0.0, gaps: float = 0.0
) -> Windows:
    """Two symbols that follow a HAR of different levels, known one row later."""
    random = np.random.default_rng(1)
    y = random.standard_normal((T, 2, 1))
    level = np.array([[0.1], [-1.0]])
    for t in range(23, T):
        newest, week, month = y[t - 1], y[t - 5 : t].mean(0), y[t - 22 : t].mean(0)
        shock = noise * random.standard_normal((2, 1))
        y[t] = level + SLOPES[0] * newest + SLOPES[1] * week + SLOPES[2] * month + shock
    known = np.full_like(y, np.nan)
    known[1:] = y[:-1]
    known[random.random(y.shape) < gaps] = np.nan
    tensor = WindowTensor(
        features=np.zeros((2, T, 1), dtype=np.float32),
        columns=("f",),
        views={"x": View("x", ("f",), 1)},
        labels=(Label("v", 1, "x", "regression", lookahead=1),),
        values=LabelValues(y=y, known=known, frozen=np.full_like(y, np.nan)),
        present=np.ones((T, 2), dtype=bool),
        times=pd.date_range("2020-01-01", periods=T, freq="D", tz="UTC"),
        symbols=("A", "B"),
        first=0,
        layout=layout,
    )
    index = np.arange(T)
    return Windows(tensor, index[rows], tensor.fit_scalers(index[:100], standard))


@pytest.mark.parametrize("layout", ["pooled", "joint"])
def test_recovers_the_process_it_names(
    layout: Layout, trainer: TrainerFactory, fit_log: FitLog, tmp_path: Path
) -> None:
    model = HAR()
    data: Any = Part(windows(120, slice(23, 70), layout))
    model.fit(data, trainer, fit_log)
    after = windows(120, slice(70, 120), layout)
    np.testing.assert_allclose(model.predict(after).values["v@1"][:, 0], after.truth()["v@1"])
    model.save(tmp_path)
    loaded = HAR()
    loaded.load(tmp_path)
    np.testing.assert_array_equal(
        loaded.predict(after).values["v@1"], model.predict(after).values["v@1"]
    )
    assert fit_log.history == []


def test_missing_lags_are_bridged(
    trainer: TrainerFactory, fit_log: FitLog, r2: Callable[[Any, Any], float]
) -> None:
    model = HAR()
    data: Any = Part(windows(1500, slice(23, 1000), noise=1.0, gaps=0.1))
    model.fit(data, trainer, fit_log)
    after = windows(1500, slice(1001, 1500), noise=1.0, gaps=0.1)
    forecast = model.predict(after).values["v@1"][:, 0]
    assert np.isfinite(forecast).all()
    whole = windows(1500, slice(1001, 1500), noise=1.0)
    best = r2(whole.truth()["v@1"], model.predict(whole).values["v@1"][:, 0])
    assert r2(after.truth()["v@1"], forecast) > best - 0.1


def test_without_a_past_there_is_no_forecast(trainer: TrainerFactory, fit_log: FitLog) -> None:
    model = HAR()
    data: Any = Part(windows(120, slice(23, 70)))
    model.fit(data, trainer, fit_log)
    start = model.predict(windows(120, slice(0, 2))).values["v@1"][:, 0]
    assert np.isnan(start).tolist() == [True, True, False, False]


def test_a_new_symbol_has_no_forecast(trainer: TrainerFactory, fit_log: FitLog) -> None:
    model = HAR()
    data: Any = Part(windows(120, slice(23, 70)))
    model.fit(data, trainer, fit_log)
    after = windows(120, slice(70, 120))
    object.__setattr__(after.tensor, "symbols", ("A", "C"))
    answered = np.isfinite(model.predict(after).values["v@1"][:, 0])
    assert (answered == (after.symbols == "A")).all()


def test_asks_for_a_month_of_past_and_a_number() -> None:
    assert HAR().past == 22
    label = Label("up", 1, "x", "binary", lookahead=1, edges=(0.0,))
    with pytest.raises(ConfigError, match="HAR forecasts regression, not the binary"):
        HAR().check([label], "pooled")
