"""False discovery: how often a run claims skill where there is none, and where there is some.

Noise: panels of Gaussian random walks, of one symbol and of 30 correlated ones, whose next-day
return nothing can forecast. Ridge and LightGBM, each with the settings of its YAML, forecast it
from features of past returns. A claim is what the report prints as "skill shown": the whole 95%
interval above 0, over the best yardstick. At most 5% of the runs may claim it.

Planted: a feature known at the close explains R2 = 0.02 of the next day's return. Of one symbol,
judged on 3,000 test rows, at least 80% of ridge's runs must find it; beside it stand what LightGBM
finds, and what both find in 30 symbols on a third as many test rows.

Every run takes the road of marketlab-train, from the recipe to the evaluation.

    python benchmarks/false_discovery.py [--runs 200] [--workers 2] [--quick]
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import NamedTuple

from marketlab.data.tensor import build_tensor, check_rows
from marketlab.experiments.configs import compose_config
from marketlab.experiments.evaluate import Evaluation, evaluate
from marketlab.experiments.fitting import fit_folds
from marketlab.experiments.recipe import Recipe
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import Progress

RUNS, MODELS = 200, ("ridge", "lightgbm")
MOST_CLAIMS, LEAST_FOUND = 0.05, 0.80
"""Shares of the runs."""
QUICK_RUNS = 10


class Case(NamedTuple):
    """Made-up panels that differ only in their seed.

    Half of the usable rows train, a tenth validates, the newest four tenths are the test part.
    """

    name: str
    symbols: int
    rows: int
    planted_r2: float = 0.0

    def overrides(self) -> list[str]:
        """Return the recipe's words, but for the model and the panel's seed."""
        words = [
            "dataset=synthetic", "features=returns", "target=next_return", "split=chronological",
            "split.train=0.5", "split.valid=0.1", "threads=1", "dataset.source.walk=true",
            f"dataset.source.symbols={self.symbols}", f"dataset.source.rows={self.rows}",
            f"dataset.source.planted_r2={self.planted_r2}",
        ]  # fmt: skip
        if self.planted_r2:
            words.append("+features.expressions.planted=signal")
        return words


NOISE = (Case("1 symbol", 1, 2600), Case("30 symbols", 30, 2600))
PLANTED = (Case("1 symbol, R2 0.02", 1, 7700, 0.02), Case("30 symbols, R2 0.02", 30, 2600, 0.02))
CASES = (*NOISE, *PLANTED)


@cache
def composed(words: tuple[str, ...]) -> tuple[DictConfig, dict[str, str]]:
    """Compose a recipe once: that takes as long as fitting it."""
    return compose_config("train", words)


def judge(words: Sequence[str], models: Sequence[str], seed: int) -> dict[str, Evaluation]:
    """Do what marketlab-train does, up to the verdict, with each model on one made-up panel.

    Parameters
    ----------
    words : Hydra overrides
    models : choices of ``model=``
    seed : int
        Of the panel, of the models and of the bootstrap.
    """
    verdicts = {}
    tensor = None
    with tempfile.TemporaryDirectory() as folder:
        for model in models:
            config, choices = composed((*words, f"model={model}"))
            config = config.copy()
            config.seed = config.dataset.source.seed = seed
            recipe = Recipe.of(config, choices)
            if tensor is None:  # the models differ in nothing that makes it
                panel = recipe.dataset.load(Path(folder) / "data").panel
                check_rows(panel, recipe.features, recipe.targets)
                tensor = build_tensor(panel, recipe.features, recipe.targets, recipe.layout)
            folds = recipe.split.folds(tensor.times, tensor.first, recipe.targets.purge)
            tested, _ = fit_folds(recipe, tensor, folds, Path(folder) / model, quiet=True)
            verdicts[model] = evaluate(
                model, tested.truth, tested.model, tested.yardsticks, tested.folds,
                recipe.split.leaks, recipe.seed,
            )  # fmt: skip
    return verdicts


class Found(NamedTuple):
    """What one run said of its only target."""

    case: str
    model: str
    shown: bool
    skill: float
    test_rows: int


def run(case: Case, seed: int) -> list[Found]:
    """Judge one panel of a case."""
    entries = {
        model: evaluation.labels[0]
        for model, evaluation in judge(case.overrides(), MODELS, seed).items()
    }
    return [
        Found(case.name, model, entry.shown, entry.skill, entry.times)
        for model, entry in entries.items()
    ]


def one_thread() -> None:
    """Keep each worker to one core."""
    import numba
    import torch

    torch.set_num_threads(1)
    numba.set_num_threads(1)


def run_all(cases: Sequence[Case], runs: int, workers: int) -> list[Found]:
    """Judge `runs` panels of every case."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    found: list[Found] = []
    with (
        Progress(console=Console(stderr=True)) as bars,
        ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), one_thread) as pool,
    ):
        futures = [pool.submit(run, case, seed) for seed in range(runs) for case in cases]
        for future in bars.track(as_completed(futures), len(futures), description="panels"):
            found += future.result()
    return found


def claims(found: Sequence[Found], case: Case) -> dict[str, int]:
    """Count the claims by model."""
    return {m: sum(f.shown for f in found if (f.case, f.model) == (case.name, m)) for m in MODELS}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=RUNS, help="panels of each kind")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} panels of each kind")
    arguments = parser.parse_args()
    runs = QUICK_RUNS if arguments.quick else arguments.runs

    started = time.perf_counter()
    found = run_all(CASES, runs, arguments.workers)
    for case in CASES:
        for model, count in claims(found, case).items():
            mine = [f for f in found if (f.case, f.model) == (case.name, model)]
            skills = sorted(f.skill for f in mine)
            print(
                f"{case.name:20} {model:9} {count:3} of {runs} claim skill over "
                f"{mine[0].test_rows} test times, median skill {skills[runs // 2]:+.4f}"
            )
    noise = {case.name: claims(found, case) for case in NOISE}
    worst = max(count for counts in noise.values() for count in counts.values())
    signal = {case.name: claims(found, case) for case in PLANTED}
    promised = signal[PLANTED[0].name]["ridge"]
    most, least = math.floor(MOST_CLAIMS * runs), math.ceil(LEAST_FOUND * runs)
    print(json.dumps({
        "benchmark": "false_discovery",
        "runs": runs,
        "false_claims": worst, "most_allowed": most, "by_case": noise,
        "found": promised, "least_allowed": least, "found_by_case": signal,
        "test_rows": min(f.test_rows for f in found if f.case == PLANTED[0].name),
        "holds": worst <= most and promised >= least,
        "seconds": round(time.perf_counter() - started),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
