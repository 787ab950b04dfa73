"""The interval: deterministic, of about its nominal coverage, honest about edge cases."""

import numpy as np
import pytest
from marketlab.experiments.bootstrap import block_length, skill, skill_interval


def test_skill_is_the_share_of_loss_saved() -> None:
    assert skill(np.array([1.0, 2.0]), np.array([2.0, 4.0])) == 0.5
    assert skill(np.array([2.0]), np.array([1.0])) == -1


def test_a_yardstick_without_loss_leaves_nothing_to_save() -> None:
    zero, one = np.zeros(50), np.ones(50)
    assert skill(zero, zero) == 0
    assert np.isnan(skill(one, zero))
    assert np.isnan(skill_interval(one, zero, 1.0, seed=0)).all()
    assert skill(zero, one) == 1
    assert skill_interval(zero, one, 1.0, seed=0) == (1, 1)


def test_replications_that_draw_only_perfect_times_do_not_break_the_interval() -> None:
    rare = np.zeros(40)
    rare[7] = 1.0
    low, high = skill_interval(0.5 * rare + 0.001, rare, 1.0, seed=0)
    assert low == -np.inf
    assert 0 < high <= 0.5


def test_rounding_is_no_skill() -> None:
    losses = np.random.default_rng(3).random(100)
    nearly = losses * (1 - 1e-7)
    assert skill(nearly, losses) == 0
    assert skill_interval(nearly, losses, 1.0, seed=0) == (0, 0)


def test_too_few_times_have_no_interval() -> None:
    assert np.isnan(skill_interval(np.ones(29), np.ones(29), 1.0, seed=0)).all()


def test_the_interval_follows_from_the_seed() -> None:
    rng = np.random.default_rng(0)
    mine, theirs = rng.random(100), rng.random(100)
    found = skill_interval(mine, theirs, 3.0, seed=5)
    assert found == skill_interval(mine, theirs, 3.0, seed=5)
    assert found != skill_interval(mine, theirs, 3.0, seed=6)
    assert found[0] < skill(mine, theirs) < found[1]


def test_the_interval_agrees_with_the_normal_approximation() -> None:
    rng = np.random.default_rng(1)
    theirs = 1 + 0.2 * rng.normal(size=1500)
    mine = 0.9 + 0.2 * rng.normal(size=1500)
    # delta method for 1 - a / b with independent a and b
    deviation = 0.2 / np.sqrt(1500) * np.hypot(1, 0.9)
    found = skill(mine, theirs)
    low, high = skill_interval(mine, theirs, 1.0, seed=0, replications=2000)
    assert found - low == pytest.approx(1.96 * deviation, rel=0.1)
    assert high - found == pytest.approx(1.96 * deviation, rel=0.1)


def test_blocks_cover_the_lookahead_and_grow_with_dependence() -> None:
    rng = np.random.default_rng(2)
    noise = rng.normal(size=2000)
    slow = np.convolve(noise, np.ones(20) / 20, mode="valid")
    assert block_length(noise, 1) < 5 < block_length(slow, 1)
    assert block_length(noise, 40) == 40
    assert block_length(slow * 1e-12, 1) == pytest.approx(block_length(slow, 1))


def test_a_differential_that_does_not_vary_takes_the_lookahead() -> None:
    assert block_length(np.zeros(100), 5) == 5
    assert block_length(np.arange(10.0), 0) == 1
