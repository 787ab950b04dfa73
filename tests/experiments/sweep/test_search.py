"""A whole search in this process: totals, failures, pruning, resuming, and the end."""

import json

import marketlab.data.windows as windows_module
import numpy as np
import pytest
from marketlab.data.targets import LabelValues
from marketlab.errors import MarketlabError
from marketlab.experiments.run import Run
from marketlab.experiments.sweep import worker
from marketlab.experiments.sweep.search import sweep
from optuna.trial import TrialState

ALPHA = "model.alpha=tag(log,interval(0.1,1e4))"


def test_a_search_has_the_trials_that_were_asked_for_and_goes_on_when_asked_for_more(search, study):
    first = search(ALPHA, trials=6)
    assert [t.state for t in first.trials] == [TrialState.COMPLETE] * 6
    again = search(ALPHA, trials=6)
    assert [t.params for t in again.trials] == [t.params for t in first.trials]
    more = search(ALPHA, trials=9)
    alphas = [t.params["model.alpha"] for t in more.trials]
    assert len(set(alphas)) == len(alphas) == 9
    assert alphas[:6] == [t.params["model.alpha"] for t in first.trials]
    assert len(study().trials) == 9
    # One that was never stopped proposes the same.
    whole = search(ALPHA, trials=9, name="whole")
    assert [t.params["model.alpha"] for t in whole.trials] == alphas


def test_another_seed_searches_elsewhere(search):
    seeds = [search(ALPHA, f"seed={seed}", trials=2).trials[0].params for seed in (0, 1)]
    assert seeds[0] != seeds[1]


def test_a_small_space_ends_when_it_is_exhausted_and_nothing_runs_twice(search):
    found = search("model.alpha=choice(1,10,100)", "seed=3,4", trials=50)
    points = {tuple(sorted(t.params.items())) for t in found.trials}
    assert len(found.trials) == len(points) == 6


@pytest.mark.parametrize(
    "sampler", ["GridSampler", "BruteForceSampler", "QMCSampler", "RandomSampler", "NSGAIISampler"]
)
def test_every_sampler_exhausts_a_small_space(search, sampler):
    target = f"sweep.sampler._target_=optuna.samplers.{sampler}"
    found = search("model.alpha=range(1,5)", "seed=choice(0,1)", target, trials=20)
    assert len({(t.params["model.alpha"], t.params["seed"]) for t in found.trials}) == 8
    assert len(found.trials) == 8


def test_a_grid_needs_an_end(search):
    with pytest.raises(MarketlabError, match="needs a finite space"):
        search(ALPHA, "sweep.sampler._target_=optuna.samplers.GridSampler")


def test_a_trial_that_fails_is_recorded_with_its_reason_and_the_search_goes_on(search):
    found = search("model.mood=choice(fine,raise,lost,memory)", trials=20)
    reasons = {t.params["model.mood"]: t.user_attrs.get("reason") for t in found.trials}
    assert reasons.pop("fine") is None
    assert reasons["raise"] == "RuntimeError: no such luck"
    assert "is inf" in reasons["lost"]
    assert reasons["memory"] == "MemoryError"
    assert sum(t.state == TrialState.FAIL for t in found.trials) == 3


def test_a_search_all_of_whose_trials_fail_says_why(search):
    with pytest.raises(MarketlabError, match=r"2 of 2 trials failed.*no such luck"):
        search("model.mood=choice(raise)", "model.alpha=choice(1,2)")


def test_data_that_do_not_serve_end_the_search_at_once(search, study):
    with pytest.raises(MarketlabError, match="no bars of the symbol"):
        search(ALPHA, "dataset.symbols=[NONE]", trials=5)
    assert not [t for t in study().trials if not t.user_attrs.get("interrupted")] or all(
        t.state == TrialState.WAITING for t in study().trials if not t.user_attrs.get("interrupted")
    )


def test_what_does_not_pay_is_pruned(search):
    found = search(
        "model.mood=choice(fine,slow)", "seed=range(0,8)", "~sweep.pruner.n_warmup_steps",
        "+sweep.pruner.n_startup_trials=3", trials=16,
    )  # fmt: skip
    states = {mood: set() for mood in ("fine", "slow")}
    for trial in found.trials:
        states[trial.params["model.mood"]].add(trial.state)
    assert states["fine"] == {TrialState.COMPLETE}
    assert TrialState.PRUNED in states["slow"]


def test_several_objectives(search):
    goals = "sweep.objectives={valid_loss: minimize, size: minimize}"
    found = search("model.alpha=range(1,5)", goals, trials=4)
    assert all(len(t.values) == 2 for t in found.trials)
    assert found.chosen.values[0] == min(t.values[0] for t in found.trials)
    with pytest.raises(MarketlabError, match="is there to minimize valid_loss, minimize size"):
        search("model.alpha=range(1,5)", trials=4)


def test_a_study_of_one_name_has_one_recipe_and_one_direction(search):
    search("model.alpha=range(1,5)", trials=1, name="mine")
    with pytest.raises(MarketlabError, match="another recipe or space"):
        search("model.alpha=range(1,6)", trials=1, name="mine")
    with pytest.raises(MarketlabError, match="not to maximize"):
        search("model.alpha=range(1,5)", trials=1, name="mine", direction="maximize")


