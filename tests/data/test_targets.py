"""Targets: labels by hand, what was known of them, and what would stand if prices stood still."""

import numpy as np
import pytest
from marketlab.data.targets import Targets
from marketlab.errors import ConfigError, ExpressionError, MarketlabError

from made_panel import made_panel

NEXT = "lead(close, 1) / close - 1"


def one(panel, expr=NEXT, **spec):
    """Return the label, and y, known and frozen (T, N) of a single target."""
    targets = Targets({"it": {"expr": expr, **spec}})
    values = targets.values(panel)
    assert values.y.shape == values.known.shape == values.frozen.shape == (*panel.shape, 1)
    return targets.labels[0], values.y[:, :, 0], values.known[:, :, 0], values.frozen[:, :, 0]


def test_the_next_return_by_hand():
    panel = made_panel()
    close = panel.fields["close"]
    label, y, known, frozen = one(panel)
    assert (label.name, label.task, label.lookahead) == ("it@1", "regression", 1)
    assert label.quantities == ("mean",)
    np.testing.assert_allclose(y[:-1], close[1:] / close[:-1] - 1, rtol=1e-12)
    assert np.isnan(y[-1]).all()
    np.testing.assert_array_equal(known[1:], y[:-1])
    assert np.isnan(known[0]).all()
    np.testing.assert_array_equal(frozen, np.zeros_like(close))


def test_h_stands_for_each_horizon():
    panel = made_panel()
    close = panel.fields["close"]
    targets = Targets({"ret": {"expr": "lead(close, h) / close - 1", "horizons": [1, 5, 22]}})
    assert [label.name for label in targets.labels] == ["ret@1", "ret@5", "ret@22"]
    assert [label.lookahead for label in targets.labels] == [1, 5, 22]
    assert targets.purge == 22
    values = targets.values(panel)
    for k, h in enumerate((1, 5, 22)):
        np.testing.assert_allclose(values.y[:-h, :, k], close[h:] / close[:-h] - 1, rtol=1e-12)
        assert np.isnan(values.y[-h:, :, k]).all()
        np.testing.assert_array_equal(values.known[h:, :, k], values.y[:-h, :, k])
        assert np.isnan(values.known[:h, :, k]).all()


def test_a_span_that_begins_before_t_is_known_in_part():
    panel = made_panel(seed=1)
    close = panel.fields["close"]
    returns = close[1:] / close[:-1] - 1  # returns[t - 1] is that of row t
    _, y, known, frozen = one(panel, "lead(ts_mean(returns(close), 5), 2)")
    for t in (5, 30, 100):
        np.testing.assert_allclose(y[t], returns[t - 3 : t + 2].mean(axis=0), rtol=1e-9)
        np.testing.assert_allclose(known[t], returns[t - 5 : t].mean(axis=0), rtol=1e-9)
        # Three of the five returns have happened; the two that follow would be zero.
        np.testing.assert_allclose(frozen[t], returns[t - 3 : t].sum(axis=0) / 5, rtol=1e-9)


def test_a_mean_of_coming_returns_is_unknown_altogether():
    _, y, _, frozen = one(made_panel(), "lead(ts_mean(returns(close), 5), 5)")
    assert (np.abs(y[5:-5]) > 0).all()
    np.testing.assert_array_equal(frozen[5:-5], 0)


def test_frozen_repeats_the_close_in_every_price_and_other_fields_in_themselves():
    panel = made_panel(signal=np.arange(60.0) ** 2)
    close = panel.fields["close"]
    _, _, _, frozen = one(panel, "lead(open, 1) + lead(high, 2) + lead(low, 3)")
    np.testing.assert_allclose(frozen, 3 * close, rtol=1e-12)
    _, _, _, frozen = one(panel, "lead(signal, 3)")
    np.testing.assert_array_equal(frozen, panel.fields["signal"])


def test_a_frozen_range_has_no_logarithm():
    _, y, _, frozen = one(made_panel(), "lead(log(garman_klass(open, high, low, close)), 1)")
    assert np.isfinite(y[:-1]).all()
    assert not np.isfinite(frozen).any()


def test_class_k_holds_what_is_above_its_lower_edge_up_to_the_upper():
    x = [9, 0.5, 1, np.nextafter(1, 2), 2, np.nextafter(2, 3), np.nan, 1e9, -1e9, 1]
    label, y, known, frozen = one(
        made_panel(x=x), "lead(x, 1)", task="classification", edges=[1, 2]
    )
    assert label.classes == 3
    assert label.quantities == ("p0", "p1", "p2")
    np.testing.assert_array_equal(y[:, 0], [0, 0, 1, 1, 2, np.nan, 2, 0, 0, np.nan])
    np.testing.assert_array_equal(known[1:], y[:-1])
    np.testing.assert_array_equal(frozen[:, 0], [2, 0, 0, 1, 1, 2, np.nan, 2, 0, 0])


@pytest.mark.parametrize(("edges", "expected"), [(None, [0, 0, 1, 1]), ([1.0], [0, 0, 0, 1])])
def test_class_1_of_a_binary_target_is_above_its_edge(edges, expected):
    x = [0, -1, 0, np.nextafter(0, 1), np.nextafter(1, 2)]
    label, y, _, _ = one(made_panel(x=x), "lead(x, 1)", task="binary", edges=edges)
    assert label.classes == 2
    np.testing.assert_array_equal(y[:-1, 0], expected)


