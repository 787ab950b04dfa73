"""Immutable bars on disk: Parquet files named by their SHA-256.

Validated bars flow in from a source; the same bars, with the hash verified, flow out to a run.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ...errors import SnapshotError
from ..disk import replaced, sha256_of

LATEST = "latest"
"""Name of the file, beside the snapshots, that holds the hash of the newest one."""

KEY = b"marketlab"
FORMAT = "bars-1"


@dataclass(frozen=True)
class Snapshot:
    """One immutable file of bars.

    Attributes
    ----------
    path : Path
        ``<sha256>.parquet``.
    sha256 : str
        Of the file's bytes.
    rows : int
    metadata : names to JSON values
        Dataset, clock, what the bars depend on (see `basis`) and the notes of the validation; no
        time stamp, so that equal bars give equal files.
    """

    path: Path
    sha256: str
    rows: int
    metadata: Mapping[str, Any]


def write_snapshot(bars: pd.DataFrame, directory: Path, metadata: Mapping[str, Any]) -> Snapshot:
    """Write validated bars under the name of their hash, and make them the latest.

    The file appears under its name only when it is complete and on the disk; equal content is not
    written twice.
    """
    symbols = bars["symbol"].cat
    columns = {
        "time": pa.array(pd.DatetimeIndex(bars["time"]).asi8).cast(pa.timestamp("ns", tz="UTC")),
        "symbol": pa.DictionaryArray.from_arrays(
            symbols.codes.to_numpy().astype(np.int32),
            pa.array([str(s) for s in symbols.categories]),
        ),
    }
    for name in bars.columns.drop(["time", "symbol"]):
        # NaN stays NaN and is not turned into null, so that reading needs no conversion.
        columns[str(name)] = pa.array(bars[name].to_numpy(dtype=np.float64), from_pandas=False)
    stated = {"format": FORMAT, **metadata}
    text = json.dumps(stated, sort_keys=True, allow_nan=False)
    table = pa.table(columns).replace_schema_metadata({KEY: text.encode()})
    sink = pa.BufferOutputStream()
    pq.write_table(
        table, sink, compression="lz4", use_dictionary=["symbol"], write_statistics=False
    )
    data = sink.getvalue()
    sha = hashlib.sha256(data).hexdigest()
    path = directory / f"{sha}.parquet"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not _holds(path, sha):
            _write(path, data)
        _write(directory / LATEST, (sha + "\n").encode())
    except OSError as error:
        raise SnapshotError(
            f"snapshots cannot be written to {directory}: {error.strerror}"
        ) from None
    return Snapshot(path, sha, len(bars), stated)


def read_snapshot(path: Path) -> tuple[pd.DataFrame, Snapshot]:
    """Read a snapshot once, verify its hash and return its bars.

    Raises
    ------
    SnapshotError
        The file is missing, is not named by a SHA-256, is not what its name promises, or holds no
        bars.
    """
    try:
        data = _mapped(path)
    except OSError as error:
        raise SnapshotError(f"the snapshot {path} cannot be read: {error.strerror}") from None
    if not _is_hash(path.stem):
        raise SnapshotError(
            f"{path} is not a snapshot: its name is no SHA-256; read it with dataset=parquet"
        )
    # Both release the GIL, and hashing takes half as long as decoding: do them side by side.
    with ThreadPoolExecutor(1) as hashing:
        told = hashing.submit(lambda: hashlib.sha256(data).hexdigest())
        decoded: tuple[pd.DataFrame, dict[str, Any]] | None = None
        failed: Exception | None = None
        try:
            decoded = _decoded(data)
        except Exception as error:  # of damaged bytes it may be any; raised below if they are not
            failed = error
        sha = told.result()
    if path.stem != sha:
        raise SnapshotError(
            f"the snapshot {path} is damaged: its {len(data)} bytes have SHA-256 "
            f"{sha[:12]}..., not the one in its name; delete it and fetch or load again"
        )
    if failed is not None:
        raise failed
    if decoded is None:
        raise SnapshotError(
            f"the snapshot {path} does not hold bars in the format {FORMAT}; fetch or load again"
        )
    frame, metadata = decoded
    return frame, Snapshot(path, sha, len(frame), metadata)


def _mapped(path: Path) -> mmap.mmap | bytes:
    """Map a file into memory: its pages are read where they lie, without a copy."""
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return b""  # cannot be mapped
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _decoded(data: mmap.mmap | bytes) -> tuple[pd.DataFrame, dict[str, Any]] | None:
    """Return the bars and what is said of them; None where the bytes are no snapshot."""
    try:
        table = pq.read_table(pa.BufferReader(pa.py_buffer(data)), use_threads=True)
        metadata = json.loads((table.schema.metadata or {})[KEY])
        if metadata.get("format") != FORMAT:
            return None
    except (pa.ArrowException, OSError, KeyError, ValueError, AttributeError):
        return None
    frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    return frame, metadata


def find_snapshot(directory: Path, wanted: str = LATEST) -> Path:
    """Return the path of a snapshot in a directory.

    Parameters
    ----------
    directory : Path
    wanted : str
        ``latest``, a SHA-256 or at least its first 6 digits, or the path of a snapshot file.

    Raises
    ------
    SnapshotError
        There is none, or several begin with these digits.
    """
    if wanted == LATEST:
        try:
            sha = (directory / LATEST).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise SnapshotError(f"there is no snapshot in {directory}") from None
        if not _is_hash(sha):
            raise SnapshotError(
                f"{directory / LATEST} does not hold a SHA-256; fetch or load again"
            )
        return directory / f"{sha}.parquet"
    if wanted.endswith(".parquet"):
        return Path(wanted)
    if not 6 <= len(wanted) <= 64 or set(wanted) - set("0123456789abcdef"):
        raise SnapshotError(
            f"snapshot={wanted} is neither 'latest', nor a SHA-256 (6 digits or more), "
            "nor the path of a .parquet file"
        )
    found = sorted(directory.glob(f"{wanted}*.parquet"))
    if len(found) != 1:
        what = "no snapshot" if not found else f"{len(found)} snapshots"
        raise SnapshotError(f"{what} in {directory} whose name begins with {wanted}")
    return found[0]


def _holds(path: Path, sha: str) -> bool:
    try:
        return sha256_of(path) == sha
    except FileNotFoundError:
        return False


def _is_hash(name: str) -> bool:
    return len(name) == 64 and not set(name) - set("0123456789abcdef")


def _write(path: Path, data: Any) -> None:
    """Write bytes so that the path names either what it named before, or all of them."""
    with replaced(path) as temporary, temporary.open("xb") as file:
        file.write(data)
