"""The queue of trials that all processes of a study share: the study in; the next trial to run out.

Whoever runs a trial holds a lock named after it, which the operating system frees when its process
dies. A trial under way whose lock is free has lost its process: it is recorded as interrupted and
put back with its own parameters. Counting, taking back and asking happen under the study's lock, so
that the total is exact and no two processes run the same trial.
"""

from __future__ import annotations

import socket
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from ...errors import ConfigError
from .pruning import WithinFold
from .sampling import Unseen, exhausted, new_sampler
from .settings import Settings
from .space import Space

POLL = 0.2
"""Seconds between looks at trials that other processes run."""
INTERRUPTED, AGAIN, ATTEMPT, REASON, HOST = "interrupted", "again", "attempt", "reason", "host"


class Queue:
    """Trials of one study.

    Parameters
    ----------
    storage : BaseStorage
    name : str
        Of the study, which exists.
    settings : Settings
    space : Space
    seed : int
        The recipe's.
    locks : Path
        Folder of the lock files.
    """

    def __init__(
        self,
        storage: BaseStorage,
        name: str,
        settings: Settings,
        space: Space,
        seed: int,
        locks: Path,
    ) -> None:
        locks.mkdir(parents=True, exist_ok=True)
        self.study = optuna.load_study(
            study_name=name, storage=storage, pruner=WithinFold(settings.pruner)
        )
        self.settings, self.space = settings, space
        self._storage, self._seed, self._locks = storage, seed, locks
        self._lock = FileLock(locks / "study.lock")
        self._held: dict[int, FileLock] = {}
        # Processes of other machines do not see these locks, unless they share the folder with us.
        self._local = settings.storage is None or settings.storage.startswith("sqlite")

    def trials(self) -> list[FrozenTrial]:
        """Return what counts: every trial but those that were put back."""
        return [t for t in self.study.get_trials(deepcopy=False) if counts(t)]

    def next(self) -> Trial | None:
        """Return a trial to run, its parameters set, or None where nothing is left to do.

        Waits for trials that other processes run: one of them may die and leave its trial to us.
        """
        while True:
            deadline = self.settings.deadline
            if deadline is not None and time.time() > deadline:
                return None
            with self._lock:
                self._take_back()
                trials = self.trials()
                begun = [t for t in trials if t.state != TrialState.WAITING]
                seen = {p for t in trials if (p := self.space.point(_params(t))) is not None}
                waiting = len(begun) < len(trials)
                room = len(begun) < self.settings.trials
                if room and (waiting or not exhausted(self.space, seen)):
                    return self._ask(len(trials), seen)
                running = [t for t in begun if t.state == TrialState.RUNNING and self._is_ours(t)]
            if not running:
                return None
            time.sleep(POLL)

    def _ask(self, number: int, seen: set[tuple[Any, ...]]) -> Trial:
        sampler = new_sampler(self.settings.sampler, self.space, self._seed, number)
        self.study.sampler = Unseen(sampler, self.space, seen, self._seed + number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            try:
                trial = self.study.ask(self.space.distributions)
            except (ValueError, RuntimeError, ImportError) as error:
                name = type(sampler).__name__
                reason = str(error).splitlines()[0]
                raise ConfigError(f"sweep.sampler: {name} cannot propose ({reason})") from error
        trial.set_user_attr(HOST, socket.gethostname())
        lock = FileLock(self._path(trial.number))
        lock.acquire()
        self._held[trial.number] = lock
        return trial

    def complete(
        self, trial: Trial, values: Sequence[float], attributes: Mapping[str, Any]
    ) -> None:
        """Tell the study what a trial found."""
        self._finish(trial, TrialState.COMPLETE, values, attributes)

    def prune(self, trial: Trial, reason: str) -> None:
        """Record a trial that was stopped early."""
        self._finish(trial, TrialState.PRUNED, None, {REASON: reason})

    def fail(self, trial: Trial, reason: str) -> None:
        """Record a trial that failed."""
        self._finish(trial, TrialState.FAIL, None, {REASON: reason})

    def put_back(self, trial: Trial) -> None:
        """Give a trial up, to be run again with its own parameters."""
        frozen = self._storage.get_trial(trial._trial_id)
        with self._lock:
            self._again(frozen, int(frozen.user_attrs.get(ATTEMPT, 1)))
        self._release(trial.number)

    def _finish(
        self,
        trial: Trial,
        state: TrialState,
        values: Sequence[float] | None,
        attributes: Mapping[str, Any],
    ) -> None:
        for key, value in attributes.items():
            trial.set_user_attr(key, value)
        self.study.tell(trial, values, state)
        self._release(trial.number)

    def _release(self, number: int) -> None:
        self._held.pop(number).release()
        self._path(number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._locks / f"trial-{number}.lock"

    def _is_ours(self, trial: FrozenTrial) -> bool:
        """Whether this machine can tell if the trial's process lives."""
        return self._local or trial.user_attrs.get(HOST) == socket.gethostname()

    def _alive(self, trial: FrozenTrial) -> bool:
        try:
            with FileLock(self._path(trial.number), timeout=0):
                pass
        except Timeout:
            return True
        # It may have ended between our look at the study and our look at its lock.
        return self._storage.get_trial(trial._trial_id).state != TrialState.RUNNING

    def _take_back(self) -> None:
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.number in self._held or not self._is_ours(trial) or self._alive(trial):
                continue
            attempt = int(trial.user_attrs.get(ATTEMPT, 1))
            if attempt >= self.settings.attempts and self.space.point(trial.params) is not None:
                times = f"{attempt} times" if attempt > 1 else "once"
                self._set(trial, REASON, f"its process died {times}: killed, or out of memory")
                self.study.tell(trial.number, state=TrialState.FAIL)
            else:
                self._again(trial, attempt + 1)
            self._path(trial.number).unlink(missing_ok=True)

    def _again(self, trial: FrozenTrial, attempt: int) -> None:
        """Queue the parameters once more; in an order that loses nothing if we are killed here."""
        there = self.study.get_trials(deepcopy=False)
        queued = any(t.user_attrs.get(AGAIN) == trial.number for t in there)
        # Killed while its parameters were being drawn, a trial had not begun.
        if self.space.point(trial.params) is not None and not queued:
            self.study.enqueue_trial(trial.params, {AGAIN: trial.number, ATTEMPT: attempt})
        self._set(trial, INTERRUPTED, True)
        self.study.tell(trial.number, state=TrialState.FAIL)

    def _set(self, trial: FrozenTrial, key: str, value: Any) -> None:
        self._storage.set_trial_user_attr(trial._trial_id, key, value)

    @contextmanager
    def alone(self, what: str) -> Iterator[bool]:
        """Do something that only one process of the study may do; False where another does it."""
        lock = FileLock(self._locks / f"{what}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()


def counts(trial: FrozenTrial) -> bool:
    """Whether a trial belongs to the total: one that was put back is counted when it runs again."""
    return not trial.user_attrs.get(INTERRUPTED)


def _params(trial: FrozenTrial) -> dict[str, Any]:
    """Return a trial's parameters, also while it waits to be run again."""
    waiting = trial.system_attrs.get("fixed_params", {})
    return {**waiting, **trial.params}
