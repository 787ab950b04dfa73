"""Features: columns and views of the past alone, whether an expression or a function says them."""

from functools import partial

import numpy as np
import pytest
from marketlab.data.features import Features
from marketlab.data.panel import Panel
from marketlab.errors import ConfigError, DataError, ExpressionError, MarketlabError

from made_panel import made_panel

TWO = {"mom": "returns(close, 5)", "vol": "ts_std(returns(close), 10)"}


def drift(panel, lookback):
    """Log change over `lookback` rows; NaN before there are so many."""
    close = np.log(panel.fields["close"])
    out = np.full(panel.shape, np.nan)
    if len(close) > lookback:
        out[lookback:] = close[lookback:] - close[: len(close) - lookback]
    return out


def reads_more_than_it_says(panel, lookback):
    return drift(panel, lookback + 1)


def peeks_at_the_next_row(panel, lookback):
    return np.vstack([panel.fields["close"][1:], panel.fields["close"][-1:]])


def scales_by_the_whole_sample(panel, lookback):
    close = panel.fields["close"]
    return close / np.nanmax(close, axis=0)


def keeps_the_last_row(panel, lookback):
    return panel.fields["close"][1:]


def refused(error, words, **arguments):
    with pytest.raises(error, match=words) as caught:
        Features(**arguments)
    lines = str(caught.value).splitlines()
    assert len(lines) == 1 or lines[-1].strip().startswith("^")


def test_columns_are_float32_and_contiguous_for_each_symbol():
    panel = made_panel()
    close = panel.fields["close"]
    features = Features(TWO, rows=8)
    values = features.values(panel)
    assert values.shape == (3, 120, 2)
    assert values.dtype == np.float32
    assert values.flags.c_contiguous
    expected = (close[5:] / close[:-5] - 1).T
    np.testing.assert_allclose(values[:, 5:, 0], expected, rtol=1e-5, atol=1e-7)
    assert features.columns == ("mom", "vol")
    assert (features.lookback, features.warmup, features.longest_view) == (10, 10, 8)
    view = features.views["x"]
    assert (view.columns, view.rows, view.shape) == (("mom", "vol"), 8, None)


def test_the_past_does_not_change_when_the_future_is_cut_off():
    panel = made_panel(rows=200)
    features = Features({**TWO, "rsi": "rsi(close, 14)", "rank": "cs_rank(mom)"})
    whole = features.values(panel)
    for stop in (30, 121, 199):
        np.testing.assert_array_equal(features.values(panel.rows(0, stop)), whole[:, :stop])


def test_a_slice_as_long_as_the_lookback_gives_the_same_bits():
    panel = made_panel(rows=200)
    features = Features(TWO)
    whole = features.values(panel)
    for t in (40, 111, 199):
        part = features.values(panel.rows(t - features.lookback, t + 1))
        np.testing.assert_array_equal(part[:, -1], whole[:, t])


@pytest.mark.parametrize(
    "expressions",
    [
        {"f": "lead(close, 1)"},
        {"f": "delay(lead(close, 2), 1)"},
        {"g": "lead(close, 1) / close", "f": "ts_mean(delay(g, 1), 5) + g"},
    ],
)
def test_a_feature_that_looks_ahead_is_refused(expressions):
    refused(ExpressionError, r"looks \d row.*move lead\(\) to the target", expressions=expressions)


def test_a_field_that_the_data_lack_is_named():
    features = Features({"f": "log(volumes)"})
    with pytest.raises(MarketlabError, match="did you mean 'volume'"):
        features.check_fields(("close", "volume"))


def test_no_feature_is_refused():
    refused(ConfigError, "no feature is given", expressions={})


def test_a_function_stands_beside_expressions_in_the_order_given():
    panel = made_panel()
    features = Features({"a": "returns(close)", "f": partial(drift, lookback=3), "b": "close"})
    values = features.values(panel)
    assert features.columns == ("a", "f", "b")
    expected = np.log(panel.fields["close"][3:] / panel.fields["close"][:-3]).T
    np.testing.assert_allclose(values[:, 3:, 1], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(values[:, :, 2], panel.fields["close"].T.astype(np.float32))
    fact = features.facts["f"]
    assert (fact.lookback, fact.warmup) == (3, 3)
    assert fact.rescales  # what a function does with a level cannot be told
    assert fact.text.endswith("drift")


def test_functions_alone_will_do():
    features = Features({"f": partial(drift, lookback=3)})
    assert features.values(made_panel()).shape == (3, 120, 1)
    features.check_fields(("close",))


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (peeks_at_the_next_row, "changes with later rows"),
        (scales_by_the_whole_sample, "changes with"),
        (reads_more_than_it_says, "changes with rows before its lookback"),
        (keeps_the_last_row, r"returned shape \(119, 3\), not \(120, 3\)"),
    ],
)
def test_a_function_that_does_not_keep_its_word_is_refused(function, words):
    features = Features({"f": partial(function, lookback=3)})
    with pytest.raises(DataError, match=words) as caught:
        features.values(made_panel())
    assert "'f'" in str(caught.value)
    assert "\n" not in str(caught.value)


