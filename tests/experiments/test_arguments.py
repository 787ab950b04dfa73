"""Arguments: the key that a class cannot take is named, with what it wants; others pass."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Gt, Le, MaxLen, MinLen
from marketlab.data.sources.source import Source
from marketlab.errors import ConfigError
from marketlab.experiments.arguments import check_arguments
from marketlab.ranges import Share, Width


class Thing:
    def __init__(
        self,
        whole: int,
        share: float = 0.5,
        flag: bool = False,
        text: str | None = None,
        sizes: Sequence[int] = (),
        table: Mapping[str, float] | None = None,
        mode: bool | Literal["warn"] = False,
        anything: Any = None,
        child: object = None,
        path: Path | None = None,
        days: Sequence[date] = (),
        rate: float | Path = 1.0,
        width: Width = 1,
        part: Share = 0.5,
        least: Annotated[float, Gt(0), Le(1)] = 1.0,
        some: Annotated[Sequence[Width], MinLen(1), MaxLen(2)] = (1,),
        source: Source | None = None,
        later: Callable[[int], int] | None = None,
    ) -> None:
        self.given = (whole, share, flag, text, sizes, table, mode, anything, child, path, days)
        self.more = (rate, width, part, least, some, source, later)


def function(panel, lookback: int = 1, **others):
    return panel, lookback, others


THING, FUNCTION = f"{__name__}.Thing", f"{__name__}.function"


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let a target name this module, however pytest imported it."""
    found = {THING: Thing, FUNCTION: function}
    locate = "marketlab.experiments.arguments.pydoc.locate"
    monkeypatch.setattr(locate, lambda name: found.get(name))


def node(**values):
    return {"_target_": THING, "whole": 1, **values}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"whole": "x"}, "part.whole='x' must be a whole number"),
        ({"whole": 1.5}, "part.whole=1.5 must be a whole number"),
        ({"whole": True}, "part.whole=True must be a whole number"),
        ({"whole": None}, "part.whole=None must be a whole number"),
        ({"share": "x"}, "part.share='x' must be a number"),
        ({"flag": "maybe"}, "part.flag='maybe' must be true or false"),
        ({"text": [1]}, r"part.text=\[1\] must be text or null"),
        ({"sizes": "64"}, "part.sizes='64' must be a list of whole numbers"),
        ({"sizes": ["a"]}, r"part.sizes=\['a'\] must be a list of whole numbers"),
        ({"table": [1]}, r"part.table=\[1\] must be a mapping to numbers or null"),
        ({"mode": "wran"}, "part.mode='wran' must be true or false"),
        ({"shrae": 1}, "part: Thing has no argument 'shrae'; did you mean 'share'"),
        ({"text": True}, "part.text=True must be text or null"),
        ({"rate": "x"}, "part.rate='x' must be a number"),
        ({"share": float("nan")}, "part.share=nan must be a finite number"),
        ({"anything": [{"a": float("inf")}]}, "part.anything.0.a=inf must be a finite number"),
        ({"anything": 10**30}, "part.anything=a number of 31 digits is too large a number"),
        ({"width": 0}, "part.width=0 must be a whole number from 1 to 65536"),
        ({"part": 1}, "part.part=1 must be a number above 0 and below 1"),
        ({"least": 0}, "part.least=0 must be a number above 0 and at most 1"),
        ({"some": []}, r"part.some=\[\] must be a list, not empty, of whole numbers from 1"),
        ({"some": [1, 2, 3]}, r"part.some=\[1, 2, 3\] must be a list of at most 2 whole numbers"),
        ({"some": [0]}, r"part.some=\[0\] must be a list of whole numbers from 1 to 65536"),
        ({"source": 3}, "part.source=3 must be a mapping with _target_, the name of the class"),
        ({"source": node()}, "part.source: Thing is no Source"),
        ({"later": "x"}, "part.later='x' must be a mapping with _target_"),
        ({"later": {"_target_": THING}}, "part.later lacks _partial_: true, since Thing is called"),
        ({"_partial_": "x"}, "part._partial_='x' must be true or false"),
        ({"_tagret_": "x"}, "part: Thing has no argument '_tagret_'"),
        ({"child": node(whole="x")}, "part.child.whole='x'"),
        ({"anything": [node(share="x")]}, r"part.anything.0.share='x'"),
    ],
)
def test_the_key_is_named(values, line):
    with pytest.raises(ConfigError, match=f"^{line}"):
        check_arguments(node(**values), "part")


@pytest.mark.parametrize(
    "values",
    [
        {"share": 1},
        {"text": 500},
        {"text": None},
        {"sizes": [1, 2]},
        {"table": {"a": 1}},
        {"mode": "warn"},
        {"mode": True},
        {"anything": "x"},
        {"child": node()},
        {"sizes": {"_target_": FUNCTION, "_partial_": True}},
        {"path": "a/b"},
        {"days": ["2001-01-01"]},
        {"rate": 2},
        {"width": 65_536},
        {"some": [1, 2]},
        {"later": {"_target_": THING, "_partial_": True}},
        {"later": {"_target_": FUNCTION, "panel": 1}},
        {"source": {"_target_": "no.such.class"}},
    ],
)
def test_what_fits_passes(values):
    check_arguments(node(**values), "part")


def test_what_a_class_needs_must_be_there():
    with pytest.raises(ConfigError, match=r"part\.whole is missing: Thing needs it"):
        check_arguments({"_target_": THING}, "part")
    check_arguments({"_target_": THING}, "part", given=["whole"])
    check_arguments({"_target_": THING, "_partial_": True}, "part")
    check_arguments({"_target_": FUNCTION, "_partial_": True, "other": 3}, "part")


@pytest.mark.parametrize("target", ["no.such.thing", 3, None])
def test_a_target_that_is_not_there_is_left_to_the_build(target):
    check_arguments({"_target_": target, "x": 1}, "part")
