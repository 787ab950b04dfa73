"""Noise earns no claim of skill, a planted signal does, and a leaky split is marked.

A small version of benchmarks/false_discovery.py, whose `judge` takes the road of marketlab-train.
"""

from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numba
import pytest
import torch

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "false_discovery.py"


@pytest.fixture(scope="module")
def benchmark() -> Iterator[ModuleType]:
    spec = spec_from_file_location("false_discovery", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    threads = torch.get_num_threads(), numba.get_num_threads()
    module.one_thread()
    yield module
    torch.set_num_threads(threads[0])
    numba.set_num_threads(threads[1])


def claims(benchmark: ModuleType, case: tuple[object, ...], runs: int) -> int:
    """Count the runs of ridge that claim skill for next-day returns."""
    words = benchmark.Case(*case).overrides()
    verdicts = [benchmark.judge(words, ["ridge"], seed)["ridge"] for seed in range(runs)]
    assert not any(verdict.leaks for verdict in verdicts)
    return sum(verdict.labels[0].shown for verdict in verdicts)


def test_noise_earns_hardly_a_claim(benchmark: ModuleType) -> None:
    one = claims(benchmark, ("one", 1, 1700), runs=25)
    many = claims(benchmark, ("many", 30, 1700), runs=25)
    assert one + many <= 3


def test_a_weak_planted_signal_is_mostly_found(benchmark: ModuleType) -> None:
    case = benchmark.PLANTED[0]
    assert case.planted_r2 == 0.02
    assert claims(benchmark, case, runs=10) >= 7


def test_a_strong_planted_signal_is_always_found(benchmark: ModuleType) -> None:
    assert claims(benchmark, ("strong", 1, 2600, 0.1), runs=5) == 5


@pytest.mark.parametrize("split", ["chronological", "leaky_shuffle"])
def test_a_split_that_leaks_finds_skill_in_noise_and_is_marked(
    benchmark: ModuleType, split: str
) -> None:
    """Labels of 22 days overlap, so a shuffled test row is half known from its neighbours."""
    words = [
        *("dataset=synthetic", "dataset.source.symbols=5", "dataset.source.rows=1700"),
        *("dataset.source.walk=true", "features=momentum", "target=h_day_return"),
        *("target.targets.ret.horizons=[22]", f"split={split}", "threads=1"),
    ]
    verdict = benchmark.judge(words, ["lightgbm"], seed=0)["lightgbm"]
    assert verdict.leaks is (split == "leaky_shuffle")
    assert verdict.labels[0].shown is verdict.leaks
