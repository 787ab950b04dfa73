"""The bars that are installed with arch."""

import pandas as pd
import pytest
from marketlab.data.sources.packaged import Packaged
from marketlab.errors import DataError


def test_every_symbol_has_its_rows() -> None:
    raw = Packaged(["SP500", "NASDAQ", "VIX", "WTI"]).load()
    assert raw.groupby("symbol").size().to_dict() == {
        "NASDAQ": 5031,
        "SP500": 5031,
        "VIX": 1259,
        "WTI": 8321,
    }
    assert raw["close"].notna().all()
    first = raw[raw["symbol"] == "SP500"].iloc[0]
    assert first["date"] == pd.Timestamp("1999-01-04")
    assert first["adj_close"] == pytest.approx(1228.1, abs=0.01)


def test_an_unknown_symbol_is_told() -> None:
    with pytest.raises(DataError, match=r"arch\.data has no bars of 'SP50'; did you mean 'SP500'"):
        Packaged(["SP50"])


def test_it_is_local_and_dated_in_new_york() -> None:
    assert not Packaged.remote
    assert Packaged().exchange == "XNYS"
    assert Packaged().description == "arch.data: SP500, NASDAQ"
