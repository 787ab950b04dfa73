"""Operators across symbols compare the members of the time, and know of no other membership."""

import numpy as np
import pandas as pd
import pytest
from marketlab.data.expressions import compile_program
from marketlab.data.panel import MEMBER, Panel
from marketlab.errors import ExpressionError

T, N = 60, 9
Values = dict[str, np.ndarray]
EXPRESSIONS = {
    "rank": "cs_rank(x)",
    "score": "cs_zscore(x)",
    "nested": "cs_rank(cs_zscore(x) - delay(cs_rank(x), 1))",
    "later": "ts_mean(cs_rank(x * cs_zscore(x)), 3)",
}


def made(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Make values (T, N), with ties and gaps, and a membership that comes and goes."""
    random = np.random.default_rng(seed)
    x = random.integers(0, 12, (T, N)).astype(float) + random.integers(0, 2, (T, N)) / 3
    x[random.random((T, N)) < 0.1] = np.nan
    member = np.repeat(random.random((T // 10, N)) < 0.5, 10, axis=0)
    member[10:12] = False
    return x, member


def values(x: np.ndarray, member: np.ndarray | None = None, threads: int = 2) -> Values:
    """Return name -> (T, N)."""
    fields = {"x": x} if member is None else {"x": x, MEMBER: member.astype(float)}
    times = pd.date_range("2020-01-01", periods=len(x), tz="UTC")
    panel = Panel(times, tuple("abcdefghi"[: x.shape[1]]), fields, "24/7")
    found = compile_program(EXPRESSIONS).evaluate(panel, threads=threads)
    return {name: found[:, :, k].T for k, name in enumerate(EXPRESSIONS)}


@pytest.mark.parametrize("name", ["rank", "score"])
def test_members_are_compared_with_members_alone(name: str) -> None:
    x, member = made()
    found = values(x, member)[name]
    # As if the others had no value at all.
    alone = values(np.where(member, x, np.nan))[name]
    np.testing.assert_array_equal(found[member], alone[member])
    assert np.isfinite(found[member]).mean() > 0.8
    assert not np.array_equal(found[member], values(x)[name][member], equal_nan=True)


def test_another_symbol_takes_the_rank_it_would_have_if_it_joined() -> None:
    x, member = made()
    found = values(x, member)["rank"]
    checked = 0
    for t in range(T):
        for i in np.flatnonzero(~member[t]):
            if not (member[t] & np.isfinite(x[t])).any():
                assert np.isnan(found[t, i])
                continue
            joined = member[[t]].copy()
            joined[0, i] = True
            alone = values(np.where(joined, x[[t]], np.nan), threads=1)["rank"][0, i]
            np.testing.assert_array_equal(found[t, i], alone)
            checked += np.isfinite(alone)
    assert checked > 100
    inside = found[np.isfinite(found)]
    assert inside.min() > 0
    assert inside.max() == 1


def test_another_symbol_is_scored_by_the_mean_and_deviation_of_the_members() -> None:
    x, member = made()
    found = values(x, member)["score"]
    table = pd.DataFrame(np.where(member, x, np.nan))
    expected = pd.DataFrame(x).sub(table.mean(axis=1), axis=0).div(table.std(axis=1), axis=0)
    np.testing.assert_allclose(found, expected.where(np.isfinite(expected)), atol=1e-12)
    assert np.isfinite(found[~member]).sum() > 100


def test_where_all_are_members_no_bit_changes() -> None:
    x, _ = made()
    with_universe, without = values(x, np.ones_like(x)), values(x)
    for name in EXPRESSIONS:
        np.testing.assert_array_equal(with_universe[name], without[name])


@pytest.mark.parametrize("seed", range(5))
def test_who_joins_later_does_not_show(seed: int) -> None:
    x, member = made(seed)
    for t in (0, 7, 20, 45, T - 2):
        other = member.copy()
        other[t + 1 :] = ~member[t + 1 :]
        one, two = values(x, member), values(x, other)
        part = values(x[: t + 1], member[: t + 1])
        for name in EXPRESSIONS:
            np.testing.assert_array_equal(one[name][: t + 1], two[name][: t + 1])
            np.testing.assert_array_equal(one[name][: t + 1], part[name])
        assert not np.array_equal(one["rank"], two["rank"], equal_nan=True)


def test_the_values_of_others_do_not_reach_the_members() -> None:
    x, member = made()
    member = np.repeat(member[[0]], T, axis=0)
    one, two = values(x, member), values(np.where(member, x, x * 1000 + 7), member)
    for name in EXPRESSIONS:
        np.testing.assert_array_equal(one[name][member], two[name][member])
        assert not np.array_equal(one[name], two[name], equal_nan=True)


def test_membership_is_a_field_like_any_other() -> None:
    x, member = made()
    times = pd.date_range("2020-01-01", periods=T, tz="UTC")
    fields = {"x": x, MEMBER: member.astype(float)}
    program = compile_program({"age": "ts_sum(_member, 5)", "own": "where(_member > 0, x, -1)"})
    found = program.evaluate(Panel(times, tuple("abcdefghi"), fields, "24/7"))
    age = pd.DataFrame(fields[MEMBER]).rolling(5).sum()
    np.testing.assert_array_equal(found[:, :, 0].T, age)
    np.testing.assert_array_equal(found[:, :, 1].T, np.where(member, x, -1))


def test_a_membership_is_not_suggested_as_a_field() -> None:
    program = compile_program({"f": "member + 1"})
    with pytest.raises(ExpressionError, match="unknown field 'member'") as refusal:
        program.check_fields(["close", MEMBER])
    assert MEMBER not in str(refusal.value).splitlines()[0]