def test_the_frozen_class_is_that_of_the_frozen_value():
    panel = made_panel()
    _, _, _, frozen = one(panel, task="binary")
    np.testing.assert_array_equal(frozen, 0)  # a close that stands still is not higher
    _, _, _, frozen = one(panel, task="classification", edges=[-0.005, 0.005])
    np.testing.assert_array_equal(frozen, 1)


def test_a_quantile_target_keeps_its_number():
    panel = made_panel()
    label, y, _, _ = one(panel, task="quantile", levels=[0.1, 0.5, 0.9], measure="return")
    assert label.quantities == ("q0.1", "q0.5", "q0.9")
    assert label.measure == "return"
    np.testing.assert_array_equal(y, one(panel)[1])


def test_several_targets_keep_their_order():
    targets = Targets(
        {
            "up": {"expr": NEXT, "task": "binary"},
            "ret": {"expr": "lead(close, h) / close - 1", "horizons": [5, 1]},
        }
    )
    assert [label.name for label in targets.labels] == ["up@1", "ret@5", "ret@1"]
    assert targets.purge == 5
    values = targets.values(made_panel())
    assert set(np.unique(values.y[:-1, :, 0])) == {0.0, 1.0}


def test_a_missing_close_costs_the_labels_that_read_it_and_no_other():
    panel = made_panel()
    close = panel.fields["close"]
    whole = one(panel)[1]
    close[50, 1] = np.nan
    y = one(panel)[1]
    lost = np.isnan(y) & ~np.isnan(whole)
    assert list(zip(*np.nonzero(lost), strict=True)) == [(49, 1), (50, 1)]


def test_lookback_says_what_a_label_reads_before_t():
    assert Targets({"x": {"expr": NEXT}}).lookback == 0
    assert Targets({"x": {"expr": "lead(close, 1) / delay(close, 4)"}}).lookback == 4
    assert Targets({"x": {"expr": "lead(rsi(close, 14), 1)"}}).lookback is None


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"expr": "returns(close)"}, "never looks ahead; use lead"),
        ({"expr": "close"}, "never looks ahead"),
        ({"task": "binary"}, "has no expr"),
        ({"expr": NEXT, "tsak": "binary"}, "unknown key 'tsak'; did you mean 'task'"),
        ({"expr": NEXT, "task": "binry"}, "unknown task 'binry'; did you mean 'binary'"),
        ({"expr": NEXT, "measure": "retrun"}, "unknown measure 'retrun'; did you mean 'return'"),
        ({"expr": NEXT, "task": "classification"}, "needs edges"),
        ({"expr": NEXT, "task": "classification", "edges": []}, "needs edges"),
        ({"expr": NEXT, "task": "classification", "edges": [1, 0]}, "must increase"),
        ({"expr": NEXT, "task": "classification", "edges": [0, 0]}, "must increase"),
        ({"expr": NEXT, "task": "classification", "edges": [float("nan")]}, "list of numbers"),
        ({"expr": NEXT, "task": "classification", "edges": ["low"]}, "list of numbers"),
        ({"expr": NEXT, "task": "binary", "edges": [0, 1]}, "one edge, not 2"),
        ({"expr": NEXT, "task": "binary", "edges": 0.5}, "list of numbers"),
        ({"expr": NEXT, "edges": [0]}, "not regression"),
        ({"expr": NEXT, "levels": [0.5]}, "not regression"),
        ({"expr": NEXT, "task": "quantile", "levels": [0.5, 0.1]}, "must increase"),
        ({"expr": NEXT, "task": "quantile", "levels": [0.5, 0.5]}, "must increase"),
        ({"expr": NEXT, "task": "quantile", "levels": [0, 0.5]}, "both excluded"),
        ({"expr": NEXT, "task": "quantile", "levels": [0.5, 1]}, "both excluded"),
        ({"expr": NEXT, "task": "quantile", "levels": 0.5}, "list of numbers"),
        ({"expr": "lead(close, h)", "horizons": []}, "whole numbers"),
        ({"expr": "lead(close, h)", "horizons": 5}, "whole numbers"),
        ({"expr": "lead(close, h)", "horizons": [0]}, "whole numbers"),
        ({"expr": "lead(close, h)", "horizons": [1.5]}, "whole numbers"),
        ({"expr": "lead(close, h)", "horizons": [True]}, "whole numbers"),
        ({"expr": "lead(close, h)", "horizons": [5, 5]}, "names one twice"),
        ({"expr": NEXT, "horizons": [1, 5]}, "no h to stand for"),
        (NEXT, "write it as"),
    ],
)
def test_a_malformed_target_is_refused_in_one_line(spec, words):
    with pytest.raises(ConfigError, match=words) as caught:
        Targets({"ret": spec})
    assert str(caught.value).startswith("target 'ret'")
    assert "\n" not in str(caught.value)


def test_no_target_is_refused():
    with pytest.raises(ConfigError, match="no target is given"):
        Targets({})


@pytest.mark.parametrize("expr", ["lead(close, 1", "leed(close, 1)", "lead(close, -1)", "", "1 +"])
def test_a_malformed_expression_points_at_its_place(expr):
    with pytest.raises(ExpressionError, match=r"\^"):
        Targets({"ret": {"expr": expr}})


def test_a_field_that_the_data_lack_is_named():
    targets = Targets({"ret": {"expr": "lead(clsoe, 1)"}})
    with pytest.raises(MarketlabError, match="did you mean 'close'"):
        targets.check_fields(("open", "close"))
    targets.check_fields(("clsoe",))
