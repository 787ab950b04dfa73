"""The same search through hydra-optuna-sweeper 1.3.0 and through ours, alternating in one run.

Both search the learning rate and the dropout of a tiny net on made-up bars, with the basic launcher
and without pruning. The peer pins Optuna 2.10.1, so the program makes an environment for it below a
temporary folder (which takes the network); where that fails, it says so and prints ours alone.

Prints, for each, the whole time of the process over the sum of its trials' training times, and the
ratio of the two whole times for the same number of trials. The bound is the training itself: 1.0.

    python benchmarks/sweep.py [--trials 100] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from pathlib import Path

import numpy as np
import optuna
from marketlab.experiments.sweep.storage import open_storage

ROOT = Path(__file__).parents[1]
PEER = ["hydra-optuna-sweeper==1.3.0", "optuna==2.10.1"]
PEER_NEEDS = ["sqlalchemy<2", "alembic<1.14", "cmaes<0.11", "colorlog", "cliff<4"]
SPACE = ["model.net.dropout=interval(0,0.4)", "model.optimizer.lr=tag(log,interval(1e-4,1e-2))"]
RECIPE = [
    "dataset=synthetic", "dataset.source.symbols=5", "dataset.source.rows=1500", "features.rows=8",
    "split=chronological", "threads=1", "model=mlp", "name=bench",
]  # fmt: skip
# What a user of the peer writes: train one recipe, return its validation loss.
TASK = """
import sys
import hydra
from hydra.core.hydra_config import HydraConfig
from marketlab.experiments.configs import without_hydra

@hydra.main(config_path="pkg://marketlab.conf", config_name="train", version_base="1.3")
def task(config):
    from marketlab.experiments.prepared import prepare
    from marketlab.experiments.recipe import Recipe
    from marketlab.experiments.sweep.objective import run_objective
    from marketlab.experiments.sweep.pruning import Reporter
    recipe = Recipe.of(*without_hydra(config, HydraConfig.get()))
    result = run_objective(recipe, prepare(recipe), Reporter(None))
    with open("seconds.txt", "a") as file:
        file.write(f"{result.seconds}\\n")
    return result.valid_loss

task()
"""


def peer_python(folder: Path) -> str:
    """Make an environment with the peer's pins in front of the packages that we run with."""
    venv.create(folder, with_pip=True)
    python = str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    # Hydra itself, NumPy and the rest are those that we run with.
    for words in (["--no-deps", *PEER], PEER_NEEDS):
        done = subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *words],
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError((done.stderr.strip().splitlines() or ["pip failed"])[-1])
    words = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.check_output([python, "-c", words], text=True).strip())
    ours = [path for path in sys.path if path.endswith("site-packages")]
    links = "\n".join(dict.fromkeys([sysconfig.get_path("purelib"), *ours]))
    (site / "ours.pth").write_text(links + "\n")
    package = site / "marketlab"  # what an editable install maps by a hook of its own
    package.mkdir()
    for child in [*(ROOT / "src").iterdir(), ROOT / "conf"]:
        (package / child.name).symlink_to(child)
    check = "import optuna, marketlab.experiments.recipe; print(optuna.__version__)"
    subprocess.run([python, "-c", check], check=True, capture_output=True, text=True)
    return python


def timed(command: list[str], folder: Path) -> float:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return seconds


def ours(trials: int, folder: Path) -> tuple[float, float]:
    """Return seconds of the whole process, and of all trials' training."""
    words = [
        *RECIPE, *SPACE, f"sweep.trials={trials}", "sweep.name=bench", "sweep.refit=false",
        "sweep.pruner=null",
    ]  # fmt: skip
    whole = timed([sys.executable, str(ROOT / "scripts/train.py"), "-m", *words], folder)
    storage = open_storage(None, folder / "outputs/sweeps/bench")
    found = optuna.load_study(study_name="bench", storage=storage).trials
    assert len(found) == trials
    return whole, sum(trial.user_attrs["seconds"] for trial in found)


def peers(python: str, trials: int, folder: Path) -> tuple[float, float]:
    """Return the same of the peer."""
    script = folder.parent / "task.py"
    script.write_text(TASK)
    words = [
        "hydra/sweeper=optuna", f"hydra.sweeper.n_trials={trials}", "hydra.sweeper.n_jobs=1",
        "hydra.sweeper.sampler.seed=0", "hydra.sweep.dir=multirun",
    ]  # fmt: skip
    whole = timed([python, str(script), "-m", *words, *RECIPE, *SPACE], folder)
    seconds = [float(line) for line in (folder / "seconds.txt").read_text().split()]
    assert len(seconds) == trials
    return whole, sum(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        try:
            python = peer_python(folder / "peer")
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            print(f"no environment for {PEER[0]} ({str(error).splitlines()[-1]}): ours alone")
            python = None
        rows: dict[str, list[tuple[float, float]]] = {"ours": [], "peer": []}
        for number in range(arguments.rounds):
            jobs = ["ours", "peer"] if number % 2 == 0 else ["peer", "ours"]
            for job in jobs if python else ["ours"]:
                if job == "ours":
                    rows[job].append(ours(arguments.trials, folder / "run"))
                else:
                    rows[job].append(peers(str(python), arguments.trials, folder / "run"))
                whole, training = rows[job][-1]
                print(f"{job}: {whole:.1f} s, training {training:.1f} s: {whole / training:.2f}")
    result: dict[str, object] = {"benchmark": "sweep", "trials": arguments.trials}
    for job, times in rows.items():
        if times:
            whole, training = np.array(times).T
            result[f"{job}_overhead"] = round(float(np.median(whole / training)), 3)
            result[f"{job}_s"] = round(float(np.median(whole)), 1)
    if rows["peer"]:
        own, other = (np.array([whole for whole, _ in rows[job]]) for job in ("ours", "peer"))
        result["ratio"] = round(float(np.median(other / own)), 2)
        # What is left when the training is taken off, which the machine's other work blurs less.
        beside = [np.median([w - t for w, t in rows[job]]) for job in ("ours", "peer")]
        result["ratio_beside_training"] = round(float(beside[1] / beside[0]), 2)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
