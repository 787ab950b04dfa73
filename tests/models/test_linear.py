from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from marketlab.errors import ConfigError, RunError
from marketlab.models.forecaster import FitLog, TrainerFactory
from marketlab.models.linear import SklearnLinear
from sklearn.linear_model import Lasso, LogisticRegression, Ridge, TweedieRegressor
from sklearn.svm import LinearSVC

ALPHAS = [1e6, 100.0, 1.0]


def ridge(**settings: Any) -> SklearnLinear:
    return SklearnLinear(Ridge(), search={"alpha": ALPHAS}, **settings)


@pytest.mark.parametrize("layout", ["pooled", "joint"])
def test_ridge_equals_scikit_learn_on_the_rows_with_a_label(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, layout: str
) -> None:
    data = market(["regression", "regression"], layout)
    model = SklearnLinear(Ridge(alpha=10.0))
    model.fit(data, trainer, fit_log)
    values = model.predict(data.test).values
    x, after = data.train.design(), data.test.design()
    width = len(data.train.labels)
    for w in range(data.train.y.shape[1]):
        y = data.train.y[:, w]
        use = ~np.isnan(y)
        center, scale = data.scalers.labels.center[w], data.scalers.labels.scale[w]
        direct = Ridge(alpha=10.0).fit(x[use].astype(float), (y[use] - center) / scale)
        expected = direct.predict(after.astype(float)) * scale + center
        name = data.train.labels[w % width].name
        found = values[name].reshape(len(data.test), -1)[:, w // width]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layout", ["pooled", "joint"])
def test_finds_a_planted_number(
    market: Any,
    trainer: TrainerFactory,
    fit_log: FitLog,
    r2: Callable[[Any, Any], float],
    layout: str,
) -> None:
    data = market(layout=layout)
    model = ridge(window="flatten")
    model.fit(data, trainer, fit_log)
    forecast = model.predict(data.test).values["regression0@1"][:, 0]
    assert r2(data.test.truth()["regression0@1"], forecast) > 0.6


@pytest.mark.parametrize("layout", ["pooled", "joint"])
def test_finds_planted_classes(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, layout: str
) -> None:
    data = market(["binary", "classification"], layout)
    model = SklearnLinear(LogisticRegression(max_iter=1000), search={"C": [1e-3, 0.1, 1.0]})
    model.check(data.train.labels, layout)
    model.fit(data, trainer, fit_log)
    forecast, truths = model.predict(data.test), data.test.truth()
    for label in data.test.labels:
        truth, values = truths[label.name], forecast.values[label.name]
        use = ~np.isnan(truth)
        np.testing.assert_allclose(values.sum(1), 1)
        majority = np.bincount(truth[use].astype(int)).max() / use.sum()
        assert (values[use].argmax(1) == truth[use]).mean() > majority + 0.1


def test_two_fits_and_a_reload_give_the_same_bits(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, tmp_path: Path
) -> None:
    data = market(["regression", "regression"], "joint", T=200)
    models = [ridge(), ridge()]
    for model in models:
        model.fit(data, trainer, fit_log)
    models[0].save(tmp_path)
    loaded = ridge()
    loaded.load(tmp_path)
    first = models[0].predict(data.test)
    for other in (models[1], loaded):
        for name, values in other.predict(data.test).values.items():
            np.testing.assert_array_equal(values, first.values[name])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors", "spec.json"]


def test_validation_chooses_and_test_does_not(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, tmp_path: Path
) -> None:
    chosen = []
    for signal, spoilt in ((3.0, False), (0.0, False), (3.0, True)):
        data = market(signal=signal, T=150, F=40)
        if spoilt:
            data.test.tensor.values.y[data.test.rows] *= -1
        model = ridge()
        model.fit(data, trainer, fit_log)
        model.save(tmp_path)
        chosen.append((tmp_path / "spec.json").read_text().count('"alpha": 1000000.0'))
    assert chosen == [0, 1, 0]


def test_says_what_it_cannot_serve(market: Any) -> None:
    numbers, classes = market().train.labels, market(["binary"]).train.labels
    with pytest.raises(
        ConfigError, match=r"Ridge forecasts numbers, not the binary.*model=logistic"
    ):
        ridge().check(classes, "pooled")
    with pytest.raises(ConfigError, match=r"forecasts classes, not the regression.*model=ridge"):
        SklearnLinear(LogisticRegression()).check(numbers, "joint")
    with pytest.raises(ConfigError, match="not the quantile"):
        ridge().check(market(["quantile"]).train.labels, "pooled")


@pytest.mark.parametrize("search", [{"alpha": [-1.0]}, {"beta": [1.0]}])
def test_wrong_parameters_end_in_one_line(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, search: dict[str, list[float]]
) -> None:
    with pytest.raises(ConfigError, match=r"Ridge refuses .* mend model\.") as error:
        SklearnLinear(Ridge(), search).fit(market(T=200), trainer, fit_log)
    assert "\n" not in str(error.value)


def test_any_linear_regressor_will_do(
    market: Any, trainer: TrainerFactory, fit_log: FitLog
) -> None:
    data = market()
    model = SklearnLinear(Lasso(alpha=0.01))
    model.fit(data, trainer, fit_log)
    assert np.isfinite(model.predict(data.test).values["regression0@1"]).all()


def test_estimators_that_are_not_linear_are_refused(
    market: Any, trainer: TrainerFactory, fit_log: FitLog
) -> None:
    with pytest.raises(ConfigError, match="does not forecast regression0@1 by coef_"):
        SklearnLinear(TweedieRegressor(power=0, link="log")).fit(market(T=200), trainer, fit_log)
    with pytest.raises(ConfigError, match="gives no probabilities"):
        SklearnLinear(LinearSVC()).fit(market(["binary"], T=200), trainer, fit_log)


def test_classes_and_symbols_that_train_never_saw(
    market: Any, trainer: TrainerFactory, fit_log: FitLog
) -> None:
    data = market(["classification", "binary"], "joint")
    y = data.train.tensor.values.y
    y[..., 0][y[..., 0] == 1] = 2
    y[:, 1, 1] = np.where(np.isnan(y[:, 1, 1]), np.nan, 1.0)
    y[data.train.rows, 2] = np.nan
    model = SklearnLinear(LogisticRegression())
    model.fit(data, trainer, fit_log)
    values = model.predict(data.test).values
    three, two = (values[label.name].reshape(len(data.test), 3, -1) for label in data.test.labels)
    assert (three[:, :2, 1] == 0).all()
    assert (two[:, 1, 1] == 1).all()
    assert np.isnan(three[:, 2]).all()
    assert np.isfinite(two[:, :2]).all()


def test_a_folder_of_other_features_is_refused(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, tmp_path: Path
) -> None:
    model = ridge()
    model.fit(market(T=200), trainer, fit_log)
    model.save(tmp_path)
    spec = tmp_path / "spec.json"
    spec.write_text(spec.read_text().replace('"features": 4', '"features": 5'))
    with pytest.raises(RunError, match=r"holds \(1, 4\) for 'coef\.0' where \(1, 5\)"):
        ridge().load(tmp_path)
