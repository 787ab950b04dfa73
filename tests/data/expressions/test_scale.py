"""What a split does to the past is marked, and nothing else."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from marketlab.data.bars.schema import validate_bars
from marketlab.data.corrections.adjusting import adjusted
from marketlab.data.expressions import compile_program
from marketlab.data.panel import DEGREES, RATIO

CONF = Path(__file__).parents[3] / "conf/features"


@pytest.mark.parametrize(
    ("text", "rescales"),
    [
        ("close", True),
        ("volume", True),
        ("log(volume)", True),
        ("cs_rank(volume)", True),
        ("deliverable_volume", True),
        ("prev_close", True),
        ("log(last)", True),
        ("dividends", True),
        ("log(vwap)", True),
        ("turnover", False),
        ("trades", False),
        ("volume * close", False),
        ("cs_rank(volume * vwap)", False),
        ("volume / close", True),
        ("log(volume) + log(close)", False),
        ("log(volume) - log(close)", True),
        ("volume / ts_mean(volume, 20)", False),
        ("deliverable_volume / volume", False),
        ("dividends / prev_close", False),
        ("close / prev_close - 1", False),
        ("close / delay(close, 5) - 1", False),
        ("close - open", True),
        ("(close - open) / (high - low)", False),
        ("close > 100", True),
        ("close > open", False),
        ("close > 0", False),
        ("max(delta(close, 1), 0) / close", False),
        ("max(delta(close, 1), 1) / close", True),
        ("log(close)", True),
        ("log(close) - log(open)", False),
        ("log(close / open)", False),
        ("log(close) + volume", True),
        ("ts_std(log(close), 5)", False),
        ("ts_sum(log(close), 5) - 5 * log(open)", False),
        ("ts_sum(log(close), 5, min_periods=1) - 5 * log(open)", True),
        ("exp(log(close) / 2) / sqrt(open)", False),
        ("close ** 2 / (open * high)", False),
        ("close ** volume", True),
        ("sign(close - open)", False),
        ("abs(close - open) / ts_std(close, 5)", False),
        ("abs(log(close))", True),
        ("ts_rank(close, 5)", False),
        ("ts_rank(log(close), 5)", False),
        ("ts_corr(close, volume, 5)", False),
        ("ts_corr(close + volume, volume, 5)", True),
        ("rsi(close, 14)", False),
        ("rsi(log(close), 14)", False),
        ("macd(close)", True),
        ("macd(close) / close", False),
        ("macd(log(close))", False),
        ("atr(high, low, close, 14) / close", False),
        ("atr(log(high), log(low), log(close), 14)", False),
        ("garman_klass(open, high, low, close)", False),
        ("parkinson(high, low, 5)", False),
        ("cs_rank(close)", True),
        ("cs_rank(close / open)", False),
        ("cs_zscore(log(close))", True),
        ("where(close > open, close, open) / low", False),
        ("where(close - 1, 1, 0)", True),
        ("where(close > open, close, 0) / low", False),
        ("clip(close / open, 0.9, 1.1)", False),
        ("(close > open) & (volume > 10)", True),
        ("(close > open) & (volume > 0)", False),
        ("not (close > 1)", True),
        ("vwap / adj_close", False),
        ("close * volume / ts_mean(close * volume, 5)", False),
        ("0 * close + 1", True),
        ("close ** 1e300 ** 0.5 / close", True),
        ("3", False),
    ],
)
def test_the_mark(text: str, rescales: bool) -> None:
    assert compile_program({"f": text}).rescales["f"] is rescales


@pytest.mark.parametrize("name", [*DEGREES, "turnover", "trades", "made_up"])
def test_a_field_is_marked_by_what_a_split_does_to_it(name: str) -> None:
    """The table of the marks and the adjusting of bars say the same of every field."""
    days = pd.bdate_range("2021-03-01", periods=3).tz_localize("UTC") + pd.Timedelta("10h")
    made = pd.DataFrame({"time": days, "symbol": "A", "close": 1.0, name: 1.0})
    bars = validate_bars(made, name="made").bars.assign(**{RATIO: [np.nan, np.nan, 2.0]})
    changed = adjusted(bars, "ratios", "made").bars[name].iloc[0] != 1.0
    rescales = compile_program({"f": name}).rescales["f"]
    # Its source has adjusted it already.
    assert rescales is (bool(changed) or name == "adj_close")
    assert compile_program({"f": f"{name} / delay({name}, 1)"}).rescales["f"] is False


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda p: p.stem)
def test_the_features_that_are_shipped_survive_a_split(path: Path) -> None:
    expressions = yaml.safe_load(path.read_text())["expressions"]
    marks = compile_program(expressions).rescales
    assert not [name for name, rescales in marks.items() if rescales]
