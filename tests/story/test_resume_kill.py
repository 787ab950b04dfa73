"""A run that is killed at any moment goes on, and ends at the bytes of one that was not."""

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import marketlab
import pytest
from marketlab.errors import RunError
from marketlab.experiments.ledger import LEDGER
from marketlab.experiments.start import START

from small_runs import small_overrides

# Imports everything once, then forks a process for each line that it reads, which ends itself by
# SIGKILL at the moment that the line names, or is killed from outside.
HELPER = """
import importlib, json, os, signal, sys, threading
from marketlab.experiments.train import train
from marketlab.models import lightning_checkpoints
from marketlab.models.forecaster import FitLog
attempt, fitting, rundir = (
    importlib.import_module(f"marketlab.experiments.{name}")
    for name in ("attempt", "fitting", "rundir")
)
lightning_checkpoints.SECONDS, lightning_checkpoints.SHARE = 0.0, 1e9

def kill(*arguments, **settings):
    os.kill(os.getpid(), signal.SIGKILL)

def arm(moment):
    record, write_record = FitLog.record, fitting.write_record
    if moment.startswith("epoch"):
        _, wanted, last = moment.split()
        def count(self, entry):
            record(self, entry)
            if self.directory.name == wanted and entry["epoch"] == int(last):
                kill()
        FitLog.record = count
    elif moment.startswith("after"):
        def written(folder, history):
            write_record(folder, history)
            if folder.name == moment.split()[1]:
                kill()
        fitting.write_record = written
    elif moment.startswith("cut"):
        def cut(folder, history):
            if folder.name == moment.split()[1]:
                path = folder / "scaler.json"
                path.write_bytes(path.read_bytes()[:9])
                kill()
            write_record(folder, history)
        fitting.write_record = cut
    elif moment == "evaluate":
        attempt.evaluate = kill
    elif moment == "seal":
        rundir.Path.rename = kill

for overrides in json.loads(sys.stdin.readline()):
    train(overrides, quiet=True)
assert threading.active_count() == 1
print("ready", flush=True)
for line in sys.stdin:
    overrides, moment = json.loads(line)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            arm(moment)
            train(overrides, quiet=True)
            status = 0
        finally:
            os._exit(status)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""
FOLDS = ["split=walk_forward", "split.train=140", "split.valid=50", "split.test=40"]
CHOICES = {
    "lstm_attention": [
        "model.net.hidden=[6,4]", "model.net.key_size=4", "model.net.dense=6",
        "trainer.max_epochs=4", "windows.batch_size=128",
    ],
    "lightgbm": ["model.rounds=60", "model.patience=20"],
}  # fmt: skip
MOMENTS = {
    "lstm_attention": ["epoch 00 3", "cut 00", "after 00", "epoch 01 2", "evaluate", "seal"],
    "lightgbm": ["cut 00", "after 00", "epoch 01 5"],
}
PASSING = ("code.diff", "report.html", "start.json")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]


class Runner:
    """Starts runs in forks of one process that has imported everything."""

    def __init__(self, warm_up):
        threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", HELPER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **threads},
        )
        self._send(warm_up)
        assert self.process.stdout.readline().strip() == "ready"

    def _send(self, words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def start(self, overrides, moment=""):
        """Start a run; return its process."""
        self._send([overrides, moment])
        return int(self.process.stdout.readline())

    def wait(self):
        """Return the signal that ended it, 0 for none."""
        status = int(self.process.stdout.readline())
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=60) == 0
        self.process.stdout.close()


def results(run):
    """Hashes of what a run found: all its files but those that tell the time or the run's id."""
    files = run.manifest["files"].items()
    return {name: sha for name, sha in files if name not in PASSING}


def words(folder, model):
    return [*small_overrides(folder), f"model={model}", *FOLDS, *CHOICES[model]]


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warm")
    runner = Runner([words(folder, model) for model in CHOICES])
    yield runner
    runner.close()


@pytest.mark.parametrize("model", CHOICES)
def test_a_killed_run_is_resumed_to_the_same_bytes(tmp_path, runner, model):
    choices = words(tmp_path, model)
    own = [word for word in choices if word.startswith("paths.data")]
    outputs = tmp_path / "outputs/small"
    began = time.perf_counter()
    runner.start(choices)
    assert runner.wait() == 0
    seconds = time.perf_counter() - began
    (path,) = outputs.iterdir()
    expected = results(marketlab.Run.load(path))
    assert {"predictions.parquet", "metrics.json", "folds/01/scaler.json"} <= expected.keys()
    assert not [name for name in expected if "checkpoint" in name or "lock" in name]
    for moment in MOMENTS[model]:
        runner.start(choices, moment)
        assert runner.wait() == signal.SIGKILL
        (partial,) = outputs.glob(".partial-*")
        assert moment.startswith("epoch") <= bool(list(partial.glob("folds/*/check*"))) or (
            model == "lightgbm"
        )
        run = marketlab.resume(partial, own, quiet=True)
        assert results(run) == expected, moment
        assert not list(outputs.glob(".*"))
        assert len(run.manifest["resumed"]) == 1
        assert run.manifest["overrides"] == choices
    # And at a moment that nobody chose.
    child = runner.start(choices)
    time.sleep(seconds * random.Random(f"resume {model}").uniform(0.3, 0.9))
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    if runner.wait():
        (partial,) = outputs.glob(".partial-*")
        if (partial / START).is_file():
            assert results(marketlab.resume(partial, own, quiet=True)) == expected
        else:
            with pytest.raises(RunError, match="before its first fit"):
                marketlab.resume(partial, own, quiet=True)
            shutil.rmtree(partial)
    with contextlib.closing(sqlite3.connect(tmp_path / "outputs" / LEDGER)) as ledger:
        rows = [run for (run,) in ledger.execute("SELECT run FROM openings")]
    assert len(rows) == len(set(rows))
    assert {path.name for path in outputs.iterdir()} == set(rows)


def test_a_run_whose_process_is_alive_is_not_resumed(tmp_path, runner):
    choices = words(tmp_path, "lstm_attention")
    child = runner.start([*choices, "trainer.max_epochs=100000"])
    try:
        while not list(tmp_path.glob("outputs/small/.partial-*/folds/00")):
            time.sleep(0.05)
        (partial,) = (tmp_path / "outputs/small").iterdir()
        with pytest.raises(RunError, match="process that is alive"):
            marketlab.resume(partial, [f"paths.data={tmp_path / 'data'}"], quiet=True)
    finally:
        os.kill(child, signal.SIGKILL)
        assert runner.wait() == signal.SIGKILL
    assert partial.is_dir()
