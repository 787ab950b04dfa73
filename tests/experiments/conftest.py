"""Made-up runs of every task, small enough to be written in a fraction of a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from marketlab.data.features import FeatureFacts
from marketlab.data.labels import Label
from marketlab.experiments.evaluate import Evaluation, FoldSkill, LabelEvaluation
from marketlab.experiments.metrics import cell_loss, loss_name
from marketlab.experiments.report import FoldSpan, LabelPredictions, ReportContent
from scipy.stats import norm

LABELS = {
    "regression": Label(
        "ret_next", 1, "lead(close, 1) / close - 1", "regression", 1, measure="return"
    ),
    "variance": Label(
        "log_gk", 1, "lead(log(gk(open, high, low, close)), 1)", "regression", 1,
        measure="log_variance",
    ),
    "binary": Label("up", 1, "lead(close, 1) / close - 1", "binary", 1, (0.0,), measure="return"),
    "classification": Label(
        "move", 5, "lead(close, 5) / close - 1", "classification", 5, (-0.005, 0.005),
        measure="return",
    ),
    "quantile": Label(
        "ret_range", 5, "lead(close, 5) / close - 1", "quantile", 5,
        levels=(0.05, 0.25, 0.5, 0.75, 0.95), measure="return",
    ),
}  # fmt: skip
YARDSTICKS = ("frozen-future", "frozen-future fitted", "persistence", "climatology", "ewma")


def predictions(
    label: Label, kind: str, times: pd.DatetimeIndex, symbols: list[str], edge: float, seed: int
) -> LabelPredictions:
    rng = np.random.default_rng(seed)
    T, N = len(times), len(symbols)
    state = np.zeros(T)
    for t in range(1, T):
        state[t] = 0.97 * state[t - 1] + 0.2 * rng.standard_normal()
    sigma = 0.009 * np.exp(0.5 * state)[:, None] * np.linspace(0.8, 1.3, N)
    signal = rng.standard_normal((T, N))
    common = rng.standard_normal((T, 1))
    noise = 0.7 * common + 0.7 * rng.standard_normal((T, N))
    if kind == "variance":
        truth = 2 * np.log(sigma) + 0.8 * noise
        ours = (2 * np.log(sigma) + (0.3 - edge) * signal)[..., None]
        theirs = (2 * np.log(sigma) + 0.3 * signal)[..., None]
    elif kind == "regression":
        truth = sigma * (edge * signal + noise)
        ours = (sigma * (edge or 0.05) * signal)[..., None]
        theirs = np.full((T, N, 1), 0.0003)
    elif kind == "quantile":
        truth = sigma * noise
        z = norm.ppf(label.levels)
        ours, theirs = sigma[..., None] * z, np.full((T, N, 1), 0.011) * z
    else:
        move = sigma * (edge * signal + noise)
        truth = np.searchsorted(label.edges, move).astype(float)
        cuts = np.asarray(label.edges)
        ours = classes(cuts, (sigma * edge * signal)[..., None], sigma[..., None])
        theirs = classes(cuts, np.zeros((T, N, 1)), np.full((T, N, 1), 0.011))
    truth[rng.random((T, N)) < 0.01] = np.nan
    order = np.arange(T * N).reshape(T, N).T.ravel()  # symbol by symbol, as pooled samples come
    return LabelPredictions(
        times=times.repeat(N)[order],
        symbols=np.tile(np.array(symbols, dtype=object), T)[order],
        truth=truth.ravel()[order],
        forecast=ours.reshape(T * N, -1)[order],
        yardstick=theirs.reshape(T * N, -1)[order],
    )


def classes(cuts: Any, mean: Any, sigma: Any) -> Any:
    below = norm.cdf((cuts - mean) / sigma)
    edges = np.concatenate([np.zeros_like(mean), below, np.ones_like(mean)], axis=-1)
    return np.diff(edges, axis=-1)


def evaluated(label: Label, made: LabelPredictions, folds: int, best: str) -> LabelEvaluation:
    ours = cell_loss(label, made.truth, made.forecast)
    theirs = cell_loss(label, made.truth, made.yardstick)
    table = pd.DataFrame({"o": ours, "t": theirs}).groupby(made.times).mean().dropna()
    times = pd.DatetimeIndex(table.index)

    def skill(part: pd.DataFrame) -> tuple[float, float, float]:
        gain = part["t"] - part["o"]
        half = 1.96 * gain.std() / len(part) ** 0.5 / part["t"].mean()
        value = gain.mean() / part["t"].mean()
        return float(value), float(value - half), float(value + half)

    cuts = np.array_split(np.arange(len(table)), folds)
    names = {
        "regression": ["RMSE", "MAE", "R2", "R2 pooled", "direction", "IC"],
        "quantile": [
            "pinball",
            *(f"below {level:g}" for level in label.levels),
            "cover 0.5",
            "cover 0.9",
        ],
    }.get(
        label.task, ["accuracy", "majority", "balanced accuracy", "MCC", "log loss", "Brier", "ECE"]
    )
    rng = np.random.default_rng(7)
    metrics = pd.DataFrame(
        rng.uniform(0.01, 0.9, (1 + len(YARDSTICKS), len(names))),
        index=["log-HAR", *YARDSTICKS], columns=names,
    )  # fmt: skip
    metrics.loc["frozen-future"] = np.nan
    if "IC" in metrics:
        metrics["IC"] = np.nan
    whole = skill(table)
    skills = pd.DataFrame(
        [tuple(v + 0.03 * k for v in whole) for k in range(len(YARDSTICKS))],
        index=[best, *(y for y in YARDSTICKS if y != best)], columns=["skill", "low", "high"],
    ).reindex(list(YARDSTICKS))  # fmt: skip
    skills.loc["frozen-future"] = np.nan
    return LabelEvaluation(
        label, loss_name(label), len(table), int(np.isfinite(ours).sum()), metrics, best, *whole,
        4.2, skills,
        tuple(
            FoldSkill(k, times[cut[0]], times[cut[-1]], len(cut), *skill(table.iloc[cut]))
            for k, cut in enumerate(cuts)
        ),
        ("frozen-future: not applicable (not finite on 3% of the rows)",),
    )  # fmt: skip


def made_up(
    *kinds: str,
    edge: float = 0.0,
    symbols: int = 2,
    rows: int = 400,
    folds: int = 3,
    leaks: bool = False,
) -> ReportContent:
    """One run with a label for each kind in `kinds`; `edge` > 0 plants skill."""
    first = 1000 if rows > 1000 else 300
    times = pd.bdate_range("2009-01-02 21:00", periods=first + rows, tz="UTC")
    names = ["SPX", "NDX"] + [f"SYM{n:03d}" for n in range(2, symbols)]
    labels, made = [], {}
    for number, kind in enumerate(kinds):
        label = LABELS[kind]
        if number >= 1:
            label = replace(label, horizon=number + 1)
        made[label.name] = predictions(label, kind, times[first:], names[:symbols], edge, number)
        best = "ewma" if kind == "variance" else "climatology"
        labels.append(evaluated(label, made[label.name], folds, best))
    spans = []
    for part in np.array_split(np.arange(first, first + rows), folds):
        lo = part[0]
        spans.append(FoldSpan.of(times, np.arange(lo - 130), np.arange(lo - 125, lo - 5), part))
    if leaks:
        mixed = np.random.default_rng(0).permutation(first + rows)
        spans = [FoldSpan.of(times, *np.split(mixed, [first, first + rows // 3]))]
    epochs = np.arange(1, 19)
    histories = [
        [
            {
                "epoch": float(e),
                "train_loss": 0.55 + 0.5 / e,
                "valid_loss": 0.66 + 0.3 / e + 0.004 * e + 0.02 * k,
            }
            for e in epochs
        ]
        for k in range(folds)
    ]
    health = pd.DataFrame(
        {
            "rows": first + rows - np.arange(symbols), "first": times[0], "last": times[-1],
            "missing": np.arange(symbols) % 3, "missing_share": np.arange(symbols) / 1000,
            "zero_volume": 0, "stale": np.arange(symbols) % 2 * 12, "repeated": 0.031,
            "large_moves": np.arange(symbols) % 5 // 4,
        },
        index=pd.Index(names[:symbols], name="symbol"),
    )  # fmt: skip
    return ReportContent(
        name="us_volatility", run="2026-11-20_09-31-07_a1b2c3",
        created=pd.Timestamp("2026-11-20 09:31:07", tz="UTC"),
        choices={
            "dataset": "us_indices", "features": "har", "target": "log_gk",
            "split": "walk_forward", "model": "log_har", "trainer": "none", "tracking": "none",
        },
        evaluation=Evaluation("log-HAR", tuple(labels), leaks), predictions=made, folds=spans,
        histories=histories, health=health,
        features=(
            FeatureFacts("gk_1", "log(garman_klass(open, high, low, close))", 1, 0, False),
            FeatureFacts("gk_5", "ts_mean(gk_1, 5)", 5, 4, False),
            FeatureFacts("gk_22", "ts_mean(gk_1, 22)", 22, 21, False),
            FeatureFacts("gk_ewm", "ewm(gk_1, 0.06)", None, 60, False),
            FeatureFacts("dollar_volume", "log(close * volume)", 1, 0, True),
        ),
        purge=5,
        manifest={
            "snapshot": "sha256:9f2c8e0d1b7a4c3e5f60718293a4b5c6d7e8f90123456789abcdef0123456789",
            "code revision": "4b3a9c1 (clean)", "seed": 7, "threads": 2,
            "versions": {"python": "3.11.9", "torch": "2.13.0", "numpy": "2.4.6"},
            "timings, s": {"load": 0.41, "features": 0.12, "fit": 3.3, "evaluate": 0.8},
        },
        config="dataset:\n  _target_: marketlab.data.dataset.Dataset\n  symbols: [SPX]\nseed: 7\n",
        commands={
            "Rerun": "marketlab-train rerun=outputs/us_volatility/2026-11-20_09-31-07_a1b2c3",
            "Predict": "marketlab-predict run=outputs/us_volatility/2026-11-20_09-31-07_a1b2c3",
        },
        health_notes=("NDX: 12 closes repeat the one before.",),
        notes=("This test period was opened 3 times, by 3 trials.",),
    )  # fmt: skip


@pytest.fixture(scope="session")
def make() -> Callable[..., ReportContent]:
    return made_up
