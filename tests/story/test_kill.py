"""A run that is killed at any moment leaves a whole run directory or none, and no bad snapshot."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from marketlab.data.snapshots.store import read_snapshot
from marketlab.experiments.run import Run

from small_runs import small_overrides

KILLS = 20
# Imports everything and compiles every kernel once, then forks a child for each line that it reads:
# a process of its own for each run, without the seconds that its start would take. No library's
# threads may be running when it forks.
HELPER = """
import json, os, sys, threading
from marketlab.experiments.train import train
train(json.loads(sys.stdin.readline()), quiet=True)
assert threading.active_count() == 1
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            train(json.loads(line), quiet=True)
            status = 0
        finally:
            os._exit(status)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""
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

    def _send(self, overrides):
        self.process.stdin.write(json.dumps(overrides) + "\n")
        self.process.stdin.flush()

    def run(self, overrides, kill_after=None):
        """Run once; return the seconds that it took and the signal that ended it, 0 for none."""
        start = time.perf_counter()
        self._send(overrides)
        child = int(self.process.stdout.readline())
        if kill_after is not None:
            time.sleep(max(0.0, kill_after - (time.perf_counter() - start)))
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        status = int(self.process.stdout.readline())
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        return time.perf_counter() - start, os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=60) == 0
        self.process.stdout.close()


def check(folder, before):
    """Check everything that a killed run may have left; return the runs that are whole."""
    assert {path.name for path in folder.iterdir()} <= {"data", "outputs"}
    beside = {path.name for path in (folder / "outputs").iterdir()} - {"small"}
    assert beside <= {"ledger.sqlite", "ledger.sqlite-journal"}
    found = list((folder / "outputs/small").iterdir())
    partial = [path for path in found if path.name.startswith(".partial-")]
    whole = {path for path in found if path not in partial}
    assert len(partial) <= 1
    assert before <= whole
    assert len(whole - before) + len(partial) <= 1
    for path in whole:
        run = Run.load(path)
        assert len(run.predictions)
        assert run.metrics
        assert {"config.yaml", "report.html"} <= run.manifest["files"].keys()
    for path in (folder / "data/synthetic").iterdir():
        if path.suffix == ".parquet":
            bars, snapshot = read_snapshot(path)
            assert len(bars) == snapshot.rows == 3 * 420
        elif path.name == "latest":
            sha = path.read_text().strip()
            assert (path.parent / f"{sha}.parquet").is_file()
        else:
            assert path.name.startswith(".partial-")
    for path in partial:
        for file in sorted(path.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        path.rmdir()
    return whole


@pytest.mark.parametrize("model", ["ridge", "mlp"])
def test_a_killed_run_is_whole_or_absent(tmp_path, model):
    choices = [*small_overrides(tmp_path), f"model={model}", "trainer.max_epochs=3"]
    runner = Runner(choices)
    try:
        whole = check(tmp_path, set())
        seconds, ended = runner.run([*choices, "dataset.source.seed=1"])
        assert ended == 0
        whole = check(tmp_path, whole)
        assert len(whole) == 2
        moments = random.Random(f"kill {model}")
        killed = 0
        for k in range(KILLS // 2):
            # Spread from the start to a while after the end, at a random place of each part.
            moment = seconds * 1.3 * (k + moments.random()) / (KILLS // 2)
            # Other bars each time, so that the snapshot is being written as well.
            overrides = [*choices, f"dataset.source.seed={10 + k}"]
            _, ended = runner.run(overrides, kill_after=moment)
            killed += ended == signal.SIGKILL
            whole = check(tmp_path, whole)
        assert killed > 0
        _, ended = runner.run([*choices, "dataset.source.seed=99"])
        assert ended == 0
        assert len(check(tmp_path, whole)) == len(whole) + 1
    finally:
        runner.close()
