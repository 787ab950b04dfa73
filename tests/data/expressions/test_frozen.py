from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from marketlab.data.expressions import compile_program, frozen_future
from marketlab.data.panel import MEMBER, Panel
from marketlab.errors import ExpressionError

T, N = 120, 4


@pytest.fixture
def panel() -> Panel:
    random = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.02, (T, N)), axis=0))
    fields = {
        "open": close * 1.01,
        "high": close * 1.02,
        "low": close * 0.99,
        "close": close,
        "volume": random.random((T, N)),
    }
    for values in fields.values():
        values[random.random((T, N)) < 0.05] = np.nan
    times = pd.date_range("2020-01-01", periods=T, tz="UTC")
    return Panel(times, tuple("abcd"), fields, "24/7", first_row=17)


def by_definition(text: str, panel: Panel) -> np.ndarray:
    """Return (N, T) by rebuilding the panel for every t."""
    program = compile_program({"f": text})
    ahead = program.lookahead["f"]
    out = np.empty((N, T))
    for t in range(T):
        fields = {}
        for name, values in panel.fields.items():
            after = panel.fields["close"] if name in ("open", "high", "low") else values
            fields[name] = np.concatenate([values[: t + 1], np.repeat(after[[t]], ahead, axis=0)])
        times = pd.date_range("2020-01-01", periods=t + 1 + ahead, tz="UTC")
        frozen = Panel(times, panel.symbols, fields, panel.clock, panel.first_row)
        out[:, t] = program.evaluate(frozen, threads=1)[:, t, 0]
    return out


@pytest.mark.parametrize(
    "text",
    [
        "lead(close, 5) / close - 1",
        "log(lead(ts_mean(close, 5), 1) / close)",
        "lead(ts_std(returns(close), 20), 20)",
        "lead(ts_sum(garman_klass(open, high, low, close), 5), 5)",
        "lead(high, 3) - lead(volume, 2)",
        "cs_rank(lead(close, 5) / close)",
        "lead(cs_zscore(ts_mean(close, 7)), 2) - cs_rank(volume)",
        "ts_mean(lead(volume, 5), 3)",
        "lead(close, 5) / ewm_std(close, 9)",
        "lead(ffill(close), 5) / ffill(close) - 1",
        "lead(rsi(close, 5), 3)",
        "lead(atr(high, low, close, 5), 3) + lead(ewm_std(close, 4), 1)",
        "ewm_mean(lead(close, 3) / close, 4)",
        "ewm_std(ffill(lead(close, 3)) - ts_mean(lead(ewm_mean(close, 3), 2), 4), 4)",
        "lead(macd_hist(close, 3, 6, 4), 4) * cs_rank(lead(ffill(volume), 1))",
        "ts_max(delay(rsi(lead(close, 2), 3), 3), 4)",
        "where(lead(close, 1) > close, 1, 0)",
    ],
)
def test_it_is_its_definition(text: str, panel: Panel) -> None:
    found = frozen_future(compile_program({"f": text}), panel)
    expected = by_definition(text, panel)
    np.testing.assert_allclose(found[:, :, 0], expected, rtol=1e-9, atol=1e-12)
    assert np.isfinite(expected).mean() > 0.3


@pytest.mark.parametrize(
    "text",
    [
        "cs_rank(lead(close, 5) / close)",
        "lead(cs_zscore(ts_mean(close, 7)), 2) - cs_rank(volume)",
        "lead(ewm_mean(cs_rank(volume), 3), 2) * lead(_member, 1)",
        "lead(macd_hist(close, 3, 6, 4), 4) * cs_rank(lead(ffill(volume), 1))",
    ],
)
def test_membership_stands_still_as_well(text: str, panel: Panel) -> None:
    random = np.random.default_rng(1)
    member = np.repeat(random.random((T // 6, N)) < 0.6, 6, axis=0).astype(float)
    member[random.random((T, N)) < 0.05] = np.nan
    fields = {**panel.fields, MEMBER: member}
    universe = Panel(panel.times, panel.symbols, fields, panel.clock, panel.first_row)
    found = frozen_future(compile_program({"f": text}), universe)
    expected = by_definition(text, universe)
    np.testing.assert_allclose(found[:, :, 0], expected, rtol=1e-9, atol=1e-12)
    assert np.isfinite(expected).mean() > 0.3
    everyone = replace(universe, fields={**fields, MEMBER: np.ones((T, N))})
    assert not np.allclose(expected, by_definition(text, everyone), equal_nan=True)


def test_without_lookahead_it_is_the_value(panel: Panel) -> None:
    program = compile_program({"f": "rsi(close, 5)", "g": "lead(close, 1)", "h": "3"})
    np.testing.assert_array_equal(
        frozen_future(program, panel, names=["h", "f"]), program.evaluate(panel, names=["h", "f"])
    )


def test_a_smoothed_return_is_mostly_known(panel: Panel) -> None:
    close = panel.fields["close"]
    program = compile_program({"f": "lead(ts_sum(log(close / delay(close, 1)), 5), 1)"})
    expected = np.full((T, N), np.nan)
    expected[4:] = np.log(close[4:] / close[:-4])
    found = frozen_future(program, panel)[:, :, 0].T
    assert np.nanmax(np.abs(found - np.where(np.isnan(found), np.nan, expected))) < 1e-12


def test_a_bar_is_frozen_at_its_close(panel: Panel) -> None:
    fields = {"open": panel.fields["open"]}
    bare = Panel(panel.times, panel.symbols, fields, "24/7")
    with pytest.raises(ExpressionError, match="needs the field 'close'"):
        frozen_future(compile_program({"f": "lead(open, 1)"}), bare)
    known = frozen_future(compile_program({"f": "lead(open, 1)"}), panel)[:, :, 0].T
    np.testing.assert_array_equal(known, panel.fields["close"])
