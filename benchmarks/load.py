"""From snapshot to Panel, beside `pandas.read_parquet` on the same files, alternating in one run.

Reads the real files that CONTRIBUTING.md tells of: 49 NSE stocks (235,192 rows) and the members of
the CSI300 (1.6 million rows). Prints, for each, the ratio of reading the snapshot and landing its
bars to `read_parquet` of the snapshot, and of the file as published; and the same for a whole load,
with the search for splits and the table of health.

The bound is memory: a snapshot's bytes are read, hashed (its name promises them), decoded once and
written once into the panel.

    python benchmarks/load.py [--rounds 15] [--data ../shared/data]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from marketlab.data.bars.landing import panel_from_bars
from marketlab.data.dataset import Dataset
from marketlab.data.snapshots.store import find_snapshot, read_snapshot
from marketlab.data.sources.parquet import Parquet

FILES = {
    "nse": ("nifty/constituents_raw_daily_2000_2021.parquet", "XBOM"),
    "csi300": ("csi300/members_daily_2010_2020.parquet", "XSHG"),
}


def seconds(job: Callable[[], object]) -> float:
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def ratios(name: str, path: Path, clock: str, rounds: int) -> dict[str, object]:
    """Time the jobs in turn, so that what else the machine does falls on all of them."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        dataset = Dataset(name, Parquet(str(path)), clock, on_invalid="drop", snapshot="latest")
        taken = dataset.fetch(store)
        snapshot = find_snapshot(store / name)
        jobs: dict[str, Callable[[], object]] = {
            "snapshot": lambda: pd.read_parquet(snapshot),
            "panel": lambda: panel_from_bars(read_snapshot(snapshot)[0], clock),
            "file": lambda: pd.read_parquet(path),
            "load": lambda: dataset.load(store),
        }
        for job in jobs.values():
            job()  # fill the page cache and build the calendar
        times = np.array([[seconds(job) for job in jobs.values()] for _ in range(rounds)])
    took = dict(zip(jobs, times.T, strict=True))
    low, middle, high = np.percentile(took["panel"] / took["snapshot"], [25, 50, 75])
    print(f"{name}: {taken.rows:,} rows, {middle:.2f} times read_parquet [{low:.2f}, {high:.2f}]")
    return {
        "benchmark": "load",
        "file": name,
        "rows": taken.rows,
        "ratio": round(float(middle), 2),
        "quartiles": [round(float(low), 2), round(float(high), 2)],
        "ratio_to_file": round(float(np.median(took["panel"] / took["file"])), 2),
        "whole_load": round(float(np.median(took["load"] / took["snapshot"])), 2),
        **{f"{job}_ms": round(float(np.median(t)) * 1000, 1) for job, t in took.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    beside = Path(__file__).parents[2] / "shared" / "data"
    data = os.environ.get("MARKETLAB_SHARED_DATA", str(beside))
    parser.add_argument("--data", type=Path, default=Path(data))
    arguments = parser.parse_args()
    for name, (file, clock) in FILES.items():
        path = arguments.data / file
        if not path.is_file():
            print(f"{name}: skipped, there is no {path}; see CONTRIBUTING.md")
            continue
        print(json.dumps(ratios(name, path, clock, arguments.rounds)))


if __name__ == "__main__":
    main()
