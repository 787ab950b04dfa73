"""Numbers as people write them, and the commas that nobody can read."""

import math
from pathlib import Path

import pandas as pd
import pytest
from marketlab.data.sources.csv import Csv
from marketlab.data.sources.numbers import Numerals, mostly_numbers, numerals_of, read_numbers
from marketlab.errors import DataError

SURE = Numerals(".", sure=True)


def at(row: int) -> str:
    return f"x.csv: row {row + 1}"


def read(text: str, numerals: Numerals = SURE, suffixes: bool = True) -> float:
    column = pd.Series([text], dtype="str")
    return float(read_numbers(column, numerals, "volume", at, suffixes=suffixes).iloc[0])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2,381.40", 2381.4),
        ("1,234,567", 1234567),
        ("12,34,567.5", 1234567.5),
        (" -3 ", -3),
        (".5", 0.5),
        ("1e3", 1000),
        ("1.2M", 1.2e6),
        ("3.4K", 3400),
        ("1.1B", 1.1e9),
        ("-0.09%", -0.0009),
    ],
)
def test_they_are_read(text: str, value: float) -> None:
    assert read(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["-", "", "NA", "n/a", "null"])
def test_nothing_is_nan(text: str) -> None:
    assert math.isnan(read(text))


@pytest.mark.parametrize("text", ["1,23", "1,2345", "12 34", "1.2.3", "0x10", "1_000", "--1", "५"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"^x\.csv: row 1: .* in column 'volume' is not a number"):
        read(text)


def test_a_price_takes_no_suffix() -> None:
    with pytest.raises(DataError, match=r"'1\.2K' in column 'volume' is not a number"):
        read("1.2K", suffixes=False)


def test_a_decimal_comma_where_it_is_declared() -> None:
    comma = numerals_of([], ",")
    assert read("1.234,56", comma) == 1234.56
    assert read("0,5", comma) == 0.5
    assert read("1.234.567", comma) == 1234567


@pytest.mark.parametrize(
    ("cells", "sure"),
    [
        (["1,169", "1,172"], False),
        (["1,169", "981"], False),
        (["1,169", "1,172.5"], True),
        (["1,169", "0.5"], True),
        (["1,169", "0.500"], True),
        (["1,169", "1.50"], True),
        (["1,169", "1.5000"], True),
        (["1,169", "1234.500"], True),
        (["1,169", "1.500"], False),
        (["1,169", "123.500"], False),
        (["1,169", "-1.234"], False),
        (["1,169", "1,234,567"], True),
    ],
)
def test_a_comma_is_sure_only_with_evidence(cells: list[str], sure: bool) -> None:
    column = pd.Series(cells, dtype="str")
    numerals = numerals_of([column], None)
    assert numerals.sure is sure
    if sure:
        assert read_numbers(column, numerals, "close", at, suffixes=False).iloc[0] == 1169
        return
    with pytest.raises(DataError, match=r"'1,169' .* beyond doubt; set 'dataset\.source\.decimal"):
        read_numbers(column, numerals, "close", at, suffixes=False)


def test_a_fraction_in_another_column_is_evidence() -> None:
    assert numerals_of([pd.Series(["1,169"]), pd.Series([0.5])], None).sure
    assert not numerals_of([pd.Series(["1,169"]), pd.Series([5.0])], None).sure


def test_text_is_told_from_numbers() -> None:
    assert mostly_numbers(pd.Series(["1", "2", "x"]), SURE)
    assert not mostly_numbers(pd.Series(["EQ", "EQ", "2"]), SURE)
    assert not mostly_numbers(pd.Series([True, False]), SURE)
    assert not mostly_numbers(pd.Series(["-", ""]), SURE)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_thousands_after_a_point_do_not_make_a_comma_sure(tmp_path: Path, separator: str) -> None:
    lines = ["date;close;volume", "2024-01-02;151,234;1.234", "2024-01-03;152,250;2.500"]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(lines).replace(";", separator) + "\n")
    with pytest.raises(DataError, match=r"'151,234' .* beyond doubt; set 'dataset\.source\.decima"):
        Csv(str(path)).load()
    raw = Csv(str(path), decimal=",").load()
    assert raw["close"].tolist() == [151.234, 152.25]
    assert raw["volume"].tolist() == [1234, 2500]
    raw = Csv(str(path), decimal=".").load()
    assert raw["close"].tolist() == [151234, 152250]
    assert raw["volume"].tolist() == [1.234, 2.5]
