"""Provenance: what a reader needs to know to believe, or to repeat, a run."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

LIBRARIES = (
    "marketlab", "torch", "pytorch-lightning", "lightgbm", "scikit-learn", "numpy", "numba",
    "pandas", "pyarrow", "scipy", "arch", "hydra-core", "omegaconf", "exchange_calendars",
)  # fmt: skip


def available_threads() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def environment(threads: int) -> dict[str, Any]:
    """Versions, processor and threads: what the bits of a result may depend on."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": platform.processor() or platform.machine(),
        "cpu_features": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "threads": threads,
        "versions": {name: metadata.version(name) for name in LIBRARIES},
    }


def changes(then: Mapping[str, Any], now: Mapping[str, Any], within: str = "") -> list[str]:
    """Name what differs between two environments, such as ``threads: 2 then, 1 now``.

    >>> changes({"threads": 2, "versions": {"torch": "2.1"}}, {"threads": 1, "versions": {}})
    ['threads: 2 then, 1 now', 'versions.torch: 2.1 then, nothing now']
    """
    found = []
    for key in dict.fromkeys([*then, *now]):
        before, after = then.get(key, "nothing"), now.get(key, "nothing")
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += changes(before, after, f"{within}{key}.")
        elif before != after:
            found.append(f"{within}{key}: {before} then, {after} now")
    return found


def code_state() -> tuple[dict[str, Any], str]:
    """Revision of the checkout that marketlab runs from, and its uncommitted changes.

    Returns
    -------
    state, diff
        {"revision", "dirty"}; revision is None outside a git checkout.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return {"revision": None, "dirty": None}, ""
    revision = _git(root, "rev-parse", "HEAD")
    diff = _git(root, "diff", "HEAD", "--no-color", "--no-ext-diff") or ""
    return {"revision": revision and revision.strip(), "dirty": bool(diff)}, diff


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, no shell
            ["git", "-C", str(root), *arguments],  # noqa: S607 - the user's own git
            capture_output=True, text=True, check=True, timeout=20, errors="replace",
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None  # a checkout without git, or without a commit, has no revision
    return done.stdout


def command_line(script: str, arguments: list[str]) -> str:
    """Write a command as a user of this platform would type it."""
    import shlex
    import subprocess as process

    words = [script, *arguments]
    return process.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)
