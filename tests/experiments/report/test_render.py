from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from marketlab.data.features import FeatureFacts
from marketlab.experiments.evaluate import Evaluation
from marketlab.experiments.report import FoldSpan, ReportContent, write_report
from marketlab.experiments.report.render import render

from html_page import Page

Make = Callable[..., ReportContent]
SECTIONS = (
    "verdict", "skill", "training", "folds", "features", "data", "provenance", "config", "commands",
)  # fmt: skip


@pytest.mark.parametrize("kind", ["regression", "variance", "binary", "classification", "quantile"])
def test_each_task_has_every_section_and_its_figures(make: Make, kind: str) -> None:
    page = Page(render(make(kind, edge=0.2)))
    assert set(SECTIONS) <= set(page.ids)
    for heading in ("Model and yardsticks", "Skill by fold", "When skill was won"):
        assert heading in page.text
    for heading in ("Forecast against truth", "Calibration", "Data health"):
        assert heading in page.text
    assert page.text.count("not financial advice") == 1
    assert "SPX · newest 250 rows" in page.text


def test_the_page_loads_nothing(make: Make) -> None:
    text = render(make("variance", "classification", "quantile"))
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(page.tags)
    assert all(link.startswith("#") for link in page.links)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert "http://" not in text
    assert "https://" not in text
    assert "@import" not in text
    assert re.findall(r"url\((?!#)", text) == []
    assert "default-src 'none'" in text
    assert len(page.ids) == len(set(page.ids))


def test_hostile_text_stays_text(make: Make) -> None:
    bad = (
        "</pre></title></style><script>alert(1)</script><img src=x onerror='alert(1)'>{{ 7 * 7 }}$"
    )
    content = make("regression")
    entry = content.evaluation.labels[0]
    made = content.predictions[entry.label.name]
    names = {name: f"{bad}{name}" for name in entry.metrics.index}
    label = replace(entry.label, target=bad, expression=bad)
    hostile = replace(
        entry,
        label=label,
        metrics=entry.metrics.rename(index=names, columns={"RMSE": bad}),
        skills=entry.skills.rename(index=names),
        best=names[entry.best],
        loss=bad,
        notes=(bad,),
    )
    symbols = np.where(made.symbols == "SPX", bad, made.symbols).astype(object)
    text = render(
        replace(
            content,
            name=bad,
            run=bad,
            choices={bad: bad},
            evaluation=Evaluation(bad, (hostile,), leaks=False),
            predictions={label.name: replace(made, symbols=symbols)},
            health=content.health.rename(index={"SPX": bad}, columns={"stale": bad}),
            features=[FeatureFacts(bad, bad, 1, 1, True)],
            manifest={bad: bad, "group": {bad: bad}},
            config=f"a: {bad}\nb: \x00 \ud800",
            commands={bad: bad},
            health_notes=(bad,),
            notes=(bad,),
        )
    )
    page = Page(text)
    assert not {"script", "img"} & set(page.tags)
    assert "{{ 7 * 7 }}" in page.text
    assert page.text.count("<script>alert(1)</script>") > 20


def test_lone_surrogates_can_be_written(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, replace(make("regression"), config="name: \ud800"))
    assert "name: ?" in path.read_text(encoding="utf-8")


def test_equal_content_gives_equal_bytes(make: Make, tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        write_report(tmp_path / name, make("variance", "classification"))
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_the_users_plot_style_neither_shows_nor_changes(make: Make) -> None:
    import matplotlib as mpl

    content = make("regression")
    plain = render(content)
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 30, "text.usetex": True}):
        assert render(content) == plain
        assert mpl.rcParams["lines.linewidth"] == 9


def test_figures_are_painted_by_the_page(make: Make) -> None:
    text = render(make("classification"))
    figures = re.findall(r'<svg viewBox="[^"]*" style.*?</svg>', text, flags=re.DOTALL)
    assert len(figures) >= 9
    for figure in figures:
        assert re.findall(r"#[0-9a-f]{6}\b", figure) == []
    style = text[text.index("<style>") : text.index("</style>")]
    used = set(re.findall(r"var\(--([a-z0-9-]+)\)", text))
    assert all(style.count(f"--{name}:") >= 2 for name in used)


