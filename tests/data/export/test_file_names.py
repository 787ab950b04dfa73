"""Names of files that no file system confuses, and that stay within their folder."""

from pathlib import Path

import pytest
from marketlab.data.export.file_names import file_names


@pytest.mark.parametrize("symbol", ["^NSEI", "EURUSD=X", "GC=F", "RELIANCE.NS", "M&M", "BTC-USD"])
def test_usual_symbols_stand_as_they_are(symbol):
    assert file_names([symbol], ".csv") == {symbol: f"{symbol}.csv"}


STRANGE = [
    *("..", ".", "...", "/etc/passwd", "../x", "A/B", "A\\B", "C:x", "a*b?", '"q"', "<x>", "a|b"),
    *("", " ", "x.", "x ", ".hidden", "a\nb", "a\x00b", "%2E%2E", "A%2FB", "茅台", "x" * 300),
    *("CON", "con.NS", "nul", "LPT1", "com9.L", "AUX .x"),
]


def test_strange_symbols_stay_in_the_folder_under_names_of_their_own(tmp_path):
    names = file_names(STRANGE, ".csv")
    assert len({name.casefold() for name in names.values()}) == len(STRANGE)
    for name in names.values():
        assert Path(name).name == name
        assert (tmp_path / name).resolve().parent == tmp_path.resolve()
        assert not set(name) & set('<>:"/\\|?*\n\0')
        assert not name.startswith((".", " "))
        assert not name.removesuffix(".csv").endswith((".", " "))
        assert name.partition(".")[0].strip().lower() not in {"con", "nul", "lpt1", "com9", "aux"}
        assert len(name.encode()) < 200
        (tmp_path / name).write_text(name)
    assert len(list(tmp_path.iterdir())) == len(STRANGE)


def test_case_alone_does_not_tell_two_files_apart():
    names = file_names(["abc", "ABC", "Abc", "abc (2)"], ".csv")
    assert list(names.values()) == ["abc.csv", "ABC (2).csv", "Abc (3).csv", "abc (2) (2).csv"]


def test_names_that_are_taken_are_left_alone():
    assert file_names(["All"], ".csv", taken=["all.csv"]) == {"All": "All (2).csv"}
