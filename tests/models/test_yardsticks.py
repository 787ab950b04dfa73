"""Yardsticks on cases made by hand, in both layouts and all tasks."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from marketlab.data.datamodule import MarketDataModule
from marketlab.data.features import View
from marketlab.data.labels import Label
from marketlab.data.scaling import Affine, FoldScalers
from marketlab.data.targets import LabelValues
from marketlab.data.tensor import Layout, WindowTensor
from marketlab.data.windows import Windows
from marketlab.errors import RunError
from marketlab.models.forecaster import FitLog, Forecaster
from marketlab.models.yardsticks import (
    Climatology,
    Ewma,
    FrozenFuture,
    FrozenFutureFitted,
    Persistence,
    Yardstick,
    standard_yardsticks,
)
from marketlab.models.yardsticks.base import cells_of
from marketlab.models.yardsticks.ewma import ewma
from marketlab.models.yardsticks.pooling import fit_shape
from marketlab.models.yardsticks.shapes import Mean

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Y = TypeVar("Y", bound=Forecaster)

LEVELS = (0.1, 0.5, 0.9)
NUMBER = Label("r", 1, "lead(close, 1)", "regression", 1)
BINARY = Label("up", 1, "lead(close, 1)", "binary", 1, edges=(0.0,))
THREE = Label("move", 1, "lead(close, 1)", "classification", 1, edges=(-1.0, 1.0))
BAND = Label("band", 1, "lead(close, 1)", "quantile", 1, levels=LEVELS)


def make(
    labels: Sequence[Label],
    y: npt.ArrayLike,
    frozen: npt.ArrayLike | None = None,
    rows: Rows | None = None,
    layout: Layout = "pooled",
) -> Windows:
    """Lay label values (T, N, K) out as windows whose features nobody reads."""
    values = np.asarray(y, dtype=float)
    T, N, K = values.shape
    known = np.full_like(values, np.nan)
    for k, label in enumerate(labels):
        known[label.lookahead :, :, k] = values[: T - label.lookahead, :, k]
    still = np.full_like(values, np.nan) if frozen is None else np.asarray(frozen, dtype=float)
    tensor = WindowTensor(
        features=np.zeros((N, T, 1), dtype=np.float32),
        columns=("x",),
        views={"x": View("x", ("x",), 1)},
        labels=tuple(labels),
        values=LabelValues(values, known, still),
        present=np.ones((T, N), dtype=bool),
        times=pd.date_range("2020-01-01", periods=T, tz="UTC"),
        symbols=tuple(chr(ord("A") + n) for n in range(N)),
        first=0,
        layout=layout,
    )
    scalers = FoldScalers(Affine.identity(N), Affine.identity(N * K))
    return Windows(tensor, np.arange(T) if rows is None else rows, scalers, labelled=False)


def fitted(yardstick: Y, train: Windows, directory: Path) -> Y:
    fold = cast(MarketDataModule, SimpleNamespace(train=train))
    yardstick.fit(fold, lambda **_: None, FitLog(directory))
    return yardstick


def learned(yardstick: Yardstick, label: Label) -> dict[str, Any]:
    found = yardstick.fitted[label.name]
    assert found is not None
    return found


def column(values: npt.ArrayLike) -> Floats:
    return np.asarray(values, dtype=float).reshape(-1, 1, 1)


def answers(
    yardstick: Yardstick,
    label: Label,
    train: npt.ArrayLike,
    directory: Path,
    test: npt.ArrayLike | None = None,
    frozen: npt.ArrayLike | None = None,
    test_frozen: npt.ArrayLike | None = None,
) -> Floats:
    """Fit on one symbol's values and forecast the same or other rows: (T, Q)."""
    windows = make([label], column(train), None if frozen is None else column(frozen))
    fitted(yardstick, windows, directory)
    if test is not None:
        still = None if test_frozen is None else column(test_frozen)
        windows = make([label], column(test), still)
    return yardstick.predict(windows).values[label.name]


