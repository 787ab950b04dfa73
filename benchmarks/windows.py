"""Windows at scale: 500 symbols x 5,000 days x 158 features, lookback 60, pooled.

Prints the peak memory of building the module over the size of its tensor, and how fast one core
gathers all batches of 1,024 windows, beside how fast numpy copies shuffled windows one by one. The
bound is memory: every byte of a window is read once and written once.

    python benchmarks/windows.py [--symbols 500] [--days 5000]
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import psutil
import torch
from marketlab.data import scaling
from marketlab.data.datamodule import MarketDataModule
from marketlab.data.features import Features
from marketlab.data.panel import Panel
from marketlab.data.splits import Chronological
from marketlab.data.targets import Targets
from marketlab.data.tensor import build_tensor

WINDOWS = (5, 10, 20, 30, 60)
SHAPES = ("ts_mean(close, {w}) / close", "ts_std(close, {w}) / close", "ts_max(high, {w}) / close",
          "ts_min(low, {w}) / close", "delay(close, {w}) / close", "ts_mean(volume, {w}) / volume",
          "ts_std(volume, {w}) / volume", "ts_corr(close, volume, {w})")  # fmt: skip
LOOKBACK, BATCH, FEATURES = 60, 1024, 158


def expressions() -> dict[str, str]:
    """158 expressions of the kinds that Alpha158 has."""
    found = {f"f{i}_{w}": shape.format(w=w) for i, shape in enumerate(SHAPES) for w in WINDOWS}
    lag = 0
    while len(found) < FEATURES:
        lag += 1
        found[f"lag_{lag}"] = f"delay(close, {lag}) / close"
    return found


def made_panel(symbols: int, days: int) -> Panel:
    """Random walks with volume."""
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, (days, symbols)), axis=0))
    width = 1 + np.abs(rng.normal(0, 0.005, close.shape))
    fields = {
        "open": close, "high": close * width, "low": close / width, "close": close,
        "volume": rng.lognormal(10, 0.5, close.shape),
    }  # fmt: skip
    times = pd.date_range("2000-01-03 21:00", periods=days, freq="B", tz="UTC", unit="ns")
    return Panel(times, tuple(f"S{n:04d}" for n in range(symbols)), fields, "XNYS")


@contextmanager
def peak_memory(growth: dict[str, int]) -> Iterator[None]:
    """Sample the process every 2 ms and note how far above its start it went, in bytes."""
    process, stop = psutil.Process(), threading.Event()
    start = peak = process.memory_info().rss

    def sample() -> None:
        nonlocal peak
        while not stop.wait(0.002):
            peak = max(peak, process.memory_info().rss)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        growth["bytes"] = max(peak, process.memory_info().rss) - start


def build(panel: Panel) -> MarketDataModule:
    features = Features(expressions(), rows=LOOKBACK)
    targets = Targets({"ret": {"expr": "lead(close, 1) / close - 1", "measure": "return"}})
    tensor = build_tensor(panel, features, targets)
    (fold,) = Chronological().folds(tensor.times, tensor.first, targets.purge)
    return MarketDataModule(tensor, fold, scaling.standard, BATCH)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--days", type=int, default=5000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    build(made_panel(4, 400))  # compile the kernels outside the measurement
    panel = made_panel(arguments.symbols, arguments.days)
    growth: dict[str, int] = {}
    started = time.perf_counter()
    with peak_memory(growth):
        module = build(panel)
    built = time.perf_counter() - started
    tensor_bytes = module.train.tensor.features.nbytes
    print(f"built in {built:.1f} s, {growth['bytes'] / tensor_bytes:.3f} times the tensor's memory")

    speeds = {}
    for name in ("train", "valid", "test"):  # train in a shuffled order, the others in theirs
        gathered, started = 0, time.perf_counter()
        for batch in getattr(module, name).batches(BATCH, shuffle=name == "train"):
            gathered += batch.x["x"].nbytes
        speeds[name] = (gathered, time.perf_counter() - started)
        print(f"{name}: gathered {gathered / 1e9:.1f} GB in {speeds[name][1]:.1f} s")
    total, seconds = (sum(part) for part in zip(*speeds.values(), strict=True))
    shuffled = speeds["train"][0] / speeds["train"][1]

    source, train = module.train.tensor.features, module.train
    order = np.random.default_rng((0, 0)).permutation(len(train))[: 40 * BATCH]
    windows = [
        source[train.cols[i], train.rows[i] - LOOKBACK + 1 : train.rows[i] + 1] for i in order
    ]
    buffer = np.empty((BATCH, LOOKBACK, FEATURES), dtype=np.float32)
    started = time.perf_counter()
    for i, window in enumerate(windows):
        np.copyto(buffer[i % BATCH], window)
    copied = len(windows) * buffer[0].nbytes / (time.perf_counter() - started)
    print(json.dumps({
        "benchmark": "windows",
        "symbols": arguments.symbols, "days": arguments.days, "features": FEATURES,
        "tensor_gb": round(tensor_bytes / 1e9, 3),
        "memory_ratio": round(growth["bytes"] / tensor_bytes, 3),
        "build_s": round(built, 1),
        "gather_gb_s": round(total / seconds / 1e9, 2),
        "shuffled_gb_s": round(shuffled / 1e9, 2),
        "copy_gb_s": round(copied / 1e9, 2),
        "shuffled_over_copy": round(shuffled / copied, 2),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
