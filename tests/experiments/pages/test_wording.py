from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
from marketlab.experiments.pages.wording import MINUS, cell, decimal, headline, percent, verdict
from marketlab.experiments.report import ReportContent

Make = Callable[..., ReportContent]
NAN = float("nan")


@pytest.mark.parametrize(
    ("skill", "low", "high", "words"),
    [
        (0.034, 0.012, 0.055, "Skill shown: +3.4% [1.2%, 5.5%] over ewma"),
        (0.003, -0.011, 0.017, "No skill shown: +0.3% [~1.1%, 1.7%] against ewma"),
        (-0.021, -0.04, -0.003, "No skill shown: ~2.1% [~4.0%, ~0.3%], worse than ewma"),
        (0.05, NAN, NAN, "No skill shown: +5.0% against ewma, too few times for an interval"),
        (NAN, NAN, NAN, "No skill shown: ewma leaves no loss to save"),
    ],
)
def test_verdicts(make: Make, skill: float, low: float, high: float, words: str) -> None:
    (entry,) = make("variance").evaluation.labels
    assert verdict(replace(entry, skill=skill, low=low, high=high), leaks=False) == words.replace(
        "~", MINUS
    )


def test_a_leak_is_never_skill(make: Make) -> None:
    (entry,) = make("variance").evaluation.labels
    leaky = replace(entry, skill=0.5, low=0.4, high=0.6)
    assert verdict(leaky, leaks=True) == (
        "Not evidence of skill: +50.0% [40.0%, 60.0%] over ewma, under a protocol that leaks"
    )


def test_headlines_of_several_targets(make: Make) -> None:
    evaluation = make("variance", "regression").evaluation
    shown = replace(evaluation.labels[0], skill=0.1, low=0.05, high=0.15)
    not_shown = replace(shown, low=-0.05)
    assert headline(replace(evaluation, labels=(shown, not_shown))) == (
        "Skill shown in 1 of 2 targets"
    )
    assert headline(replace(evaluation, labels=(not_shown, not_shown))) == (
        "No skill shown in any of 2 targets"
    )
    assert "leaks" in headline(replace(evaluation, labels=(shown, shown), leaks=True))


def test_cells() -> None:
    assert cell("missing_share", 0.0123) == "1.2%"
    assert cell("repeated", 0.5) == "50.0%"
    assert cell("rows", 12345) == "12,345"
    assert cell("first", pd.Timestamp("2024-03-01 21:00", tz="UTC")) == "2024-03-01"
    assert cell("first", pd.NaT) == "\N{EN DASH}"
    assert cell("seconds", 1.234) == "1.23"
    assert cell("dirty", True) == "yes"
    assert decimal(-0.0004, 2) == "0.00"
    assert decimal(float("-inf"), 2) == MINUS + "\N{INFINITY}"
    assert percent(-0.0001) == "0.0%"
