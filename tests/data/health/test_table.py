"""The health table counts what a reader should know."""

import io

import numpy as np
import pandas as pd
from marketlab.data.health.table import Health, panel_health
from marketlab.data.panel import Panel
from rich.console import Console

NAN = np.nan


def panel(close: list[list[float]], **fields: list[list[float]]) -> Panel:
    """Make a panel of rows of a clock from one list a symbol."""
    arrays = {name: np.array(values).T for name, values in {"close": close, **fields}.items()}
    T, N = arrays["close"].shape
    times = pd.date_range("2020-01-01", periods=T, tz="UTC").as_unit("ns")
    return Panel(times, tuple("ABCDEFGHIJKLMNOPQRST"[:N]), arrays, "24/7")


def test_rows_missing_and_dates() -> None:
    health = panel_health(
        panel([[NAN, 1.0, NAN, 3.0, NAN], [NAN] * 5, [1.0, 2, 3, 4, 5]]), ["note"]
    )
    assert health.table["rows"].tolist() == [2, 0, 5]
    assert health.table["missing"].tolist() == [1, 0, 0]
    assert health.table["missing_share"].iloc[0] == 1 / 3
    # The session that closes at 24:00 on New Year's Eve is that of the 31st.
    assert str(health.table["first"].iloc[2].date()) == "2019-12-31"
    assert health.table[["first", "last"]].iloc[1].isna().all()
    assert health.notes == ("note",)


def test_zero_volume_stale_repeated_and_large_moves() -> None:
    close = [[10.0, 10.0, NAN, 10.0, 13.0]]
    health = panel_health(
        panel(
            close,
            open=[[9.0, 9.0, NAN, 10.0, 10.0]],
            high=[[11.0, 11.0, NAN, 11.0, 14.0]],
            low=[[8.0, 8.0, NAN, 8.0, 9.0]],
            volume=[[5.0, 5.0, NAN, 0.0, 0.0]],
        )
    )
    row = health.table.iloc[0]
    assert row["stale"] == 1  # the second bar; the fourth has the close alone in common
    assert row["repeated"] == 2 / 3
    assert row["zero_volume"] == 2
    assert row["large_moves"] == 1
    closes_only = panel_health(panel(close)).table.iloc[0]
    assert closes_only["stale"] == 2
    assert np.isnan(closes_only["repeated"])


def test_zero_prices_are_counted_by_row() -> None:
    health = panel_health(panel([[1.0, 0.0, 2.0]], open=[[0.0, 0.0, 2.0]], low=[[0.0, 0.0, NAN]]))
    assert health.table.iloc[0]["zero_price"] == 2


def test_the_dictionary_is_json() -> None:
    import json

    health = panel_health(panel([[1.0, 2.0], [NAN, NAN]]), ["dropped"])
    told = json.loads(json.dumps(health.as_dict(), allow_nan=False))
    assert told["notes"] == ["dropped"]
    assert told["symbols"]["A"]["last"] == "2020-01-01"
    assert told["symbols"]["B"] == {
        "rows": 0,
        "first": None,
        "last": None,
        "missing": 0,
        "missing_share": None,
        "zero_price": 0,
        "zero_volume": 0,
        "stale": 0,
        "repeated": None,
        "large_moves": 0,
    }


def printed(health: Health) -> str:
    stream = io.StringIO()
    Console(file=stream, width=80).print(health.render())
    return stream.getvalue()


def test_few_symbols_are_all_shown() -> None:
    text = printed(panel_health(panel([[1.0, NAN, 2.0], [1.0, 1.0, 1.0]]), ["7 bars merged"]))
    assert "1 (33%)" in text
    assert "2019-12-31" in text
    assert "7 bars merged" in text
    assert "all" not in text


def test_of_many_symbols_the_worst_are_shown_and_all_are_summed() -> None:
    closes = [[1.0, 1.1, 1.2, 1.1]] * 19 + [[1.0, NAN, NAN, 1.0]]
    text = printed(panel_health(panel(closes)))
    assert "the 12 worst of 20 symbols" in text
    assert text.index("T ") < text.index("A ")  # the worst comes first
    assert "all 20" in text
    assert "2 (2%)" in text


def test_what_adjusting_changed_is_shown_where_it_changed_anything() -> None:
    made = panel([[1.0, 2.0], [1.0, 1.0]])
    changed = pd.Series([1234], index=["B"])
    health = panel_health(made, (), changed)
    assert health.table["adjusted"].tolist() == [0, 1234]
    assert [entry["adjusted"] for entry in health.as_dict()["symbols"].values()] == [0, 1234]
    assert "1,234" in printed(health)
    untouched = panel_health(made, (), pd.Series(dtype="int64"))
    assert "adjusted" not in untouched.table
    assert "adjusted" not in untouched.as_dict()["symbols"]["A"]
    assert "adjusted" not in printed(untouched)


def test_long_names_give_way_to_the_numbers() -> None:
    close = 1.0 + np.arange(1200) % 7
    close[5:100] = NAN
    made = panel([close.tolist()] * 3, volume=[[0.0] * 30 + [1.0] * 1170] * 3)
    names = tuple(f"NIFTY_{k}_daily_to_2022_08_and_longer" for k in ("BANK", "IT", "PHARMA"))
    long = Panel(made.times, names, made.fields, "24/7")
    text = printed(panel_health(long, (), pd.Series([1200] * 3, index=names)))
    assert max(map(len, text.splitlines())) <= 80
    for words in ("symbol", "rows", "missing", "moves", "adj.", "1,105", "95 (8%)", "1,200"):
        assert words in text
    assert len({line.split()[0] for line in text.splitlines() if "NIFTY" in line}) == 3
    assert "longer " in text or "nger " in text


def test_an_adjusted_table_fits_a_terminal() -> None:
    close = 1.0 + np.arange(1200) % 7
    close[5:100] = NAN
    made = panel([close.tolist()] * 12, volume=[[0.0] * 30 + [1.0] * 1170] * 12)
    long = Panel(made.times, tuple(f"HINDUNIL{k:02d}" for k in range(12)), made.fields, "24/7")
    text = printed(panel_health(long, (), pd.Series([1200] * 12, index=long.symbols)))
    assert max(map(len, text.splitlines())) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert "1,200" in text
