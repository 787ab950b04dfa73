"""Bars in Parquet files: columns flow in, raw rows flow out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from ...errors import DataError
from .tables import TableFile
from .text import reason_of


@dataclass(eq=False)
class Parquet(TableFile):
    """Bars in a Parquet file, tidy or wide; see `TableFile` for its parameters."""

    suffixes = (".parquet",)

    def read(self, path: Path) -> pd.DataFrame:
        """Return the file's columns, with an index of dates as the first of them."""
        try:
            frame = pd.read_parquet(path)
        except (pa.ArrowException, ValueError, OSError) as error:
            raise DataError(f"{path.name} does not read as Parquet: {reason_of(error)}") from None
        if any(index is not None for index in frame.index.names) or isinstance(
            frame.index, pd.DatetimeIndex
        ):
            frame = frame.reset_index()
        # Dates, decimals and lists come as objects; as text they are read like those of a CSV file.
        objects = [c for c, dtype in zip(frame, frame.dtypes, strict=True) if dtype == "object"]
        return frame.assign(**{str(c): frame[c].map(str, na_action="ignore") for c in objects})
