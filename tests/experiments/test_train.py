"""train: folds that know nothing of what comes after, and a run directory or none."""

import importlib

import marketlab
import numpy as np
import pandas as pd
import pytest
from marketlab.data.labels import Label
from marketlab.data.sources.synthetic import Synthetic
from marketlab.errors import ConfigError, DataError
from marketlab.experiments.fitting import newest_fold, seed_everything
from marketlab.experiments.run import Run

attempt_module = importlib.import_module("marketlab.experiments.attempt")
NEXT = "target=next_return"
FOLDS = [
    "~features.expressions.rsi_14",
    "split=walk_forward",
    "split.train=100",
    "split.valid=40",
    "split.test=70",
]


def train(small, *choices):
    return marketlab.train([*small, NEXT, *choices], quiet=True)


def test_the_folds_test_every_row_after_the_first_train_part_once(small):
    run = train(small, "model=ridge", *FOLDS)
    table = run.predictions
    rows = table[table["model"] == "ridge"]
    assert sorted(rows["fold"].unique()) == [0, 1, 2, 3]
    assert not rows.duplicated(["time", "symbol"]).any()
    spans = rows.groupby("fold")["time"].agg(["min", "max"])
    assert (spans["min"].to_numpy()[1:] > spans["max"].to_numpy()[:-1]).all()
    assert set(run.manifest["files"]) >= {f"folds/{k:02d}/scaler.json" for k in range(4)}
    assert run.manifest["predict_with"] == "folds/03"
    assert [label.label.name for label in run.evaluation.labels] == ["ret_next@1"]
    truth = rows["truth"].to_numpy()
    close = Synthetic(symbols=3, rows=420).load().pivot_table("close", "date", "symbol")
    returns = (close.shift(-1) / close - 1).to_numpy()
    first = 22 + 7 + 100 + 40
    np.testing.assert_allclose(truth, returns[first:-1].ravel(), rtol=1e-9)


@pytest.mark.parametrize("model", ["ridge", "lightgbm", "mlp", "ewma"])
def test_a_model_is_the_same_whatever_the_test_part_holds(small, tmp_path, model):
    """Change every bar from the test part on: not one byte of the fitted fold may differ."""
    bars = Synthetic(symbols=3, rows=420).load()
    test = pd.Timestamp("2001-04-02")
    rest = [o for o in small if not o.startswith("dataset")]
    path = tmp_path / "bars.csv"
    dates = ["split.valid_from=2001-02-01", "split.test_from=2001-04-02", "trainer.max_epochs=2"]
    runs = []
    for factor in (1.0, 3.0):
        later = bars["date"] >= test
        prices = ["open", "high", "low", "close"]
        noise = np.random.default_rng(5).uniform(1, factor, len(bars))
        changed = bars.copy()
        changed.loc[later, prices] = bars.loc[later, prices].mul(noise[later], axis=0)
        changed.to_csv(path, index=False)
        source = ["dataset=csv", f"dataset.source.path={path}"]
        runs.append(train([*rest, *source], f"model={model}", *dates))
    before, after = (
        {name: sha for name, sha in run.manifest["files"].items() if name.startswith("folds/")}
        for run in runs
    )
    assert before
    assert before == after
    files = [run.manifest["files"]["predictions.parquet"] for run in runs]
    assert files[0] != files[1]


def test_quiet_prints_nothing_and_otherwise_stdout_stays_free(small, capfd):
    train(small, "model=mlp", "trainer=debug")
    assert capfd.readouterr() == ("", "")
    marketlab.train([*small, NEXT, "model=mlp", "trainer=debug"])
    out, err = capfd.readouterr()
    assert out == ""
    assert "data health" in err
    assert "fold 1/1: tests 20" in err


def test_overrides_are_recorded_and_repeat_the_run(small):
    run = train(small, "model=ridge")
    again = marketlab.train(run.manifest["overrides"], quiet=True)
    name = "predictions.parquet"
    assert again.manifest["files"][name] == run.manifest["files"][name]


def test_what_fails_before_the_first_fit_leaves_no_folder(small, tmp_path):
    with pytest.raises(DataError):
        train(small, "model=ridge", "split.valid=0.0001")
    assert not list(tmp_path.glob("outputs/*/*"))
    assert not list(tmp_path.glob("outputs/*/.*"))


def test_what_fails_after_a_fit_keeps_what_was_fitted_and_is_no_run(small, tmp_path, monkeypatch):
    def fail(*arguments):
        raise DataError("no skill to be measured")

    monkeypatch.setattr(attempt_module, "evaluate", fail)
    with pytest.raises(DataError, match="no skill"):
        train(small, "model=ridge")
    (left,) = (tmp_path / "outputs/small").iterdir()
    assert left.name.startswith(".partial-")
    assert (left / "folds/00/scaler.json").is_file()
    with pytest.raises(marketlab.MarketlabError, match="not complete"):
        Run.load(left)


def test_the_final_fold_reaches_the_newest_realised_row(small):
    run = train(small, "model=ridge", "refit=true", *FOLDS)
    assert "final/model/model.safetensors" in run.manifest["files"]

    class Tensor:
        first, times = 29, np.arange(420)
        labels = run.evaluation.labels[0].label, run.evaluation.labels[0].label

    class Last:
        valid = np.arange(40)

    fold = newest_fold(Tensor, [Last])
    assert fold.train[0] == 29
    assert fold.train[-1] + 1 < fold.valid[0]  # the purge
    assert fold.valid[-1] == 419
    assert len(fold.test) == 0


def test_seeds_reach_every_generator():
    import random

    import torch

    drawn = []
    for _ in range(2):
        seed_everything(7)
        drawn.append((random.random(), np.random.rand(), float(torch.rand(()))))  # noqa: NPY002
    assert drawn[0] == drawn[1]


def test_a_final_fold_that_rolls_forgets_what_the_last_fold_forgot():
    class Tensor:
        first, times = 29, np.arange(420)
        labels = (Label("ret", 5, "lead(close, 5)", "regression", 5),)

    class Last:
        train, valid = np.arange(100, 195), np.arange(200, 235)

    whole, newest = (newest_fold(Tensor, [Last], rolls=rolls) for rolls in (False, True))
    assert len(newest.train) == 95
    assert newest.train[-1] == whole.train[-1] == newest.valid[0] - 6
    assert whole.train[0] == 29


def test_a_net_that_never_validates_is_refused_in_one_line(small):
    with pytest.raises(ConfigError, match="check_val_every_n_epoch"):
        train(small, "model=mlp", "+trainer.check_val_every_n_epoch=2", "trainer.max_epochs=2")
    with pytest.raises(ConfigError, match="max_time"):
        train(small, "model=mlp", "+trainer.max_time='00:00:00:00'")
