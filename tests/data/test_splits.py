"""Folds: chronological order, purge and embargo, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marketlab.data.splits import Chronological, LeakyShuffle, WalkForward
from marketlab.errors import ConfigError, DataError

TIMES = pd.date_range("2000-01-03 21:00", periods=1000, freq="B", tz="UTC", unit="ns")


def assert_no_label_reaches(fold, purge):
    """A label at row t is realised at t + purge; none may touch a later part."""
    assert fold.train[-1] + purge < fold.valid[0]
    assert fold.valid[-1] + purge < fold.test[0]


@settings(max_examples=200, deadline=None)
@given(
    first=st.integers(0, 100),
    purge=st.integers(1, 30),
    embargo=st.integers(0, 20),
    train=st.integers(60, 300),
    valid=st.integers(60, 200),
    test=st.integers(1, 300),
    window=st.sampled_from(["expanding", "rolling"]),
)
def test_walk_forward_never_lets_a_label_reach_a_later_part(
    first, purge, embargo, train, valid, test, window
):
    folds = WalkForward(train, valid, test, window, embargo).folds(TIMES, first, purge)
    for fold in folds:
        assert_no_label_reaches(fold, purge + embargo)
        assert fold.train[0] >= first
    tests = np.concatenate([fold.test for fold in folds])
    assert (np.diff(tests) == 1).all(), "the test parts follow each other"
    assert tests[-1] == len(TIMES) - 1, "the newest rows are tested"


def test_walk_forward_expands_or_rolls():
    expanding = WalkForward(300, 100, 100).folds(TIMES, 0, 1)
    rolling = WalkForward(300, 100, 100, window="rolling").folds(TIMES, 0, 1)
    assert [len(f.train) for f in expanding][:3] == [299, 399, 499]
    assert {len(f.train) for f in rolling} == {299}
    assert [f.test[0] for f in expanding] == [f.test[0] for f in rolling]


@settings(max_examples=100, deadline=None)
@given(first=st.integers(0, 100), purge=st.integers(1, 30), embargo=st.integers(0, 20))
def test_chronological_never_lets_a_label_reach_a_later_part(first, purge, embargo):
    (fold,) = Chronological(embargo=embargo).folds(TIMES, first, purge)
    assert_no_label_reaches(fold, purge + embargo)


def test_chronological_by_dates():
    split = Chronological(valid_from="2002-01-01", test_from="2003-01-01")
    (fold,) = split.folds(TIMES, 10, 1)
    assert TIMES[fold.valid[0]] >= pd.Timestamp("2002-01-01", tz="UTC") > TIMES[fold.valid[0] - 1]
    assert TIMES[fold.test[0]] >= pd.Timestamp("2003-01-01", tz="UTC") > TIMES[fold.test[0] - 1]


def test_leaky_shuffle_deals_every_row_once_and_says_that_it_leaks():
    split = LeakyShuffle(seed=3)
    (fold,) = split.folds(TIMES, 50, 5)
    rows = np.concatenate([fold.train, fold.valid, fold.test])
    assert sorted(rows) == list(range(50, 1000))
    assert fold.train[-1] > fold.test[0]
    assert split.leaks
    assert not WalkForward(1, 1, 1).leaks
    assert not Chronological().leaks


@pytest.mark.parametrize(
    ("split", "purge"),
    [(WalkForward(900, 200, 100), 1), (Chronological(), 400), (WalkForward(100, 5, 100), 5)],
)
def test_too_few_rows_is_one_line(split, purge):
    with pytest.raises(DataError, match=r"leaves no (train|valid|test) rows") as caught:
        split.folds(TIMES, 0, purge)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Chronological(train=0.9, valid=0.1), "sum is below 1"),
        (lambda: Chronological(test_from="2003-01-01"), "both valid_from and test_from"),
        (lambda: Chronological(embargo=-1), "embargo=-1"),
        (lambda: WalkForward(0, 1, 1), "at least one row"),
        (lambda: WalkForward(1, 1, 1, window="sliding"), "expanding or rolling"),
        (lambda: LeakyShuffle(train=0), "positive shares"),
        (
            lambda: Chronological(valid_from="soon", test_from="later").folds(TIMES, 0, 1),
            "'soon' is no date",
        ),
    ],
)
def test_bad_settings_are_one_line(build, message):
    with pytest.raises(ConfigError, match=message):
        build()


def test_only_a_rolling_walk_forward_forgets():
    assert WalkForward(1, 1, 1, window="rolling").rolls
    assert not any(s.rolls for s in (WalkForward(1, 1, 1), Chronological(), LeakyShuffle()))
