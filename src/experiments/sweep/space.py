"""The search space: Hydra's sweep texts in; Optuna's distributions, and a trial's overrides, out.

``choice``, ``range``, ``interval``, ``int``, ``float``, ``tag(log, ...)``, ``shuffle``, ``sort``
and ``glob`` mean what they mean to Hydra: a range leaves out its stop, an interval is of numbers
that need not be whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    IntervalSweep,
    Override,
    Quote,
    QuotedString,
    RangeSweep,
    Transformer,
)
from hydra.errors import HydraException
from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from ...errors import ConfigError, nearest
from ..configs import one_line

Params = Mapping[str, Any]
FORMS = (
    "choice(a, b), range(1, 10), interval(0, 1), int(interval(8, 64)) or "
    "tag(log, interval(1e-4, 1e-2))"
)
MOST_RANGE = 100_000
"""A range of more values than this is not enumerated."""


@dataclass(frozen=True)
class Dimension:
    """One parameter of the recipe and the values that it may take.

    Attributes
    ----------
    key : str
        A dotted key or a group, as in an override; the parameter's name in the study.
    prefix : {"", "+", "++"}
        How the override adds to the recipe.
    text : str
        The sweep as it was written.
    distribution : BaseDistribution
    values : category -> what the recipe is given; empty for numbers
    words : category -> how an override writes it; empty for numbers
    """

    key: str
    prefix: str
    text: str
    distribution: BaseDistribution
    values: Mapping[CategoricalChoiceType, Any]
    words: Mapping[CategoricalChoiceType, str]

    @property
    def size(self) -> int | None:
        """How many values there are; None without end."""
        d = self.distribution
        if isinstance(d, CategoricalDistribution):
            return len(d.choices)
        if isinstance(d, IntDistribution):
            return (d.high - d.low) // d.step + 1
        if isinstance(d, FloatDistribution) and d.step is not None:
            return round((d.high - d.low) / d.step) + 1
        return 1 if self.distribution.single() else None

    @property
    def first(self) -> Any:
        """A value, to try a recipe with."""
        d = self.distribution
        if isinstance(d, CategoricalDistribution):
            return d.choices[0]
        assert isinstance(d, IntDistribution | FloatDistribution)
        return d.low

    @property
    def grid(self) -> list[Any]:
        """Every value of a dimension that has an end, in order."""
        d = self.distribution
        if isinstance(d, CategoricalDistribution):
            return list(d.choices)
        assert self.size is not None
        assert isinstance(d, IntDistribution | FloatDistribution)
        if self.size == 1:
            return [d.low]
        assert d.step is not None
        return [d.low + k * d.step for k in range(self.size)]

    def plain(self, value: Any) -> Any:
        """Return what the recipe is given for a value of the study."""
        return self.values.get(value, value) if self.values else value

    def word(self, value: Any) -> str:
        """Return the override that sets a value of the study."""
        text = self.words[value] if self.words else repr(value)
        return f"{self.prefix}{self.key}={text}"


@dataclass(frozen=True)
class Space:
    """All dimensions of a search."""

    dimensions: tuple[Dimension, ...]

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        """Parameter -> Optuna's distribution."""
        return {d.key: d.distribution for d in self.dimensions}

    @cached_property
    def texts(self) -> dict[str, str]:
        """Parameter, with its prefix -> the sweep's text."""
        return {d.prefix + d.key: d.text for d in self.dimensions}

    @cached_property
    def size(self) -> int | None:
        """How many points there are; None without end."""
        sizes = [d.size for d in self.dimensions]
        return None if None in sizes else math.prod(size or 0 for size in sizes)

    def words(self, params: Params) -> list[str]:
        """Return the overrides of a point."""
        return [d.word(params[d.key]) for d in self.dimensions]

    def point(self, params: Params) -> tuple[Any, ...] | None:
        """Return a point's place, or None where a parameter is missing."""
        if not all(d.key in params for d in self.dimensions):
            return None
        # 1, 1.0 and True are one to Python and several to a recipe.
        return tuple((type(params[d.key]).__name__, params[d.key]) for d in self.dimensions)


def is_search(overrides: Sequence[Override]) -> bool:
    """Tell a search from runs in turn: by an interval or a choice that is written out."""
    return any(
        override.is_interval_sweep()
        or (override.is_choice_sweep() and "choice(" in override.get_value_string())
        for override in overrides
        if override.is_sweep_override()
    )


