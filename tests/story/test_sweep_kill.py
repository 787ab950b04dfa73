"""A search that is killed at any moment goes on where it was, and ends as if it had not been."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from marketlab.errors import MarketlabError
from marketlab.experiments.run import Run
from marketlab.experiments.sweep.storage import open_storage
from optuna.trial import TrialState

from small_runs import small_overrides

ROOT = Path(__file__).parents[2]
TRIALS = 12
# Imports everything and searches once, then forks a child for each line that it reads: a process of
# its own for each search, without the seconds that its start would take.
HELPER = """
import json, os, sys, threading
from marketlab.experiments.sweep.search import sweep
sweep(json.loads(sys.stdin.readline()), quiet=True)
assert threading.active_count() == 1
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            sweep(json.loads(line), quiet=True)
            status = 0
        finally:
            os._exit(status)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "tests"), "OMP_NUM_THREADS": "1"}
ENVIRONMENT |= {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]


def words(folder, *more):
    return [
        *small_overrides(folder), "model=ridge", "~model.estimator", "~model.search",
        "~model.window", "target=next_return", "model._target_=sweep_models.Moody",
        "+model.mood=fine", "+model.alpha=1", "+model.seconds=0.1",
        "~features.expressions.rsi_14", f"sweep.trials={TRIALS}", "sweep.name=s", *more,
    ]  # fmt: skip


ALPHA = "model.alpha=tag(log,interval(0.1,1e4))"


class Helper:
    """Runs searches in forks of one process."""

    def __init__(self, warm_up):
        self.process = subprocess.Popen(
            [sys.executable, "-c", HELPER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT,
        )  # fmt: skip
        self.send(warm_up)
        assert self.process.stdout.readline().strip() == "ready"

    def send(self, overrides):
        self.process.stdin.write(json.dumps(overrides) + "\n")
        self.process.stdin.flush()

    def start(self, overrides):
        self.send(overrides)
        return int(self.process.stdout.readline())

    def end(self):
        return int(self.process.stdout.readline())


@pytest.fixture
def helper(tmp_path):
    helper = Helper(words(tmp_path / "warm", ALPHA, "sweep.trials=1", "sweep.refit=false"))
    yield helper
    helper.process.stdin.close()
    assert helper.process.wait(timeout=60) == 0
    helper.process.stdout.close()


def trials(folder, url=None):
    place = folder / "outputs/sweeps/s"
    if not (place / "journal.log").is_file() and url is None:
        return []
    try:
        study = optuna.load_study(study_name="s", storage=open_storage(url, place))
    except (KeyError, MarketlabError):  # not made yet
        return []
    return [t for t in study.trials if not t.user_attrs.get("interrupted")]


def ended(found):
    return [t for t in found if t.state.is_finished()]


def wait_for(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def check_end(folder, url=None):
    found = trials(folder, url)
    assert [t.state for t in found] == [TrialState.COMPLETE] * TRIALS
    assert len({t.params["model.alpha"] for t in found}) == TRIALS
    return {tuple(t.params.items()): t.values for t in found}


def test_a_search_killed_again_and_again_ends_like_one_that_was_not(tmp_path, helper):
    helper.start(words(tmp_path / "whole", ALPHA, "sweep.refit=false"))
    assert helper.end() == 0
    expected = check_end(tmp_path / "whole")
    killed = tmp_path / "killed"
    moments = random.Random("sweep kill")
    for count in (0, 1, 2, 4, 6, 7, 9, 11):
        child = helper.start(words(killed, ALPHA, "sweep.refit=false"))
        wait_for(lambda count=count: len(ended(trials(killed))) >= count)
        time.sleep(moments.random() * 0.2)  # anywhere within a trial
        before = ended(trials(killed))
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        helper.end()
        after = {t.number: t.values for t in ended(trials(killed))}
        assert all(after[t.number] == t.values for t in before)
    helper.start(words(killed, ALPHA, "sweep.refit=false"))
    assert helper.end() == 0
    assert check_end(killed) == expected


def start(folder, *more):
    return subprocess.Popen(
        [sys.executable, ROOT / "scripts/train.py", "-m", *words(folder, *more)],
        cwd=folder, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_two_processes_at_once_one_of_which_is_killed(tmp_path):
    url = f"sqlite:///{tmp_path}/s.db"
    both = [start(tmp_path, ALPHA, f"sweep.storage={url}") for _ in range(2)]
    wait_for(lambda: len(ended(trials(tmp_path, url))) >= 3)
    both[0].kill()
    both[0].communicate()
    out, err = both[1].communicate(timeout=120)
    assert both[1].returncode == 0, err
    check_end(tmp_path, url)
    # The test part was opened once.
    (run,) = (tmp_path / "outputs/small").glob("[!.]*")
    assert Run.load(run).manifest["sweep"]["trials"] == TRIALS
    assert run.name in out.replace("\n", "")


def test_a_trial_that_kills_its_worker_is_recorded_and_the_search_goes_on(tmp_path):
    """As the operating system kills what takes too much memory."""
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    settings = [
        "hydra/launcher=joblib", "sweep.workers=1", "sweep.attempts=1", "sweep.refit=false",
        "model.alpha=1", "model.mood=choice(fine,die)",
    ]  # fmt: skip
    process = start(tmp_path, *settings)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    reasons = {t.params["model.mood"]: str(t.user_attrs.get("reason")) for t in trials(tmp_path)}
    assert reasons == {
        "fine": "None",
        "die": "its process died once: killed, or out of memory",
    }
    assert "Traceback" not in out + err
