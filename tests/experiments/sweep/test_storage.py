"""A journal survives half a line; a storage that cannot be opened is refused in one line."""

from pathlib import Path

import optuna
import pytest
from marketlab.errors import ConfigError
from marketlab.experiments.sweep.storage import database_file, hidden, lock_folder, open_storage


def test_half_a_line_is_cut_off_before_the_next_is_written(tmp_path):
    study = optuna.create_study(storage=open_storage(None, tmp_path), study_name="s")
    study.add_trial(optuna.trial.create_trial(value=1.0))
    journal = tmp_path / "journal.log"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code":4,"worker_id":"x","stu')
    again = optuna.load_study(study_name="s", storage=open_storage(None, tmp_path))
    again.add_trial(optuna.trial.create_trial(value=2.0))
    assert journal.read_bytes().startswith(whole)
    read = optuna.load_study(study_name="s", storage=open_storage(None, tmp_path))
    assert [trial.value for trial in read.trials] == [1.0, 2.0]


def test_a_file_that_is_no_journal(tmp_path):
    (tmp_path / "journal.log").write_text("hello\nworld\n")
    with pytest.raises(ConfigError, match="not a journal") as caught:
        open_storage(None, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["nonsense://x", "sqlite:////nowhere/at/all.db", "postgresql://u:secret@nowhere/x"]
)
def test_a_database_that_cannot_be_opened(tmp_path, url):
    with pytest.raises(ConfigError, match=r"sweep\.storage=") as caught:
        open_storage(url, tmp_path)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_password_is_hidden():
    assert hidden("mysql://me:pw@host/x") == "mysql://me:***@host/x"
    assert hidden("sqlite:///a.db") == "sqlite:///a.db"


def test_locks_lie_beside_what_is_shared(tmp_path):
    folder = tmp_path / "study"
    assert lock_folder(None, folder) == folder / "locks"
    assert lock_folder("postgresql://host/x", folder) == folder / "locks"
    url = f"sqlite:///{tmp_path}/a.db"
    assert lock_folder(url, folder) == tmp_path / "a.db.locks/study"
    assert database_file("sqlite:///a.db") == Path("a.db")
    assert database_file("sqlite:///:memory:") is None
