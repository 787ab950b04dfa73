"""CsvTracker: epochs in, one row each at the end of the experiment's ``metrics.csv`` out."""

from __future__ import annotations

import csv
import io
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class CsvTracker:
    """Append a row an epoch to one table of all runs of the experiment.

    The columns are run, fold, and what the first epoch of all told: epoch, train_loss, valid_loss.
    Rows are only ever appended, each in one write, so that several runs may share the table.

    Parameters
    ----------
    file : str
        Name of the table, in the experiment's folder.
    """

    def __init__(self, file: str = "metrics.csv") -> None:
        if Path(file).name != file or file in ("", ".", ".."):
            from ...errors import ConfigError

            raise ConfigError(f"tracking.csv.file={file!r} must name a file without its folder")
        self._file = file
        self._path = Path(file)
        self._run = ""

    def start(self, name: str, run_id: str, config: Mapping[str, Any], folder: Path) -> None:
        """Remember the run; the table is made by its first epoch."""
        self._path, self._run = folder / self._file, run_id

    def epoch(self, fold: int, entry: Mapping[str, float]) -> None:
        """Append a row.

        Raises
        ------
        OSError
            If it cannot be written.
        ValueError
            If the table has other columns.
        """
        columns = ["run", "fold", *entry]
        if not self._begun(_line(columns)):
            with self._path.open(encoding="utf-8", newline="") as table:
                found = next(csv.reader(table), [])
            if found != columns:
                raise ValueError(f"{self._path} has columns {found}, not {columns}")
        self._append(_line([self._run, fold, *entry.values()]))

    def finish(self, summary: Mapping[str, float], run: Path | None) -> None:
        """Do nothing: the figures of a run are in its ``metrics.json``."""

    def _begun(self, header: str) -> bool:
        """Make the table, its header in it from the first moment; False where there is one."""
        if self._path.exists():
            return False
        whole = self._path.with_name(f".{self._path.name}-{secrets.token_hex(4)}")
        try:
            whole.write_text(header, encoding="utf-8")
            os.link(whole, self._path)
        except FileExistsError:
            return False
        finally:
            whole.unlink(missing_ok=True)
        return True

    def _append(self, line: str) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        try:
            data = line.encode()
            if os.write(handle, data) != len(data):
                raise OSError(f"{self._path}: the disk is full")
        finally:
            os.close(handle)


def _line(values: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
