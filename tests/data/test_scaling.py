"""Scalers: against scikit-learn, with missing values and constant columns."""

import json

import numpy as np
import pytest
from marketlab.data import scaling
from marketlab.errors import RunError
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler


@pytest.fixture
def values():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(3, 200, 4)) * [1, 100, 1e-4, 1] + [0, 1e4, 0, -3]).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    return x


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (scaling.standard, StandardScaler()),
        (scaling.min_max, MinMaxScaler()),
        (scaling.robust, RobustScaler()),
    ],
)
def test_equals_scikit_learn(values, ours, theirs):
    rows = values.reshape(-1, values.shape[2]).astype(np.float64)
    expected = theirs.fit_transform(rows)
    np.testing.assert_allclose(ours(values).apply(rows), expected, rtol=1e-6, atol=1e-6)


def test_none_changes_nothing(values):
    np.testing.assert_array_equal(scaling.none(values).apply(values), values)


@pytest.mark.parametrize("fit", [scaling.standard, scaling.min_max, scaling.robust])
def test_constant_and_empty_columns_keep_scale_one(fit):
    values = np.full((2, 10, 2), 5.0, dtype=np.float32)
    values[:, :, 1] = np.nan
    fitted = fit(values)
    assert fitted.scale.tolist() == [1.0, 1.0]
    assert fitted.apply(values)[0, 0, 0] == 0.0


def test_invert_undoes_apply(values):
    fitted = scaling.standard(values)
    np.testing.assert_allclose(fitted.invert(fitted.apply(values)), values, rtol=1e-6)


def test_saved_as_json_and_read_back(tmp_path, values):
    scalers = scaling.FoldScalers(scaling.standard(values), scaling.min_max(values))
    path = tmp_path / "scaler.json"
    scalers.save(path)
    loaded = scaling.FoldScalers.load(path)
    np.testing.assert_array_equal(loaded.inputs.center, scalers.inputs.center)
    np.testing.assert_array_equal(loaded.labels.scale, scalers.labels.scale)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        '{"inputs": {}}',
        json.dumps({n: {"center": [0], "scale": [0]} for n in ("inputs", "labels")}),
        json.dumps({n: {"center": [0, 1], "scale": [1]} for n in ("inputs", "labels")}),
        json.dumps({n: {"center": ["a"], "scale": ["b"]} for n in ("inputs", "labels")}),
        json.dumps({n: {"center": 0, "scale": 1} for n in ("inputs", "labels")}),
        json.dumps({n: {"center": [0.0], "scale": [1e-40]} for n in ("inputs", "labels")}),
        json.dumps({n: {"center": [float("nan")], "scale": [1]} for n in ("inputs", "labels")}),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, text):
    path = tmp_path / "scaler.json"
    path.write_text(text)
    with pytest.raises(RunError, match=r"scaler\.json") as caught:
        scaling.FoldScalers.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fit", [scaling.standard, scaling.min_max, scaling.robust])
def test_a_scale_whose_inverse_float32_cannot_hold_is_taken_for_constant(fit):
    tiny = np.linspace(0, 1e-40, 50).astype(np.float32).reshape(1, 50, 1)
    assert fit(tiny).scale == 1
