"""Windows: every batch equals the slow, obvious construction; nothing is lost or seen too early."""

import numpy as np
import pandas as pd
import pytest
import torch
from marketlab.data import scaling
from marketlab.data.features import View
from marketlab.data.gather import gather_on_device
from marketlab.data.windows import Windows
from marketlab.errors import DataError
from marketlab.models.forecast import in_own_units

from made_windows import LABELS, made_tensor

VIEWS = {
    "seq": View("seq", ("b", "d"), 6),
    "grid": View("grid", ("c",), 9, (3, 3)),
    "now": View("now", ("a", "b", "c"), 1),
}


def windows_of(tensor, rows=None, scaler=scaling.standard, labelled=True):
    rows = np.arange(20, 100) if rows is None else rows
    return Windows(tensor, rows, tensor.fit_scalers(rows, scaler), labelled=labelled)


def slow_window(tensor, scalers, view, row, symbol):
    """The window of one view by plain indexing, in float64."""
    columns = [tensor.columns.index(name) for name in view.columns]
    symbols = [symbol] if tensor.layout == "pooled" else range(len(tensor.symbols))
    values, flags = [], []
    for n in symbols:
        raw = tensor.features[n, row - view.rows + 1 : row + 1][:, columns].astype(np.float64)
        offset = 0 if tensor.layout == "pooled" else n * len(tensor.columns)
        at = [offset + c for c in columns]
        values.append((raw - scalers.inputs.center[at]) / scalers.inputs.scale[at])
        flags.append(np.isnan(raw).astype(float))
    parts = values + (flags if tensor.mask else [])
    window = np.nan_to_num(np.concatenate(parts, axis=1), nan=0.0)
    return window if view.shape is None else window.reshape(view.shape)


