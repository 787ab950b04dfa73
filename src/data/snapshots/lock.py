"""One fetch of a dataset at a time: the folder of its snapshots in, held until the block ends."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import SnapshotError

log = logging.getLogger(__name__)


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold a folder, which is made where there is none, and wait for whoever holds it.

    A second fetch then goes on from what the first one stored. Where the system or the file system
    cannot lock (Windows, some network drives), nothing is held.

    Raises
    ------
    SnapshotError
        The folder cannot be made.
    """
    made = not directory.exists()
    try:
        handle = _locked(directory)
    except OSError as error:
        raise SnapshotError(
            f"snapshots cannot be written to {directory}: {error.strerror}"
        ) from None
    try:
        yield
    finally:
        if made:
            with suppress(OSError):  # not empty: something was stored
                directory.rmdir()
        if handle is not None:
            os.close(handle)


def _locked(directory: Path) -> int | None:
    """Return the handle whose closing frees the folder."""
    said = False
    while True:
        directory.mkdir(parents=True, exist_ok=True)
        if sys.platform == "win32":
            return None
        import fcntl

        # The folder itself is locked: a file for it would lie among the snapshots for ever.
        handle = os.open(directory, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not said:
                    log.warning("waiting for another fetch into %s", directory)
                    said = True
                fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            return handle
        except BaseException:
            os.close(handle)
            raise
        with suppress(FileNotFoundError):
            # Whoever held it may have removed it as empty.
            if os.path.samestat(os.fstat(handle), directory.stat()):
                return handle
        os.close(handle)
