"""How a snapshot that is not what is asked for is described."""

from typing import Any

import pytest
from marketlab.data.snapshots.basis import differences

TAKEN: dict[str, Any] = {
    "source": "Yahoo Finance",
    "exchange": "XNYS",
    "exchanges": {"Gold": "CMES"},
    "allow_negative": False,
    "on_invalid": "drop",
    "ratios": None,
    "universe": "abc",
    "request": {
        "SPY": {"ticker": "SPY", "interval": "1d", "start": None},
        "Gold": {"ticker": "GC=F", "interval": "1d", "start": None},
    },
    "notes": ["one"],
}
SPY, GOLD = TAKEN["request"]["SPY"], TAKEN["request"]["Gold"]


def said(**changes: Any) -> tuple[str, ...]:
    return differences(TAKEN, {**TAKEN, "notes": [], **changes}, fetched=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ()),
        ({"request": {"Gold": GOLD, "SPY": SPY}}, ()),
        (
            {"request": {"GLD": SPY, "Gold": GOLD}},
            ("was fetched for the symbol SPY, this asks for GLD",),
        ),
        (
            {"request": {"SPY": SPY, "Gold": GOLD, "GLD": SPY}},
            ("was fetched without the symbol GLD",),
        ),
        (
            {"request": {"SPY": SPY}},
            ("was fetched with the symbol Gold, which this does not ask for",),
        ),
        (
            {"request": {"SPY": {**SPY, "interval": "1h"}, "Gold": GOLD}},
            ("was fetched with interval=1d of SPY, this asks for 1h",),
        ),
        (
            {"request": {"SPY": {**SPY, "start": "2020-01-01"}, "Gold": GOLD}},
            ("was fetched with start=null of SPY, this asks for 2020-01-01",),
        ),
        (
            {"request": {**TAKEN["request"], **{f"S{i}": SPY for i in range(7)}}},
            ("was fetched without the symbols S0, S1, S2, S3, S4 and 2 more",),
        ),
        ({"exchanges": {}}, ("has Gold dated by CMES, this asks for XNYS",)),
        ({"exchange": "24/5"}, ("was dated by XNYS, this asks for 24/5",)),
        ({"ratios": "abc"}, ("was fetched without dataset.ratios",)),
        (
            {"universe": "abd", "allow_negative": True},
            (
                "was fetched with dataset.allow_negative=false, this asks for true",
                "was fetched with other contents of dataset.universe",
            ),
        ),
    ],
)
def test_each_difference_is_a_few_words(changes: dict[str, Any], words: tuple[str, ...]) -> None:
    assert said(**changes) == words
