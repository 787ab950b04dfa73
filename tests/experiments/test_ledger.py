"""The ledger counts every opening of a test period once, and nothing that is wrong stops a run."""

import logging
import multiprocessing
import sqlite3
from dataclasses import replace

import marketlab
import pytest
from marketlab.experiments import ledger
from marketlab.experiments.ledger import (
    LEDGER,
    Opened,
    Opening,
    Search,
    openings,
    raise_trials,
    record_opening,
    record_search,
    trials_of,
)

FIRST = Opening(
    run="20260101-000000-ridge-0000",
    name="small",
    model="ridge",
    dataset="us",
    snapshot="0" * 64,
    labels={"ret@1": "lead(close, 1) / close - 1"},
    first="2020-01-01T21:00:00+00:00",
    last="2020-12-31T21:00:00+00:00",
    created="2026-01-01T00:00:00+00:00",
)


def other(run, **changes):
    return replace(FIRST, run=run, **changes)


def rows(folder):
    with sqlite3.connect(folder / LEDGER) as connection:
        found = connection.execute("SELECT run, trials FROM openings ORDER BY id").fetchall()
    connection.close()
    return found


def test_openings_and_their_trials_are_counted(tmp_path):
    assert record_opening(tmp_path, FIRST) == Opened(0, 0, 1)
    assert record_opening(tmp_path, other("b", trials=56)) == Opened(1, 1, 56)
    assert record_opening(tmp_path, other("c")) == Opened(2, 57, 1)
    assert record_opening(tmp_path, other("d")).as_dict() == {
        "opened_before": 3, "trials_before": 58, "trials": 1, "searched_before": 0,
    }  # fmt: skip
    assert len(rows(tmp_path)) == 4


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ({"dataset": "others"}, False),
        ({"labels": {"ret@1": "lead(close, 5) / close - 1"}}, False),
        ({"labels": {"renamed@1": "lead(close, 1) / close - 1", "x@1": "x"}}, True),
        ({"first": "2021-01-01T21:00:00+00:00", "last": "2021-12-31T21:00:00+00:00"}, False),
        ({"first": "2019-01-01T21:00:00+00:00", "last": "2020-01-01T21:00:00+00:00"}, True),
        ({"first": "2020-12-31T21:00:00+00:00", "last": "2022-01-01T21:00:00+00:00"}, True),
        ({"snapshot": "1" * 64, "model": "har", "name": "large"}, True),
    ],
)
def test_the_same_period_dataset_and_target_count(tmp_path, changes, counted):
    record_opening(tmp_path, FIRST)
    assert record_opening(tmp_path, other("b", **changes)).times == counted


def test_a_resumed_run_counts_once_and_sees_what_it_saw(tmp_path):
    record_opening(tmp_path, FIRST)
    assert record_opening(tmp_path, other("b")).times == 1
    record_opening(tmp_path, other("c"))
    assert record_opening(tmp_path, other("b")).times == 1
    assert [run for run, _ in rows(tmp_path)] == [FIRST.run, "b", "c"]


def test_a_repeat_is_noted_and_chooses_nothing(tmp_path):
    record_opening(tmp_path, other("b", trials=0, parent="a"))
    assert record_opening(tmp_path, FIRST) == Opened(0, 0, 1)
    assert rows(tmp_path) == [("b", 0), (FIRST.run, 1)]
    assert trials_of({}) == 1
    assert trials_of({"sweep": {"study": "s", "trials": 50}}) == 50
    assert trials_of({"parent": {"run": "a", "changes": []}}) == 0
    assert trials_of({"parent": {"run": "a", "changes": ["seed=1"]}}) == 1


def test_the_trials_of_a_manifest_that_cannot_be_count_as_none():
    for trials in (0, -3, 2**70, True, "9", None):
        assert trials_of({"sweep": {"trials": trials}}) == 1
    repeated = {"sweep": {"trials": 9}, "parent": {"run": "a", "changes": []}}
    assert trials_of(repeated) == 0
    assert trials_of({**repeated, "parent": {"run": "a", "changes": ["seed=1"]}}) == 9


def test_a_row_grows_with_its_search_and_never_shrinks(tmp_path, caplog):
    raise_trials(tmp_path, FIRST.run, 3)
    assert not list(tmp_path.iterdir())
    record_opening(tmp_path, other("a", trials=2))
    record_opening(tmp_path, other("b"))
    raise_trials(tmp_path, "a", 5)
    raise_trials(tmp_path, "a", 4)
    raise_trials(tmp_path, "nobody", 9)
    assert rows(tmp_path) == [("a", 5), ("b", 1)]
    record_opening(tmp_path, other("a", trials=7))
    record_opening(tmp_path, other("a", trials=6))
    assert rows(tmp_path) == [("a", 7), ("b", 1)]
    (tmp_path / LEDGER).write_bytes(b"no database at all" * 500)
    raise_trials(tmp_path, "a", 8)
    assert "chosen from 8 trials" in warned(caplog)


