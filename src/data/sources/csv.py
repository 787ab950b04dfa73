"""Bars in CSV files: text flows in, raw rows flow out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ...errors import DataError
from .tables import TableFile


class Csv(TableFile):
    """Bars in a CSV file, tidy or wide; see `TableFile` for its parameters.

    Thousands may be grouped by commas, and a byte-order mark and compression are seen to.
    """

    def read(self, path: Path) -> pd.DataFrame:
        """Return the file with its header's own names."""
        try:
            return pd.read_csv(path, thousands=",", encoding="utf-8-sig", low_memory=False)
        except pd.errors.EmptyDataError:
            raise DataError(f"{path.name} is empty") from None
        except (ValueError, OSError, EOFError) as error:  # ParserError is a ValueError
            reason = str(error).strip().splitlines()[-1][:200]
            raise DataError(f"{path.name} does not read as CSV: {reason}") from None
