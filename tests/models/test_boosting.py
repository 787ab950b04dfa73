from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from marketlab.data.labels import TASKS, Task
from marketlab.errors import ConfigError, DataError, RunError
from marketlab.models.boosting import LightGBM
from marketlab.models.forecaster import FitLog, TrainerFactory

PARAMS = {"num_leaves": 4, "learning_rate": 0.1, "min_data_in_leaf": 20, "feature_fraction": 0.7}


def model(**settings: Any) -> LightGBM:
    return LightGBM(PARAMS, **({"rounds": 200, "patience": 20} | settings))


@pytest.mark.parametrize("task", TASKS)
def test_learns_a_planted_signal(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, task: Task
) -> None:
    data = market([task])
    booster = model()
    booster.fit(data, trainer, fit_log)
    label = data.test.labels[0]
    truth = data.test.truth()[label.name]
    forecast = booster.predict(data.test).values[label.name]
    use = ~np.isnan(truth)
    assert np.isfinite(forecast).all()
    if label.classes:
        np.testing.assert_allclose(forecast.sum(1), 1)
        majority = np.bincount(truth[use].astype(int)).max() / use.sum()
        assert (forecast[use].argmax(1) == truth[use]).mean() > majority + 0.1
    else:
        assert np.corrcoef(forecast[use, forecast.shape[1] // 2], truth[use])[0, 1] > 0.8
    if task == "quantile":
        assert (np.diff(forecast, axis=1) >= 0).all()
        covered = (truth[use] < forecast[use, 2]).mean() - (truth[use] < forecast[use, 0]).mean()
        assert 0.65 < covered < 0.9


def test_two_fits_and_a_reload_give_the_same_bits(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, tmp_path: Path
) -> None:
    data = market(TASKS, T=300, two_views=True)
    boosters = [model(window="flatten") for _ in range(2)]
    for booster in boosters:
        booster.fit(data, trainer, fit_log)
    boosters[0].save(tmp_path)
    loaded = model(window="flatten")
    loaded.load(tmp_path)
    first = boosters[0].predict(data.test)
    for other in (boosters[1], loaded):
        for name, values in other.predict(data.test).values.items():
            np.testing.assert_array_equal(values, first.values[name])
    assert {path.suffix for path in tmp_path.iterdir()} == {".txt", ".json"}


def test_stops_at_the_best_round_and_says_how_it_went(
    market: Any,
    trainer: TrainerFactory,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    lines: list[tuple[str, int, int]] = []
    log = FitLog(tmp_path, progress=lambda *line: lines.append(line))
    data = market()
    booster = model()
    booster.fit(data, trainer, log)
    valid = [entry["valid_loss"] for entry in log.history]
    best = int(np.argmin(valid))
    assert [entry["epoch"] for entry in log.history] == list(range(1, len(valid) + 1))
    assert len(valid) == best + 1 + 20 < 200
    name = data.valid.labels[0].name
    error = booster.predict(data.valid).values[name][:, 0] - data.valid.truth()[name]
    error /= data.scalers.labels.scale
    assert float(np.nanmean(error**2)) == pytest.approx(valid[best], rel=1e-5)
    assert lines[0][0].startswith("regression0@1 round 1/200  train ")
    assert all(0 < done <= total for _, done, total in lines)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_threads_change_no_bit(market: Any, trainer: TrainerFactory, fit_log: FitLog) -> None:
    data = market()
    forecasts = []
    for threads in (1, 2):
        booster = model(threads=threads, rounds=30)
        booster.fit(data, trainer, fit_log)
        forecasts.append(booster.predict(data.test).values["regression0@1"])
    np.testing.assert_array_equal(forecasts[0], forecasts[1])


def test_missing_labels_are_left_out_and_missing_features_kept(
    market: Any, trainer: TrainerFactory, fit_log: FitLog
) -> None:
    data = market(missing=0.5)
    booster = model()
    booster.fit(data, trainer, fit_log)
    assert np.isfinite(booster.predict(data.test).values["regression0@1"]).all()
    data.valid.tensor.values.y[data.valid.rows] = np.nan
    del data.valid.y, data.valid.scaled_y
    with pytest.raises(DataError, match="no value in the validation rows"):
        booster.fit(data, trainer, fit_log)


def test_a_class_that_train_never_saw_is_unlikely(
    market: Any, trainer: TrainerFactory, fit_log: FitLog
) -> None:
    data = market(["binary", "classification"], T=300)
    y = data.train.tensor.values.y
    y[..., 0][y[..., 0] == 0] = 1
    y[..., 1][y[..., 1] == 2] = 1
    booster = model()
    booster.fit(data, trainer, fit_log)
    values = booster.predict(data.test).values
    assert (values["binary0@1"][:, 0] < 1e-3).all()
    assert (values["classification1@1"][:, 2] < 0.05).all()


def test_wrong_parameters_end_in_one_line(
    market: Any, trainer: TrainerFactory, fit_log: FitLog
) -> None:
    with pytest.raises(
        ConfigError, match=r"LightGBM refuses .*num_leaves.* mend model\.params"
    ) as e:
        LightGBM({"num_leaves": 1}).fit(market(T=200), trainer, fit_log)
    assert "\n" not in str(e.value)


def test_reads_only_the_pooled_layout(market: Any) -> None:
    data = market(layout="joint")
    with pytest.raises(ConfigError, match=r"windows\.layout=pooled"):
        model().check(data.train.labels, "joint")


def test_a_broken_folder_is_refused(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, tmp_path: Path
) -> None:
    booster = model()
    booster.fit(market(T=200), trainer, fit_log)
    booster.save(tmp_path)
    path = next(tmp_path.glob("label-*.txt"))
    for text in ("not a model", path.read_text()[:400]):
        path.write_text(text)
        with pytest.raises(RunError, match="is not what was saved") as error:
            model().load(tmp_path)
        assert "\n" not in str(error.value)
    path.unlink()
    with pytest.raises(RunError, match="is missing"):
        model().load(tmp_path)


@pytest.mark.parametrize("window", ["last", "flatten"])
def test_boosters_know_the_names_of_the_columns(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, window: Any, tmp_path: Path
) -> None:
    booster = model(window=window)
    booster.fit(market(T=200), trainer, fit_log)
    booster.save(tmp_path)
    assert "f0" in next(tmp_path.glob("label-*.txt")).read_text()


def test_scores_are_those_of_the_design_matrix(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, r2: Callable[[Any, Any], float]
) -> None:
    data = market(T=900)
    booster = model()
    booster.fit(data, trainer, fit_log)
    forecast = booster.predict(data.test).values["regression0@1"][:, 0]
    assert r2(data.test.truth()["regression0@1"], forecast) > 0.6
