"""The queue: whoever dies, the total is exact and no trial is lost or run twice."""

import contextlib
import multiprocessing
import os
import signal
import time

import pytest
from filelock import FileLock
from marketlab.experiments.configs import compose_config, resolved
from marketlab.experiments.sweep.plan import Plan
from marketlab.experiments.sweep.study import open_queue
from optuna.trial import TrialState


@pytest.fixture
def plan(moody):
    def make(*settings, space="range(0,50)"):
        words = ["sweep=default", *(f"sweep.{word}" for word in settings)]
        node = resolved(compose_config("train", words)[0])["sweep"]
        compose = lambda words: compose_config("train", words)  # noqa: E731
        return Plan.of(moody, node, compose, {"seed": space})

    return make


def dead(queue):
    """Begin a trial and lose its process, as the lock shows it."""
    trial = queue.next()
    queue._held.pop(trial.number).release()
    return trial


def finished(queue):
    return [t for t in queue.trials() if t.state.is_finished()]


def test_a_trial_whose_process_died_runs_again_with_its_own_parameters(plan):
    queue = open_queue(plan("trials=3"))
    lost = dead(queue)
    again = open_queue(plan("trials=3"))
    trial = again.next()
    assert trial.params == lost.params
    again.complete(trial, [1.0], {})
    for _ in range(2):
        again.complete(again.next(), [1.0], {})
    assert again.next() is None
    assert len(finished(again)) == 3
    assert len({t.params["seed"] for t in finished(again)}) == 3


def test_a_trial_that_another_process_runs_is_left_alone(plan):
    first, second = open_queue(plan("trials=2")), open_queue(plan("trials=2"))
    running, other = first.next(), second.next()
    assert running.params != other.params
    first.complete(running, [1.0], {})
    second.complete(other, [1.0], {})
    assert first.next() is None
    assert len(finished(second)) == 2


def test_a_trial_whose_process_dies_each_time_has_failed(plan):
    queue = open_queue(plan("trials=2", "attempts=2"))
    assert dead(queue).params == dead(queue).params
    trial = queue.next()
    queue.complete(trial, [1.0], {})
    assert queue.next() is None
    reasons = [t.user_attrs.get("reason") for t in finished(queue)]
    assert sorted(map(str, reasons)) == [
        "None",
        "its process died 2 times: killed, or out of memory",
    ]


def test_a_trial_that_is_put_back_does_not_count_as_an_attempt(plan):
    queue = open_queue(plan("trials=1", "attempts=1"))
    for _ in range(3):
        queue.put_back(queue.next())
    queue.complete(queue.next(), [1.0], {})
    assert [t.state for t in queue.trials()] == [TrialState.COMPLETE]


def test_a_process_killed_while_it_takes_a_trial_back_loses_nothing(plan, monkeypatch):
    queue = open_queue(plan("trials=2"))
    lost = dead(queue)

    def die(*arguments, **more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(queue, "_set", die)  # queued again, but not yet recorded as interrupted
        with pytest.raises(KeyboardInterrupt):
            queue.next()
    again = open_queue(plan("trials=2"))
    trials = [again.next(), again.next()]
    assert trials[0].params == lost.params
    assert trials[1].params != lost.params
    for trial in trials:
        again.complete(trial, [1.0], {})
    assert again.next() is None
    assert len(finished(again)) == 2


def test_fewer_trials_than_there_are_end_at_once(plan):
    queue = open_queue(plan("trials=2"))
    for _ in range(2):
        queue.complete(queue.next(), [1.0], {})
    assert open_queue(plan("trials=1")).next() is None


def take(plan, kill_at):
    queue = open_queue(plan)
    done = 0
    while (trial := queue.next()) is not None:
        if done == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.02)
        queue.complete(trial, [float(trial.params["seed"])], {})
        done += 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("storage", ["null", "sqlite"])
def test_processes_share_a_study_and_take_over_from_one_that_dies(plan, tmp_path, storage):
    url = "null" if storage == "null" else f"sqlite:///{tmp_path}/sweep.db"
    shared = plan("trials=30", f"storage={url}", space="range(0,20)")
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=take, args=(shared, kill)) for kill in (0, -1, -1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=120)
    assert sorted(worker.exitcode for worker in workers) == [-signal.SIGKILL, 0, 0]
    trials = finished(open_queue(shared))
    assert sorted(t.params["seed"] for t in trials) == list(range(20))
    assert all(t.state == TrialState.COMPLETE for t in trials)


def test_only_one_process_does_what_is_done_once(plan):
    queue = open_queue(plan())
    with queue.alone("refit") as mine:
        assert mine
        other = FileLock(queue._locks / "refit.lock", timeout=0)
        with contextlib.suppress(TimeoutError), pytest.raises(TimeoutError):
            other.acquire()
        with open_queue(plan()).alone("refit") as theirs:
            assert not theirs
