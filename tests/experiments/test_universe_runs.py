"""A universe through train and predict: others than members neither teach, nor count, nor leak."""

import marketlab
import numpy as np
import pandas as pd
import pytest
from marketlab.data.sources.synthetic import Synthetic

NEXT = "target=next_return"
DATES = ["split.valid_from=2001-02-01", "split.test_from=2001-04-02"]
SPANS = """symbol,from,to
{0},1999-01-01,
{1},1999-01-01,
{2},1999-01-01,2000-09-29
{3},2001-05-01,
"""
PRICES = ["open", "high", "low", "close"]


@pytest.fixture
def overrides(small, tmp_path):
    """Five made-up symbols: two members, one that leaves, one that joins in the test part, one
    that never belongs."""
    bars = Synthetic(symbols=5, rows=420).load()
    bars.to_csv(tmp_path / "bars.csv", index=False)
    names = sorted(bars["symbol"].unique())
    (tmp_path / "members.csv").write_text(SPANS.format(*names))
    rest = [o for o in small if not o.startswith("dataset")]
    return [*rest, "dataset=csv", f"dataset.source.path={tmp_path / 'bars.csv'}", *DATES]


def with_universe(overrides, tmp_path, *choices):
    universe = f"dataset.universe={tmp_path / 'members.csv'}"
    return marketlab.train([*overrides, universe, NEXT, "trainer=debug", *choices], quiet=True)


def poison(path, names):
    """Shake and multiply the prices of whoever is no member, and will not be one again."""
    bars = pd.read_csv(path, parse_dates=["date"])
    # The label of its last day as a member rests on the day after.
    left = (bars["symbol"] == names[2]) & (bars["date"] > "2000-10-02")
    others = left | (bars["symbol"] == names[4])
    shaken = np.random.default_rng(5).uniform(500, 1500, len(bars))
    bars.loc[others, PRICES] = bars[PRICES].mul(shaken, axis=0)
    bars.to_csv(path, index=False)


def outcome(run):
    """Return the hashes of all that was fitted, forecast and measured."""
    return {
        name: sha
        for name, sha in run.manifest["files"].items()
        if name.startswith("folds/") or name in ("predictions.parquet", "metrics.json")
    }


@pytest.mark.parametrize("model", ["ridge", "lightgbm", "mlp", "ewma"])
def test_only_members_are_forecast_and_others_teach_nothing(overrides, tmp_path, model):
    names = sorted(pd.read_csv(tmp_path / "bars.csv")["symbol"].unique())
    # Its features rank symbols: ranks among all of them would give the others away.
    choices = [f"model={model}", "features=momentum", "features.rows=4"]
    before = with_universe(overrides, tmp_path, *choices)
    seen = before.predictions.groupby("symbol")["time"].min()
    assert sorted(seen.index) == [names[0], names[1], names[3]]
    assert seen[names[3]].date() == pd.Timestamp("2001-05-01").date()
    assert seen[names[0]].date() == pd.Timestamp("2001-04-02").date()
    assert np.isfinite(before.predictions["value"]).mean() > 0.9
    poison(tmp_path / "bars.csv", names)
    after = with_universe(overrides, tmp_path, *choices)
    assert len(outcome(before)) >= 4
    assert outcome(after) == outcome(before)


def test_without_the_universe_the_others_would_show(overrides, tmp_path):
    names = sorted(pd.read_csv(tmp_path / "bars.csv")["symbol"].unique())
    choices = [*overrides, NEXT, "model=ridge", "features=momentum", "features.rows=4"]
    before = marketlab.train(choices, quiet=True)
    poison(tmp_path / "bars.csv", names)
    after = marketlab.train(choices, quiet=True)
    before, after = outcome(before), outcome(after)
    same = {name for name, sha in before.items() if after[name] == sha}
    assert same <= {"folds/00/model/spec.json"}


@pytest.mark.parametrize("layout", ["pooled", "joint"])
def test_predict_answers_for_members_alone(overrides, tmp_path, layout):
    names = sorted(pd.read_csv(tmp_path / "bars.csv")["symbol"].unique())
    # In the joint layout a symbol needs train rows of its own: this one leaves and comes back.
    back = SPANS.replace("{3}", "{2}")
    (tmp_path / "members.csv").write_text(back.format(*names))
    run = with_universe(overrides, tmp_path, "model=ridge", f"windows.layout={layout}")
    truths = run.predictions.dropna(subset=["truth"])
    assert sorted(truths["symbol"].unique()) == names[:3]
    forecasts = run.predict(since="2001-04-20", data=tmp_path / "data")
    joins = forecasts["symbol"] == names[2]
    assert set(forecasts["symbol"]) == set(names[:3])
    assert forecasts[joins]["time"].min().date() == pd.Timestamp("2001-05-01").date()
    assert forecasts["time"].min().date() == pd.Timestamp("2001-04-20").date()
    model = run.predictions[run.predictions["model"] == "ridge"]
    both = model.merge(forecasts, on=["time", "symbol", "horizon", "quantity"])
    assert len(both) > 50
    np.testing.assert_array_equal(both["value_x"], both["value_y"])


def test_a_universe_without_members_is_refused_in_one_line(overrides, tmp_path):
    names = sorted(pd.read_csv(tmp_path / "bars.csv")["symbol"].unique())
    (tmp_path / "members.csv").write_text(f"symbol,from,to\n{names[0]},1990-01-01,1990-02-01\n")
    with pytest.raises(marketlab.MarketlabError, match="a member with a bar on 0 rows"):
        with_universe(overrides, tmp_path, "model=ridge")


def test_a_run_forecasts_from_its_own_snapshot_when_its_files_are_gone(overrides, tmp_path, capsys):
    run = with_universe(overrides, tmp_path, "model=ridge")
    capsys.readouterr()
    before = run.predict(data=tmp_path / "data")
    (tmp_path / "members.csv").unlink()
    (tmp_path / "bars.csv").unlink()
    pd.testing.assert_frame_equal(run.predict(data=tmp_path / "data"), before)
    marketlab.predict(run.path, data=tmp_path / "data", quiet=False)
    assert "compared" not in capsys.readouterr().err
    with pytest.raises(marketlab.MarketlabError, match=r"dataset\.universe=.*: no such file"):
        run.predict(data=tmp_path / "data", snapshot="latest")
