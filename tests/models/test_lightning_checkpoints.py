"""A fit that was stopped goes on from its checkpoint and ends at the bits of one that was not."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from marketlab.models import lightning_checkpoints
from marketlab.models.checkpoint import read_checkpoint, write_checkpoint
from marketlab.models.forecaster import FitLog
from marketlab.models.lightning import LightningForecaster
from marketlab.models.nets.lstm_attention import LSTMAttention
from marketlab.models.nets.mlp import MLP

EPOCHS = 9
SCHEDULES = {
    "none": None,
    "plateau": functools.partial(torch.optim.lr_scheduler.ReduceLROnPlateau, patience=0),
    "cosine": functools.partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=EPOCHS),
}


class Stop(BaseException):
    """As sudden as a kill: nothing that Lightning tidies up after an Exception is tidied up."""


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lightning_checkpoints, "SECONDS", 0.0)
    monkeypatch.setattr(lightning_checkpoints, "SHARE", 1e9)


def trainer(patience: int = 3, **more: Any) -> Any:
    import pytorch_lightning as pl

    def build(callbacks: Any = (), **settings: Any) -> Any:
        stop = pl.callbacks.EarlyStopping(monitor="valid_loss", patience=patience)
        chosen: dict[str, Any] = {
            "accelerator": "cpu", "devices": 1, "max_epochs": EPOCHS, "gradient_clip_val": 1.0,
            "deterministic": True, "num_sanity_val_steps": 0, "enable_checkpointing": False,
            "enable_progress_bar": False, "enable_model_summary": False,
        }  # fmt: skip
        return pl.Trainer(**(chosen | settings | more), callbacks=[stop, *callbacks])

    return build


def lstm(schedule: str = "plateau", lr: float = 0.02) -> LightningForecaster:
    net = functools.partial(LSTMAttention, hidden=[6, 4], heads=1, key_size=4, dense=6, dropout=0.3)
    optimizer = functools.partial(torch.optim.AdamW, lr=lr)
    return LightningForecaster(net, optimizer, SCHEDULES[schedule], threads=1)


def stopped_log(folder: Path, after: int) -> FitLog:
    """Return the log of a fit that ends suddenly while it records this epoch."""
    folder.mkdir(exist_ok=True)

    def end(entry: Any) -> None:
        if entry["epoch"] == after:
            raise Stop

    return FitLog(folder, epoch_ended=end, checkpoint=folder / "checkpoint.safetensors")


def log_in(folder: Path) -> FitLog:
    folder.mkdir(exist_ok=True)
    return FitLog(folder, checkpoint=folder / "checkpoint.safetensors")


def files(model: LightningForecaster, folder: Path) -> dict[str, bytes]:
    (folder / "model").mkdir()
    model.save(folder / "model")
    kept = [*(folder / "model").iterdir(), folder / "metrics.csv"]
    return {path.name: path.read_bytes() for path in kept}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("after", [2, 5])
def test_a_stopped_fit_ends_at_the_same_bits(
    market: Any, tmp_path: Path, schedule: str, after: int
) -> None:
    data = market(T=160, batch_size=64)
    whole, log = lstm(schedule), log_in(tmp_path / "whole")
    whole.fit(data, trainer(), log)
    assert len(log.history) > after
    with pytest.raises(Stop):
        lstm(schedule).fit(
            market(T=160, batch_size=64), trainer(), stopped_log(tmp_path / "part", after)
        )
    assert (tmp_path / "part/checkpoint.safetensors").is_file()
    torch.manual_seed(1234)
    told: list[Any] = []
    part, again = lstm(schedule), log_in(tmp_path / "part")
    again.epoch_ended = told.append
    part.fit(market(T=160, batch_size=64), trainer(), again)
    assert again.history == log.history
    assert told == log.history[after - 1 :]
    assert files(part, tmp_path / "part") == files(whole, tmp_path / "whole")
    for name, values in whole.predict(data.test).values.items():
        np.testing.assert_array_equal(values, part.predict(data.test).values[name])


def test_early_stopping_stops_after_the_same_epoch(market: Any, tmp_path: Path) -> None:
    data = market(T=150, signal=0.0)
    log = log_in(tmp_path / "whole")
    lstm(lr=0.1).fit(data, trainer(patience=2), log)
    last = len(log.history)
    assert last < EPOCHS
    for after in range(2, last + 1):
        folder = tmp_path / f"part{after}"
        with pytest.raises(Stop):
            lstm(lr=0.1).fit(data, trainer(patience=2), stopped_log(folder, after))
        again = log_in(folder)
        lstm(lr=0.1).fit(data, trainer(patience=2), again)
        assert again.history == log.history


def test_a_fit_that_is_stopped_twice_ends_at_the_same_bits(market: Any, tmp_path: Path) -> None:
    data = market(T=150)
    whole, log = lstm(), log_in(tmp_path / "whole")
    whole.fit(data, trainer(patience=9), log)
    for after in (3, 4, 7):
        with pytest.raises(Stop):
            lstm().fit(data, trainer(patience=9), stopped_log(tmp_path / "part", after))
    part = lstm()
    part.fit(data, trainer(patience=9), log_in(tmp_path / "part"))
    assert files(part, tmp_path / "part") == files(whole, tmp_path / "whole")


def test_other_hardware_settings_resume_too(market: Any, tmp_path: Path) -> None:
    """Accumulated gradients, and weights kept in half precision."""
    data = market(T=150)
    more = {"accumulate_grad_batches": 2, "precision": "bf16-true"}
    whole = lstm()
    whole.fit(data, trainer(**more), log_in(tmp_path / "whole"))
    with pytest.raises(Stop):
        lstm().fit(data, trainer(**more), stopped_log(tmp_path / "part", 4))
    part = lstm()
    part.fit(data, trainer(**more), log_in(tmp_path / "part"))
    assert files(part, tmp_path / "part") == files(whole, tmp_path / "whole")


def mlp(hidden: int = 8) -> LightningForecaster:
    net = functools.partial(MLP, hidden=[hidden], dropout=0.2)
    return LightningForecaster(net, functools.partial(torch.optim.SGD, lr=0.02, momentum=0.9))


def spoil_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def spoil_loops(path: Path) -> None:
    state = read_checkpoint(path)
    state["loops"] = {"fit_loop": 3}
    write_checkpoint(path, state)


def spoil_random(path: Path) -> None:
    state = read_checkpoint(path)
    state["callbacks"]["EpochCheckpoints"]["random"] = torch.zeros(3)
    write_checkpoint(path, state)


@pytest.mark.parametrize("spoil", [spoil_cut, spoil_loops, spoil_random, "another net"])
def test_a_bad_checkpoint_is_not_trusted(market: Any, tmp_path: Path, spoil: Any) -> None:
    data = market(T=150)
    whole, log = mlp(), log_in(tmp_path / "whole")
    whole.fit(data, trainer(), log)
    first = mlp(9 if spoil == "another net" else 8)
    with pytest.raises(Stop):
        first.fit(data, trainer(), stopped_log(tmp_path / "part", 4))
    if callable(spoil):
        spoil(tmp_path / "part/checkpoint.safetensors")
    part, again = mlp(), log_in(tmp_path / "part")
    part.fit(data, trainer(), again)
    assert again.history == log.history
    assert files(part, tmp_path / "part") == files(whole, tmp_path / "whole")


def test_without_a_place_nothing_is_written(market: Any, tmp_path: Path) -> None:
    mlp().fit(market(T=150), trainer(), FitLog(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} <= {"metrics.csv", "hparams.yaml"}


def test_small_nets_write_no_checkpoint(
    market: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lightning_checkpoints, "SECONDS", 10.0)
    log = log_in(tmp_path)
    mlp().fit(market(T=150), trainer(), log)
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_full_disk_is_told_once_and_stops_nothing(
    market: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lightning_checkpoints, "write_checkpoint", full)
    with caplog.at_level(logging.WARNING, logger="marketlab"):
        mlp().fit(market(T=150), trainer(), log_in(tmp_path))
    (record,) = [r for r in caplog.records if r.name.startswith("marketlab")]
    assert "No space left" in record.getMessage()
