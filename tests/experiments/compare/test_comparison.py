"""Runs side by side: the same cells, the same yardstick, and a word on how the best was chosen."""

import io
import json
import math
import re
import shutil

import marketlab
import numpy as np
import pandas as pd
import pytest
import yaml
from marketlab.errors import ConfigError, MarketlabError, RunError
from marketlab.experiments.bootstrap import skill
from marketlab.experiments.compare.metric import find_metric
from marketlab.experiments.compare.screen import comparison_table
from marketlab.experiments.rundir import MANIFEST, PARTIAL, seal
from rich.console import Console

from small_runs import small_overrides

NEXT = "target=next_return"
EARLY = ["split.train=0.5", "split.valid=0.1"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Four runs of one target on the same rows but the last, which tests more; one of another."""
    folder = tmp_path_factory.mktemp("compared")
    words = small_overrides(folder)
    choices = [
        ["model=ridge", NEXT],
        ["model=har", NEXT],
        ["model=ridge", NEXT, "model.search.alpha=[0.1]", "name=other"],
        ["model=climatology", NEXT, "name=early", *EARLY],
        ["model=logistic", "target=up", "name=up"],
    ]
    return folder, [marketlab.train([*words, *more], quiet=True) for more in choices]


def paths(made, *places):
    return [made[1][place].path for place in places]


def test_runs_of_the_same_rows_stand_as_their_own_metrics_say(made):
    found = marketlab.compare(paths(made, 0, 1, 2))
    runs = {run.path.name: run.evaluation.labels[0] for run in made[1][:3]}
    skills = [one.skill for one in found.standings]
    assert skills == sorted(skills, reverse=True)
    for one in found.standings:
        mine = runs[one.run]
        assert found.reference == mine.best
        assert one.skill == pytest.approx(mine.skill, rel=1e-9)
        assert (one.skill_low, one.skill_high) == pytest.approx((mine.low, mine.high), rel=1e-6)
        assert one.cells == found.cells == mine.rows
    assert found.times == mine.times
    assert math.isnan(found.standings[0].p)
    assert all(0 <= one.p <= 1 for one in found.standings[1:])
    assert found.table().index[0] == found.standings[0].run


@pytest.mark.parametrize(("metric", "name", "lower"), [
    ("rmse", "RMSE", True), ("direction", "direction", False), ("r2_pooled", "R2 pooled", False),
])  # fmt: skip
def test_any_metric_ranks_with_its_interval(made, metric, name, lower):
    found = marketlab.compare(paths(made, 0, 1, 2), metric=metric)
    values = [one.value for one in found.standings]
    assert values == sorted(values, reverse=not lower)
    runs = {run.path.name: run.evaluation.labels[0] for run in made[1][:3]}
    for one in found.standings:
        assert one.value == pytest.approx(float(runs[one.run].metrics[name].iloc[0]), rel=1e-9)
        assert one.low <= one.value <= one.high
    assert found.table()[name].iloc[0] == values[0]


def test_runs_of_other_rows_count_on_the_common_ones_alone(made):
    found = marketlab.compare(paths(made, 0, 3))
    tables = [run.predictions for run in (made[1][0], made[1][3])]
    models = [t[t["model"] == t["model"].iloc[0]].set_index(["time", "symbol"]) for t in tables]
    both = models[0].index.intersection(models[1].index)
    assert found.cells == len(both) < len(models[1])
    assert any("do not test the same rows" in note for note in found.notes)
    worst = next(one for one in found.standings if one.model == "climatology")
    rows = models[1].loc[both]
    losses = ((rows["value"] - rows["truth"]) ** 2).groupby("time").mean().to_numpy()
    yardsticks = [
        ((part["value"] - part["truth"]) ** 2).groupby("time").mean().to_numpy()
        for table in tables
        for _, one in list(table.groupby("model", sort=False))[1:]
        for part in [one.set_index(["time", "symbol"]).reindex(both)]
        if part["value"].notna().all()
    ]
    best = min(yardsticks, key=lambda losses: losses.mean())
    assert worst.skill == pytest.approx(skill(losses, best), rel=1e-9)


def test_a_key_that_differs_is_shown_and_an_equal_one_is_not(made):
    found = marketlab.compare(paths(made, 0, 2))
    assert set(found.keys.index) == {"model.search.alpha", "name"}
    assert set(found.keys.loc["name"]) == {"small", "other"}
    assert list(found.keys.columns) == [one.run for one in found.standings]
    shown = marketlab.compare(paths(made, 0, 1)).keys
    assert set(shown.loc["model._target_"]) == {
        "marketlab.models.linear.SklearnLinear", "marketlab.models.har.HAR",
    }  # fmt: skip
    assert "" in set(shown.loc["model.window"])
    assert not [key for key in shown.index if key.startswith(("paths", "choices", "tracking"))]


def test_it_says_from_how_many_the_best_was_chosen(made):
    found = marketlab.compare(paths(made, 0, 1, 2))
    (note,) = [note for note in found.notes if "looks better than it is" in note]
    assert "best of 3 runs" in note
    assert "5 openings of this test period, by 5 trials" in note


def test_trials_of_a_sweep_are_counted(made, tmp_path):
    copy = changed(made[1][0].path, tmp_path, ledger={"trials": 40, "opened_before": 0})
    found = marketlab.compare([copy, made[1][1].path])
    assert any("best of 2 runs, which were chosen from 41 trials" in note for note in found.notes)


def changed(path, folder, predictions=None, metrics=None, **entries):
    """A copy of a run whose files are others, as a stranger could have made it."""
    copy = shutil.copytree(path, folder / f"{PARTIAL}copy-of-{path.name}")
    manifest = json.loads((copy / MANIFEST).read_text()) | entries
    if predictions is not None:
        table = predictions(pd.read_parquet(copy / "predictions.parquet"))
        table.to_parquet(copy / "predictions.parquet", index=False)
    if metrics is not None:
        (copy / "metrics.json").write_text(json.dumps(metrics))
    (copy / MANIFEST).unlink()
    manifest.pop("files")
    manifest.pop("format")
    return seal(copy, manifest)


def emptied(name, count):
    """Forecasts of one yardstick lose their first cells."""

    def change(table):
        rows = table.index[table["model"] == name][:count]
        return table.assign(value=table["value"].where(~table.index.isin(rows)))

    return change


def test_a_yardstick_that_lacks_a_cell_stays_one(made, tmp_path):
    whole = marketlab.compare(paths(made, 0, 1))
    best = whole.reference
    copy = changed(made[1][0].path, tmp_path, emptied(best, 1))
    found = marketlab.compare([copy, made[1][1].path])
    assert found.reference == best
    assert found.cells == whole.cells - 1
    assert any(f"1 of {whole.cells} cells are left out" in note for note in found.notes)
    by_model = {one.model: one.skill for one in whole.standings}
    for one in found.standings:
        assert one.skill == pytest.approx(by_model[one.model], abs=0.02)
    # Neither do they seem to test other rows.
    assert not any("do not test the same rows" in note for note in found.notes)


def test_a_yardstick_that_lacks_many_cells_is_named(made, tmp_path):
    whole = marketlab.compare(paths(made, 0, 1))
    best = whole.reference
    copies = []
    for place in (0, 1):
        folder = tmp_path / str(place)
        folder.mkdir()
        copies.append(changed(made[1][place].path, folder, emptied(best, 20)))
    found = marketlab.compare(copies)
    assert found.reference != best
    assert found.cells == whole.cells
    share = 1 - 20 / whole.cells
    (note,) = [note for note in found.notes if note.startswith("No yardsticks here")]
    assert f"{best} ({share:.2%})" in note


def test_the_reference_loses_least_where_times_count_alike(made, tmp_path):
    """Every other time has one symbol: averaged over cells, another yardstick would be best."""

    def lopsided(table):
        table = table.copy()
        times = table["time"].drop_duplicates().sort_values()
        symbol = table["symbol"].iloc[0]
        half = table["time"].isin(times[::2])
        table = table[~half | (table["symbol"] == symbol)]
        lone = table["time"].isin(times[::2])
        # The first is wrong at times with one symbol, the second at those with all three.
        names = [*table["model"].unique()][1:3]
        wrong = np.where(table["model"] == names[0], lone, ~lone) & table["model"].isin(names)
        size = np.where(table["model"] == names[0], 1.1, 1.0)
        other = ~table["model"].isin([table["model"].iloc[0], *names])
        value = np.where(wrong, table["truth"] + size, table["truth"] + 0.1)
        return table.assign(value=np.where(other, table["truth"] + 9, value))

    copies = []
    for place in (0, 1):
        folder = tmp_path / str(place)
        folder.mkdir()
        copies.append(changed(made[1][place].path, folder, lopsided))
    found = marketlab.compare(copies)
    # By cells the first would be the better (1.21 at 1 of 4 cells); by times the second is.
    names = [*made[1][0].predictions["model"].unique()][1:3]
    assert found.reference == names[1]


def test_other_truths_are_refused(made, tmp_path):
    copy = changed(made[1][0].path, tmp_path, lambda t: t.assign(truth=t["truth"] * 1.01))
    with pytest.raises(ConfigError, match="forecast different numbers") as error:
        marketlab.compare([copy, made[1][1].path])
    said = str(error.value)
    assert "\n" not in said
    for run in (made[1][0], made[1][1]):
        assert run.path.name in said
        assert f"snapshot {run.manifest['data']['snapshot'][:12]}" in said


def test_a_truth_that_was_revised_counts_for_nobody(made, tmp_path):
    whole = marketlab.compare(paths(made, 0, 1))

    def revised(table):
        first = table["time"].eq(table["time"].iloc[0]) & table["symbol"].eq(
            table["symbol"].iloc[0]
        )
        return table.assign(truth=table["truth"].where(~first, 100.0))

    copy = changed(made[1][0].path, tmp_path, revised)
    found = marketlab.compare([copy, made[1][1].path])
    assert found.cells == whole.cells - 1
    assert any(f"truths of 1 of {whole.cells} common cells differ" in note for note in found.notes)
    assert all(abs(one.skill) < 1 for one in found.standings)


def test_rounding_is_no_other_truth(made, tmp_path):
    copy = changed(made[1][0].path, tmp_path, lambda t: t.assign(truth=t["truth"] * (1 + 1e-12)))
    found = marketlab.compare([copy, made[1][1].path])
    assert not any("truths" in note for note in found.notes)


def test_a_metric_that_no_run_has_is_refused(made):
    """Three symbols are too few for a rank correlation."""
    with pytest.raises(ConfigError, match="metric=rank_ic is not defined for any") as error:
        marketlab.compare(paths(made, 0, 1), metric="rank_ic")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("silent", [0, 1])
def test_a_run_without_the_metric_is_last_with_a_dash(made, tmp_path, silent):
    def doubled(table, says):
        twins = table.assign(symbol=table["symbol"].astype(str) + "B", truth=-table["truth"])
        both = pd.concat([table.assign(symbol=table["symbol"].astype(str)), twins])
        model = both["model"] == table["model"].iloc[0]
        return both if says else both.assign(value=both["value"].where(~model, 0.0))

    copies = []
    for place in (0, 1):
        folder = tmp_path / str(place)
        folder.mkdir()
        run = made[1][place].path
        copies.append(changed(run, folder, lambda t, k=place: doubled(t, k != silent)))
    found = marketlab.compare(copies, metric="rank_ic")
    first, last = found.standings
    assert last.run == copies[silent].name
    assert math.isnan(last.value)
    assert math.isfinite(first.value)
    assert "nan" not in screen(found, 200)
    found.write(tmp_path / "page.html")
    assert ">nan" not in (tmp_path / "page.html").read_text()


def test_the_test_names_the_loss_it_is_of(made, tmp_path):
    found = marketlab.compare(paths(made, 0, 1), metric="mae")
    assert "p of the squared error" in " ".join(screen(found).split())
    found.write(tmp_path / "page.html")
    assert "on the squared error averaged over symbols" in (tmp_path / "page.html").read_text()


def test_every_folder_of_runs_adds_its_ledger(made, tmp_path):
    run = marketlab.train(
        [*small_overrides(made[0]), f"paths.outputs={tmp_path / 'more'}", "model=ridge", NEXT],
        quiet=True,
    )
    for order in ([made[1][1].path, run.path], [run.path, made[1][1].path]):
        (note,) = [note for note in marketlab.compare(order).notes if "better than it is" in note]
        assert "the ledgers count 6 openings of this test period, by 6 trials" in note
    (tmp_path / "more/ledger.sqlite").write_text("no database, but a text that is long enough")
    (note,) = [note for note in marketlab.compare(order).notes if "better than it is" in note]
    assert "count 5 openings" in note
    assert "a ledger beside them cannot be read" in note


def test_a_leak_is_marked(made, tmp_path):
    copy = changed(made[1][0].path, tmp_path, leaks=True)
    found = marketlab.compare([copy, made[1][1].path])
    assert any("leaks: its figures are no evidence" in note for note in found.notes)
    found.write(tmp_path / "page.html")
    assert '<span class="tag warn">leaks</span>' in (tmp_path / "page.html").read_text()


def test_the_same_forecasts_are_no_better(made, tmp_path):
    copy = changed(made[1][0].path, tmp_path)
    found = marketlab.compare([made[1][0].path, copy])
    assert (found.standings[1].statistic, found.standings[1].p) == (0.0, 1.0)
    assert not len(found.keys)
    assert "recipes are the same" in screen(found)


def test_classes_compare_too(made, tmp_path):
    copy = changed(made[1][4].path, tmp_path)
    found = marketlab.compare([made[1][4].path, copy], metric="log_loss")
    assert found.label.task == "binary"
    assert found.metric.lower


def screen(found, width=100):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(comparison_table(found))
    return console.export_text()


def test_the_screen_holds_every_run_and_no_markup(made):
    found = marketlab.compare(paths(made, 0, 1, 2), metric="rmse")
    text = screen(found, 80)
    for one in found.standings:
        assert one.run in text
    assert "p vs #1" in text
    assert "best of 3 runs" in " ".join(text.split())


def test_the_page_is_whole_offline_and_escaped(made, tmp_path):
    found = marketlab.compare(paths(made, 0, 1, 2))
    found.write(tmp_path / "deep/page.html")
    page = (tmp_path / "deep/page.html").read_text()
    assert page.count("<svg") == 1
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert not re.search(r'(?:src|href)="(?!#)', page)
    for one in found.standings:
        assert page.count(one.run) >= 2
    found.write(tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == page


def test_a_stranger_can_write_no_markup(made, tmp_path):
    evil = "<img src=x>[bold]"
    copy = changed(made[1][0].path, tmp_path, name=evil)
    config = copy / "config.yaml"
    saved = yaml.safe_load(config.read_text())
    saved["name"] = evil
    config.write_text(yaml.safe_dump(saved, sort_keys=False))
    again = changed_config(copy)
    found = marketlab.compare([again, made[1][1].path])
    found.write(tmp_path / "page.html")
    assert "<img" not in (tmp_path / "page.html").read_text()
    assert "[bold]" in screen(found, 200)


def changed_config(path):
    manifest = json.loads((path / MANIFEST).read_text())
    (path / MANIFEST).unlink()
    manifest.pop("files")
    manifest.pop("format")
    return seal(path.rename(path.with_name(f"{PARTIAL}{path.name}")), manifest)


def test_folders_and_patterns_name_their_runs(made, monkeypatch):
    folder = made[0]
    monkeypatch.chdir(folder)
    for words in (["outputs/small"], ["outputs/small/*"], [str(folder / "outputs/s*")]):
        assert len(marketlab.compare(words).standings) == 2
    both = ["outputs/small", "outputs/other", next((folder / "outputs/small").iterdir())]
    assert len(marketlab.compare(both).standings) == 3


@pytest.mark.parametrize(
    ("words", "more", "said"),
    [
        ([], {}, "no run to compare"),
        (["outputs/other"], {}, "one run to compare"),
        (["outputs/no", "outputs/other"], {}, "no such run directory"),
        (["outputs/other", "outputs/no"], {}, "outputs/no: no such run directory"),
        (["outputs/no"], {}, "outputs/no: no such run directory"),
        (["outputs/small", "outputs/no*"], {}, r"outputs/no\* matches no run directory"),
        (["outputs/small", "outputs/up"], {}, "no target in common"),
        (["outputs/small"], {"metric": "rmes"}, "did you mean 'rmse'"),
        (["outputs/small"], {"metric": "majority"}, "cannot rank"),
        (["outputs/small"], {"label": "ret_nxt@1"}, "did you mean 'ret_next@1'"),
    ],
)
def test_what_cannot_be_compared_is_one_line(made, monkeypatch, words, more, said):
    monkeypatch.chdir(made[0])
    with pytest.raises(MarketlabError, match=said) as error:
        marketlab.compare(words, **more)
    assert "\n" not in str(error.value)


def test_rows_without_a_common_one_are_one_line(made, tmp_path):
    copy = changed(
        made[1][0].path, tmp_path, lambda t: t.assign(time=t["time"] + pd.Timedelta(days=4000))
    )
    with pytest.raises(ConfigError, match="was tested by all of these runs"):
        marketlab.compare([copy, made[1][1].path])


def test_a_changed_run_is_refused(made, tmp_path):
    copy = changed(made[1][0].path, tmp_path)
    (copy / "metrics.json").write_text("{}")
    with pytest.raises(RunError, match=r"metrics\.json was changed"):
        marketlab.compare([copy, made[1][1].path])


@pytest.mark.parametrize(
    "metrics",
    [[], {}, {"model": "x", "labels": [{}]}, {"model": "x", "labels": [{"label": {"task": "x"}}]}],
)
def test_metrics_that_are_none_are_refused(made, tmp_path, metrics):
    copy = changed(made[1][0].path, tmp_path, metrics=metrics)
    with pytest.raises(RunError, match=r"metrics\.json") as error:
        marketlab.compare([copy, made[1][1].path])
    assert "\n" not in str(error.value)


def test_a_table_that_is_none_is_refused(made, tmp_path):
    copy = changed(made[1][0].path, tmp_path, lambda t: t.drop(columns="quantity"))
    with pytest.raises(RunError, match="not a table of forecasts"):
        marketlab.compare([copy, made[1][1].path])


def test_metrics_are_found_as_users_write_them():
    names = ["RMSE", "rank IC", "log loss", "cover 0.9", "pinball q0.05"]
    assert find_metric("Rank-IC", names).name == "rank IC"
    assert not find_metric("rank_ic", names).lower
    assert find_metric("pinball_q0.05", names).lower
    assert find_metric("rmse", names).better_first(np.nan) == math.inf
    with pytest.raises(ConfigError):
        find_metric("cover_0.9", names)