def test_no_skill_is_said_in_the_same_words(make: Make) -> None:
    none, some = make("regression", edge=0.0), make("variance", edge=0.25)
    assert "<h2>No skill shown: " in render(none)
    text = render(some)
    assert re.search(r"<h2>Skill shown: \+\d+\.\d% \[\d+\.\d%,\xa0\d+\.\d%\] over ewma</h2>", text)
    assert 'class="verdict shown"' in text
    assert 'class="verdict"' in render(none)


def test_a_leaking_protocol_marks_everything(make: Make) -> None:
    text = render(make("variance", edge=0.25, leaks=True, folds=1))
    assert "This protocol leaks: figures are not evidence of skill." in text
    assert "<title>[leaks] us_volatility" in text
    assert "<h2>Not evidence of skill: " in text
    assert "Skill shown" not in text
    assert 'class="verdict shown"' not in text
    several = render(make("variance", "regression", edge=0.25, leaks=True))
    assert "skill shown" not in several.replace("no skill is shown", "")


def test_many_targets_have_tables_and_the_first_have_figures(make: Make) -> None:
    content = make("variance", *["regression"] * 7, edge=0.2)
    text = render(content)
    assert text.count("<h3>Model and yardsticks</h3>") == 8
    assert text.count("<h3>When skill was won</h3>") == 6
    assert "Skill shown in" in text
    assert "8 targets were tested" in text
    assert 'href="#target-7"' in text


def test_missing_pieces(make: Make) -> None:
    content = make("regression", "quantile", "classification")
    labels, blank = [], {}
    for entry in content.evaluation.labels:
        nan = float("nan")
        made = content.predictions[entry.label.name]
        blank[entry.label.name] = replace(made, forecast=np.full_like(made.forecast, nan))
        labels.append(
            replace(
                entry,
                skill=nan,
                low=nan,
                high=nan,
                block=nan,
                best="",
                skills=entry.skills * nan,
                metrics=entry.metrics * nan,
                folds=tuple(replace(f, skill=nan, low=nan, high=nan) for f in entry.folds),
            )
        )
    evaluation = replace(content.evaluation, labels=tuple(labels))
    bare = replace(
        content,
        evaluation=evaluation,
        predictions=blank,
        folds=(),
        histories=[[], []],
        health=pd.DataFrame(),
        features=(),
        manifest={},
        commands={},
        config="",
        notes=(),
        health_notes=(),
        choices={},
    )
    text = render(bare)
    assert "No training history" in text
    assert not re.search(r"\bnan\b", Page(text).text.lower())
    Page(render(replace(bare, predictions={})))
    alone = replace(evaluation, labels=tuple(labels[:1]))
    assert "No skill shown: there was no yardstick" in render(replace(bare, evaluation=alone))


def test_folds_without_an_interval_and_histories_with_gaps(make: Make) -> None:
    content = make("variance")
    nan = float("nan")
    (entry,) = content.evaluation.labels
    short = replace(entry, folds=tuple(replace(f, low=nan, high=nan) for f in entry.folds))
    history = [{"epoch": 1.0, "train_loss": 0.4}, {"epoch": 2.0, "train_loss": nan}]
    text = render(
        replace(
            content,
            evaluation=replace(content.evaluation, labels=(short,)),
            histories=[history, [], history],
        )
    )
    assert "Skill by fold" in text
    assert "fold 2" in text
    Page(text)


def test_a_model_that_says_one_number(make: Make) -> None:
    content = make("regression")
    name, made = next(iter(content.predictions.items()))
    flat = replace(made, forecast=np.full_like(made.forecast, 0.001))
    wild = made.forecast.copy()
    wild[::7] = np.inf
    for forecast in (flat, replace(made, forecast=wild)):
        Page(render(replace(content, predictions={name: forecast})))


def test_many_symbols_stay_small(make: Make, tmp_path: Path) -> None:
    content = make("regression", symbols=500, rows=1000, folds=4)
    start = time.perf_counter()
    write_report(tmp_path / "report.html", content)
    assert (tmp_path / "report.html").stat().st_size < 600_000
    # Seconds, several times what it takes: the guard is against a step that grows with the square.
    assert time.perf_counter() - start < 20


def test_shuffled_folds_stay_small(make: Make) -> None:
    times = pd.bdate_range("2000-01-03", periods=5000, tz="UTC")
    mixed = np.random.default_rng(0).permutation(5000)
    fold = FoldSpan.of(times, mixed[:3000], mixed[3000:4000], mixed[4000:])
    content = replace(make("regression", leaks=True), folds=[fold] * 5)
    assert len(render(content)) < 500_000
