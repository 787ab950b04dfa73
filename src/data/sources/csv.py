"""Bars in CSV files: text flows in, raw rows flow out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pandas as pd

from ...errors import DataError
from .layouts import HEADERS, plain
from .numbers import has_commas, shown
from .tables import TableFile
from .text import not_csv, read_text, reason_of, split_header

AS_TEXT = {word for column in ("date", "symbol", "company") for word in HEADERS[column]}
"""Headers whose cells are not numbers even where they look so: 20200115, 000001."""


@dataclass(eq=False)
class Csv(TableFile):
    """Bars in a CSV file, tidy or wide; see `TableFile` for its other parameters.

    A byte-order mark and compression (.gz, .bz2, .xz, .zip of one file) are seen to.

    Parameters
    ----------
    header : names, optional
        The columns of a file whose first line is no header.
    separator : str, optional
        Between cells. Default: whichever of comma, semicolon, tab and bar the first line has.
    encoding : str
        Of the text, such as ``latin-1`` or ``utf-16``.
    """

    header: Sequence[str] | None = None
    separator: str | None = None
    encoding: str = "utf-8"

    suffixes = (".csv", ".csv.gz")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.separator is not None and (
            len(self.separator) != 1 or self.separator in '"\r\n ' or self.separator == self.decimal
        ):
            raise DataError(f"dataset.source.separator={shown(self.separator)}: give one letter")

    def read(self, path: Path) -> pd.DataFrame:
        """Return the file with its header's own names."""
        text = read_text(path, self.encoding)
        separator, cells = split_header(text, self.separator, path, named=self.header is None)
        names = cells
        if self.header is not None:
            names = [str(name) for name in self.header]
            if len(names) != len(cells):
                raise DataError(
                    f"{path.name} has {len(cells)} columns and dataset.source.header {len(names)}"
                )
        filled = [name for name in names if name]
        if twice := [name for name in filled if filled.count(name) > 1]:
            raise DataError(f"{path.name} has two columns {twice[0]!r}; rename or remove one")
        kept = [name or f"Unnamed: {place}" for place, name in enumerate(names)]
        texts = {*(self._columns.get(c) for c in ("date", "symbol", "company")), kept[0]}
        dtypes = {n: "str" for n in kept if plain(n) in AS_TEXT or n in texts - {None}}
        frame = self._parsed(text, separator, kept, dtypes, path)
        others = [name for name in kept if name not in dtypes]
        if self.decimal is None and any(has_commas(frame[name]) for name in others):
            # The zeros of 1.500, which a number loses, tell a fraction from a thousand.
            frame = self._parsed(text, separator, kept, dict.fromkeys(kept, "str"), path)
        return frame

    def _parsed(
        self, text: str, separator: str, names: list[str], dtypes: dict[str, str], path: Path
    ) -> pd.DataFrame:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                return pd.read_csv(
                    StringIO(text),
                    sep=separator,
                    names=names,
                    header=0 if self.header is None else None,
                    index_col=False,
                    dtype=dtypes,
                    # A symbol may be NA; what stands for no number is seen to later.
                    keep_default_na=False,
                    na_values=[""],
                    decimal=self.decimal or ".",
                    skipinitialspace=True,
                    low_memory=False,
                )
        except (ValueError, pd.errors.ParserWarning) as error:  # ParserError is a ValueError
            raise not_csv(path, reason_of(error)) from None
