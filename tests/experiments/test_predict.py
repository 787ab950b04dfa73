"""predict: the run's own test forecasts again, newer ones from newer bars, and no needless work."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import marketlab
import numpy as np
import pandas as pd
import pytest
from marketlab.data.disk import sha256_of
from marketlab.data.sources.synthetic import Synthetic
from marketlab.errors import ConfigError, DataError, RunError, SnapshotError

module = importlib.import_module("marketlab.experiments.predict")
KEYS = ["time", "symbol", "target", "horizon", "quantity"]
FINITE = ["~features.expressions.rsi_14"]  # what is left looks back 22 rows
NEXT = ["target=next_return"]


def trained(small, *choices):
    return marketlab.train([*small, "trainer=debug", *choices], quiet=True)


def data_of(small):
    return Path(small[-2].partition("=")[2])


def own(run):
    """Return the model's test forecasts that the run itself recorded."""
    table = run.predictions
    return table[table["model"] == table["model"].iloc[0]][[*KEYS, "value"]]


def compared(run, forecasts):
    """Return the values of the run and those forecast, for every cell that the run tested."""
    both = own(run).merge(forecasts, on=KEYS, suffixes=("_run", "_now"), how="left")
    assert len(both) == len(own(run))
    assert not forecasts.duplicated(KEYS).any()
    return both["value_run"].to_numpy(), both["value_now"].to_numpy()


