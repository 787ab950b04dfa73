"""One bar while a person watches; one line, or none, where nobody does."""

import pytest
from marketlab.experiments.step_progress import StepProgress


def work(**how):
    with StepProgress("fetching [x]", **how) as progress:
        progress.step("A", 1, 2)
        progress.step("[B]", 2, 2)


def test_one_line_at_the_end_where_stderr_is_no_terminal(capsys):
    work(noun="symbols")
    assert capsys.readouterr() == ("", "fetching [x]: 2 of 2 symbols\n")


@pytest.mark.parametrize("how", [{}, {"noun": "symbols", "quiet": True}])
def test_nothing_without_a_noun_or_when_quiet(capsys, how):
    work(**how)
    assert capsys.readouterr() == ("", "")


def test_work_without_steps_says_nothing(capsys):
    with StepProgress("fetching", "symbols"):
        pass
    assert capsys.readouterr() == ("", "")


def test_work_that_failed_does_not_say_that_it_ended(capsys):
    def fails():
        with StepProgress("fetching", "symbols") as progress:
            progress.step("A", 1, 2)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fails()
    assert capsys.readouterr() == ("", "")


def test_a_terminal_sees_the_text_and_is_left_as_it_was(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes stderr for a terminal
    monkeypatch.setenv("TERM", "xterm")
    work(noun="symbols")
    out, err = capsys.readouterr()
    assert out == ""
    assert "fetching [x]" in err
    assert "[B]" in err
    assert err.rfind("\x1b[?25h") > err.rfind("\x1b[?25l")  # the cursor is shown again


def test_a_terminal_sees_none_of_so_many_before_the_first_step(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    for total in (None, 25):
        with StepProgress("fetching", "symbols", total=total):
            pass
        assert ("0/25" in capsys.readouterr().err) == (total == 25)
