"""Every model, target and layout that belong together run end to end; the others are refused."""

import json

import marketlab
import numpy as np
import pytest
from marketlab.data.dataset import Dataset
from marketlab.experiments.configs import config_files
from marketlab.experiments.run import Run

NUMBER = "log_gk_variance"
RUNS = [
    ("climatology", "direction", "pooled"),
    ("climatology", NUMBER, "joint"),
    ("ewma", "return_quantiles", "pooled"),
    ("ewma", "up", "joint"),
    ("frozen_future", "h_day_return", "pooled"),
    ("frozen_future", "direction", "joint"),
    ("frozen_future_fitted", "next_return", "pooled"),
    ("frozen_future_fitted", "up", "joint"),
    ("har", NUMBER, "pooled"),
    ("har", "return_horizons", "joint"),
    ("lightgbm", "direction_and_variance", "pooled"),
    ("lightgbm", "return_quantiles", "pooled"),
    ("logistic", "up", "pooled"),
    ("logistic", "direction", "joint"),
    ("lstm_attention", "direction_and_variance", "pooled"),
    ("lstm_attention", "return_quantiles", "joint"),
    ("mlp", "return_horizons", "pooled"),
    ("mlp", "up", "joint"),
    ("persistence", "direction_and_variance", "pooled"),
    ("persistence", "return_quantiles", "joint"),
    ("ridge", "next_return", "pooled"),
    ("ridge", NUMBER, "joint"),
]
FILES = {
    "config.yaml",
    "folds/00/scaler.json",
    "metrics.json",
    "predictions.parquet",
    "report.html",
}
VIEWS = "+features.views={now:{columns:[gk_1]},past:{rows:6}}"
GRID = "+features.views={grid:{rows:8,shape:[8,2,4]}}"


def test_every_model_and_every_target_has_a_run():
    for position, group in enumerate(("model", "target")):
        known = {name.partition("/")[2] for name in config_files() if name.startswith(f"{group}/")}
        assert {run[position] for run in RUNS} == known


@pytest.mark.parametrize(("model", "target", "layout"), RUNS)
def test_a_model_runs_end_to_end(small, model, target, layout):
    choices = [f"model={model}", f"target={target}", f"windows.layout={layout}", "trainer=debug"]
    run = marketlab.train([*small, *choices], quiet=True)
    again = Run.load(run.path)
    assert set(again.manifest["files"]) >= FILES
    assert again.manifest["model"] == model
    assert not list(run.path.parent.glob(".*"))
    assert "<html" in run.report.read_text()

    table = again.predictions
    forecasts = table[table["model"] == table["model"].iloc[0]]
    assert str(forecasts["model"].iloc[0]).startswith(model)
    assert np.isfinite(forecasts["truth"]).any()
    if model not in ("frozen_future", "frozen_future_fitted"):  # they know when they cannot answer
        assert np.isfinite(forecasts["value"]).all()
    shares = forecasts[forecasts["quantity"].str.startswith("p")]
    if len(shares):
        sums = shares.groupby(["time", "symbol", "target"])["value"].sum(min_count=1).dropna()
        np.testing.assert_allclose(sums, 1, rtol=1e-6)
    assert {f"{row.target}@{row.horizon}" for row in forecasts.itertuples()} == {
        label.label.name for label in run.evaluation.labels
    }
    json.dumps(again.metrics, allow_nan=False)
    fresh = again.predict(data=small[-2].partition("=")[2])
    assert set(fresh["symbol"]) == {"SYN00", "SYN01", "SYN02"}


def test_a_final_model_is_fitted_on_the_newest_rows(small):
    overrides = [*small, "model=ridge", "refit=true"]
    run = marketlab.train(overrides, quiet=True)
    assert run.manifest["predict_with"] == "final"
    assert "final/scaler.json" in run.manifest["files"]
    kept = marketlab.train(overrides[:-1], quiet=True)
    data = small[-2].partition("=")[2]
    assert not np.allclose(run.predict(data=data)["value"], kept.predict(data=data)["value"])


def test_several_views_feed_a_net_and_a_table(small):
    for model in ("mlp", "ridge", "lightgbm"):
        run = marketlab.train([*small, f"model={model}", VIEWS, "trainer=debug"], quiet=True)
        assert np.isfinite(run.predictions["value"][:10]).all()


