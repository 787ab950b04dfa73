"""Notes that begin with a count, such as "3 rows without a close dropped": told apart, added up.

A check's sentences flow in, symbol by symbol; counts that the next fetch can add to flow out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..wording import counted

Tally = Mapping[str, int]
"""What is counted, its noun in the singular, and how often."""

COUNTED = re.compile(r"([\d,]+) (\w+?)s? (.+)")


def tally(notes: Iterable[str]) -> Tally:
    """Read sentences that begin with a count; one without has the count 0.

    >>> tally(["1,234 rows without a close dropped", "1 bar repeated"])
    {'row without a close dropped': 1234, 'bar repeated': 1}
    """
    counts = {}
    for note in notes:
        match = COUNTED.fullmatch(note)
        if match is None:
            counts[note] = 0
        else:
            counts[f"{match[2]} {match[3]}"] = int(match[1].replace(",", ""))
    return counts


def total(tallies: Mapping[str, Tally]) -> Tally:
    """Add up tallies, in the order of their words.

    >>> total({"A": {"row dropped": 1}, "B": {"row dropped": 2, "bar repeated": 1}})
    {'bar repeated': 1, 'row dropped': 3}
    """
    counts: dict[str, int] = {}
    for one in tallies.values():
        for what, count in one.items():
            counts[what] = counts.get(what, 0) + count
    return dict(sorted(counts.items()))


def words(counts: Tally) -> tuple[str, ...]:
    """Return a tally as sentences again.

    >>> words({"row without a close dropped": 1234})
    ('1,234 rows without a close dropped',)
    """
    sentences = []
    for what, count in counts.items():
        noun, _, rest = what.partition(" ")
        sentences.append(f"{counted(count, noun)} {rest}" if count else what)
    return tuple(sentences)
