import numpy as np
import pandas as pd
import pytest
from marketlab.data.expressions import compile_program
from marketlab.data.panel import Panel
from marketlab.errors import ExpressionError

T, N = 50, 37


@pytest.fixture
def panel() -> Panel:
    random = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.02, (T, N)), axis=0))
    times = pd.date_range("2020-01-01", periods=T, tz="UTC")
    fields = {"close": close, "volume": random.random((T, N))}
    return Panel(times, tuple(f"s{i}" for i in range(N)), fields, "24/7", first_row=3)


def test_what_a_program_says_of_itself() -> None:
    program = compile_program(
        {
            "mom": "close / delay(close, h) - 1",
            "rank": "cs_rank(mom)",
            "next": "lead(mom, h)",
            "smooth": "ewm_mean(close, 9)",
        },
        {"h": 20},
    )
    assert program.names == ("mom", "rank", "next", "smooth")
    assert program.expressions["rank"] == "cs_rank(mom)"
    assert program.fields == {"close"}
    assert program.lookback == {"mom": 20, "rank": 20, "next": 0, "smooth": None}
    assert program.lookahead == {"mom": 0, "rank": 0, "next": 20, "smooth": 0}
    assert program.warmup == {"mom": 20, "rank": 20, "next": 0, "smooth": 42}
    assert program.rescales == {"mom": False, "rank": False, "next": False, "smooth": True}


def test_expressions_may_come_in_any_order() -> None:
    program = compile_program({"a": "b + 1", "b": "c * 2", "c": "close"})
    assert program.nodes["a"].args[0] is program.nodes["b"]


def test_a_circle_is_refused() -> None:
    with pytest.raises(ExpressionError, match="refers to itself: a -> b -> a"):
        compile_program({"a": "b + 1", "b": "a * 2"})
    with pytest.raises(ExpressionError, match="refers to itself: close -> close"):
        compile_program({"close": "close / 2"})


def test_a_long_chain_of_references_compiles() -> None:
    chain = {"f0": "close"} | {f"f{i}": f"f{i - 1} + f{i - 1}" for i in range(1, 3_000)}
    assert compile_program(dict(reversed(chain.items()))).fields == {"close"}


def test_an_operator_and_an_expression_may_share_a_name(panel: Panel) -> None:
    program = compile_program({"log": "log(close)", "twice": "2 * log(close)"})
    values = program.evaluate(panel)
    np.testing.assert_allclose(values[:, :, 1], 2 * values[:, :, 0])


def test_a_constant_hides_no_expression() -> None:
    with pytest.raises(ExpressionError, match="also the name of a constant"):
        compile_program({"h": "close"}, {"h": 3})


def test_a_field_that_is_not_there_is_pointed_at(panel: Panel) -> None:
    program = compile_program({"f": "close + volume", "g": "close / vloume"})
    with pytest.raises(ExpressionError, match="did you mean 'volume'") as caught:
        program.check_fields(panel.fields)
    assert str(caught.value).endswith("  close / vloume\n          ^")
    with pytest.raises(ExpressionError, match="unknown field 'vloume'"):
        program.evaluate(panel)
    assert program.evaluate(panel, names=["f"]).shape == (N, T, 1)


def test_a_name_that_is_not_there_is_refused(panel: Panel) -> None:
    with pytest.raises(ExpressionError, match="no expression 'mom'; did you mean 'mom_1'"):
        compile_program({"mom_1": "close"}).evaluate(panel, names=["mom"])


def test_columns_are_the_names_asked_for(panel: Panel) -> None:
    program = compile_program({f"f{i}": f"close * {i} + cs_rank(volume)" for i in range(70)})
    every = program.evaluate(panel)
    assert every.shape == (N, T, 70)
    np.testing.assert_array_equal(
        program.evaluate(panel, names=["f69", "f3", "f3"]), every[:, :, [69, 3, 3]]
    )
    assert (np.diff(every[0, 0]) > 0).all()


def test_values_go_where_they_are_told(panel: Panel) -> None:
    program = compile_program({"f": "close", "g": "ts_mean(close, 3)", "h": "3"})
    whole = np.zeros((N, T, 5), np.float32)
    out = whole[:, :, 1:4]
    assert program.evaluate(panel, out=out) is out
    np.testing.assert_array_equal(out, program.evaluate(panel, dtype=np.float32))
    np.testing.assert_array_equal(out, program.evaluate(panel).astype(np.float32))
    assert (whole[:, :, [0, 4]] == 0).all()
    for wrong in (np.zeros((T, N, 3)), np.zeros((N, T, 3), np.int64)):
        with pytest.raises(ValueError, match="out must be"):
            program.evaluate(panel, out=wrong)


def test_threads_change_no_bit(panel: Panel) -> None:
    texts = {
        "a": "ts_std(log(close), 7) ** 0.7",
        "b": "cs_zscore(ts_corr(close, exp(volume), 5))",
        "c": "rsi(close, 3) / cs_rank(lead(volume, 2))",
    }
    program = compile_program(texts)
    values = [program.evaluate(panel, threads=threads) for threads in (1, 2, 5, 64)]
    for other in values[1:]:
        np.testing.assert_array_equal(other, values[0])
    # Neither do the neighbours in a block.
    alone = Panel(panel.times, ("s5",), {k: v[:, [5]] for k, v in panel.fields.items()}, "24/7", 3)
    np.testing.assert_array_equal(program.evaluate(alone, names=["a"])[0], values[0][5, :, :1])


def test_what_float32_cannot_hold_is_missing(panel: Panel) -> None:
    program = compile_program({"f": "close * 1e300"})
    assert np.isfinite(program.evaluate(panel)).all()
    assert np.isnan(program.evaluate(panel, dtype=np.float32)).all()


def test_a_value_that_looks_beyond_the_end_is_missing(panel: Panel) -> None:
    # Without that rule the fill would answer for a row that has not come.
    program = compile_program({"f": "ffill(lead(close, 4))", "g": "where(lead(close, 4), 1, 1)"})
    values = program.evaluate(panel)
    assert np.isfinite(values[:, : T - 4]).all()
    assert np.isnan(values[:, T - 4 :]).all()


@pytest.mark.parametrize(("rows", "symbols"), [(0, 3), (1, 3), (3, 0), (0, 0)])
def test_small_panels(rows: int, symbols: int) -> None:
    times = pd.date_range("2020-01-01", periods=rows, tz="UTC")
    names = tuple(f"s{i}" for i in range(symbols))
    panel = Panel(times, names, {"close": np.ones((rows, symbols))}, "24/7")
    program = compile_program(
        {"a": "cs_rank(ts_mean(close, 5, min_periods=1))", "b": "lead(close, 3)", "c": "2"}
    )
    values = program.evaluate(panel)
    assert values.shape == (symbols, rows, 3)
    assert (values[:, :, 0] == (symbols + 1) / 2 / max(symbols, 1)).all()
    assert np.isnan(values[:, :, 1]).all()


def test_panels_need_not_be_contiguous(panel: Panel) -> None:
    program = compile_program({"f": "ts_mean(close, 5)"})
    turned = {name: np.asfortranarray(values) for name, values in panel.fields.items()}
    other = Panel(panel.times, panel.symbols, turned, "24/7", 3)
    np.testing.assert_array_equal(program.evaluate(other), program.evaluate(panel))
    before = panel.fields["close"].copy()
    program.evaluate(panel)
    np.testing.assert_array_equal(panel.fields["close"], before)
