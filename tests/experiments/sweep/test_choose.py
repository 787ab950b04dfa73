"""The choice among trials."""

import pytest
from marketlab.experiments.configs import compose_config, resolved
from marketlab.experiments.sweep.choose import chosen, front, ranked
from marketlab.experiments.sweep.settings import read_settings
from optuna.trial import TrialState, create_trial


def settings(*words):
    return read_settings(resolved(compose_config("train", ["sweep=default", *words])[0])["sweep"])


def trials(*rows):
    made = []
    for number, (loss, error, size) in enumerate(rows):
        attributes = {"valid_loss": loss, "error": error, "size": size}
        trial = create_trial(value=loss, user_attrs=attributes)
        trial.number = number
        made.append(trial)
    return made


def test_the_best_is_the_lowest_and_the_older_of_equals():
    rows = trials((2.0, 0.1, 1), (1.0, 0.1, 9), (1.0, 0.1, 1))
    assert chosen(rows, settings()).number == 1
    assert [t.number for t in ranked(rows, settings("sweep.direction=maximize"))] == [0, 1, 2]


def test_one_standard_error_takes_the_smallest_that_is_as_good():
    rows = trials((1.0, 0.2, 900), (1.15, 9.0, 100), (1.1, 0.2, 100), (1.3, 0.2, 1))
    assert chosen(rows, settings("sweep.select=one_standard_error")).number == 2
    assert chosen(rows, settings()).number == 0


def test_without_a_finished_trial_there_is_no_choice():
    with pytest.raises(ValueError, match="no trial"):
        chosen([create_trial(state=TrialState.FAIL)], settings())


def test_the_front_holds_what_nothing_beats():
    goals = settings("sweep.objectives={valid_loss: minimize, size: maximize}")
    made = [create_trial(values=values) for values in ([1, 1], [2, 2], [2, 1], [1, 1])]
    for number, trial in enumerate(made):
        trial.number = number
    assert front(made, goals) == {0, 1, 3}
