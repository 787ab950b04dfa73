"""Names of files: symbols in, names that every file system keeps apart out."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from urllib.parse import quote

KEPT = " !#$&'()+,;=@[]^`{}~"
"""Characters that stand as they are, beside letters, digits and ``_.-``."""

RESERVED = {"con", "prn", "aux", "nul"} | {
    f"{port}{n}" for port in ("com", "lpt") for n in "123456789"
}
"""Names that Windows gives to devices, whatever follows their first dot."""

LONGEST = 120


def file_names(symbols: Iterable[str], ending: str, taken: Iterable[str] = ()) -> dict[str, str]:
    """Give each symbol a file of its own, within the folder that the name is used in.

    Characters that a path or a file system reads otherwise are written as ``%`` and two digits. Of
    symbols that differ in case alone, the later ones get a number.

    >>> list(file_names(["^NSEI", "A/B", "..", "con", "a/b"], ".csv").values())
    ['^NSEI.csv', 'A%2FB.csv', '%2E%2E.csv', 'con_.csv', 'a%2Fb (2).csv']

    Parameters
    ----------
    symbols : names
    ending : str
    taken : names of files
        That are used already.
    """
    used = {name.casefold() for name in taken}
    names = {}
    for symbol in symbols:
        stem = _stem(symbol)
        name, number = stem + ending, 1
        while name.casefold() in used:
            number += 1
            name = f"{stem} ({number}){ending}"
        used.add(name.casefold())
        names[symbol] = name
    return names


def _stem(symbol: str) -> str:
    stem = quote(symbol, safe=KEPT) or "%"
    if not stem.strip(". "):
        stem = "".join(f"%{ord(c):02X}" for c in stem)
    for at in (0, -1):  # dots hide a file at its front, and Windows drops them, and blanks, behind
        if stem[at] in ". ":
            code = f"%{ord(stem[at]):02X}"
            stem = code + stem[1:] if at == 0 else stem[:-1] + code
    if stem.partition(".")[0].strip().casefold() in RESERVED:
        first, dot, rest = stem.partition(".")
        stem = f"{first}_{dot}{rest}"
    if len(stem) > LONGEST:
        stem = f"{stem[:LONGEST]}~{sha256(symbol.encode()).hexdigest()[:8]}"
    return stem