def read_space(texts: Mapping[str, Any], loader: Any = None) -> Space:
    """Read parameter -> sweep text, such as ``{"model.optimizer.lr": "interval(0, 1)"}``.

    Parameters
    ----------
    texts : mapping
    loader : Hydra's ConfigLoader, optional
        Knows the choices of a group, for ``glob``.

    Raises
    ------
    ConfigError
        If a text is no sweep, or none that can be searched.
    """
    parser = OverridesParser.create(config_loader=loader)
    found = []
    for key, text in texts.items():
        word = f"{key}={text}"
        override = parse(word, parser)
        if not override.is_sweep_override():
            raise ConfigError(f"sweep: {word} is a single value: write {FORMS}")
        found.append(dimension(override))
    return Space(tuple(found))


def parse(word: str, parser: OverridesParser) -> Override:
    """Parse one override.

    Raises
    ------
    ConfigError
    """
    try:
        (override,) = parser.parse_overrides([word])
    except HydraException as error:
        if "(" in word.partition("=")[2]:
            raise ConfigError(f"sweep: {word} is no search space ({_reason(error)})") from error
        raise ConfigError(one_line(error)) from error
    assert isinstance(override, Override)
    return override


def _reason(error: HydraException) -> str:
    lines = [s for s in str(error).splitlines() if s and not s.startswith("Error parsing")]
    said = lines[0].partition("': ")[2] or lines[0] if lines else "it does not parse"
    if "Unknown function" in said:
        known = next((line for line in lines if line.startswith("Available: ")), "")
        names = known.removeprefix("Available: ").split(",")
        return said + nearest(said.split("'")[1], names)
    return f"{said}: write {FORMS}"


def dimension(override: Override) -> Dimension:
    """Turn a parsed sweep into a dimension.

    Raises
    ------
    ConfigError
    """
    head, _, text = str(override.input_line).partition("=")
    key = head.lstrip("+")
    prefix = head[: len(head) - len(key)]
    where = f"sweep: {override.input_line}"
    value: Any = override.value()
    tags = set(getattr(value, "tags", ()))
    for tag in sorted(tags - {"log"}):
        raise ConfigError(f"{where} has the tag {tag!r}; the one that is known is log")
    try:
        if isinstance(value, IntervalSweep):
            return Dimension(key, prefix, text, _interval(value), {}, {})
        if isinstance(value, RangeSweep):
            return Dimension(key, prefix, text, _range(value, where), {}, {})
        if tags:
            raise ConfigError(f"{where}: only numbers can be searched on a log scale")
        return _choice(key, prefix, text, override, where)
    except (ValueError, HydraException) as error:
        raise ConfigError(f"{where} is no search space ({str(error).splitlines()[0]})") from error


def _interval(value: IntervalSweep) -> BaseDistribution:
    log = "log" in value.tags
    assert value.start is not None
    assert value.end is not None
    if isinstance(value.start, int) and isinstance(value.end, int):
        return IntDistribution(value.start, value.end, log=log)
    return FloatDistribution(float(value.start), float(value.end), log=log)


def _range(value: RangeSweep, where: str) -> BaseDistribution:
    assert value.start is not None
    assert value.stop is not None
    if value.step == 0:
        raise ConfigError(f"{where} has a step of 0")
    count = math.ceil((value.stop - value.start) / value.step - 1e-9)
    if not 1 <= count <= MOST_RANGE:
        raise ConfigError(f"{where} has {max(count, 0)} values: give it 1 to {MOST_RANGE}")
    values = list(value.range())
    low, high = min(values[0], values[-1]), max(values[0], values[-1])
    step = abs(value.step)
    if all(isinstance(v, int) for v in values):
        if "log" in value.tags:
            return IntDistribution(int(low), int(high), log=True, step=int(step))
        return IntDistribution(int(low), int(high), step=int(step))
    if "log" in value.tags:
        raise ConfigError(f"{where}: a range of real numbers has no log scale; use an interval")
    return FloatDistribution(float(low), float(high), step=float(step))


def _quoted(text: str, parser: OverridesParser) -> str:
    """Write a text so that an override gives just this text back."""
    try:
        if parser.parse_override(f"x={text}").value() == text:
            return text
    except HydraException:
        pass  # it needs quotes
    return str(QuotedString(text, Quote.single).with_quotes())


def _choice(key: str, prefix: str, text: str, override: Override, where: str) -> Dimension:
    values: dict[CategoricalChoiceType, Any] = {}
    words: dict[CategoricalChoiceType, str] = {}
    parser = OverridesParser.create()
    for raw in list(override.sweep_iterator()):
        word = _quoted(raw, parser) if isinstance(raw, str) else Transformer.str(raw)
        plain = parser.parse_override(f"{key}={word}").value()
        # Optuna's categories are plain values; a list or a mapping goes by how it is written.
        category = plain if isinstance(plain, bool | int | float | str) else word
        if category in values:
            raise ConfigError(f"{where} names {word} twice")
        values[category], words[category] = plain, word
    if not values:
        raise ConfigError(f"{where} offers no choice")
    return Dimension(key, prefix, text, CategoricalDistribution(list(values)), values, words)