@pytest.mark.parametrize(
    ("choices", "exact"),
    [
        (["model=ridge", *FINITE, *NEXT], True),
        (["model=ridge", "windows.layout=joint"], True),
        (["model=ridge", "model.window=flatten", "target=return_horizons"], True),
        (["model=lightgbm", "target=return_quantiles"], True),
        (["model=lightgbm", "target=direction_and_variance"], True),
        (["model=logistic", "target=direction"], True),
        (["model=logistic", "target=up", "windows.layout=joint", *FINITE], True),
        (["model=har"], True),
        (["model=har", "windows.layout=joint", *FINITE], True),
        (["model=persistence", *FINITE], True),
        (["model=persistence", "target=up", *FINITE], True),
        (["model=ewma", "target=return_quantiles"], True),
        (["model=climatology", "target=direction"], True),
        (["model=frozen_future_fitted", "target=next_return", *FINITE], True),
        (["model=mlp", *FINITE], False),
        (["model=mlp", "target=return_quantiles", "windows.layout=joint"], False),
        (["model=lstm_attention", "target=direction_and_variance"], False),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_predict_gives_the_test_forecasts_of_the_run(small, choices, exact):
    run = trained(small, *choices)
    first = own(run)["time"].min()
    forecasts = run.predict(since=str(first), data=data_of(small))
    assert list(forecasts.columns) == [*KEYS, "value"]
    assert forecasts["time"].min() == first
    before, now = compared(run, forecasts)
    if exact:
        np.testing.assert_array_equal(now, before)
    else:
        np.testing.assert_allclose(now, before, rtol=1e-5, atol=1e-7)


def test_without_since_only_the_newest_time_is_forecast(small):
    run = trained(small, "model=ridge", *NEXT)
    forecasts = run.predict(data=data_of(small))
    assert list(forecasts["symbol"]) == ["SYN00", "SYN01", "SYN02"]
    newest = pd.Timestamp(run.manifest["data"]["last"])
    assert set(forecasts["time"]) == {newest}
    assert newest not in set(own(run)["time"])  # what comes next is not realised yet
    since = run.predict(since=str(newest), data=data_of(small))
    pd.testing.assert_frame_equal(since, forecasts)


@pytest.fixture
def bars():
    """The rows of a small market, sorted by date."""
    frame = Synthetic(symbols=3, rows=440).load()
    return frame.sort_values(["date", "symbol"], kind="stable", ignore_index=True)


def write_csv(bars, rows, path):
    dates = bars["date"].unique()[:rows]
    bars[bars["date"].isin(dates)].to_csv(path, index=False)


@pytest.mark.parametrize("choices", [[*FINITE, *NEXT], []], ids=["finite", "recursive"])
@pytest.mark.parametrize("model", ["ridge", "lightgbm", "har", "mlp"])
def test_newer_bars_add_times_and_change_none(small, tmp_path, bars, model, choices):
    path = tmp_path / "bars.csv"
    write_csv(bars, 420, path)
    source = ["dataset=csv", f"dataset.source.path={path}", f"paths.data={tmp_path / 'data'}"]
    rest = [o for o in small if not o.startswith("dataset")]
    run = trained([*rest, *source], f"model={model}", *choices)
    since = "2001-01-02"
    before = run.predict(since=since, data=tmp_path / "data")
    write_csv(bars, 440, path)
    snapshot = marketlab.fetch(source)
    assert snapshot.sha256 != run.manifest["data"]["snapshot"]
    # The data of the run, unless newer ones are asked for.
    pd.testing.assert_frame_equal(run.predict(since=since, data=tmp_path / "data"), before)
    for wanted in ("latest", snapshot.sha256[:8], str(snapshot.path)):
        after = run.predict(since=since, snapshot=wanted, data=tmp_path / "data")
        assert after["time"].nunique() == before["time"].nunique() + 20
    both = before.merge(after, on=KEYS, suffixes=("_then", "_now"))
    assert len(both) == len(before)
    if model == "mlp":  # the last bits depend on how many samples a batch holds
        np.testing.assert_allclose(both["value_now"], both["value_then"], rtol=1e-5, atol=1e-7)
    else:
        np.testing.assert_array_equal(both["value_now"], both["value_then"])


@pytest.fixture
def lengths(monkeypatch):
    """Rows of each panel of which predict computes the features."""
    seen = []
    real = module.build_tensor

    def spy(panel, *arguments, **keywords):
        seen.append(len(panel.times))
        return real(panel, *arguments, **keywords)

    monkeypatch.setattr(module, "build_tensor", spy)
    return seen


def test_only_the_rows_that_a_forecast_reads_are_computed(small, lengths):
    run = trained(small, "model=ridge", *FINITE, *NEXT)
    run.predict(data=data_of(small))
    assert lengths == [22 + 8]  # a lookback of 22 for the oldest of the window's 8 rows
    times = own(run)["time"].unique()
    run.predict(since=str(times[-10]), data=data_of(small))
    assert lengths[1] == 22 + 8 + 10  # ten more times, the newest of them not tested


def test_a_forecast_from_the_targets_own_past_reads_that_too(small, lengths):
    run = trained(small, "model=har", *FINITE)
    run.predict(data=data_of(small))
    assert 22 < lengths[0] < 60


def test_a_recursive_feature_is_computed_from_the_first_row(small, lengths):
    run = trained(small, "model=ridge", *NEXT)  # rsi_14 is among the features
    run.predict(data=data_of(small))
    assert lengths == [420]


def test_a_mean_without_end_is_computed_from_the_first_row(small, lengths):
    run = trained(small, "model=ewma", *FINITE)
    run.predict(data=data_of(small))
    assert lengths == [420]


def test_classes_and_quantiles_are_answered_whole(small):
    run = trained(small, "model=lightgbm", "target=direction")
    shares = run.predict(data=data_of(small))
    assert set(shares["quantity"]) == {"p0", "p1", "p2"}
    np.testing.assert_allclose(shares.groupby("symbol")["value"].sum(), 1, rtol=1e-9)
    run = trained(small, "model=mlp", "target=return_quantiles", *FINITE)
    table = run.predict(data=data_of(small)).pivot_table(
        index="symbol", columns="quantity", values="value"
    )
    assert list(table.columns) == ["q0.05", "q0.25", "q0.5", "q0.75", "q0.95"]
    assert (np.diff(table.to_numpy(), axis=1) >= 0).all()


def test_the_newest_fold_answers(small):
    split = ["split=walk_forward", "split.train=100", "split.valid=40", "split.test=70"]
    run = trained(small, "model=ridge", *split)
    table = run.predictions
    last = table[(table["fold"] == table["fold"].max()) & (table["model"] == "ridge")]
    forecasts = run.predict(since=str(last["time"].min()), data=data_of(small))
    both = last.merge(forecasts, on=KEYS, suffixes=("_run", "_now"))
    assert len(both) == len(last)
    np.testing.assert_array_equal(both["value_now"], both["value_run"])


def test_a_symbol_without_a_bar_at_the_newest_time_gets_no_forecast(small, tmp_path, bars):
    path = tmp_path / "bars.csv"
    bars = bars[:-1]  # the last symbol's newest bar
    bars.to_csv(path, index=False)
    source = ["dataset=csv", f"dataset.source.path={path}"]
    rest = [o for o in small if not o.startswith("dataset")]
    run = trained([*rest, *source], "model=ridge", *NEXT)
    assert set(run.predict(data=tmp_path / "data")["symbol"]) == {"SYN00", "SYN01"}


def test_saved_tables_agree_in_every_format(small, tmp_path):
    run = trained(small, "model=ridge", "target=return_horizons")
    table = run.predict(data=data_of(small))
    for name in ("f.csv", "deep/er/f.parquet", "f.json"):
        module.save_table(table, tmp_path / name)
    csv = pd.read_csv(tmp_path / "f.csv", parse_dates=["time"])
    parquet = pd.read_parquet(tmp_path / "deep/er/f.parquet")
    records = json.loads((tmp_path / "f.json").read_text())
    pd.testing.assert_frame_equal(parquet, table)
    assert list(csv.columns) == list(table.columns) == list(records[0])
    np.testing.assert_array_equal(csv["value"], table["value"])
    assert (pd.DatetimeIndex(csv["time"]) == pd.DatetimeIndex(table["time"])).all()
    times = pd.to_datetime([record["time"] for record in records], utc=True)
    assert (times == pd.DatetimeIndex(table["time"])).all()
    np.testing.assert_array_equal([record["value"] for record in records], table["value"])


def test_marketlab_predict_is_the_run_s_own(small):
    run = trained(small, "model=ridge", *NEXT)
    pd.testing.assert_frame_equal(
        marketlab.predict(run.path, data=data_of(small)), run.predict(data=data_of(small))
    )


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"since": "yesterdy"}, ConfigError, "is no date"),
        ({"since": "2100-01-01"}, DataError, "after the newest decision time"),
        ({"since": "1999-01-01"}, DataError, "rows before it"),
        ({"snapshot": "abcdef"}, SnapshotError, "no snapshot"),
        ({"snapshot": "nonsense"}, SnapshotError, "neither 'latest'"),
        ({"data": "nowhere"}, SnapshotError, "snapshot"),
    ],
)
def test_what_cannot_be_forecast_is_one_line(small, arguments, error, words):
    run = trained(small, "model=ridge", *NEXT)
    with pytest.raises(error, match=words) as caught:
        run.predict(**{"data": data_of(small), **arguments})
    assert "\n" not in str(caught.value)


