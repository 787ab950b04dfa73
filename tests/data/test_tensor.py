"""The tensor of a universe: all see, members alone are labelled, scaled by and present."""

import numpy as np
import pytest
from marketlab.data import scaling
from marketlab.data.features import Features
from marketlab.data.panel import MEMBER
from marketlab.data.scaling import joined
from marketlab.data.targets import Targets
from marketlab.data.tensor import build_tensor, check_rows
from marketlab.errors import DataError

from made_panel import made_panel

FEATURES = Features({"ret": "returns(close)", "size": "log(volume) * 100"}, rows=4)
TARGETS = Targets(
    {
        "next": {"expr": "lead(close, h) / close - 1", "horizons": [1, 5]},
        "up": {"expr": "lead(close, 1) / close - 1", "task": "binary"},
    }
)


def panel(member=None, rows=120, symbols=3):
    """Make a panel of which the second symbol has no bar on its first forty rows."""
    made = made_panel(rows=rows, symbols=symbols)
    values = {name: field.copy() for name, field in made.fields.items()}
    for field in values.values():
        field[:40, 1] = np.nan
    if member is not None:
        values[MEMBER] = np.where(np.isnan(values["close"]), np.nan, member)
    return type(made)(made.times, made.symbols, values, made.clock)


def changing(rows=120, symbols=3):
    """Make a membership: always, from row 60 on, and until row 50."""
    member = np.ones((rows, symbols))
    member[:60, 1] = 0
    member[50:, 2] = 0
    return member


def test_members_alone_are_labelled_and_present_but_all_are_seen():
    member = changing() == 1
    bare, tensor = (build_tensor(panel(m), FEATURES, TARGETS) for m in (None, changing()))
    np.testing.assert_array_equal(tensor.features, bare.features)
    np.testing.assert_array_equal(tensor.values.y[member], bare.values.y[member])
    assert np.isnan(tensor.values.y[~member]).all()
    assert np.isfinite(bare.values.y[~member]).any()
    # What was realised before a symbol joined was known when it joined.
    np.testing.assert_array_equal(tensor.values.known, bare.values.known)
    np.testing.assert_array_equal(tensor.values.frozen, bare.values.frozen)
    np.testing.assert_array_equal(tensor.present, member)
    assert bare.member is None


@pytest.mark.parametrize("name", ["standard", "min_max", "robust", "none"])
@pytest.mark.parametrize("layout", ["pooled", "joint"])
def test_scalers_see_the_members_of_the_train_rows(name, layout):
    scaler = getattr(scaling, name)
    tensor = build_tensor(panel(changing()), FEATURES, TARGETS, layout)
    for rows in (np.arange(10, 90), np.r_[10:45, 55:100]):
        found = tensor.fit_scalers(rows, scaler)
        cells = [tensor.features[n, rows][tensor.member[rows, n]] for n in range(3)]
        groups = [np.concatenate(cells)] if layout == "pooled" else cells
        expected = joined([scaler(group[None]) for group in groups])
        np.testing.assert_allclose(found.inputs.center, expected.center, rtol=1e-6)
        np.testing.assert_allclose(found.inputs.scale, expected.scale, rtol=1e-6)


def test_scalers_read_many_members_in_blocks(monkeypatch):
    tensor = build_tensor(panel(changing()), FEATURES, TARGETS)
    rows = np.arange(10, 110)
    whole = tensor.fit_scalers(rows, scaling.robust)
    monkeypatch.setattr("marketlab.data.tensor.BLOCK", 7)
    parts = tensor.fit_scalers(rows, scaling.robust)
    np.testing.assert_array_equal(parts.inputs.scale, whole.inputs.scale)
    np.testing.assert_array_equal(parts.inputs.center, whole.inputs.center)


@pytest.mark.parametrize("name", ["standard", "min_max", "robust"])
def test_a_symbol_that_is_hardly_a_member_of_the_train_rows_is_scaled_by_all_of_them(name):
    """It is scaled as it would be without a universe, by what was known on the train rows."""
    scaler = getattr(scaling, name)
    few = changing()
    few[:, 1] = 0
    few[64:66, 1] = 1
    few[100:, 1] = 1
    bare, tensor = (build_tensor(panel(m), FEATURES, TARGETS, "joint") for m in (None, few))
    rows = np.arange(5, 80)
    found, expected = (t.fit_scalers(rows, scaler) for t in (tensor, bare))
    np.testing.assert_allclose(found.inputs.center[2:4], expected.inputs.center[2:4])
    np.testing.assert_allclose(found.inputs.scale[2:4], expected.inputs.scale[2:4])
    assert (found.inputs.scale[2:4] != 1).all()
    # The labels of the last train rows were not yet known on them.
    known = scaler(np.ascontiguousarray(tensor.values.known[rows, 1:2].transpose(1, 0, 2)))
    np.testing.assert_allclose(found.labels.center[3:5], known.center[:2])
    np.testing.assert_allclose(found.labels.scale[3:5], known.scale[:2])
    assert (found.labels.scale[3:5] < 0.5).all()
    later = panel(few)
    for field in later.fields.values():
        field[80:, 1] *= 7
    again = build_tensor(later, FEATURES, TARGETS, "joint").fit_scalers(rows, scaler)
    np.testing.assert_array_equal(again.inputs.scale[2:4], found.inputs.scale[2:4])
    np.testing.assert_array_equal(again.labels.scale[3:5], found.labels.scale[3:5])


def test_a_symbol_without_a_bar_in_the_train_rows_is_left_in_its_units():
    tensor = build_tensor(panel(changing()), FEATURES, TARGETS, "joint")
    found = tensor.fit_scalers(np.arange(5, 38), scaling.standard)
    np.testing.assert_array_equal(found.inputs.center[2:4], [0, 0])
    np.testing.assert_array_equal(found.inputs.scale[2:4], [1, 1])


def test_a_universe_may_hold_symbols_too_short_to_be_trained_on_alone():
    few = changing()
    with pytest.raises(DataError, match="symbol 'B' has 80 rows"):
        check_rows(panel(), Features({"long": "ts_mean(close, 60)"}), TARGETS)
    check_rows(panel(few), Features({"long": "ts_mean(close, 60)"}), TARGETS)
    few[30:] = 0
    with pytest.raises(DataError, match="a member with a bar on 30 rows"):
        check_rows(panel(few), FEATURES, TARGETS)
