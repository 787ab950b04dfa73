"""Counts in notes, added up symbol by symbol."""

from marketlab.data.snapshots.tallies import tally, total, words

NOTES = (
    "1,234 bars dated on no session, taken to close at the usual hour",
    "1 row without a close dropped",
    "something without a count",
)


def test_sentences_survive_being_counted() -> None:
    assert words(tally(NOTES)) == NOTES


def test_counts_of_symbols_add_up() -> None:
    both = total({"A": tally(NOTES), "B": tally(NOTES), "C": {}})
    assert set(words(both)) == {
        "2,468 bars dated on no session, taken to close at the usual hour",
        "2 rows without a close dropped",
        "something without a count",
    }
