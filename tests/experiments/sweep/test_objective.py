"""A trial's figures are those that an ordinary run of its recipe finds on validation."""

import numpy as np
import pytest
from marketlab.experiments.configs import compose_config
from marketlab.experiments.prepared import prepare
from marketlab.experiments.recipe import Recipe
from marketlab.experiments.sweep import objective as objective_module
from marketlab.experiments.sweep.objective import run_objective
from marketlab.experiments.sweep.pruning import FOLD, Reporter, WithinFold
from optuna.pruners import BasePruner


class Told(Reporter):
    """A reporter that remembers."""

    def __init__(self):
        super().__init__(None)
        self.losses = []

    def fold(self):
        fold = []
        self.losses.append(fold)
        return lambda step, loss: fold.append((step, loss))


def objective(words, told):
    recipe = Recipe.of(*compose_config("train", words))
    return run_objective(recipe, prepare(recipe), told)


@pytest.mark.parametrize("target", ["log_gk_variance", "up", "return_quantiles"])
def test_the_objective_is_a_net_s_validation_loss_at_its_best_epoch(small, target):
    told = Told()
    words = [*small, "model=mlp", f"target={target}", "trainer.max_epochs=3"]
    result = objective(words, told)
    best = min(loss for _, loss in told.losses[0])
    # A forecast's quantiles are sorted, a net's own may still cross.
    assert result.valid_loss == pytest.approx(best, rel=0.03 if "quantiles" in target else 1e-4)
    assert 0 < result.error < result.valid_loss
    assert result.size > 0
    assert result.seconds > 0


def test_boosters_tell_of_every_tenth_round(small):
    told = Told()
    objective([*small, "model=lightgbm", "model.rounds=40"], told)
    steps = [step for step, _ in told.losses[0]]
    assert steps[:2] == [10, 20]
    assert steps == sorted(set(steps))


def test_the_objective_is_the_same_each_time(small):
    words = [*small, "model=mlp", "trainer.max_epochs=2"]
    first, again = (objective(words, Told()) for _ in range(2))
    assert (first.valid_loss, first.error) == (again.valid_loss, again.error)


class Recorder:
    """A trial that remembers what is reported."""

    def __init__(self):
        self.reports = []

    def report(self, value, step):
        self.reports.append((step, value))

    def should_prune(self):
        return False


def test_folds_are_averaged_and_stand_apart():
    trial = Recorder()
    reporter = Reporter(trial)
    for fold in ([(1, 4.0), (2, 2.0), (3, 3.0)], [(1, 6.0)]):
        validated = reporter.fold()
        for step, loss in fold:
            validated(step, loss)
        reporter.fold_done(min(loss for _, loss in fold))
    assert trial.reports == [(1, 4.0), (2, 2.0), (3, 2.0), (FOLD + 1, 4.0)]


def test_a_pruner_sees_only_the_fold_at_hand():
    class Seer(BasePruner):
        def prune(self, study, trial):
            self.seen = trial.intermediate_values
            return True

    from optuna.trial import create_trial

    values = {1: 0.1, 2: 0.2, FOLD + 1: 0.7}
    trial = create_trial(value=1.0, intermediate_values=values)
    seer = Seer()
    assert WithinFold(seer).prune(None, trial)
    assert seer.seen == {FOLD + 1: 0.7}
    assert trial.intermediate_values == values
    assert not WithinFold(seer).prune(None, create_trial(value=1.0))


def test_a_history_written_late_does_not_tell_a_step_twice(tmp_path):
    from marketlab.models.forecaster import FitLog

    told = []
    log = FitLog(tmp_path, validated=lambda step, loss: told.append(step))
    log.validate(10, 1.0)
    for epoch in (9, 10, 11):
        log.record({"epoch": epoch, "train_loss": 1.0, "valid_loss": 1.0})
    assert told == [10, 11]
    assert np.isclose(log.history[0]["valid_loss"], 1.0)


ROLLING = ["split=walk_forward", "split.train=200", "split.valid=60", "split.test=100"]


@pytest.mark.parametrize("split", [ROLLING, ["split=chronological"]])
def test_nothing_of_any_fold_s_test_rows_reaches_a_trial(small, split):
    words = [*small, "dataset.source.rows=800", "model=ridge", *split]
    recipe = Recipe.of(*compose_config("train", words))
    sound, poisoned = prepare(recipe), prepare(recipe)
    tested = np.unique(np.concatenate([fold.test for fold in sound.folds]))
    poisoned.tensor.values.y[tested] = 1000.0
    poisoned.tensor.features[:, tested] = 1000.0
    known = [run_objective(recipe, data, Told()) for data in (sound, poisoned)]
    assert known[0].folds == known[1].folds


def test_recipes_with_other_lookbacks_are_judged_on_the_same_rows(small, monkeypatch):
    judged = []
    whole = objective_module.validation_loss

    def remembering(windows, forecast, scale):
        judged.append(windows.times)
        return whole(windows, forecast, scale)

    monkeypatch.setattr(objective_module, "validation_loss", remembering)
    for rows in (1, 22):
        words = [
            *small,
            "dataset.source.rows=800",
            "model=ridge",
            f"features.rows={rows}",
            *ROLLING,
        ]
        recipe = Recipe.of(*compose_config("train", words))
        data = prepare(recipe)
        run_objective(recipe, data, Told(), same_parts=False)
        assert judged[-1].max() < data.tensor.times[data.folds[0].test].min()
    assert judged[0].equals(judged[1])
