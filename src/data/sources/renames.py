"""Symbols that were renamed: rows under several names flow in, rows under the newest flow out.

Two names are one company only where their dates do not overlap, and every join is told in a note.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pandas as pd

from ...errors import DataError

HANDOVER = pd.Timedelta(days=10)
"""How long after the last row of the old name the new one may begin where nothing else says that
a file is one company; the NSE's own renames took at most four days."""

STEP = 1.5
"""How many times the old name's last close the new one's first may be, or the reverse, in such a
file: another company's price is seldom the same."""


def join_renamed(
    rows: pd.DataFrame, when: str, company: pd.Series[Any] | None
) -> tuple[pd.DataFrame, list[str]]:
    """Join what one company's rows call by several names.

    Parameters
    ----------
    rows : DataFrame
        ``symbol`` and `when`, of one file.
    when : "date" or "time"
    company : names, optional
        Whose each row is; a row without one is its symbol's. Without it, a file is one company
        where its symbols follow each other without overlap, each beginning within 10 days of the
        end of the one before, at a price like its last.

    Returns
    -------
    rows, notes
    """
    keys: list[Any] = ["symbol"]
    if company is not None:
        owner = company.astype("str").fillna(rows["symbol"].astype("str"))
        keys = [owner.rename("company"), "symbol"]
    groups = rows.groupby(keys, observed=True, sort=False)
    spans = groups[when].agg(["min", "max"]).reset_index()
    if company is None:
        spans["company"] = ""
    newest = spans["symbol"].astype("str").to_numpy(dtype=object)
    notes: list[str] = []
    for _, names in spans.sort_values("min").groupby("company", observed=True):
        if len(names) == 1:
            continue
        gaps = names["min"].to_numpy()[1:] - names["max"].to_numpy()[:-1]
        if (gaps <= pd.Timedelta(0)).any():
            continue
        symbols = [str(symbol) for symbol in names["symbol"]]
        if company is None and ((gaps > HANDOVER).any() or not _carries_over(rows, when, symbols)):
            continue
        newest[names.index] = symbols[-1]
        notes.append(_note(symbols))
    if not notes:
        return rows, []
    codes, known = pd.factorize(newest)
    joined = pd.Categorical.from_codes(
        codes[groups.ngroup().to_numpy()], categories=pd.Index(known, dtype="str")
    )
    return rows.assign(symbol=joined), notes


def _carries_over(rows: pd.DataFrame, when: str, symbols: list[str]) -> bool:
    """Tell whether each symbol, in the order of time, begins near the last close of the other."""
    rising = rows.sort_values(when, kind="stable")
    closes = pd.to_numeric(rising["close"], errors="coerce").groupby(
        rising["symbol"].astype("str"), sort=False
    )
    last, first = closes.last()[symbols[:-1]].to_numpy(), closes.first()[symbols[1:]].to_numpy()
    return bool(((first < last * STEP) & (last < first * STEP)).all())


def apply_renames(
    rows: pd.DataFrame, when: str, renamed: Mapping[str, str], name: str
) -> tuple[pd.DataFrame, list[str]]:
    """Give old names their newest ones, as the config lists them in any order.

    Raises
    ------
    DataError
        An old name does not occur, or has rows on the dates of the new one, or names that follow
        one another end where they began.
    """
    notes: list[str] = []
    symbols = rows["symbol"].astype("str")
    spans = rows.groupby(symbols, sort=False)[when].agg(["min", "max"])
    for old in renamed:
        if old not in spans.index and old not in renamed.values():
            raise DataError(f"{name} has no symbol {old!r}, which dataset.source.renamed names")
    newest = {old: _newest(old, renamed) for old in renamed}
    for new in dict.fromkeys(newest.values()):
        joined = [old for old in newest if newest[old] == new and old in spans.index]
        joined.sort(key=lambda old: spans["min"][old])
        names = [*joined, *([new] if new in spans.index else [])]
        for earlier, later in pairwise(names):
            last, first = spans["max"][earlier], spans["min"][later]
            if last >= first:
                raise DataError(
                    f"{name}: {earlier} has rows until {last:%Y-%m-%d} and {later} from "
                    f"{first:%Y-%m-%d}, so they are two symbols; take them out of "
                    "dataset.source.renamed"
                )
        notes.append(_note([*joined, new]))
    return rows.assign(symbol=symbols.replace(newest)), notes


def _newest(name: str, renamed: Mapping[str, str]) -> str:
    """Return the last name of a chain, such as C of A to B and B to C."""
    chain = [name]
    while chain[-1] in renamed:
        chain.append(renamed[chain[-1]])
        if chain[-1] in chain[:-1]:
            raise DataError(
                f"dataset.source.renamed goes in a circle, {' to '.join(chain)}; take one out"
            )
    return chain[-1]


def _note(symbols: list[str]) -> str:
    return f"{' and '.join(symbols[:-1])} joined under the newest name, {symbols[-1]}"
