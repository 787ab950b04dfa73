"""A small market with a planted signal, and quick trainers, for the tests of the models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from marketlab.data.datamodule import MarketDataModule
from marketlab.data.features import View
from marketlab.data.labels import Label, Task
from marketlab.data.scaling import standard
from marketlab.data.splits import Fold
from marketlab.data.targets import LabelValues
from marketlab.data.tensor import Layout, WindowTensor
from marketlab.models.forecaster import FitLog, TrainerFactory


def label(task: Task, name: str = "ret") -> Label:
    """One label of a task; three classes, or three levels."""
    edges = {"binary": (0.0,), "classification": (-0.5, 0.5)}.get(task, ())
    levels = (0.1, 0.5, 0.9) if task == "quantile" else ()
    return Label(name, 1, "lead(close, 1)", task, lookahead=1, edges=edges, levels=levels)


@dataclass(frozen=True)
class Market:
    """Builds folds whose labels follow the newest value of the first feature."""

    def __call__(
        self,
        tasks: Sequence[Task] = ("regression",),
        layout: Layout = "pooled",
        T: int = 600,
        N: int = 3,
        F: int = 4,
        rows: int = 6,
        signal: float = 2.0,
        missing: float = 0.1,
        two_views: bool = False,
        batch_size: int = 128,
    ) -> MarketDataModule:
        random = np.random.default_rng(7)
        x = random.standard_normal((N, T, F)).astype(np.float32)
        number = signal * x[:, :, 0].T + random.standard_normal((T, N)) + 0.5
        labels = tuple(label(task, f"{task}{k}") for k, task in enumerate(tasks))
        columns = [
            np.digitize(number, one.edges, right=True).astype(float) if one.classes else number
            for one in labels
        ]
        y = np.stack(columns, axis=2)
        y[random.random(y.shape) < missing] = np.nan
        known = np.full_like(y, np.nan)
        known[1:] = y[:-1]
        x[random.random(x.shape) < missing / 4] = np.nan
        names = tuple(f"f{k}" for k in range(F))
        views = {"x": View("x", names, rows)}
        if two_views:
            views["now"] = View("now", names[:2], 1)
        tensor = WindowTensor(
            features=x,
            columns=names,
            views=views,
            labels=labels,
            values=LabelValues(y=y, known=known, frozen=np.full_like(y, np.nan)),
            present=np.ones((T, N), dtype=bool),
            times=pd.date_range("2020-01-01", periods=T, freq="D", tz="UTC"),
            symbols=tuple(f"S{n}" for n in range(N)),
            first=rows - 1,
            layout=layout,
        )
        a, b = int(0.6 * T), int(0.8 * T)
        fold = Fold(np.arange(rows - 1, a), np.arange(a + 1, b), np.arange(b + 1, T - 1))
        return MarketDataModule(tensor, fold, standard, batch_size=batch_size, seed=3)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Nets this small gain nothing from a second thread, and wait for it on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.fixture
def trainer() -> TrainerFactory:
    return make_trainer(4)


@pytest.fixture
def long_trainer() -> TrainerFactory:
    return make_trainer(30)


def make_trainer(epochs: int) -> TrainerFactory:
    """Build Trainers as conf/trainer/cpu.yaml does."""

    def build(callbacks: Sequence[Any] = (), **settings: Any) -> Any:
        import pytorch_lightning as pl

        stop = pl.callbacks.EarlyStopping(monitor="valid_loss", patience=5)
        return pl.Trainer(
            accelerator="cpu",
            devices=1,
            max_epochs=epochs,
            gradient_clip_val=1.0,
            deterministic=True,
            num_sanity_val_steps=0,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[stop, *callbacks],
            **settings,
        )

    return build


@pytest.fixture
def fit_log(tmp_path: Path) -> FitLog:
    return FitLog(tmp_path)


@pytest.fixture
def r2() -> Callable[[Any, Any], float]:
    def score(truth: Any, forecast: Any) -> float:
        use = ~np.isnan(truth) & ~np.isnan(forecast)
        error, spread = truth[use] - forecast[use], truth[use] - truth[use].mean()
        return float(1 - (error**2).sum() / (spread**2).sum())

    return score