def test_persistence_repeats_the_newest_realised_value(tmp_path: Path) -> None:
    found = answers(Persistence(), NUMBER, [1, 2, np.nan, 4, 5], tmp_path)
    np.testing.assert_array_equal(found[:, 0], [np.nan, 1, 2, 2, 4])


def test_persistence_forgets_what_is_too_old(tmp_path: Path) -> None:
    found = answers(Persistence(), NUMBER, [1.0] + [np.nan] * 30, tmp_path)[:, 0]
    assert np.flatnonzero(np.isfinite(found)).tolist() == list(range(1, 23))


def test_persistence_respects_the_lookahead(tmp_path: Path) -> None:
    slow = Label("r", 3, "lead(close, 3)", "regression", 3)
    found = answers(Persistence(), slow, [1, 2, 3, 4, 5], tmp_path)
    np.testing.assert_array_equal(found[:, 0], [np.nan, np.nan, np.nan, 1, 2])


def test_persistence_of_a_class_is_certain(tmp_path: Path) -> None:
    found = answers(Persistence(), THREE, [2, 0, 1], tmp_path)
    np.testing.assert_array_equal(found, [[np.nan] * 3, [0, 0, 1], [1, 0, 0]])


def test_persistence_quantiles_are_those_of_the_change(tmp_path: Path) -> None:
    y = np.cumsum(np.random.default_rng(0).normal(size=400))
    found = answers(Persistence(), BAND, y, tmp_path)
    expected = y[:-1, None] + np.quantile(np.diff(y), LEVELS)
    np.testing.assert_allclose(found[1:], expected)


def test_climatology_by_task(tmp_path: Path) -> None:
    y = np.array([1.0, 2, 2, 0])
    assert (answers(Climatology(), NUMBER, y, tmp_path)[:, 0] == 1.25).all()
    found = answers(Climatology(), THREE, y, tmp_path)
    np.testing.assert_allclose(found[0], [2 / 7, 2 / 7, 3 / 7])
    found = answers(Climatology(), BAND, y, tmp_path)
    np.testing.assert_allclose(found[0], np.quantile(y, LEVELS))


def test_climatology_learns_from_train_rows_alone(tmp_path: Path) -> None:
    found = answers(Climatology(), NUMBER, [1.0, 3.0], tmp_path, test=[100.0, 200.0])
    assert (found == 2).all()


def test_only_symbols_that_differ_keep_their_own_mean(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(300, 12, 1))
    shifted = noise.copy()
    shifted[:, 0] += 5
    apart = fitted(Climatology(), make([NUMBER], shifted), tmp_path)
    own = learned(apart, NUMBER)["own"]
    assert own["A"][0] - own["B"][0] == pytest.approx(5, abs=0.5)
    same = fitted(Climatology(), make([NUMBER], noise), tmp_path)
    assert learned(same, NUMBER)["own"] == {}
    assert learned(same, NUMBER)["pooled"][0] == pytest.approx(noise.mean())


def test_a_symbol_seen_too_rarely_or_never_takes_the_pooled_fit(tmp_path: Path) -> None:
    y = np.random.default_rng(2).normal(size=(300, 3, 1)) + np.array([0.0, 10, 20])[:, None]
    y[:280, 2] = np.nan
    yardstick = fitted(Climatology(), make([NUMBER], y), tmp_path)
    assert set(learned(yardstick, NUMBER)["own"]) == {"A", "B"}
    later = yardstick.predict(make([NUMBER], np.zeros((1, 4, 1)))).values[NUMBER.name]
    pooled = learned(yardstick, NUMBER)["pooled"][0]
    assert (later[2:, 0] == pooled).all()


