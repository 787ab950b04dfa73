"""Where a study lives: a URL, or none, in; an Optuna storage that no killed process spoils out.

The journal's lock is the operating system's own, which frees it when its process dies.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, get_storage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._storage import JournalOperation

from ...errors import ConfigError

JOURNAL = "journal.log"
_PASSING = tuple(
    int(getattr(JournalOperation, name))
    for name in ("SET_TRIAL_INTERMEDIATE_VALUE", "SET_TRIAL_PARAM", "SET_TRIAL_USER_ATTR")
)
BUSY = 120
"""Seconds that SQLite waits for another process."""


class _Flock:
    """What Optuna asks of a journal's lock."""

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path)

    def acquire(self) -> bool:
        self._lock.acquire()
        return True

    def release(self) -> None:
        self._lock.release()


class Journal(JournalFileBackend):
    """Optuna's journal, made for what may happen to a search.

    A disk that was full, or a process killed inside a long write, leaves half a line; Optuna would
    write on behind it and refuse the file ever after. Here the half is cut off before the next
    write. And the disk is waited for when a trial begins or ends, not after each of its epochs: no
    kill loses what was written, and a loss of power no trial that ended.
    """

    def __init__(self, path: Path) -> None:
        self._flock = _Flock(path.with_suffix(".lock"))
        lock: Any = self._flock
        super().__init__(str(path), lock)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write whole lines."""
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        self._flock.acquire()
        try:
            with Path(self._file_path).open("r+b") as file:
                _mend(file)
                file.write(lines.encode("utf-8"))
                file.flush()
                if any(log.get("op_code") not in _PASSING for log in logs):
                    os.fsync(file.fileno())
        finally:
            self._flock.release()


def _mend(file: BinaryIO) -> None:
    """Stand at the end of the file's last whole line, and cut off what is behind it."""
    end = file.seek(0, os.SEEK_END)
    if not end:
        return
    file.seek(end - 1)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
    file.seek(0, os.SEEK_END)


def open_storage(url: str | None, folder: Path) -> BaseStorage:
    """Open the storage of a sweep.

    Parameters
    ----------
    url : str, optional
        Of a database; None for a journal in `folder`.
    folder : Path
        Of the sweep; it exists.

    Raises
    ------
    ConfigError
        If it cannot be opened.
    """
    if url is None:
        path = folder / JOURNAL
        try:
            return JournalStorage(Journal(path))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{path}: not a journal of Optuna ({_first(error)}): move it away, or set "
                "sweep.name="
            ) from error
    file = database_file(url)
    if file is not None and not file.parent.is_dir():
        raise ConfigError(f"sweep.storage={url}: there is no folder {file.parent}; make it first")
    from sqlalchemy.exc import SQLAlchemyError

    arguments = {"connect_args": {"timeout": BUSY}} if url.startswith("sqlite") else {}
    try:
        # Optuna keeps finished trials in memory in front of a database.
        return get_storage(RDBStorage(url, engine_kwargs=arguments))
    except (SQLAlchemyError, ImportError, OSError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"sweep.storage={hidden(url)} cannot be opened ({_first(error)}): give null, or a URL "
            "such as sqlite:///sweep.db"
        ) from error


def hidden(url: str) -> str:
    """Write a URL without its password."""
    head, at, tail = url.rpartition("@")
    scheme, slashes, rest = head.partition("://")
    user = rest.partition(":")[0]
    return f"{scheme}{slashes}{user}:***@{tail}" if at and ":" in rest else url


def lock_folder(url: str | None, folder: Path) -> Path:
    """Where the processes of a study see each other's locks: beside what they share."""
    file = None if url is None else database_file(url)
    if file is None or not file.parent.is_dir():
        return folder / "locks"
    return file.with_name(f"{file.name}.locks") / folder.name


def database_file(url: str) -> Path | None:
    """Return the file of an SQLite database, None for any other storage."""
    if not url.startswith("sqlite:///"):
        return None
    name = url.removeprefix("sqlite:///").partition("?")[0]
    return Path(name) if name and not name.startswith((":", "file:")) else None


def _first(error: BaseException) -> str:
    text = str(getattr(error, "orig", None) or error)
    return text.splitlines()[0] if text else type(error).__name__