def test_when_the_time_is_over_a_trial_goes_back_and_is_run_later(search):
    slow = ["model.seconds=choice(0.4)", "seed=range(0,6)"]
    with pytest.raises(MarketlabError, match="no trial has ended"):
        search(*slow, trials=6, timeout=0.01)
    found = search(*slow, trials=6, timeout=1.5)
    assert 1 <= len([t for t in found.trials if t.state.is_finished()]) <= 4
    found = search(*slow, trials=6)
    assert len(found.trials) == 6
    assert all(t.state == TrialState.COMPLETE for t in found.trials)
    assert len({t.params["seed"] for t in found.trials}) == 6


def test_a_database_holds_the_same_study(search, tmp_path):
    url = f"sqlite:///{tmp_path}/sweep.db"
    found = search(ALPHA, trials=3, storage=url)
    again = search(ALPHA, trials=5, storage=url)
    assert [t.params for t in again.trials][:3] == [t.params for t in found.trials]
    assert [t.params for t in search(ALPHA, trials=5).trials] == [t.params for t in again.trials]


def test_a_word_that_fixes_a_parameter_takes_it_out_of_the_space(small):
    words = ["model=ridge", "scaler=standard", "sweep=ridge", "sweep.refit=false"]
    found = sweep([*small, *words], quiet=True)  # `small` says features.rows
    assert [set(t.params) for t in found.trials] == [{"model.window"}] * 2


def test_groups_can_be_searched(small, tmp_path):
    words = [*small, "target=next_return", "model=choice(ridge,har)", "scaler=standard,robust"]
    found = sweep([*words, "sweep.refit=false", "sweep.trials=9"], quiet=True)
    assert {t.params["model"] for t in found.trials} == {"ridge", "har"}
    assert len(found.trials) == 4
    assert not [t for t in found.trials if t.state == TrialState.FAIL]


def test_the_choice_is_trained_once_as_an_ordinary_run_that_names_its_search(search, tmp_path):
    found = search("model.alpha=range(1,5)", trials=4, refit="true")
    run = Run.load(found.path)
    assert run.manifest["sweep"]["study"] == found.study
    assert run.manifest["sweep"]["trials"] == 4
    assert run.manifest["overrides"] == list(found.words)
    assert json.loads((found.page.parent / "best.json").read_text())["overrides"] == found.words
    again = search("model.alpha=range(1,5)", trials=4, refit="true")
    assert (again.path, again.run) == (found.path, None)
    assert len(list((tmp_path / "outputs/small").iterdir())) == 1


def test_trials_never_see_a_test_row(search, monkeypatch):
    seen = []
    real_init = windows_module.Windows.__init__

    def watched(self, tensor, rows, *arguments, **more):
        seen.extend(rows.tolist())
        real_init(self, tensor, rows, *arguments, **more)

    folds = []
    real = worker.prepare

    def kept(recipe, snapshot=None):
        prepared = real(recipe, snapshot)
        folds.extend(prepared.folds)
        return prepared

    monkeypatch.setattr(windows_module.Windows, "__init__", watched)
    monkeypatch.setattr(worker, "prepare", kept)
    clean = search("model.alpha=range(1,4)", trials=3, name="clean")
    tests = np.concatenate([fold.test for fold in folds])
    assert len(tests)
    assert not set(tests.tolist()) & set(seen)

    def poisoned(recipe, snapshot=None):
        prepared = real(recipe, snapshot)
        values = prepared.tensor.values
        bad = {name: getattr(values, name).copy() for name in ("y", "known", "frozen")}
        for array in bad.values():
            array[tests] = 1e9
        object.__setattr__(prepared.tensor, "values", LabelValues(**bad))
        prepared.tensor.features[:, tests] = 1e9
        return prepared

    monkeypatch.setattr(worker, "prepare", poisoned)
    spoilt = search("model.alpha=range(1,4)", trials=3, name="spoilt")
    assert [t.values for t in spoilt.trials] == [t.values for t in clean.trials]


def test_no_scaler_wins_by_its_units(search):
    found = search("model.alpha=1e-6", "scaler=choice(standard,min_max)")
    standard, min_max = sorted(found.trials, key=lambda t: t.params["scaler"] == "min_max")
    assert min_max.value == pytest.approx(standard.value, rel=0.05)


@pytest.mark.parametrize(
    "word",
    [
        "target=choice(next_return,up)",
        "dataset.source.seed=choice(0,1)",
        "split=choice(chronological,walk_forward)",
        "split.train=choice(0.5,0.7)",
        "windows.layout=choice(pooled,joint)",
    ],
)
def test_what_trials_are_judged_on_cannot_be_searched(search, word):
    with pytest.raises(MarketlabError, match="cannot be compared: run them in turn"):
        search(word)


def test_data_are_built_once_unless_a_trial_changes_them(search, monkeypatch):
    built = []
    real = worker.prepare

    def counted(recipe, snapshot=None):
        built.append(recipe.config.features.rows)
        return real(recipe, snapshot)

    monkeypatch.setattr(worker, "prepare", counted)
    search("model.alpha=range(1,6)", trials=5)
    assert len(built) == 1
    built.clear()
    search("features.rows=choice(4,8)", "model.alpha=choice(1,2)", trials=9)
    assert sorted(built) == [4, 8]
