"""A search trains its choice in one run, however often it is stopped, and says from how many."""

import shutil
import sqlite3
from pathlib import Path

import marketlab
import pytest
from marketlab.experiments import attempt
from marketlab.experiments.ledger import LEDGER, Opened
from marketlab.experiments.sweep.refit import REFIT

SPACE = "model.alpha=range(1,5)"


class Killed(BaseException):
    """In the place of a signal that no process outlives."""


def die(*arguments, **more):
    raise Killed


@pytest.fixture
def rows(tmp_path):
    def call():
        connection = sqlite3.connect(tmp_path / "outputs" / LEDGER)
        found = connection.execute("SELECT run, trials FROM openings ORDER BY id").fetchall()
        connection.close()
        return found

    return call


@pytest.mark.parametrize("moment", ["fit_folds", "record_opening", "write_report", "seal"])
def test_a_refit_that_is_killed_goes_on_under_its_id_and_opens_the_test_part_once(
    search, study, rows, monkeypatch, moment
):
    with monkeypatch.context() as broken:
        broken.setattr(attempt, moment, die)
        with pytest.raises(Killed):
            search(SPACE, trials=2, refit="true")
    begun = Path(study().user_attrs[REFIT]["run"])
    assert not begun.exists()
    assert begun.with_name(f".partial-{begun.name}").is_dir()
    found = search(SPACE, trials=2, refit="true")
    assert found.path == begun
    assert [path.name for path in begun.parent.iterdir()] == [begun.name]
    assert found.run.opened == Opened(0, 0, 2)
    assert found.run.manifest["resumed"]
    assert rows() == [(begun.name, 2)]


def test_killed_between_its_name_and_the_study_it_is_adopted(search, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(attempt, "Run", die)
        with pytest.raises(Killed):
            search(SPACE, trials=1, refit="true")
    found = search(SPACE, trials=1, refit="true")
    assert found.run is None
    assert [path.name for path in found.path.parent.iterdir()] == [found.path.name]


def test_what_was_removed_or_is_of_another_recipe_is_trained_under_the_same_id(
    search, rows, monkeypatch
):
    first = search(SPACE, trials=1, refit="true")
    shutil.rmtree(first.path)
    with monkeypatch.context() as broken:
        broken.setattr(attempt, "seal", die)
        with pytest.raises(Killed):
            search(SPACE, trials=1, refit="true")
    found = search(SPACE, "refit=true", trials=1, refit="true")
    assert found.path == first.path
    assert "resumed" not in found.run.manifest
    assert found.run.manifest["predict_with"] == "final"
    assert rows() == [(first.path.name, 1)]


def test_more_trials_with_the_same_choice_raise_its_number(search, rows):
    alike = "seed=range(0,5)"  # a ridge has no use for a seed, and the first of equals is chosen
    one = search(alike, trials=1, refit="true")
    assert one.run.opened.trials == 1
    assert search(alike, trials=1, refit="true").grown is None
    more = search(alike, trials=3, refit="true")
    assert (more.path, more.run, more.grown) == (one.path, None, Opened(0, 0, 3))
    assert rows() == [(one.path.name, 3)]
    # The page was sealed before, so that this is said whenever the search is looked at.
    assert search(alike, trials=3, refit="true").grown == Opened(0, 0, 3)


def test_a_search_that_trains_nothing_is_counted_by_the_run_that_is_trained_by_hand(search, rows):
    found = search(SPACE, trials=2)
    run = marketlab.train(found.words, quiet=True)
    assert run.opened == Opened(0, 0, 1, 2)
    assert "searches tried 2 recipes" in run.report.read_text()
    late = search(SPACE, trials=2, refit="true")
    assert late.run.opened == Opened(1, 1, 2, 0)
    assert rows() == [(run.path.name, 1), (late.path.name, 2)]