def test_a_search_counts_until_an_opening_names_it(tmp_path):
    study = Search("s", "us", FIRST.labels, FIRST.created, 12)
    record_search(tmp_path, study)
    assert openings(tmp_path, FIRST) == Opened(0, 0, 1, 12)
    record_search(tmp_path, replace(study, trials=20))
    record_search(tmp_path, replace(study, trials=15))
    record_search(tmp_path, replace(study, study="other data", dataset="eu"))
    record_search(tmp_path, replace(study, study="other target", labels={"x@1": "x"}))
    record_search(tmp_path, replace(study, study="later", created="2026-01-02T00:00:00+00:00"))
    assert record_opening(tmp_path, FIRST) == Opened(0, 0, 1, 20)
    record_search(tmp_path, replace(study, trials=20, run="b"))
    assert record_opening(tmp_path, other("b", trials=20)) == Opened(1, 1, 20, 0)
    assert record_opening(tmp_path, other("c")) == Opened(2, 21, 1, 0)
    record_search(tmp_path, replace(study, trials=26))
    assert record_opening(tmp_path, other("d")) == Opened(3, 22, 1, 6)


def test_a_search_that_cannot_be_written_warns(tmp_path, caplog):
    (tmp_path / LEDGER).mkdir()
    record_search(tmp_path, Search("s", "us", FIRST.labels, FIRST.created, 12))
    assert "the 12 trials of s are not counted" in warned(caplog)


def test_counting_alone_writes_nothing(tmp_path):
    assert openings(tmp_path, FIRST) == Opened(0, 0, 1)
    assert not list(tmp_path.iterdir())
    record_opening(tmp_path, FIRST)
    assert openings(tmp_path, other("")) == Opened(1, 1, 1)
    assert len(rows(tmp_path)) == 1


def many(folder, who):
    for k in range(10):
        assert record_opening(folder, other(f"{who}-{k}")) is not None


def test_several_processes_write_at_once_and_lose_nothing(tmp_path):
    start = multiprocessing.get_context("spawn")
    workers = [start.Process(target=many, args=(tmp_path, who)) for who in range(3)]
    for worker in workers:
        worker.start()
    many(tmp_path, "mine")
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert len(rows(tmp_path)) == 40


def warned(caplog):
    (record,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert "\n" not in record.getMessage()
    return record.getMessage()


def test_a_damaged_ledger_warns_in_one_line_and_stays(tmp_path, caplog):
    record_opening(tmp_path, FIRST)
    path = tmp_path / LEDGER
    path.write_bytes(b"no database at all" * 500)
    before = path.read_bytes()
    assert record_opening(tmp_path, other("b")) is None
    assert "ledger.sqlite cannot be used" in warned(caplog)
    assert path.read_bytes() == before


def test_a_folder_in_its_place_warns(tmp_path, caplog):
    (tmp_path / LEDGER).mkdir()
    assert record_opening(tmp_path, FIRST) is None
    assert "not counted" in warned(caplog)


def test_a_ledger_that_another_holds_is_waited_for_and_then_given_up(tmp_path, caplog, monkeypatch):
    record_opening(tmp_path, FIRST)
    monkeypatch.setattr(ledger, "WAIT", 0.05)
    holder = sqlite3.connect(tmp_path / LEDGER, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert record_opening(tmp_path, other("b")) is None
    assert "locked" in warned(caplog)
    holder.execute("COMMIT")
    holder.close()
    assert record_opening(tmp_path, other("b")) == Opened(1, 1, 1)


def test_a_row_of_somebody_else_is_passed_over(tmp_path):
    record_opening(tmp_path, FIRST)
    with sqlite3.connect(tmp_path / LEDGER) as connection:
        connection.execute("UPDATE openings SET labels = 'nonsense'")
    connection.close()
    assert record_opening(tmp_path, other("b")) == Opened(0, 0, 1)


def test_a_run_writes_its_row_before_it_looks_and_says_who_looked(small, tmp_path, caplog):
    words = [*small, "model=ridge", "target=next_return"]
    first = marketlab.train(words, quiet=True)
    assert first.opened == Opened(0, 0, 1)
    assert "was not opened before" in first.report.read_text()
    second = marketlab.train([*words, "seed=1"], quiet=True)
    assert second.opened == Opened(1, 1, 1)
    assert "opened 1 time before, by 1 trial:" in second.report.read_text()
    assert rows(tmp_path / "outputs") == [(first.path.name, 1), (second.path.name, 1)]
    (tmp_path / "outputs" / LEDGER).write_bytes(b"gone" * 999)
    third = marketlab.train(words, quiet=True)
    assert third.opened is None
    assert "opened" not in third.report.read_text().partition("</section>")[0]
    assert "cannot be used" in warned(caplog)
