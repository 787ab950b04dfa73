"""A company that changed its symbol is one series; two symbols stay two."""

from pathlib import Path
from typing import Any

import pytest
from marketlab.data.sources.csv import Csv
from marketlab.errors import DataError

OLD = [("2007-08-13", "UTIBANK"), ("2007-08-14", "UTIBANK")]
NEW = [("2007-08-16", "AXISBANK"), ("2007-08-17", "AXISBANK")]


def load(folder: Path, rows: list[tuple[str, str]], company: str = "", **options: Any) -> Any:
    lines = [
        f"{date},{symbol},{100 + place}" + company for place, (date, symbol) in enumerate(rows)
    ]
    header = "Date,Symbol,Close" + (",File" if company else "")
    (folder / "x.csv").write_text("\n".join((header, *lines)) + "\n")
    return Csv(str(folder / "x.csv"), **options).load()


def test_the_names_of_one_company_join_under_the_newest(tmp_path: Path) -> None:
    rows = load(tmp_path, NEW + OLD)
    assert set(rows["symbol"]) == {"AXISBANK"}
    assert len(rows) == 4
    assert rows.attrs["notes"] == ("UTIBANK joined under the newest name, AXISBANK",)


def test_symbols_that_overlap_or_lie_far_apart_stay_two(tmp_path: Path) -> None:
    overlap = load(tmp_path, [*OLD, ("2007-08-14", "AXISBANK"), *NEW])
    assert set(overlap["symbol"]) == {"UTIBANK", "AXISBANK"}
    apart = load(tmp_path, [*OLD, ("2007-09-14", "AXISBANK")])
    assert set(apart["symbol"]) == {"UTIBANK", "AXISBANK"}
    assert apart.attrs["notes"] == ()


def test_another_company_s_price_is_no_rename(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(
        "Date,Symbol,Close\n2007-08-14,OLD,100\n2007-08-16,NEW,151\n2007-08-17,NEW,100\n"
    )
    assert set(Csv(str(tmp_path / "x.csv")).load()["symbol"]) == {"OLD", "NEW"}
    joined = Csv(str(tmp_path / "x.csv"), renamed={"OLD": "NEW"}).load()
    assert set(joined["symbol"]) == {"NEW"}


def test_a_column_of_companies_joins_across_a_long_halt(tmp_path: Path) -> None:
    rows = load(tmp_path, [*OLD, ("2008-09-14", "AXISBANK")], company=",AXIS")
    assert set(rows["symbol"]) == {"AXISBANK"}


def test_rows_without_a_company_are_their_symbol_s(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(
        "Date,Symbol,Close,File\n2020-01-06,OLD,1,A\n2020-01-07,NEW,2,A\n2020-01-06,B,3,\n"
    )
    assert Csv(str(tmp_path / "x.csv")).load()["symbol"].tolist() == ["NEW", "NEW", "B"]


def test_three_names_in_a_row(tmp_path: Path) -> None:
    rows = load(tmp_path, [*OLD, *NEW, ("2007-08-20", "AXIS")])
    assert set(rows["symbol"]) == {"AXIS"}
    assert rows.attrs["notes"] == ("UTIBANK and AXISBANK joined under the newest name, AXIS",)


def test_the_config_may_join_or_forbid_it(tmp_path: Path) -> None:
    others = [("2007-08-13", "TCS"), ("2007-08-17", "TCS")]
    rows = load(tmp_path, OLD + NEW + others)
    assert set(rows["symbol"]) == {"UTIBANK", "AXISBANK", "TCS"}
    rows = load(tmp_path, OLD + NEW + others, renamed={"UTIBANK": "AXISBANK"})
    assert set(rows["symbol"]) == {"AXISBANK", "TCS"}
    assert rows.attrs["notes"] == ("UTIBANK joined under the newest name, AXISBANK",)
    assert set(load(tmp_path, OLD + NEW, renamed={})["symbol"]) == {"UTIBANK", "AXISBANK"}


@pytest.mark.parametrize(
    ("renamed", "words"),
    [
        ({"TCS": "AXISBANK"}, r"^x\.csv has no symbol 'TCS', which dataset\.source\.renamed"),
        (
            {"AXISBANK": "UTIBANK"},
            r"AXISBANK has rows until 2007-08-17 and UTIBANK from",
        ),
    ],
)
def test_a_join_that_cannot_be_is_refused(
    tmp_path: Path, renamed: dict[str, str], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        load(tmp_path, OLD + NEW, renamed=renamed)


def test_symbols_are_chosen_by_their_new_names(tmp_path: Path) -> None:
    rows = load(tmp_path, OLD + NEW, symbols=["AXISBANK"])
    assert len(rows) == 4
    assert set(rows["symbol"]) == {"AXISBANK"}


THREE = [*OLD, *NEW, ("2007-08-20", "AXIS")]


@pytest.mark.parametrize(
    "renamed",
    [
        {"AXISBANK": "AXIS", "UTIBANK": "AXISBANK"},
        {"UTIBANK": "AXISBANK", "AXISBANK": "AXIS"},
        {"UTIBANK": "AXIS", "AXISBANK": "AXIS"},
        {"AXISBANK": "AXIS", "UTIBANK": "AXIS"},
    ],
)
def test_a_chain_of_names_ends_at_the_newest_in_any_order(
    tmp_path: Path, renamed: dict[str, str]
) -> None:
    rows = load(tmp_path, THREE, renamed=renamed)
    assert set(rows["symbol"]) == {"AXIS"}
    assert rows.attrs["notes"] == ("UTIBANK and AXISBANK joined under the newest name, AXIS",)


def test_a_name_within_a_chain_may_be_missing(tmp_path: Path) -> None:
    rows = load(tmp_path, [*OLD, THREE[-1]], renamed={"UTIBANK": "AXISBANK", "AXISBANK": "AXIS"})
    assert set(rows["symbol"]) == {"AXIS"}
    assert rows.attrs["notes"] == ("UTIBANK joined under the newest name, AXIS",)


@pytest.mark.parametrize(
    ("renamed", "circle"),
    [
        ({"UTIBANK": "AXISBANK", "AXISBANK": "UTIBANK"}, "UTIBANK to AXISBANK to UTIBANK"),
        ({"AXIS": "AXIS"}, "AXIS to AXIS"),
    ],
)
def test_a_circle_is_refused(tmp_path: Path, renamed: dict[str, str], circle: str) -> None:
    with pytest.raises(DataError, match=f"renamed goes in a circle, {circle}; take one out"):
        load(tmp_path, THREE, renamed=renamed)


def test_names_of_a_chain_that_overlap_are_refused(tmp_path: Path) -> None:
    rows = [*OLD, ("2007-08-14", "AXISBANK"), *NEW, THREE[-1]]
    with pytest.raises(DataError, match="UTIBANK has rows until 2007-08-14 and AXISBANK from 2007"):
        load(tmp_path, rows, renamed={"AXISBANK": "AXIS", "UTIBANK": "AXISBANK"})
