import tracemalloc

import numpy as np
import pandas as pd
from marketlab.data.expressions import compile_program
from marketlab.data.panel import Panel


def made_up(T: int, N: int) -> Panel:
    close = np.random.default_rng(0).uniform(1, 2, (T, N))
    times = pd.date_range("2000-01-01", periods=T, tz="UTC")
    return Panel(times, tuple(f"s{i}" for i in range(N)), {"close": close}, "24/7")


def test_intermediates_are_given_back() -> None:
    T, N, F = 2_000, 64, 60
    program = compile_program(
        {f"f{i}": f"log(close + {i}) / ts_mean(close * {i + 1}, 5) - 1" for i in range(F)}
    )
    panel = made_up(T, N)
    out = np.empty((N, T, F), np.float32)
    program.evaluate(panel.rows(0, 20), threads=2)
    tracemalloc.start()
    program.evaluate(panel, out=out, threads=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All of its intermediates at once would be 300 MB.
    assert peak < 20e6


def test_stages_across_symbols() -> None:
    panel = made_up(40, 21)
    program = compile_program(
        {
            "a": "close",
            "b": "cs_rank(close)",
            "c": "cs_zscore(b - delay(b, 1))",
            "d": "close * 2",
            "e": "cs_rank(c + close) + cs_rank(close) - c",
        }
    )
    close = pd.DataFrame(panel.fields["close"])
    rank = close.rank(axis=1, pct=True)
    change = rank - rank.shift(1)
    score = change.sub(change.mean(axis=1), axis=0).div(change.std(axis=1), axis=0)
    last = (score + close).rank(axis=1, pct=True) + rank - score
    expected = np.stack([x.to_numpy().T for x in (close, rank, score, close * 2, last)], axis=2)
    np.testing.assert_allclose(program.evaluate(panel, threads=2), expected, atol=1e-9)
    np.testing.assert_array_equal(
        program.evaluate(panel, names=["e", "b"]), program.evaluate(panel)[:, :, [4, 1]]
    )


def test_an_error_in_a_thread_is_raised() -> None:
    program = compile_program({"f": "ts_mean(close, 5)"})
    panel = made_up(40, 40)
    object.__setattr__(panel, "fields", {"close": panel.fields["close"][:, :20]})
    try:
        program.evaluate(panel, threads=2)
    except ValueError:
        return
    raise AssertionError("a panel of the wrong shape went through")