def test_a_mask_tells_a_net_what_is_missing(small):
    run = marketlab.train(
        [*small, "model=lstm_attention", "windows.mask=true", "trainer=debug"], quiet=True
    )
    spec = json.loads((run.path / "folds/00/model/spec.json").read_text())
    assert spec["inputs"] == {"x": [8, 16]}


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        (["model=ridge", "target=up"], "choose model=logistic"),
        (["model=ridge", "target=direction_and_variance"], "choose model=logistic"),
        (["model=ridge", "target=return_quantiles"], "not the quantile target"),
        (["model=logistic", "target=next_return"], "choose model=ridge"),
        (["model=har", "target=direction"], "HAR forecasts"),
        (["model=lightgbm", "windows.layout=joint"], "windows.layout=pooled"),
        (["model=lightgbm", "windows.layout=jiont"], "layout"),
        (["model=lstm_attention", VIEWS], "reads one view of shape"),
        (["model=lstm_attention", GRID], "reads one view of shape"),
        (["model=mlp", GRID, "windows.layout=joint"], "no room for the channels"),
        (["model=mlp", GRID, "windows.mask=true"], "no room for the channels"),
        (["model=lstm_attention", "model.net.hidden=[]"], "needs an LSTM layer"),
        (["model=mlp", "model.net.hidden=3"], r"model\.net\.hidden=3 must be a list of whole"),
        (
            ["model=mlp", "model.net.hidden=[-3]"],
            r"hidden=\[-3\] must be a list of whole numbers from 1",
        ),
        (["model=mlp", "model.optimizer.lr=-1"], "lr=-1 must be a number above 0"),
        (["model=mlp", "+model.weights={log_kg:2}"], "did you mean 'log_gk"),
        (["model=ridge", "model.window=lst"], "must be last or flatten"),
        (["model=ridge", "model.search.alpha=[]"], "list of candidates"),
        (["model=ridge", "model.search=3"], r"model\.search=3 must be a mapping"),
        (["model=lightgbm", "model.window=lst"], "must be last or flatten"),
        (["model=lightgbm", "model.rounds=0"], r"model\.rounds=0"),
        (["model=lightgbm", "model.patience=x"], r"model\.patience='x'"),
        (["model=ewma", "model.alphas=[2]"], r"model\.alphas=\[2\]"),
        (["model=ewma", "model.alphas=0.5"], r"model\.alphas=0\.5"),
        (["model=ridge", "windows.mask=maybe"], "true or false"),
        (["model=ridge", "refit=maybe"], "true or false"),
        (["model=ridge", "name=null"], "names a folder"),
        (["model=ridge", "paths.data=null"], "must be a folder"),
        (["model=ridge", "seed=4294967296"], "from 0 to 2147483647"),
        (["model=ridge", "dataset.symbols=SYN00"], "must be a list"),
        (["model=ridge", "dataset.source.seed=-1"], "seed=-1"),
        (["model=ridge", "+features.views={a:{columns:gk_1}}"], "list of names"),
        (["model=ridge", "+features.views={a:3}"], "must be a mapping"),
        (["model=ridge", "threads=0"], "threads=0"),
        (["model=ridge", "seed=-1"], "seed=-1"),
        (["model=ridge", "seed=1.5"], "seed=1.5"),
        (["model=ridge", "windows.batch_size=0"], "batch_size"),
        (["model=ridge", "name=../elsewhere"], "names a folder"),
        (["model=ridge", "name=.hidden"], "names a folder"),
        (["model=ridge", "target.targets.log_gk.expr=close"], "never looks ahead"),
        (["model=ridge", "features.expressions.gk_1='lead(close, 1)'"], "looks 1 row"),
        (["model=ridge", "split.train=0.95"], "positive shares"),
        (["model=ridge", "dataset.name=market"], "must say so"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(
    small, tmp_path, monkeypatch, choices, words
):
    def never(*arguments, **keywords):
        raise AssertionError("the data were read")

    monkeypatch.setattr(Dataset, "load", never)
    with pytest.raises(marketlab.MarketlabError, match=words) as caught:
        marketlab.train([*small, *choices], quiet=True)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("trainer.devices=2", "trains on one device, not 2"),
        ("trainer.max_epochs=x", "trainer.max_epochs='x'"),
        ("trainer.max_epochs=0", "max_epochs=0 must be a whole number from 1 up"),
        ("+trainer.limit_val_batches=0", "needs an epoch and its validation"),
        ("trainer.accelerator=abacus", "trainer"),
        ("+trainer.epochs=3", "trainer"),
        ("model.optimizer.lr=1e9", "lower model.optimizer.lr"),
    ],
)
def test_a_trainer_that_makes_no_sense_is_refused_in_one_line(small, tmp_path, choice, words):
    with pytest.raises(marketlab.MarketlabError, match=words) as caught:
        marketlab.train([*small, "model=mlp", choice], quiet=True)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("outputs/*"))


def test_a_protocol_that_leaks_says_so_in_its_name_and_its_report(small):
    run = marketlab.train([*small, "model=ridge", "split=leaky_shuffle"], quiet=True)
    assert run.path.parent.name == "leaky_small"
    assert run.manifest["leaks"]
    assert run.metrics["leaks"]
    assert "leak" in run.report.read_text()
