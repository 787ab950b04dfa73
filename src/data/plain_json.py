"""JSON from a run directory, which may be a stranger's: a path in, plain values out, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MOST_BYTES = 16_000_000
"""A larger file is none of ours, and would take seconds to read."""


def read_json(path: Path, most: int = MOST_BYTES) -> Any:
    """Read a JSON file of a sane size and depth.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no regular file, too large, too deep, or not JSON.
    """
    if not path.is_file() and path.exists():
        raise ValueError("it is no regular file")
    size = path.stat().st_size
    if size > most:
        raise ValueError(f"{size} bytes are too many")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
