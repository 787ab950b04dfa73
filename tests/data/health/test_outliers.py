"""Moves and standstills, on bars small enough to count by hand."""

import numpy as np
import pytest
from marketlab.data.health.outliers import largest_moves, longest_standstills

from made_panel import made_panel

NAN = np.nan


def test_moves_are_ranked_by_size_in_logs_and_know_the_one_after():
    moves = largest_moves(made_panel(close=[100, 110, 55, NAN, 110, 111]))
    assert moves["move"].tolist() == pytest.approx([-0.5, 1.0, 0.1, 1 / 110])
    assert moves["next_move"].tolist()[:3] == pytest.approx([1.0, 1 / 110, -0.5])
    assert np.isnan(moves["next_move"].iloc[-1])
    # The made panel's rows close at 0:00, which belongs to the day before.
    assert str(moves["date"].iloc[1].date()) == "2020-01-04"


def test_the_next_move_is_never_that_of_another_symbol():
    moves = largest_moves(made_panel(close=np.array([[1.0, 5.0], [2.0, 5.0]])))
    assert moves["symbol"].tolist() == ["A"]
    assert np.isnan(moves["next_move"].iloc[0])


def test_prices_that_are_not_positive_have_no_moves():
    moves = largest_moves(made_panel(close=[1.0, 0.0, 3.0, -1.0, 2.0]))
    assert moves["move"].tolist() == pytest.approx([-1, -4 / 3])  # to 0, and through it


def test_at_most_so_many():
    assert len(largest_moves(made_panel(rows=60), most=7)) == 7


def test_a_standstill_repeats_the_whole_bar():
    close = [5, 5, 5, 6, 6, 7, 7, 7, 7]
    volume = [1, 1, 1, 2, 2, 3, 3, 4, 4]
    same = dict.fromkeys(("open", "high", "low", "close"), close)
    found = longest_standstills(made_panel(**same, volume=volume))
    assert found["bars"].tolist() == [3]
    assert found["close"].tolist() == [5.0]
    assert (found["to"] - found["from"]).dt.days.tolist() == [2]
    assert longest_standstills(made_panel(**same, volume=volume), least=2)["bars"].tolist() == [
        *(3, 2, 2, 2)
    ]


def test_missing_volumes_are_equal_and_symbols_stay_apart():
    two = np.full((2, 2), 4.0)
    prices = dict.fromkeys(("open", "high", "low", "close"), two)
    found = longest_standstills(made_panel(**prices, volume=np.full((2, 2), NAN)), least=2)
    assert found["symbol"].tolist() == ["A", "B"]
    assert found["bars"].tolist() == [2, 2]
