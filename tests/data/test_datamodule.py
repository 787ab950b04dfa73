"""The datamodule: a fold's parts never touch, its scalers see train alone, its epochs repeat."""

from types import SimpleNamespace

import numpy as np
import pytest
from marketlab.data.datamodule import MarketDataModule
from marketlab.data.features import Features
from marketlab.data.panel import Panel
from marketlab.data.scaling import min_max, robust, standard
from marketlab.data.splits import Chronological, Fold, WalkForward
from marketlab.data.targets import Targets
from marketlab.data.tensor import build_tensor
from marketlab.data.windows import Windows
from marketlab.errors import DataError

from made_panel import made_panel

SPLITS = {
    "chronological": Chronological(),
    "with an embargo": Chronological(embargo=4),
    "walk-forward": WalkForward(120, 40, 60),
    "rolling": WalkForward(120, 40, 60, window="rolling"),
}
TARGETS = {
    "next": {"ret": {"expr": "lead(close, 1) / close - 1"}},
    "horizons": {"ret": {"expr": "lead(close, h) / close - 1", "horizons": [1, 5, 22]}},
    "a mean": {"ret": {"expr": "lead(ts_mean(returns(close), 5), 5)"}},
    "classes": {"up": {"expr": "lead(close, 3) / close - 1", "task": "binary"}},
}
FEATURES = Features({"mom": "returns(close, 5)", "vol": "ts_std(returns(close), 10)"}, rows=6)


def folds_of(panel, target="horizons", split="chronological", layout="pooled"):
    targets = Targets(TARGETS[target])
    tensor = build_tensor(panel, FEATURES, targets, layout)
    return tensor, SPLITS[split].folds(tensor.times, tensor.first, targets.purge)


def module(panel=None, scaler=standard, **choices):
    tensor, folds = folds_of(made_panel(rows=360) if panel is None else panel, **choices)
    return MarketDataModule(tensor, folds[0], scaler, batch_size=64, seed=5)


def changed_from(panel, row):
    """Replace everything from a row on by quite another market."""
    other = made_panel(rows=len(panel.times), symbols=len(panel.symbols), seed=99)
    fields = {
        name: np.concatenate([values[:row], 7 * other.fields[name][row:]])
        for name, values in panel.fields.items()
    }
    return Panel(panel.times, panel.symbols, fields, panel.clock)


@pytest.mark.parametrize("layout", ["pooled", "joint"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("split", SPLITS)
def test_no_label_span_reaches_a_later_part(split, target, layout):
    tensor, folds = folds_of(made_panel(rows=360), target, split, layout)
    assert len(folds) == (3 if isinstance(SPLITS[split], WalkForward) else 1)
    for fold in folds:
        data = MarketDataModule(tensor, fold, standard)
        embargo = SPLITS[split].embargo
        for label in tensor.labels:
            assert data.train.rows.max() + label.lookahead + embargo < data.valid.rows.min()
            assert data.valid.rows.max() + label.lookahead + embargo < data.test.rows.min()


@pytest.mark.parametrize("layout", ["pooled", "joint"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("split", SPLITS)
def test_another_future_leaves_every_number_of_train_as_it_was(split, target, layout):
    panel = made_panel(rows=360)
    tensor, folds = folds_of(panel, target, split, layout)
    for fold in folds[::2]:
        cut = int(fold.valid[0])
        later, _ = folds_of(changed_from(panel, cut), target, split, layout)
        one, two = (MarketDataModule(t, fold, standard) for t in (tensor, later))
        np.testing.assert_array_equal(one.train.rows, two.train.rows)
        np.testing.assert_array_equal(one.train.y, two.train.y)
        np.testing.assert_array_equal(one.train.scaled_y, two.train.scaled_y)
        for window in ("last", "flatten"):
            np.testing.assert_array_equal(one.train.design(window), two.train.design(window))
        assert not np.array_equal(one.valid.y, two.valid.y)


@pytest.mark.parametrize("layout", ["pooled", "joint"])
@pytest.mark.parametrize("scaler", [standard, min_max, robust])
def test_scalers_see_train_rows_alone(scaler, layout):
    panel = made_panel(rows=360)
    tensor, (fold,) = folds_of(panel, layout=layout)
    before = MarketDataModule(tensor, fold, scaler).scalers
    outside = np.setdiff1d(np.arange(len(tensor.times)), fold.train)
    tensor.features[:, outside] = 1e9
    tensor.values.y[outside] = -1e9
    after = MarketDataModule(tensor, fold, scaler).scalers
    for part in ("inputs", "labels"):
        np.testing.assert_array_equal(getattr(before, part).center, getattr(after, part).center)
        np.testing.assert_array_equal(getattr(before, part).scale, getattr(after, part).scale)
    tensor.features[:, fold.train[3]] += 100
    moved = MarketDataModule(tensor, fold, scaler).scalers
    assert not np.array_equal(moved.inputs.scale, after.inputs.scale) or scaler is robust


def orders(data, epochs):
    """Labels of the train batches in the order of each epoch."""
    found = []
    for epoch in epochs:
        device = SimpleNamespace(root_device="cpu")
        data.trainer = SimpleNamespace(current_epoch=epoch, strategy=device)
        found.append(np.concatenate([batch.y.numpy().copy() for batch in data.train_dataloader()]))
    return found


def test_every_epoch_has_an_order_of_its_own_and_keeps_it():
    first, second, again = orders(module(target="next"), [0, 1, 0])
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(np.sort(first, axis=0), np.sort(second, axis=0))
    np.testing.assert_array_equal(orders(module(target="next"), [1])[0], second)


def test_another_seed_gives_another_order():
    one, two = module(target="next"), module(target="next")
    two.seed = 6
    assert not np.array_equal(orders(one, [0])[0], orders(two, [0])[0])


def test_train_is_shuffled_and_validation_is_in_order():
    data = module()
    train = np.concatenate([batch.y.numpy().copy() for batch in data.train_dataloader()])
    valid = np.concatenate([batch.y.numpy().copy() for batch in data.val_dataloader()])
    assert not np.array_equal(train, data.train.scaled_y, equal_nan=True)
    np.testing.assert_array_equal(valid, data.valid.scaled_y)


def test_loaders_know_their_length():
    data = module()
    for loader, part in (
        (data.train_dataloader(), data.train),
        (data.val_dataloader(), data.valid),
    ):
        assert len(loader) == len(list(loader)) == -(-len(part) // 64)


@pytest.mark.parametrize("part", ["train", "valid", "test"])
def test_a_part_without_a_realised_label_is_refused(part):
    tensor, (fold,) = folds_of(made_panel(rows=360))
    tensor.values.y[getattr(fold, part)] = np.nan
    with pytest.raises(DataError, match=f"the {part} part has no realised label") as caught:
        MarketDataModule(tensor, fold, standard)
    assert "\n" not in str(caught.value)


def test_the_newest_rows_are_forecast_though_nothing_is_realised_there():
    data = module()
    tensor = data.test.tensor
    last = np.arange(len(tensor.times) - 1, len(tensor.times), dtype=np.int64)
    assert len(Windows(tensor, last, data.scalers)) == 0
    assert len(Windows(tensor, last, data.scalers, labelled=False)) == len(tensor.symbols)


def test_a_fold_may_have_no_test_rows():
    tensor, (fold,) = folds_of(made_panel(rows=360))
    final = Fold(fold.train, fold.valid, np.empty(0, dtype=np.int64))
    data = MarketDataModule(tensor, final, standard)
    assert len(data.test) == 0
    np.testing.assert_array_equal(data.train.rows, module().train.rows)
