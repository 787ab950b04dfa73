"""Every operator against a slow reference in pandas, and the indicators against TA-Lib."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from marketlab.data.expressions import compile_program
from marketlab.data.expressions.operators import OPERATORS
from marketlab.data.panel import Panel

T, N = 97, 5
Frame = pd.DataFrame


def made_up(seed: int, missing: float = 0.05) -> Panel:
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.02, (T, N)), axis=0))
    opened = close * np.exp(random.normal(0, 0.01, (T, N)))
    fields = {
        "open": opened,
        "high": np.maximum(opened, close) * np.exp(random.exponential(0.01, (T, N))),
        "low": np.minimum(opened, close) * np.exp(-random.exponential(0.01, (T, N))),
        "close": close,
        # Whole numbers, so that there are ties.
        "volume": random.integers(-3, 6, (T, N)).astype(float),
    }
    for values in fields.values():
        values[random.random((T, N)) < missing] = np.nan
        values[:7, 1] = np.nan
    times = pd.date_range("2020-01-01", periods=T, tz="UTC")
    return Panel(times, tuple("abcde"), fields, "24/7", first_row=seed)


def truth(value: Frame, *operands: Frame) -> Frame:
    for operand in operands:
        value = value.astype(float).where(operand.notna())
    return value


def true_range(high: Frame, low: Frame, close: Frame) -> Frame:
    last = close.ffill().shift(1)
    ranges = np.stack([high - low, (high - last).abs(), (low - last).abs()])
    return pd.DataFrame(ranges.max(axis=0))


def wilder(x: pd.Series, n: int) -> pd.Series:
    """Average the finite values: a mean of the first n, then 1/n of each new one."""
    out = pd.Series(np.nan, index=x.index)
    finite = x.dropna()
    if len(finite) >= n:
        average = finite.iloc[:n].mean()
        out[finite.index[n - 1]] = average
        for row in finite.index[n:]:
            average = (average * (n - 1) + x[row]) / n
            out[row] = average
    return out


def strength(x: pd.Series, n: int) -> pd.Series:
    change = x.dropna().diff().reindex(x.index)
    up, down = wilder(change.clip(lower=0), n), wilder(-change.clip(upper=0), n)
    return 100 * up / (up + down)


def ewm(x: Frame, span: int) -> "pd.api.typing.ExponentialMovingWindow[Frame]":
    return x.ewm(span=span, adjust=False, ignore_na=False)


def macd(x: Frame) -> Frame:
    return ewm(x, 12).mean() - ewm(x, 26).mean()


def square_log(x: Frame, y: Frame) -> Frame:
    return np.log(x / y) ** 2


def rolling(name: str) -> Callable[[dict[str, Frame]], Frame]:
    return lambda p: getattr(p["volume"].rolling(6, min_periods=3), name)()


def positive(x: Frame) -> Frame:
    return x.where(x > 0)


REFERENCE: dict[str, Callable[[dict[str, Frame]], Frame]] = {
    "close + open": lambda p: p["close"] + p["open"],
    "close - 2 * open": lambda p: p["close"] - 2 * p["open"],
    "close / volume": lambda p: p["close"] / p["volume"].where(p["volume"] != 0),
    "volume ** 2": lambda p: p["volume"] ** 2,
    "close ** 0.3": lambda p: p["close"] ** 0.3,
    "volume ** 0": lambda p: truth(p["volume"] ** 0, p["volume"]),
    "0 ** volume": lambda p: truth((p["volume"] == 0), p["volume"].where(p["volume"] >= 0)),
    "-close": lambda p: -p["close"],
    "+close": lambda p: p["close"],
    "close < open": lambda p: truth(p["close"] < p["open"], p["close"], p["open"]),
    "volume <= 2": lambda p: truth(p["volume"] <= 2, p["volume"]),
    "volume > 2": lambda p: truth(p["volume"] > 2, p["volume"]),
    "2 >= volume": lambda p: truth(p["volume"] <= 2, p["volume"]),
    "volume == 2": lambda p: truth(p["volume"] == 2, p["volume"]),
    "volume != 2": lambda p: truth(p["volume"] != 2, p["volume"]),
    "volume and close": lambda p: truth(p["volume"] != 0, p["volume"], p["close"]),
    "(volume > 2) | (volume < 1)": lambda p: truth(
        (p["volume"] > 2) | (p["volume"] < 1), p["volume"]
    ),
    "not volume": lambda p: truth(p["volume"] == 0, p["volume"]),
    "where(volume, close, open)": lambda p: (
        p["close"].where(p["volume"] != 0, p["open"]).where(p["volume"].notna())
    ),
    "log(volume)": lambda p: np.log(positive(p["volume"])),
    "exp(volume)": lambda p: np.exp(p["volume"]),
    "exp(close * 100)": lambda p: p["close"] * np.nan,
    "abs(volume)": lambda p: p["volume"].abs(),
    "sign(volume)": lambda p: np.sign(p["volume"]),
    "sqrt(volume)": lambda p: np.sqrt(p["volume"].where(p["volume"] >= 0)),
    "min(close, open)": lambda p: np.minimum(p["close"], p["open"]),
    "max(close, open)": lambda p: np.maximum(p["close"], p["open"]),
    "clip(volume, 0, 3)": lambda p: p["volume"].clip(0, 3),
    "delay(close, 4)": lambda p: p["close"].shift(4),
    "delay(close, 1000)": lambda p: p["close"] * np.nan,
    "lead(close, 4)": lambda p: p["close"].shift(-4),
    "lead(close, 1000)": lambda p: p["close"] * np.nan,
    "delta(close, 4)": lambda p: p["close"] - p["close"].shift(4),
    "returns(close)": lambda p: p["close"] / p["close"].shift(1) - 1,
    "returns(close, 3)": lambda p: p["close"] / p["close"].shift(3) - 1,
    "ffill(close)": lambda p: p["close"].ffill(),
    "ts_sum(volume, 6, min_periods=3)": rolling("sum"),
    "ts_mean(volume, 6, 3)": rolling("mean"),
    "ts_std(volume, 6, 3)": rolling("std"),
    "ts_min(volume, 6, 3)": rolling("min"),
    "ts_max(volume, 6, 3)": rolling("max"),
    "ts_rank(volume, 6, 3)": lambda p: p["volume"].rolling(6, min_periods=3).rank(pct=True),
    "ts_sum(close, 20)": lambda p: p["close"].rolling(20).sum(),
    "ts_mean(close, n=1)": lambda p: p["close"],
    "ts_mean(close, 500)": lambda p: p["close"] * np.nan,
    "ts_std(close, 20)": lambda p: p["close"].rolling(20).std(),
    "ts_min(close, 20)": lambda p: p["close"].rolling(20).min(),
    "ts_max(close, 20)": lambda p: p["close"].rolling(20).max(),
    "ts_rank(close, 20)": lambda p: p["close"].rolling(20).rank(pct=True),
    "ts_corr(close, open, 7)": lambda p: p["close"].rolling(7).corr(p["open"]),
    "ts_corr(close, open, 7, 4)": lambda p: p["close"].rolling(7, min_periods=4).corr(p["open"]),
    "ewm_mean(close, 9)": lambda p: ewm(p["close"], 9).mean(),
    "ewm_std(close, 9)": lambda p: ewm(p["close"], 9).std(),
    "rsi(close, 5)": lambda p: p["close"].apply(strength, args=(5,)),
    "atr(high, low, close, 5)": lambda p: true_range(p["high"], p["low"], p["close"]).apply(
        wilder, args=(5,)
    ),
    "macd(close)": lambda p: macd(p["close"]),
    "macd_signal(close)": lambda p: ewm(macd(p["close"]), 9).mean(),
    "macd_hist(close)": lambda p: macd(p["close"]) - ewm(macd(p["close"]), 9).mean(),
    "parkinson(high, low)": lambda p: square_log(p["high"], p["low"]) / (4 * np.log(2)),
    "garman_klass(open, high, low, close, 4)": lambda p: (
        (
            0.5 * square_log(p["high"], p["low"])
            - (2 * np.log(2) - 1) * square_log(p["close"], p["open"])
        )
        .rolling(4)
        .mean()
    ),
    "cs_rank(volume)": lambda p: p["volume"].rank(axis=1, pct=True),
    "cs_zscore(volume)": lambda p: (
        p["volume"]
        .sub(p["volume"].mean(axis=1), axis=0)
        .div(p["volume"].std(axis=1).where(lambda s: s > 0), axis=0)
    ),
}


@pytest.mark.parametrize("text", REFERENCE)
@pytest.mark.parametrize("seed", [0, 11])
def test_an_operator_is_what_pandas_says(text: str, seed: int) -> None:
    panel = made_up(seed)
    frames = {name: pd.DataFrame(values) for name, values in panel.fields.items()}
    expected = REFERENCE[text](frames).to_numpy(float)
    found = compile_program({"f": text}).evaluate(panel)[:, :, 0].T
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert np.isfinite(found).any() == np.isfinite(expected).any()


def test_every_operator_has_a_reference() -> None:
    called = {text.split("(")[0] for text in REFERENCE}
    assert called >= set(OPERATORS)


def test_tiny_moves_of_a_large_price_keep_their_digits() -> None:
    random = np.random.default_rng(0)
    moves = random.integers(-8, 9, (T, N)) / 2.0**20
    panel = made_up(0)
    large = Panel(panel.times, panel.symbols, {"close": 2.0**14 + moves}, "24/7", 5)
    small = Panel(panel.times, panel.symbols, {"close": moves}, "24/7", 5)
    program = compile_program(
        {"f": "ts_std(close, 20)", "g": "ts_corr(close, delay(close, 1), 20)"}
    )
    np.testing.assert_allclose(program.evaluate(large), program.evaluate(small), atol=2e-6)


def test_equal_cells_do_not_deviate() -> None:
    panel = made_up(0)
    level = Panel(panel.times, panel.symbols, {"close": np.full((T, N), 0.1)}, "24/7", 5)
    program = compile_program(
        {"s": "ts_std(close, 20)", "r": "ts_corr(close, close, 9)", "z": "cs_zscore(close)"}
    )
    values = program.evaluate(level)
    assert (values[:, 19:, 0] == 0).all()
    assert np.isnan(values[:, :, 1:]).all()


def test_infinite_cells_count_as_missing() -> None:
    panel = made_up(0, missing=0)
    close = panel.fields["close"].copy()
    close[50, 0], close[60, 2] = np.inf, -np.inf
    missing = np.where(np.isinf(close), np.nan, close)
    program = compile_program({"f": "ts_mean(close, 5)", "g": "close", "h": "ewm_std(close, 4)"})
    values = [
        program.evaluate(Panel(panel.times, panel.symbols, {"close": c}, "24/7"))
        for c in (close, missing)
    ]
    np.testing.assert_array_equal(*values)


@pytest.mark.parametrize(
    ("text", "name", "inputs", "options"),
    [
        ("rsi(close, 14)", "RSI", ["close"], {"timeperiod": 14}),
        ("atr(high, low, close, 14)", "ATR", ["high", "low", "close"], {"timeperiod": 14}),
    ],
)
def test_indicators_are_those_of_talib(
    text: str, name: str, inputs: list[str], options: dict[str, int]
) -> None:
    talib = pytest.importorskip("talib")
    panel = made_up(3, missing=0)
    found = compile_program({"f": text}).evaluate(panel)[0, :, 0]
    arrays = [np.ascontiguousarray(panel.fields[field][:, 0]) for field in inputs]
    np.testing.assert_allclose(found, getattr(talib, name)(*arrays, **options), rtol=1e-9)


def test_macd_is_that_of_talib_once_it_is_warm() -> None:
    # TA-Lib starts its averages from a mean instead of from the first cell.
    talib = pytest.importorskip("talib")
    random = np.random.default_rng(0)
    close = 100 + np.cumsum(random.normal(size=(600, 1)), axis=0)
    times = pd.date_range("2020-01-01", periods=600, tz="UTC")
    panel = Panel(times, ("a",), {"close": close}, "24/7")
    program = compile_program(
        {"m": "macd(close)", "s": "macd_signal(close)", "h": "macd_hist(close)"}
    )
    expected = np.stack(talib.MACD(close[:, 0]), axis=1)
    np.testing.assert_allclose(program.evaluate(panel)[0, 500:], expected[500:], atol=1e-9)
