"""Hydra's sweep texts mean to the search what they mean to Hydra."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from marketlab.errors import ConfigError
from marketlab.experiments.sweep.space import is_search, read_space
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution


def one(text, key="a.b"):
    (dimension,) = read_space({key: text}).dimensions
    return dimension


@pytest.mark.parametrize(
    ("text", "distribution", "size"),
    [
        ("choice(a,b)", CategoricalDistribution(["a", "b"]), 2),
        ("64,128", CategoricalDistribution([64, 128]), 2),
        ("choice(true,false)", CategoricalDistribution([True, False]), 2),
        ("choice([64,32],[8])", CategoricalDistribution(["[64,32]", "[8]"]), 2),
        ("sort(3,1,2)", CategoricalDistribution([1, 2, 3]), 3),
        ("interval(0,1)", FloatDistribution(0, 1), None),
        ("interval(1,1)", FloatDistribution(1, 1), 1),
        ("tag(log,interval(1e-4,1e-2))", FloatDistribution(1e-4, 1e-2, log=True), None),
        ("int(interval(8,64))", IntDistribution(8, 64), 57),
        ("tag(log,int(interval(8,64)))", IntDistribution(8, 64, log=True), 57),
        ("int(tag(log,interval(8,64)))", IntDistribution(8, 64, log=True), 57),
        ("range(1,10)", IntDistribution(1, 9), 9),
        ("range(1,10,4)", IntDistribution(1, 9, step=4), 3),
        ("range(10,1,-4)", IntDistribution(2, 10, step=4), 3),
        ("range(5)", IntDistribution(0, 4), 5),
        ("range(0.5,2,0.5)", FloatDistribution(0.5, 1.5, step=0.5), 3),
        ("float(range(1,4))", FloatDistribution(1, 3, step=1), 3),
    ],
)
def test_a_text_is_a_distribution(text, distribution, size):
    dimension = one(text)
    assert dimension.distribution == distribution
    assert dimension.size == size
    if size is not None:
        assert len(dimension.grid) == size


def test_a_shuffled_choice_has_its_values_in_any_order():
    assert sorted(one("shuffle(1,2,3)").grid) == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("interval(1,0)", "low <= high"),
        ("tag(log,interval(0,1))", "log"),
        ("intervl(0,1)", "did you mean 'interval'"),
        ("interval(0)", "missing a required argument"),
        ("choice(1,1)", "names 1 twice"),
        ("choice()", "no search space"),
        ("tag(lgo,interval(1,2))", "has the tag 'lgo'"),
        ("tag(log,choice(1,2))", "only numbers"),
        ("range(3,1)", "has 0 values"),
        ("range(0,1,0)", "step of 0"),
        ("5", "is a single value"),
        ("[1,2]", "is a single value"),
        ("interval(a,b)", "no search space"),
    ],
)
def test_a_text_that_cannot_be_searched(text, words):
    with pytest.raises(ConfigError, match=words) as caught:
        one(text)
    assert "\n" not in str(caught.value)


def test_a_point_becomes_the_overrides_that_set_it():
    space = read_space(
        {"net.hidden": "choice([64,32],[8])", "+lr": "interval(0,1)", "name": "choice('a b',c)"}
    )
    words = space.words({"net.hidden": "[64,32]", "lr": 1e-05, "name": "a b"})
    assert words[:2] == ["net.hidden=[64,32]", "+lr=1e-05"]
    values = [o.value() for o in OverridesParser.create().parse_overrides(words)]
    assert values == [[64, 32], 1e-05, "a b"]
    assert [d.plain(v) for d, v in zip(space.dimensions, ["[8]", 0.5, "c"], strict=True)] == [
        [8],
        0.5,
        "c",
    ]


def test_the_size_of_a_space_is_the_product():
    assert read_space({"a": "choice(1,2)", "b": "range(3)"}).size == 6
    assert read_space({"a": "choice(1,2)", "b": "interval(0,1)"}).size is None


@pytest.mark.parametrize(
    ("word", "search"),
    [
        ("model=ridge,har", False),
        ("seed=range(3)", False),
        ("seed=1", False),
        ("a=choice(1,2)", True),
        ("a=interval(1,2)", True),
        ("a=tag(log,interval(1,2))", True),
    ],
)
def test_a_search_has_an_interval_or_a_choice(word, search):
    assert is_search(OverridesParser.create().parse_overrides([word])) is search
