"""Every example in a docstring runs, in the installed package and not in a second copy of it."""

import doctest
import importlib
import pkgutil

import marketlab
import pytest

MODULES = [info.name for info in pkgutil.walk_packages(marketlab.__path__, "marketlab.")] + [
    "marketlab"
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert found.failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    count = sum(
        len(test.examples)
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
    )
    assert count > 10