def test_a_joint_run_wants_the_symbols_that_it_was_trained_on(small):
    run = trained(small, "model=ridge", "windows.layout=joint", *NEXT)
    other = marketlab.fetch(
        ["dataset=synthetic", "dataset.source.symbols=2", f"paths.data={data_of(small)}"]
    )
    with pytest.raises(DataError, match="trained jointly on SYN00, SYN01, SYN02"):
        run.predict(snapshot=other.sha256, data=data_of(small))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("scaler.json", {n: {"center": [0], "scale": [1]} for n in ("inputs", "labels")}, "scales"),
        ("model/spec.json", {"extra": {}}, "not what HAR saved"),
    ],
)
def test_a_fold_whose_parts_do_not_fit_together_is_one_line(small, name, content, words):
    run = trained(small, "model=har", *NEXT)
    path, manifest = run.path / "folds/00" / name, run.manifest
    path.write_text(json.dumps(json.loads(path.read_text()) | content))
    manifest["files"][path.relative_to(run.path).as_posix()] = sha256_of(path)
    (run.path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RunError, match=words) as caught:
        marketlab.predict(run.path, data=data_of(small))
    assert "\n" not in str(caught.value)


def test_a_file_of_the_model_that_was_swapped_is_noticed(small):
    run = trained(small, "model=ridge", *NEXT)
    path = run.path / "folds/00/model/model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(RunError, match="was changed"):
        marketlab.predict(run.path, data=data_of(small))


def test_forecasting_imports_no_trainer_and_no_tracker(small):
    run = trained(small, "model=mlp", *FINITE)
    code = (
        "import sys, marketlab\n"
        f"table = marketlab.predict({str(run.path)!r}, data={str(data_of(small))!r})\n"
        "assert len(table) == 3\n"
        "heavy = {'pytorch_lightning', 'wandb', 'lightgbm', 'sklearn', 'matplotlib', 'arch'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_joint_forecast_leaves_out_symbols_without_a_bar(small, tmp_path):
    bars = Synthetic(symbols=3, rows=420, seed=0).load()
    late = bars[(bars["symbol"] != "SYN01") | (bars["date"] < bars["date"].max())]
    file = tmp_path / "bars.csv"
    late.to_csv(file, index=False)
    source = ["dataset=csv", f"dataset.source.path={file}", *small[3:]]
    run = marketlab.train([*source, "model=ridge", "windows.layout=joint", *NEXT], quiet=True)
    forecasts = run.predict(data=data_of(small))
    assert list(forecasts["symbol"]) == ["SYN00", "SYN02"]
