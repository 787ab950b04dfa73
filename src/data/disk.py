"""The disk: a path in; its hash, or the certainty that it is written, out."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".partial-"
"""How the name of a file begins that is still being written."""


def sha256_of(path: Path) -> str:
    """Hash a file's bytes, as hexadecimal digits.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Return once a file's bytes, or a folder's names, would survive a loss of power."""
    folder = path.is_dir()
    if folder and os.name == "nt":
        return  # Windows cannot open a folder
    handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give a path to write to; once written it takes the place of `path`, synced, or never does.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    temporary = _beside(path)
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def write_together(files: Iterable[tuple[Path, bytes]]) -> tuple[Path, ...]:
    """Write files so that none is ever seen in part, and none is replaced unless all can be.

    Parameters
    ----------
    files : (path, bytes)
        One is written, under another name beside it, before the next is asked for.

    Returns
    -------
    tuple of Path
        The files, on the disk.

    Raises
    ------
    OSError
        If one of them cannot be written; all are then what they were.
    """
    waiting: dict[Path, Path] = {}
    try:
        for path, data in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            waiting[path] = temporary = _beside(path)
            with temporary.open("xb") as file:
                file.write(data)
            if path.is_dir():
                raise IsADirectoryError(21, "a folder has its name", str(path))
        for temporary in waiting.values():
            sync(temporary)
        for path, temporary in waiting.items():
            temporary.replace(path)
    finally:
        for temporary in waiting.values():
            temporary.unlink(missing_ok=True)
    for folder in {path.parent for path in waiting}:
        sync(folder)
    return tuple(waiting)


def _beside(path: Path) -> Path:
    return path.with_name(f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}")


def given_path(text: object) -> Path:
    """Return a path as its user wrote it in a config, where the shell leaves ``~`` alone."""
    path = Path(str(text))
    return path.expanduser() if path.parts[:1] == ("~",) else path