def test_frozen_future_passes_the_value_on(tmp_path: Path) -> None:
    frozen = [0.5, np.nan, -np.inf, 2]
    found = answers(FrozenFuture(), NUMBER, [1, 2, 3, 4], tmp_path, frozen=frozen)
    np.testing.assert_array_equal(found[:, 0], [0.5, np.nan, np.nan, 2])
    found = answers(FrozenFuture(), BINARY, [1, 0, 1], tmp_path, frozen=[1, np.nan, 0])
    np.testing.assert_array_equal(found, [[0, 1], [np.nan] * 2, [1, 0]])


def test_a_frozen_future_of_zero_forecasts_zero_and_its_line_the_mean(
    tmp_path: Path,
) -> None:
    y, zero = [1.0, 2, 6], np.zeros(3)
    assert (answers(FrozenFuture(), NUMBER, y, tmp_path, frozen=zero) == 0).all()
    assert (answers(FrozenFutureFitted(), NUMBER, y, tmp_path, frozen=zero) == 3).all()


def test_fitted_frozen_future_is_a_line_frequencies_or_quantiles_about_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    frozen = rng.normal(size=500)
    y = 1 + 2 * frozen
    np.testing.assert_allclose(
        answers(FrozenFutureFitted(), NUMBER, y, tmp_path, frozen=frozen)[:, 0], y
    )
    classes = answers(FrozenFutureFitted(), BINARY, [1, 1, 0, 0], tmp_path, frozen=[1, 1, 1, 0])
    np.testing.assert_allclose(classes[0], [2 / 5, 3 / 5])
    np.testing.assert_allclose(classes[3], [2 / 3, 1 / 3])
    y = frozen + rng.normal(size=500)
    band = answers(FrozenFutureFitted(), BAND, y, tmp_path, frozen=frozen)
    np.testing.assert_allclose(band, frozen[:, None] + np.quantile(y - frozen, LEVELS))


@pytest.mark.parametrize("yardstick", [FrozenFuture, FrozenFutureFitted])
def test_frozen_future_without_a_finite_train_value_is_not_applicable(
    yardstick: type[Yardstick], tmp_path: Path
) -> None:
    gone = np.full(4, -np.inf)
    found = answers(yardstick(), NUMBER, [1, 2, 3, 4], tmp_path, frozen=gone, test=[1.0] * 2,
                    test_frozen=[1.0] * 2)  # fmt: skip
    assert np.isnan(found).all()


def test_one_frozen_value_is_no_distribution(tmp_path: Path) -> None:
    assert np.isnan(answers(FrozenFuture(), BAND, [1, 2], tmp_path, frozen=[1.0, 1])).all()


def test_ewma_equals_the_sum_by_hand_and_skips_missing_values() -> None:
    history = np.array([[np.nan], [1.0], [np.nan], [3.0]])
    expected = (3 + 0.75 * 1) / (1 + 0.75)
    np.testing.assert_allclose(ewma(history, 0.25)[:, 0], [np.nan, 1, 1, expected])


def test_ewma_never_reads_what_is_not_realised(tmp_path: Path) -> None:
    y = np.random.default_rng(4).normal(size=120)
    whole = answers(Ewma(), NUMBER, y, tmp_path)[:, 0]
    changed = y.copy()
    changed[60:] += 100
    yardstick = fitted(Ewma(), make([NUMBER], column(y)), tmp_path)
    again = yardstick.predict(make([NUMBER], column(changed))).values[NUMBER.name][:, 0]
    np.testing.assert_array_equal(whole[:61], again[:61])


def test_ewma_chooses_a_long_memory_for_noise_and_a_short_one_for_a_walk(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).normal(size=(500, 2, 1))
    still = fitted(Ewma(), make([NUMBER], noise), tmp_path)
    walk = fitted(Ewma(), make([NUMBER], noise.cumsum(0)), tmp_path)
    assert learned(still, NUMBER)["alpha"] == 0.01
    assert learned(walk, NUMBER)["alpha"] == 0.5


