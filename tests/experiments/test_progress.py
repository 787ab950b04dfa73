"""Progress goes to stderr: a line a fold where nobody watches, nothing where it is to be quiet."""

from marketlab.experiments.progress import RunProgress


def show(quiet):
    with RunProgress(2, quiet=quiet) as progress:
        progress.step("epoch 1/2  train 0.5", 1, 2)
        progress.fold_done("fold 1/2: fitted in 0.1 s [not markup]")
        progress.step("epoch 1/2  train 0.4", 1, 2)
        progress.fold_done("fold 2/2: fitted in 0.1 s")


def test_a_line_a_fold_where_stderr_is_no_terminal(capsys):
    show(quiet=False)
    out, err = capsys.readouterr()
    assert out == ""
    assert [line for line in err.splitlines() if line.strip()] == [
        "fold 1/2: fitted in 0.1 s [not markup]",
        "fold 2/2: fitted in 0.1 s",
    ]


def test_quiet_shows_nothing(capsys):
    show(quiet=True)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_is_left_as_it_was(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes stderr for a terminal
    monkeypatch.setenv("TERM", "xterm")
    show(quiet=False)
    err = capsys.readouterr().err
    assert "fold 2/2" in err
    assert err.rfind("\x1b[?25h") > err.rfind("\x1b[?25l")  # the cursor is shown again
