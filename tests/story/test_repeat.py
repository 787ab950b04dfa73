"""The same recipe gives the same forecasts, bit for bit, whatever ran before it."""

import marketlab
import numpy as np
import pytest
import torch
from marketlab.experiments.configs import config_files

MODELS = sorted(name.partition("/")[2] for name in config_files() if name.startswith("model/"))
CHOICES = {
    "frozen_future": ["target=next_return"],
    "frozen_future_fitted": ["target=next_return"],
    "lightgbm": ["model.rounds=60", "model.patience=20"],
    "logistic": ["target=up"],
    "lstm_attention": ["trainer.max_epochs=3", "windows.batch_size=64"],
    "mlp": ["trainer.max_epochs=4", "windows.batch_size=64"],
}


def trained(small, model, *more):
    return marketlab.train([*small, f"model={model}", *CHOICES.get(model, []), *more], quiet=True)


@pytest.mark.parametrize("model", MODELS)
def test_two_runs_give_the_same_bits(small, model):
    first = trained(small, model)
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002 - the generator that libraries draw from
    second = trained(small, model)
    assert first.path != second.path
    for name in ("predictions.parquet", "metrics.json", "folds/00/scaler.json", "config.yaml"):
        assert first.manifest["files"][name] == second.manifest["files"][name], name


@pytest.mark.parametrize("model", ["lightgbm", "mlp"])
def test_another_seed_gives_other_forecasts(small, model):
    first, second = trained(small, model), trained(small, model, "seed=1")
    name = "predictions.parquet"
    assert first.manifest["files"][name] != second.manifest["files"][name]


def test_several_folds_give_the_same_bits(small):
    split = ["split=walk_forward", "split.train=100", "split.valid=40", "split.test=70"]
    first, second = (trained(small, "mlp", *split) for _ in range(2))
    assert "folds/01/scaler.json" in first.manifest["files"]
    name = "predictions.parquet"
    assert first.manifest["files"][name] == second.manifest["files"][name]
