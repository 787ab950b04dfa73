"""Asking for many things: how many at once, how often again, and what ends it."""

import threading
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from marketlab.data.sources import asking
from marketlab.data.sources.asking import RefusedError, UnavailableError, ask_all
from marketlab.data.sources.source import Fetching
from tenacity import wait_fixed, wait_none


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "BACKOFF", wait_none())


def answers_of(names: list[str], ask: Callable[[str], int], how: Fetching) -> dict[str, str]:
    answers: dict[str, str] = {}

    def answered(name: str, answer: int | UnavailableError | RefusedError) -> None:
        answers[name] = str(answer)

    ask_all(names, ask, answered, how)
    return answers


def test_answers_refusals_and_last_failures_are_handed_over() -> None:
    tries: list[str] = []

    def ask(name: str) -> int:
        tries.append(name)
        if name == "no":
            raise RefusedError("never")
        if name == "later" or tries.count(name) < 3:
            raise UnavailableError("not now")
        return len(name)

    how = Fetching(retries=2, pause=0)
    assert answers_of(["yes", "no", "later"], ask, how) == {
        "yes": "3",
        "no": "never",
        "later": "not now",
    }
    assert [tries.count(name) for name in ("yes", "no", "later")] == [3, 1, 3]


def test_an_error_of_another_kind_is_raised_where_it_was_asked_for() -> None:
    def ask(name: str) -> int:
        raise ZeroDivisionError(name)

    with pytest.raises(ZeroDivisionError):
        answers_of(["a", "b"], ask, Fetching())


def test_a_worker_pauses_between_its_requests() -> None:
    started: list[float] = []

    def ask(name: str) -> int:
        started.append(time.monotonic())
        return 0

    answers_of(["a", "b", "c"], ask, Fetching(requests=1, pause=0.1))
    assert min(b - a for a, b in pairwise(started)) >= 0.1


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    answers_of([str(i) for i in range(20)], len, Fetching(pause=0))
    assert threading.active_count() == before


def test_nobody_asked_is_nothing_answered() -> None:
    assert answers_of([], len, Fetching()) == {}


def test_a_wait_before_another_try_is_told_where_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "BACKOFF", wait_fixed(0.01))
    told: list[tuple[str, int, int]] = []
    asker = threading.current_thread()

    def progress(text: str, done: int, total: int) -> None:
        assert threading.current_thread() is asker
        told.append((text, done, total))

    def ask(name: str) -> int:
        if name == "b" and not any(text.startswith("b") for text, _, _ in told):
            raise UnavailableError("not now")
        if name == "c":
            raise asking.RateLimitError
        return 0

    answers_of(["a", "b", "c"], ask, Fetching(requests=1, pause=0, retries=1, progress=progress))
    assert ("b: no answer, try 2 of 2 in 0 s", 1, 3) in told
    assert ("c: rate limit, try 2 of 2 in 0 s", 2, 3) in told
    assert len(told) == 2
