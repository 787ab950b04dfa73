"""What holds of every expression: it sees the past alone, as far as it says, and no edge shows."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, reject, settings
from hypothesis import strategies as st
from marketlab.data.expressions import Program, compile_program, frozen_future
from marketlab.data.expressions.operators import OPERATORS
from marketlab.data.panel import DEGREES, Panel
from marketlab.errors import ExpressionError

FIELDS = ("open", "high", "low", "close", "volume")
T, N = 36, 3
PROFILE = settings(max_examples=150, deadline=None, derandomize=True, database=None)
EVERY = tuple(sorted(OPERATORS))
SMOOTH = tuple(sorted(OPERATORS.keys() - {"sign", "ts_rank", "cs_rank", "where"}))
"""Operators that turn a rounding error into no more than another one."""


SYMBOLS = ("+", "-", "*", "/", "**", "<", "&")


def expressions(
    operators: tuple[str, ...] = EVERY, symbols: tuple[str, ...] = SYMBOLS
) -> st.SearchStrategy[str]:
    """Text of the language over the given operators, each as likely as the next."""

    def text(random: np.random.Generator, depth: int) -> str:
        kind = random.random()
        if depth == 0 or kind < 0.1:
            return str(random.choice([*FIELDS, *FIELDS, "2", "0.5"]))
        if kind < 0.4:
            left, right = text(random, depth - 1), text(random, depth - 1)
            return f"({left} {random.choice(symbols)} {right})"
        arguments = []
        name = str(random.choice(operators))
        for p in OPERATORS[name].parameters:
            if p.kind == "series":
                arguments.append(text(random, depth - 1))
            elif p.kind == "rows":
                arguments.append(str(random.integers(p.least, 6)))
            elif random.random() < 0.7:
                arguments.append("min_periods=1")
        return f"{name}({', '.join(arguments)})"

    return st.tuples(st.integers(0, 2**32), st.integers(1, 3)).map(
        lambda seed: text(np.random.default_rng(seed[0]), seed[1])
    )


def compiled(text: str) -> Program:
    """Compile what a strategy wrote, unless it asks for the window of a number."""
    try:
        return compile_program({"f": text})
    except ExpressionError as error:
        message = str(error)
    assert "needs a series" in message or "not a finite number" in message
    return reject()


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    return random_panel(random, draw(st.integers(0, 30)), draw(st.sampled_from([0.0, 0.1, 0.4])))


def random_panel(random: np.random.Generator, first_row: int = 0, missing: float = 0.0) -> Panel:
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.03, (T, N)), axis=0))
    opened = close * np.exp(random.normal(0, 0.02, (T, N)))
    fields = {
        "open": opened,
        "high": np.maximum(opened, close) * np.exp(random.exponential(0.01, (T, N))),
        "low": np.minimum(opened, close) * np.exp(-random.exponential(0.01, (T, N))),
        "close": close,
        "volume": random.integers(1, 9, (T, N)).astype(float),
    }
    for values in fields.values():
        values[random.random((T, N)) < missing] = np.nan
    return panel_of(fields, first_row)


def panel_of(fields: dict[str, np.ndarray], first_row: int = 0) -> Panel:
    rows = len(fields["close"])
    times = pd.date_range("2020-01-01", periods=rows, tz="UTC")
    return Panel(times, tuple("abc"), fields, "24/7", first_row)


def values(program: Program, panel: Panel) -> np.ndarray:
    """Return the values (T, N) of the one expression."""
    return program.evaluate(panel, threads=1)[:, :, 0].T


def assert_same_bits(a: np.ndarray, b: np.ndarray) -> None:
    # NaN has many bit patterns, which no arithmetic can tell apart.
    np.testing.assert_array_equal(
        np.where(np.isnan(a), 0, a).view(np.int64), np.where(np.isnan(b), 0, b).view(np.int64)
    )
    np.testing.assert_array_equal(np.isnan(a), np.isnan(b))


@PROFILE
@given(expressions(), panels())
def test_no_expression_sees_beyond_its_lookahead(text: str, panel: Panel) -> None:
    program = compiled(text)
    whole = values(program, panel)
    ahead = program.lookahead["f"]
    for t in (0, 1, 5, T // 2, T - 2):
        if t + ahead < T:
            part = values(program, panel.rows(0, t + ahead + 1))
            assert_same_bits(part[t], whole[t])
            assert np.isnan(part[t + 1 :]).all() or program.nodes["f"].value is not None
    assert not np.isinf(whole).any()


@PROFILE
@given(expressions(), panels(), st.integers(0, T - 1), st.integers(0, 99))
def test_cells_out_of_reach_leave_no_trace(text: str, panel: Panel, t: int, seed: int) -> None:
    program = compiled(text)
    back, ahead = program.lookback["f"], program.lookahead["f"]
    random = np.random.default_rng(seed)
    other = {}
    for name, cells in panel.fields.items():
        changed = random.choice([np.nan, 1e15, -1e15, 0.0, 1.0, np.inf], (T, N))
        first = 0 if back is None else max(0, t - back)
        changed[first : t + ahead + 1] = cells[first : t + ahead + 1]
        other[name] = changed
    whole = values(program, panel)
    assert_same_bits(values(program, panel_of(other, panel.first_row))[t], whole[t])


@PROFILE
@given(expressions(), panels(), st.integers(0, T - 1))
def test_a_later_start_gives_the_same_bits(text: str, panel: Panel, start: int) -> None:
    program = compiled(text)
    back = program.lookback["f"]
    assume(back is not None)
    assert back is not None
    later = values(program, panel.rows(start, T))
    assert_same_bits(later[back:], values(program, panel)[start + back :])


SINGLE = {
    "delay(close, 4)": (4, 0),
    "lead(close, 4)": (0, 4),
    "delta(close, 4)": (4, 0),
    "returns(close, 4)": (4, 0),
    "ts_sum(close, 5)": (4, 0),
    "ts_mean(close, 5)": (4, 0),
    "ts_std(close, 5)": (4, 0),
    "ts_min(close, 5)": (4, 0),
    "ts_max(close, 5)": (4, 0),
    "ts_rank(close, 5)": (4, 0),
    "ts_corr(close, open, 5)": (4, 0),
    "parkinson(high, close, 5)": (4, 0),
    "garman_klass(open, high, low, close, 5)": (4, 0),
    "lead(ts_mean(close, 3) / close, 5)": (0, 5),
    "delay(lead(close, 7), 5)": (0, 2),
    "lead(close, 5) / ts_mean(close, 3)": (2, 5),
    "cs_rank(delay(close, 2))": (2, 0),
    "cs_zscore(lead(close, 2))": (0, 2),
}


@pytest.mark.parametrize("text", SINGLE)
def test_the_reach_is_attained(text: str) -> None:
    program = compile_program({"f": text})
    back, ahead = SINGLE[text]
    assert (program.lookback["f"], program.lookahead["f"]) == (back, ahead)
    panel = random_panel(np.random.default_rng(0))
    before = values(program, panel)
    t = 17
    for row in (t - back, t + ahead):
        if row == t:
            continue
        seen = False
        # An extreme or a rank may not mind a change in one direction.
        for factor in (0.5, 2.0):
            cells = panel.fields["close"].copy()
            cells[row, 0] *= factor
            after = values(program, panel_of({**panel.fields, "close": cells}))
            seen |= bool((after[t] != before[t]).any())
        assert seen


@pytest.mark.parametrize(
    "text",
    [
        "ewm_mean(close, 9)",
        "ewm_std(close, 9)",
        "rsi(close, 5)",
        "atr(high, low, close, 5)",
        "macd(close)",
        "macd_signal(close)",
        "macd_hist(close)",
    ],
)
def test_a_recursive_operator_rests_on_every_row(text: str) -> None:
    program = compile_program({"f": text})
    assert program.lookback["f"] is None
    assert program.warmup["f"] > 0
    panel = random_panel(np.random.default_rng(0))
    before = values(program, panel)
    cells = panel.fields["close"].copy()
    cells[0] *= 2
    after = values(program, panel_of({**panel.fields, "close": cells}))
    assert (after[-1] != before[-1]).all()


@pytest.mark.parametrize(
    "text",
    [
        "ewm_mean(close, 9)",
        "ewm_std(close, 9)",
        "rsi(close, 5)",
        "macd_hist(close, 3, 6, 4)",
        "atr(high, low, close, 5)",
    ],
)
def test_after_the_warmup_an_earlier_past_weighs_little(text: str) -> None:
    program = compile_program({"f": f"{text} / delay(close, 1)", "g": text})
    warmup = program.warmup["g"]
    random = np.random.default_rng(0)
    rows = warmup + 40
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, (rows, N)), axis=0))
    fields = {"close": close, "high": close * 1.01, "low": close * 0.99}
    whole = panel_of(fields)
    later = program.evaluate(whole.rows(39, rows), names=["g"])[:, warmup:, 0]
    found = program.evaluate(whole, names=["g"])[:, 39 + warmup :, 0]
    assert np.abs(later - found).max() < 1e-3 * np.abs(found).max()


def test_forward_fill_rests_on_every_row() -> None:
    panel = random_panel(np.random.default_rng(0))
    cells = np.full((T, N), np.nan)
    cells[0] = 3.0
    program = compile_program({"f": "ffill(close)"})
    assert program.lookback["f"] is None
    assert (values(program, panel_of({**panel.fields, "close": cells})) == 3.0).all()


@pytest.mark.parametrize("text", [t for t, (back, _) in SINGLE.items() if back])
def test_an_outlier_leaves_with_its_window(text: str) -> None:
    program = compile_program({"f": text})
    panel = random_panel(np.random.default_rng(0), first_row=3)
    cells = panel.fields["close"].copy()
    cells[9] = 1e15
    before = values(program, panel)
    after = values(program, panel_of({**panel.fields, "close": cells}, 3))
    back = program.lookback["f"]
    assert back is not None
    assert_same_bits(after[10 + back :], before[10 + back :])


@settings(PROFILE, max_examples=300)
@given(
    st.text(max_size=60)
    | st.text(alphabet="close open+-*/()<>=&|,.0123456789e\n\t ~^%@[]{}:;'\"\\#_h", max_size=60)
    | st.lists(
        st.sampled_from(
            [
                "close",
                "delay",
                "ts_mean",
                "(",
                ")",
                ",",
                "3",
                "-",
                "**",
                "9",
                "<",
                "not",
                "and",
                "h",
                "g",
                "1e308",
                "n=",
                "lambda",
                ":",
                "if",
                "else",
                "0",
                "min_periods=",
                "!=",
            ]
        ),
        max_size=25,
    ).map(" ".join)
)
@example("\x00")
@example("(" * 100_000)
@example("-" * 4_000 + "1")
@example("9**" * 1_300 + "9")
@example("not " * 900 + "close")
@example("f(" * 90 + ")" * 90)
@example("delay(close, 1e400)")
@example("delay(close, 0/0)")
@example("'\\d'")
def test_random_text_raises_only_our_error(text: str) -> None:
    try:
        program = compile_program({"f": text, "g": "close"}, {"h": 3})
        program.check_fields(["close", "open"])
    except ExpressionError as error:
        message = str(error)
    else:
        return
    assert message.count("\n") == 2


@PROFILE
@given(expressions(SMOOTH, ("+", "-", "*", "/")), panels(), st.integers(0, 99))
def test_what_is_not_marked_survives_a_rescaling(text: str, panel: Panel, seed: int) -> None:
    compiled(text)
    # What follows is often unmarked where the text itself is marked.
    program = compile_program(
        {
            "f": text,
            "ratio": "f / delay(f, 1)",
            "mixed": "f / close",
            "logs": "log(f) - log(close)",
            "change": "delta(log(abs(f)), 1)",
            "score": "(f - ts_mean(f, 4)) / ts_std(f, 4)",
            "like": "ts_corr(f, close, 4)",
            "strength": "rsi(f, 3)",
            "scale": "ewm_std(f, 3) / ewm_mean(abs(f), 3)",
        }
        if compile_program({"f": text}).fields
        else {"f": text}
    )
    # Powers of two, so that rounding turns few ties into an order.
    factors = 2.0 ** np.random.default_rng(seed).integers(-6, 7, N)
    rescaled = {k: v * factors ** DEGREES.get(k, 0) for k, v in panel.fields.items()}
    before = program.evaluate(panel, threads=1)
    after = program.evaluate(panel_of(rescaled, panel.first_row), threads=1)
    for column, name in enumerate(program.names):
        if not program.rescales[name]:
            np.testing.assert_allclose(
                after[:, :, column], before[:, :, column], rtol=1e-9, atol=1e-9
            )


def by_definition(program: Program, panel: Panel) -> np.ndarray:
    """Return (T, N): for each t the value on rows up to t and then row t's close for ever."""
    out = np.empty((T, N))
    ahead = program.lookahead["f"]
    for t in range(T):
        fields = {}
        for name, cells in panel.fields.items():
            frozen = panel.fields["close"] if name in ("open", "high", "low") else cells
            fields[name] = np.concatenate([cells[: t + 1], np.repeat(frozen[[t]], ahead, axis=0)])
        out[t] = values(program, panel_of(fields, panel.first_row))[t]
    return out


@settings(PROFILE, max_examples=80)
@given(expressions(SMOOTH, ("+", "-", "*", "/")), st.integers(1, 4), panels())
@example("ffill(close)", 2, random_panel(np.random.default_rng(1), 3, 0.4))
@example("cs_rank(ts_mean(close, 4))", 3, random_panel(np.random.default_rng(1), 3, 0.1))
@example(
    "ewm_mean(lead(close, 2), 3) / ts_sum(lead(volume, 3), 2)",
    1,
    random_panel(np.random.default_rng(1), 3, 0.1),
)
def test_frozen_future_is_its_definition(text: str, rows: int, panel: Panel) -> None:
    program = compiled(f"lead({text}, {rows}) - {text}")
    found = frozen_future(program, panel, threads=1)[:, :, 0].T
    expected = by_definition(program, panel)
    scale = np.nanmax(np.abs(values(compiled(text), panel)), initial=0.0)
    tolerance = 1e-9 * (scale if math.isfinite(scale) else 0.0) + 1e-9
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=tolerance)
