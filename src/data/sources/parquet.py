"""Bars in Parquet files: columns flow in, raw rows flow out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from ...errors import DataError
from .tables import TableFile


class Parquet(TableFile):
    """Bars in a Parquet file, tidy or wide; see `TableFile` for its parameters."""

    def read(self, path: Path) -> pd.DataFrame:
        """Return the file's columns, with an index of dates as the first of them."""
        try:
            frame = pd.read_parquet(path)
        except (pa.ArrowException, ValueError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise DataError(f"{path.name} does not read as Parquet: {reason}") from None
        if any(index is not None for index in frame.index.names) or isinstance(
            frame.index, pd.DatetimeIndex
        ):
            frame = frame.reset_index()
        return frame
