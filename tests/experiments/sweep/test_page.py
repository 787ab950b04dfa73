"""The page of a search: whole, offline, and not troubled by a search that says little."""

import re

import pytest


def text_of(found):
    return found.page.read_text(encoding="utf-8")


def test_the_page_says_what_was_found_and_opens_offline(search):
    text = text_of(
        search(
            "model.alpha=tag(log,interval(0.1,1e4))", "model.mood=choice(fine,raise)",
            "seed=range(0,3)", trials=12, page=True,
        )
    )  # fmt: skip
    assert not re.search(r"<script|https?://(?!www\.w3\.org)|@import|url\((?!#)", text)
    assert text.count("<svg") == 5  # history, importances, three slices
    assert "RuntimeError: no such luck" in text
    assert "marketlab-train" in text


@pytest.mark.parametrize(
    "words",
    [
        ["model.alpha=choice(1)"],
        ["model.alpha=choice(1,2)", "sweep.trials=1"],
        ["model.mood=choice(fine,raise)"],
        ["model.alpha=range(1,6)", "sweep.objectives={valid_loss: minimize, size: minimize}"],
    ],
)
def test_a_search_that_says_little_has_a_page_too(search, words):
    text = text_of(search(*words, page=True))
    assert "Where it is" in text
    assert "nan" not in re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL).lower().split()


def test_names_are_escaped(search):
    text = text_of(search("model.mood=choice('<b>x</b>',fine)", page=True))
    assert "<b>x" not in text
