from __future__ import annotations

import functools
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from marketlab.data.labels import TASKS, Task
from marketlab.errors import ConfigError, DataError, MarketlabError, RunError
from marketlab.models.forecaster import FitLog, TrainerFactory
from marketlab.models.lightning import LightningForecaster
from marketlab.models.nets.lstm_attention import LSTMAttention
from marketlab.models.nets.mlp import MLP


def mlp(lr: float = 1e-2, **settings: Any) -> LightningForecaster:
    net = functools.partial(MLP, hidden=[16], dropout=0.1)
    return LightningForecaster(net, functools.partial(torch.optim.AdamW, lr=lr), **settings)


def same(a: Any, b: Any) -> None:
    for name, values in a.values.items():
        np.testing.assert_array_equal(values, b.values[name])


@pytest.mark.parametrize("layout", ["pooled", "joint"])
@pytest.mark.parametrize("task", TASKS)
def test_learns_a_planted_signal(
    market: Any, long_trainer: TrainerFactory, fit_log: FitLog, task: Task, layout: str
) -> None:
    data = market([task], layout, rows=2)
    model = mlp()
    model.fit(data, long_trainer, fit_log)
    label = data.test.labels[0]
    truth = data.test.truth()[label.name]
    forecast = model.predict(data.test).values[label.name]
    use = ~np.isnan(truth)
    assert len(forecast) == len(data.test) * data.test.n_out
    if label.classes:
        np.testing.assert_allclose(forecast.sum(1), 1)
        majority = np.bincount(truth[use].astype(int)).max() / use.sum()
        assert (forecast[use].argmax(1) == truth[use]).mean() > majority + 0.1
    else:
        middle = forecast[use, forecast.shape[1] // 2]
        assert np.corrcoef(middle, truth[use])[0, 1] > 0.8
        assert np.abs(middle - truth[use]).mean() < np.abs(truth[use] - truth[use].mean()).mean()


def test_lstm_attention_learns_too(
    market: Any,
    long_trainer: TrainerFactory,
    fit_log: FitLog,
    r2: Callable[[Any, Any], float],
) -> None:
    data = market(T=900, signal=3.0)
    net = functools.partial(LSTMAttention, hidden=[8, 8], key_size=4, dense=8, dropout=0.0)
    model = LightningForecaster(net, functools.partial(torch.optim.AdamW, lr=2e-2))
    model.fit(data, long_trainer, fit_log)
    name = data.test.labels[0].name
    assert r2(data.test.truth()[name], model.predict(data.test).values[name][:, 0]) > 0.5


def test_two_fits_and_a_reload_give_the_same_bits(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, tmp_path: Path
) -> None:
    forecasts = []
    for _ in range(2):
        data = market(TASKS, two_views=True)
        model = mlp()
        model.fit(data, trainer, replace(fit_log, history=[]))
        forecasts.append(model.predict(data.test))
        torch.randn(3)
    same(*forecasts)
    model.save(tmp_path)
    loaded = mlp()
    loaded.load(tmp_path)
    same(forecasts[0], loaded.predict(data.test))
    assert {path.suffix for path in tmp_path.iterdir()} <= {
        ".safetensors",
        ".json",
        ".csv",
        ".yaml",
    }


def test_keeps_the_best_epoch_not_the_last(
    market: Any, trainer: TrainerFactory, fit_log: FitLog
) -> None:
    data = market()
    model = mlp(
        lr=0.5, scheduler=functools.partial(torch.optim.lr_scheduler.ExponentialLR, gamma=2)
    )
    model.fit(data, trainer, fit_log)
    valid = [entry["valid_loss"] for entry in fit_log.history]
    assert valid[-1] > min(valid)
    scaled = data.scalers.labels
    name = data.valid.labels[0].name
    error = (model.predict(data.valid).values[name][:, 0] - data.valid.truth()[name]) / scaled.scale
    assert float(np.nanmean(error**2)) == pytest.approx(min(valid), rel=1e-5)


def test_says_how_it_goes(market: Any, trainer: TrainerFactory, tmp_path: Path) -> None:
    lines: list[tuple[str, int, int]] = []
    log = FitLog(tmp_path, progress=lambda *line: lines.append(line))
    mlp().fit(market(), trainer, log)
    assert [line[1:] for line in lines] == [(k, 4) for k in range(1, 5)]
    assert lines[0][0].startswith("epoch 1/4  train ")
    assert [entry["epoch"] for entry in log.history] == [1, 2, 3, 4]
    assert log.history[-1]["train_loss"] < log.history[0]["train_loss"]
    assert "valid_loss" in (tmp_path / "metrics.csv").read_text()


def test_is_silent(
    market: Any,
    trainer: TrainerFactory,
    fit_log: FitLog,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(2):
        mlp().fit(market(), trainer, fit_log)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""
    assert [record for record in caplog.records if record.levelno < logging.ERROR] == []


def test_a_loss_that_is_not_a_number_ends_in_one_line(
    market: Any, trainer: TrainerFactory, fit_log: FitLog
) -> None:
    with pytest.raises(
        MarketlabError, match=r"loss is (nan|inf) in epoch .*optimizer\.lr"
    ) as error:
        mlp(lr=1e30).fit(market(), trainer, fit_log)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("settings", [{"max_epochs": 0}, {"limit_val_batches": 0}])
def test_a_trainer_that_validates_nothing_is_refused(
    market: Any, fit_log: FitLog, settings: dict[str, int]
) -> None:
    import pytorch_lightning as pl

    def trainer(**given: Any) -> Any:
        chosen: dict[str, Any] = {"accelerator": "cpu", "max_epochs": 1} | settings | given
        return pl.Trainer(**chosen)

    with pytest.raises(ConfigError, match=r"trainer\.max_epochs"):
        mlp().fit(market(T=200), trainer, fit_log)


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_low_precision_trains_and_is_saved_in_full(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, tmp_path: Path, precision: str
) -> None:
    data = market(["regression", "binary"], T=200)
    model = mlp()
    model.fit(data, functools.partial(trainer, precision=precision), fit_log)
    assert fit_log.history[-1]["valid_loss"] < fit_log.history[0]["valid_loss"]
    model.save(tmp_path)
    loaded = mlp()
    loaded.load(tmp_path)
    same(model.predict(data.test), loaded.predict(data.test))


def test_a_label_missing_from_validation_is_refused(
    market: Any, trainer: TrainerFactory, fit_log: FitLog
) -> None:
    data = market(["regression", "binary"])
    data.valid.tensor.values.y[data.valid.rows, :, 1] = np.nan
    with pytest.raises(DataError, match="binary1@1 has no value in the validation rows"):
        mlp().fit(data, trainer, fit_log)


@pytest.mark.parametrize("task", TASKS)
def test_a_joint_symbol_without_a_train_label_has_no_forecast(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, tmp_path: Path, task: Task
) -> None:
    data = market(["regression", task], "joint")
    train = data.train.rows
    data.train.tensor.values.y[train, 1, 1] = np.nan
    model, loaded = mlp(), mlp()
    model.fit(data, trainer, fit_log)
    model.save(tmp_path)
    loaded.load(tmp_path)
    forecast = loaded.predict(data.test)
    same(model.predict(data.test), forecast)
    whole, part = (forecast.values[label.name] for label in data.test.labels)
    assert np.isfinite(whole).all()
    answered = np.isfinite(part).reshape(len(data.test), 3, -1)
    assert answered[:, [0, 2]].all()
    assert not answered[:, 1].any()


def test_forecasting_needs_no_lightning(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, tmp_path: Path
) -> None:
    model = mlp()
    model.fit(market(), trainer, fit_log)
    model.save(tmp_path)
    code = (
        "import functools, sys, torch\n"
        "from pathlib import Path\n"
        "import marketlab.data.windows\n"
        "from marketlab.models.lightning import LightningForecaster\n"
        "from marketlab.models.nets.mlp import MLP\n"
        "net = functools.partial(MLP, hidden=[16], dropout=0.1)\n"
        "model = LightningForecaster(net, torch.optim.AdamW)\n"
        f"model.load(Path({str(tmp_path)!r}))\n"
        "model.save(Path(sys.argv[1]))\n"
        "assert not [m for m in sys.modules if m.startswith(('pytorch_lightning', 'lightning'))]\n"
    )
    copy = tmp_path / "copy"
    copy.mkdir()
    subprocess.run([sys.executable, "-c", code, str(copy)], check=True)
    assert (copy / "spec.json").read_text() == (tmp_path / "spec.json").read_text()


def test_predicting_imports_no_lightning(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = market()
    model = mlp()
    model.fit(data, trainer, fit_log)
    for name in [m for m in sys.modules if m.startswith("pytorch_lightning")]:
        monkeypatch.setitem(sys.modules, name, None)
    assert len(model.predict(data.test).times) == len(data.test)


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda d: (d / "spec.json").unlink(), "is missing"),
        (lambda d: (d / "spec.json").write_text("{"), "cannot be read"),
        (lambda d: (d / "spec.json").write_text("[]"), "cannot be read"),
        (lambda d: (d / "model.safetensors").write_bytes(b"no"), "cannot be read"),
        (lambda d: (d / "model.safetensors").unlink(), "is missing"),
        (
            lambda d: (d / "spec.json").write_text(
                (d / "spec.json").read_text().replace("LightningForecaster", "HAR")
            ),
            "holds a HAR",
        ),
        (
            lambda d: (d / "spec.json").write_text(
                (d / "spec.json").read_text().replace('"format": 1', '"format": 9')
            ),
            "format 9",
        ),
        (
            lambda d: (d / "spec.json").write_text(
                (d / "spec.json").read_text().replace('"untaught": []', '"untaught": [9]')
            ),
            "which columns were taught",
        ),
    ],
)
def test_a_broken_folder_is_refused_in_one_line(
    market: Any,
    trainer: TrainerFactory,
    fit_log: FitLog,
    tmp_path: Path,
    spoil: Callable[[Path], Any],
    text: str,
) -> None:
    model = mlp()
    model.fit(market(T=200), trainer, fit_log)
    model.save(tmp_path)
    spoil(tmp_path)
    with pytest.raises(RunError, match=text) as error:
        mlp().load(tmp_path)
    assert "\n" not in str(error.value)


def test_weights_of_another_net_are_refused(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, tmp_path: Path
) -> None:
    model = mlp()
    model.fit(market(T=200), trainer, fit_log)
    model.save(tmp_path)
    for hidden in ([8], [16, 16], []):
        net = functools.partial(MLP, hidden=hidden)
        with pytest.raises(RunError, match="holds"):
            LightningForecaster(net, torch.optim.AdamW).load(tmp_path)


def test_other_windows_and_unfitted_models_are_refused(
    market: Any, trainer: TrainerFactory, fit_log: FitLog, tmp_path: Path
) -> None:
    data = market(T=200)
    with pytest.raises(RunError, match="has not been fitted"):
        mlp().predict(data.test)
    with pytest.raises(RunError, match="has not been fitted"):
        mlp().save(tmp_path)
    model = mlp()
    model.fit(data, trainer, fit_log)
    with pytest.raises(RunError, match="was fitted on inputs"):
        model.predict(market(T=200, rows=3).test)
    with pytest.raises(RunError, match="was fitted on labels"):
        model.predict(market(["binary"], T=200).test)