@pytest.mark.parametrize("layout", ["pooled", "joint"])
@pytest.mark.parametrize("mask", [False, True])
def test_batches_equal_plain_indexing(layout, mask):
    plain = layout == "pooled" and not mask
    views = VIEWS if plain else {"seq": VIEWS["seq"], "now": VIEWS["now"]}
    windows = windows_of(made_tensor(layout=layout, mask=mask, views=views))
    seen = 0
    for batch in windows.batches(32):
        for name, view in views.items():
            for b in range(len(batch.y)):
                row, col = windows.rows[seen + b], windows.cols[seen + b]
                expected = slow_window(windows.tensor, windows.scalers, view, row, col)
                np.testing.assert_allclose(batch.x[name][b], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(batch.y, windows.scaled_y[seen : seen + len(batch.y)])
        seen += len(batch.y)
    assert seen == len(windows)


def test_a_symbol_listed_later_costs_nobody_a_row():
    windows = windows_of(made_tensor())
    counts = pd.Series(windows.symbols).value_counts()
    assert counts["A"] == counts["C"] == 80
    assert counts["B"] == 60  # its first bar is on row 40


def test_samples_are_in_the_order_of_time():
    windows = windows_of(made_tensor())
    assert windows.times.is_monotonic_increasing


def test_only_unlabelled_windows_keep_the_newest_rows():
    tensor = made_tensor()
    rows = np.arange(100, 120)
    scalers = tensor.fit_scalers(np.arange(20, 100), scaling.standard)
    assert Windows(tensor, rows, scalers).rows.max() == 118  # one row ahead is realised until 118
    assert Windows(tensor, rows, scalers, labelled=False).rows.max() == 119


def test_shuffling_follows_from_seed_and_epoch():
    windows = windows_of(made_tensor())

    def epoch(seed, number):
        batches = windows.batches(16, shuffle=True, seed=seed, epoch=number)
        return np.concatenate([batch.y.numpy().copy() for batch in batches])

    np.testing.assert_array_equal(epoch(1, 0), epoch(1, 0))
    assert not np.array_equal(epoch(1, 0), epoch(1, 1), equal_nan=True)
    assert not np.array_equal(epoch(1, 0), epoch(2, 0), equal_nan=True)
    np.testing.assert_array_equal(np.sort(epoch(1, 0), axis=0), np.sort(windows.scaled_y, axis=0))


def test_two_batches_in_hand_are_both_intact():
    windows = windows_of(made_tensor())
    batches = windows.batches(16)
    first = next(batches)
    kept = first.x["x"].clone()
    next(batches)
    assert torch.equal(first.x["x"], kept)


def test_scalers_see_the_train_rows_alone():
    tensor = made_tensor()
    rows = np.arange(20, 60)
    before = tensor.fit_scalers(rows, scaling.standard)
    tensor.features[:, 60:] = 1e9
    tensor.features[:, :20] = -1e9
    tensor.values.y[60:] = 1e9
    after = tensor.fit_scalers(rows, scaling.standard)
    for part in ("inputs", "labels"):
        np.testing.assert_array_equal(getattr(before, part).center, getattr(after, part).center)
        np.testing.assert_array_equal(getattr(before, part).scale, getattr(after, part).scale)


def test_classes_are_not_scaled():
    windows = windows_of(made_tensor())
    classes = windows.scaled_y[:, 2]
    assert set(classes[np.isfinite(classes)].tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("layout", ["pooled", "joint"])
def test_forecast_turns_scaled_answers_back_into_units(layout):
    windows = windows_of(made_tensor(layout=layout))
    n = len(LABELS)
    cells = windows.scaled_y.reshape(len(windows), windows.n_out, n)
    raw = {label.name: cells[:, :, [k]] for k, label in enumerate(LABELS[:2])}
    raw["up@1"] = np.stack([1 - cells[:, :, 2], cells[:, :, 2]], axis=-1)
    forecast, truth = in_own_units(windows, raw), windows.truth()
    for label in LABELS[:2]:
        np.testing.assert_allclose(forecast.values[label.name][:, 0], truth[label.name], rtol=1e-5)
    np.testing.assert_array_equal(forecast.values["up@1"][:, 1], truth["up@1"])
    assert len(forecast.times) == len(forecast.symbols) == len(windows) * windows.n_out
    frame = forecast.frame()
    assert list(frame) == ["time", "symbol", "target", "horizon", "quantity", "value"]
    assert set(frame["quantity"]) == {"mean", "p0", "p1"}


def test_a_model_that_answers_the_wrong_shape_is_refused():
    windows = windows_of(made_tensor())
    with pytest.raises(DataError, match="the model answered"):
        in_own_units(windows, {label.name: np.zeros((3, 1, 1)) for label in LABELS})


@pytest.mark.parametrize("layout", ["pooled", "joint"])
def test_known_history_is_the_past_of_the_target(layout):
    windows = windows_of(made_tensor(layout=layout))
    history = windows.known_history(3)
    np.testing.assert_array_equal(history[:, :, 0], windows.known)
    known = windows.tensor.values.known
    if layout == "pooled":
        np.testing.assert_array_equal(history[:, :, 2], known[windows.rows - 2, windows.cols])
    else:
        np.testing.assert_array_equal(
            history[:, :, 2], known[windows.rows - 2].reshape(len(windows), -1)
        )


def test_known_history_before_the_first_row_is_missing():
    tensor = made_tensor()
    rows = np.arange(20, 100)
    windows = Windows(tensor, np.array([10]), tensor.fit_scalers(rows, scaling.standard))
    assert np.isnan(windows.known_history(30)[:, :, 29]).all()


@pytest.mark.parametrize("layout", ["pooled", "joint"])
@pytest.mark.parametrize("window", ["last", "flatten"])
def test_design_has_a_name_for_each_column(layout, window):
    views = {"seq": VIEWS["seq"], "now": VIEWS["now"]}
    windows = windows_of(made_tensor(layout=layout, views=views))
    matrix, names = windows.design(window), windows.design_names(window)
    assert matrix.shape == (len(windows), len(names))
    (batch,) = windows.batches(len(windows))
    if window == "flatten":
        both = [batch.x[name].reshape(len(windows), -1) for name in views]
        np.testing.assert_array_equal(matrix, torch.cat(both, dim=1))
    else:
        np.testing.assert_array_equal(matrix[:, : batch.x["seq"].shape[2]], batch.x["seq"][:, -1])


def test_design_keeps_missing_values_on_request():
    windows = windows_of(made_tensor(missing=0.2))
    holes = np.isnan(windows.design(fill=False))
    assert holes.any()
    assert (windows.design()[holes] == 0).all()


@pytest.mark.parametrize(
    ("layout", "mask", "names"),
    [
        ("pooled", False, ("seq", "grid", "now")),
        ("pooled", True, ("seq", "now")),
        ("joint", True, ("seq", "now")),
    ],
)
def test_another_device_yields_the_same_batches(layout, mask, names):
    views = {name: VIEWS[name] for name in names}
    windows = windows_of(made_tensor(layout=layout, mask=mask, views=views, missing=0.2))
    # torch calls this the CPU too, but it takes the road of a GPU.
    for here, there in zip(windows.batches(32), windows.batches(32, device="cpu:0"), strict=True):
        assert torch.equal(here.y.nan_to_num(7), there.y.nan_to_num(7))
        for name in names:
            assert torch.equal(here.x[name], there.x[name])


@pytest.mark.parametrize("columns", [[0, 1, 2, 3], [3, 1]])
def test_a_device_gathers_what_the_cpu_gathers(columns):
    windows = windows_of(made_tensor(missing=0.2))
    view = View("v", tuple("abcd"[c] for c in columns), 5)
    tensor = made_tensor(missing=0.2, views={"v": view}, mask=True)
    windows = windows_of(tensor)
    (batch,) = windows.batches(len(windows))
    at = torch.tensor(columns)
    out, missing = (torch.empty((len(windows), 5, len(columns))) for _ in range(2))
    gather_on_device(
        torch.from_numpy(tensor.features),
        (torch.from_numpy(windows.rows), torch.from_numpy(windows.cols)),
        (
            at,
            torch.from_numpy(windows.scalers.inputs.center.astype(np.float32))[at],
            torch.from_numpy((1 / windows.scalers.inputs.scale).astype(np.float32))[at],
        ),
        out,
        missing,
    )
    assert torch.equal(torch.cat([out, missing], dim=2), batch.x["v"])