def fails(panel, lookback):
    raise KeyError("nothing\nthere")


def test_a_function_that_fails_is_one_line_that_says_where():
    features = Features({"f": partial(fails, lookback=3)})
    words = r"feature 'f' failed: KeyError: .*nothing.*\(test_features\.py, line \d+\)$"
    with pytest.raises(DataError, match=words) as caught:
        features.values(made_panel())
    assert "\n" not in str(caught.value)


def test_a_feature_that_is_null_says_how_to_leave_it_out():
    refused(ConfigError, "write ~features.expressions.a", expressions={"a": None, "b": "close"})


def test_a_function_is_tried_on_truncated_panels_only_when_asked():
    seen: list[Panel] = []

    def spy(panel, lookback):
        seen.append(panel)
        return panel.fields["close"]

    features = Features({"f": partial(spy, lookback=0)})
    features.values(made_panel(), verify=False)
    assert [len(panel.times) for panel in seen] == [120]
    features.values(made_panel())
    assert min(len(panel.times) for panel in seen) == 1


@pytest.mark.parametrize("keywords", [{}, {"lookback": None}, {"lookback": -1}, {"lookback": 2.5}])
def test_a_function_must_declare_its_lookback(keywords):
    words = "declare its lookback"
    refused(ConfigError, words, expressions={"f": partial(drift, **keywords)})


def test_a_bare_function_declares_nothing():
    refused(ConfigError, "declare its lookback", expressions={"f": drift})


def test_views_name_their_columns_rows_and_shape():
    features = Features(
        {**TWO, "raw": "close"},
        views={
            "long": {"rows": 20},
            "grid": {"columns": ["vol", "mom"], "rows": 8, "shape": [4, 4]},
            "now": {"columns": ["raw"]},
        },
    )
    assert features.views["long"].columns == ("mom", "vol", "raw")
    assert features.views["grid"].columns == ("vol", "mom")
    assert features.views["grid"].shape == (4, 4)
    assert features.views["now"].rows == 1
    assert features.longest_view == 20


def test_a_column_in_no_view_is_computed_for_others_alone():
    features = Features(
        {"slow": "ts_mean(close, 60)", "gap": "close / delay(close, 1) - 1", "far": "close / slow"},
        views={"x": {"columns": ["gap"], "rows": 4}},
    )
    assert features.columns == ("gap",)
    assert features.values(made_panel()).shape == (3, 120, 1)
    assert (features.lookback, features.warmup) == (1, 1)  # nobody waits for it either
    used = Features(
        {"slow": "ts_mean(close, 60)", "far": "close / slow"}, views={"x": {"columns": ["far"]}}
    )
    assert used.columns == ("far",)
    assert used.lookback == 59


def test_a_recursive_column_reads_every_row_before():
    features = Features({"rsi": "rsi(close, 14)", "mom": "returns(close, 5)"})
    assert features.lookback is None
    assert features.warmup > 14


@pytest.mark.parametrize(
    ("views", "words"),
    [
        ({"v": {"columns": ["momm"]}}, "unknown column 'momm'; did you mean 'mom'"),
        ({"v": {"row": 3}}, "unknown key 'row'; did you mean 'rows'"),
        ({"v": {"rows": 0}}, "whole number from 1 up"),
        ({"v": {"rows": 2.5}}, "whole number from 1 up"),
        ({"v": {"rows": 3, "shape": [2, 2]}}, r"shape \(2, 2\) does not hold 3 rows x 2 columns"),
        ({}, "views is empty"),
    ],
)
def test_a_malformed_view_is_refused_in_one_line(views, words):
    refused(ConfigError, words, expressions=TWO, views=views)


def test_a_window_without_rows_is_refused():
    refused(ConfigError, "whole number from 1 up", expressions=TWO, rows=0)


def unbounded(panel, lookback):
    return np.where(panel.fields["volume"] > 1.5, panel.fields["close"] * 1e300, np.inf)


def test_what_a_function_cannot_say_in_float32_is_missing():
    values = Features({"wild": partial(unbounded, lookback=0)}).values(made_panel())
    assert np.isnan(values).all()
