"""Asking a server for many things: several at once, with pauses, and again after a failure.

Names and a question flow in; each answer flows out as it comes, in the thread that asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from .source import Fetching

T = TypeVar("T")

BACKOFF = wait_exponential_jitter(initial=1, max=60, jitter=1)
"""Seconds before each further try: 1, 2, 4, 8, 16, each with up to one more at random."""


class UnavailableError(Exception):
    """The server did not answer as it should, and may do so when it is asked again."""


class UnreachableError(UnavailableError):
    """There is no way to the server, whatever it is asked for."""


class RateLimitError(UnavailableError):
    """The server wants fewer questions."""


class RefusedError(Exception):
    """The server answered that it will not or cannot; asking again is in vain."""


class _StoppedError(Exception):
    """The asker has gone."""


class _Waiting(str):
    """What a worker waits for, in place of an answer."""


class _Gate:
    """What the workers share: the end, and the instant before which nobody may ask."""

    def __init__(self) -> None:
        self.ended = Event()
        self._lock = Lock()
        self._opens = 0.0

    def sleep(self, seconds: float) -> None:
        if self.ended.wait(seconds):
            raise _StoppedError

    def pass_through(self) -> None:
        while (left := self._opens - time.monotonic()) > 0:
            self.sleep(left)
        self.sleep(0)

    def close_for_all(self, state: RetryCallState) -> None:
        """Let a rate limit that one worker has met hold back all of them."""
        if state.outcome is None or not isinstance(state.outcome.exception(), RateLimitError):
            return
        with self._lock:
            self._opens = max(self._opens, time.monotonic() + state.upcoming_sleep)


def ask_all(
    names: Sequence[str],
    ask: Callable[[str], T],
    answered: Callable[[str, T | UnavailableError | RefusedError], None],
    how: Fetching,
) -> None:
    """Ask for each name, and hand over what came of it.

    Parameters
    ----------
    names : sequence of str
    ask : name -> answer
        Called in threads. Raises UnavailableError for what is worth another try, else RefusedError.
    answered : (name, answer or the last exception) -> None
        Called in this thread, in the order of the answers. Whatever it raises ends the asking, as
        Ctrl-C does; requests under way are then left to themselves.
    how : Fetching
        Its progress is also told, in this thread, of each wait before another try.
    """
    gate = _Gate()
    waiting: SimpleQueue[str] = SimpleQueue()
    answers: SimpleQueue[tuple[str, T | BaseException | _Waiting]] = SimpleQueue()
    for name in names:
        waiting.put(name)

    def work() -> None:
        try:
            while True:
                name = waiting.get_nowait()

                def waits(text: str, name: str = name) -> None:
                    answers.put((name, _Waiting(text)))

                answers.put((name, _patiently(ask, name, gate, how, waits)))
                gate.sleep(how.pause)
        except (Empty, _StoppedError):
            return

    # Not an executor, which would wait for the requests under way before Ctrl-C takes effect.
    workers = [Thread(target=work, daemon=True) for _ in range(min(how.requests, len(names)))]
    for worker in workers:
        worker.start()
    try:
        done = 0
        while done < len(names):
            name, answer = answers.get()
            if isinstance(answer, _Waiting):
                how.progress(f"{name}: {answer}", done, len(names))
                continue
            if isinstance(answer, BaseException) and not isinstance(
                answer, UnavailableError | RefusedError
            ):
                raise answer
            answered(name, answer)
            done += 1
    finally:
        gate.ended.set()
    for worker in workers:
        worker.join()


def _patiently(
    ask: Callable[[str], T], name: str, gate: _Gate, how: Fetching, waits: Callable[[str], None]
) -> T | Exception:
    def once() -> T:
        gate.pass_through()
        return ask(name)

    def before_sleep(state: RetryCallState) -> None:
        gate.close_for_all(state)
        error = None if state.outcome is None else state.outcome.exception()
        what = "rate limit" if isinstance(error, RateLimitError) else "no answer"
        tries = f"try {state.attempt_number + 1} of {how.retries + 1}"
        waits(f"{what}, {tries} in {state.upcoming_sleep:.0f} s")

    retrying = Retrying(
        stop=stop_after_attempt(how.retries + 1),
        wait=BACKOFF,
        retry=retry_if_exception_type(UnavailableError),
        sleep=gate.sleep,
        before_sleep=before_sleep,
        reraise=True,
    )
    try:
        return retrying(once)
    except _StoppedError:
        raise
    except Exception as error:  # raised again, or reported, in the thread that asked
        return error