def test_ewma_of_classes_are_probabilities(tmp_path: Path) -> None:
    y = np.random.default_rng(6).integers(0, 3, 100)
    found = answers(Ewma(), THREE, y, tmp_path)
    np.testing.assert_allclose(found[1:].sum(1), 1)
    np.testing.assert_array_equal(found[1], np.eye(3)[y[0]])


def test_ewma_quantiles_widen_with_volatility(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    scale = np.repeat([1.0, 4.0, 1.0, 4.0], 300)
    yardstick = Ewma()
    found = answers(yardstick, BAND, scale * rng.normal(size=1200), tmp_path)
    assert learned(yardstick, BAND)["form"] == "scale"
    width = found[:, 2] - found[:, 0]
    assert width[500:600].mean() > 2.5 * width[800:900].mean()


def test_ewma_quantiles_follow_the_level_of_a_slow_target(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    yardstick = Ewma()
    answers(yardstick, BAND, -5 + 0.1 * rng.normal(size=800).cumsum(), tmp_path)
    assert learned(yardstick, BAND)["form"] == "level"


def test_the_layout_does_not_change_a_forecast(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    labels = [NUMBER, THREE, BAND]
    y = np.stack([rng.normal(size=(150, 3)), rng.integers(0, 3, (150, 3)),
                  rng.normal(size=(150, 3))], axis=2)  # fmt: skip
    frozen = np.roll(y, 2, axis=0)
    for pooled, joint in zip(
        standard_yardsticks().values(), standard_yardsticks().values(), strict=True
    ):
        found = []
        cases: list[tuple[Forecaster, Layout]] = [(pooled, "pooled"), (joint, "joint")]
        for yardstick, layout in cases:
            train = make(labels, y, frozen, np.arange(100), layout)
            test = make(labels, y, frozen, np.arange(101, 150), layout)
            found.append(fitted(yardstick, train, tmp_path).predict(test).frame())
        first, second = found
        pd.testing.assert_frame_equal(first, second)


def test_a_saved_yardstick_forecasts_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(10)
    labels = [NUMBER, BINARY, BAND]
    y = np.stack([rng.normal(size=(200, 2)), rng.integers(0, 2, (200, 2)),
                  rng.normal(size=(200, 2))], axis=2)  # fmt: skip
    windows = make(labels, y, np.roll(y, 1, axis=0))
    for name, yardstick in standard_yardsticks().items():
        fitted(yardstick, windows, tmp_path)
        yardstick.save(tmp_path)
        json.loads((tmp_path / "yardstick.json").read_text())
        loaded = standard_yardsticks()[name]
        loaded.load(tmp_path)
        pd.testing.assert_frame_equal(
            loaded.predict(windows).frame(), yardstick.predict(windows).frame()
        )


def test_a_folder_of_something_else_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a saved yardstick"):
        Climatology().load(tmp_path)
    Climatology().save(tmp_path)
    with pytest.raises(RunError, match="holds Climatology, not Ewma"):
        Ewma().load(tmp_path)
    (tmp_path / "yardstick.json").write_text("[1]")
    with pytest.raises(RunError, match="not a saved yardstick"):
        Ewma().load(tmp_path)
    with pytest.raises(RunError, match="not fitted on r@1"):
        Ewma().predict(make([NUMBER], column([1.0])))


def test_only_what_reads_the_past_asks_for_it() -> None:
    needs = {name: yardstick.past for name, yardstick in standard_yardsticks().items()}
    assert needs == {
        "frozen-future": 0,
        "frozen-future fitted": 0,
        "persistence": 22,
        "climatology": 0,
        "ewma": None,
    }


def test_nothing_finite_is_nothing_fitted(tmp_path: Path) -> None:
    windows = make([NUMBER], column([np.nan] * 4))
    for yardstick in (Climatology(), Ewma()):
        found = fitted(yardstick, windows, tmp_path).predict(windows)
        assert np.isnan(found.values[NUMBER.name]).all()
    assert fit_shape(Mean(), cells_of(windows)[0]) is None
