"""Counts as people write them: a number and a noun in, words out."""

from __future__ import annotations


def counted(count: int, noun: str = "bar") -> str:
    """Return a count and its noun, in the plural where it is one.

    >>> counted(1), counted(1234, "row")
    ('1 bar', '1,234 rows')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
