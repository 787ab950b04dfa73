"""The language's operators: names, arguments, and what each becomes in the graph.

In: bound arguments (nodes and whole numbers). Out: a node. Some operators are one primitive, others
are written in terms of several.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .graph import Graph, Node

MAX_WINDOW = 100_000
"""Longest window or shift, in rows."""


@dataclass(frozen=True)
class Parameter:
    """One argument of an operator.

    Attributes
    ----------
    name : str
    kind : str
        ``series`` takes an expression, ``rows`` a whole number known before any data, ``periods``
        the same and at most the rows, which it is if left out.
    default : int or None
        None where the argument must be given.
    least : int
        Smallest number of rows that makes sense.
    """

    name: str
    kind: Literal["series", "rows", "periods"] = "series"
    default: int | None = None
    least: int = 1


@dataclass(frozen=True)
class Operator:
    """One operator of the language; `build` takes its series, then its whole numbers."""

    name: str
    parameters: tuple[Parameter, ...]
    build: Callable[[Graph, list[Node], tuple[int, ...]], Node]


def _plain(name: str, *series: str) -> Operator:
    return Operator(
        name,
        tuple(Parameter(s) for s in series),
        lambda graph, args, params: graph.apply(name, args, params),
    )


def _windowed(name: str, *series: str, least: int = 1) -> Operator:
    parameters = (
        *(Parameter(s) for s in series),
        Parameter("n", "rows", least=least),
        Parameter("min_periods", "periods"),
    )
    return Operator(name, parameters, lambda graph, args, params: graph.apply(name, args, params))


def _recursive(name: str, rows: str, *series: str) -> Operator:
    return Operator(
        name,
        (*(Parameter(s) for s in series), Parameter(rows, "rows")),
        lambda graph, args, params: graph.apply(name, args, params),
    )


def _delay(graph: Graph, args: list[Node], params: tuple[int, ...]) -> Node:
    return graph.apply("shift", args, params)


def _lead(graph: Graph, args: list[Node], params: tuple[int, ...]) -> Node:
    return graph.apply("shift", args, (-params[0],))


def _delta(graph: Graph, args: list[Node], params: tuple[int, ...]) -> Node:
    return graph.apply("subtract", [args[0], graph.apply("shift", args, params)])


def _returns(graph: Graph, args: list[Node], params: tuple[int, ...]) -> Node:
    ratio = graph.apply("divide", [args[0], graph.apply("shift", args, params)])
    return graph.apply("subtract", [ratio, graph.number(1.0)])


def _clip(graph: Graph, args: list[Node], params: tuple[int, ...]) -> Node:
    x, low, high = args
    return graph.apply("min", [graph.apply("max", [x, low]), high])


def _macd(graph: Graph, args: list[Node], params: tuple[int, ...]) -> Node:
    fast, slow, _ = params
    return graph.apply("subtract", [graph.apply("ewm_mean", args, (n,)) for n in (fast, slow)])


def _macd_signal(graph: Graph, args: list[Node], params: tuple[int, ...]) -> Node:
    return graph.apply("ewm_mean", [_macd(graph, args, params)], params[2:])


def _macd_hist(graph: Graph, args: list[Node], params: tuple[int, ...]) -> Node:
    line = _macd(graph, args, params)
    return graph.apply("subtract", [line, graph.apply("ewm_mean", [line], params[2:])])


def _log_ratio_squared(graph: Graph, a: Node, b: Node) -> Node:
    ratio = graph.apply("log", [graph.apply("divide", [a, b])])
    return graph.apply("multiply", [ratio, ratio])


def _times(graph: Graph, number: float, node: Node) -> Node:
    return graph.apply("multiply", [graph.number(number), node])


def _mean(graph: Graph, node: Node, rows: int) -> Node:
    return graph.apply("ts_mean", [node], (rows, rows)) if rows > 1 else node


def _parkinson(graph: Graph, args: list[Node], params: tuple[int, ...]) -> Node:
    # Parkinson (1980), "The extreme value method for estimating the variance of the rate of
    # return", Journal of Business 53: ln(H/L)^2 / (4 ln 2).
    row = _times(graph, 1 / (4 * math.log(2)), _log_ratio_squared(graph, *args))
    return _mean(graph, row, params[0])


def _garman_klass(graph: Graph, args: list[Node], params: tuple[int, ...]) -> Node:
    # Garman & Klass (1980), "On the estimation of security price volatilities from historical
    # data", Journal of Business 53, the practical form: ln(H/L)^2 / 2 - (2 ln 2 - 1) ln(C/O)^2.
    opened, high, low, close = args
    row = graph.apply(
        "subtract",
        [
            _times(graph, 0.5, _log_ratio_squared(graph, high, low)),
            _times(graph, 2 * math.log(2) - 1, _log_ratio_squared(graph, close, opened)),
        ],
    )
    return _mean(graph, row, params[0])


_X = Parameter("x")
_N = Parameter("n", "rows")
_ONE = Parameter("n", "rows", default=1)
_MACD = (
    _X,
    Parameter("fast", "rows", default=12),
    Parameter("slow", "rows", default=26),
    Parameter("signal", "rows", default=9),
)
_BAR = (Parameter("open"), Parameter("high"), Parameter("low"), Parameter("close"))

OPERATORS = {
    operator.name: operator
    for operator in (
        *(_plain(name, "x") for name in ("log", "exp", "abs", "sign", "sqrt", "ffill")),
        _plain("min", "a", "b"),
        _plain("max", "a", "b"),
        _plain("where", "condition", "a", "b"),
        Operator("clip", (_X, Parameter("lo"), Parameter("hi")), _clip),
        Operator("delay", (_X, _N), _delay),
        Operator("lead", (_X, _N), _lead),
        Operator("delta", (_X, _N), _delta),
        Operator("returns", (_X, _ONE), _returns),
        *(_windowed(f"ts_{name}", "x") for name in ("sum", "mean", "min", "max", "rank")),
        _windowed("ts_std", "x", least=2),
        _windowed("ts_corr", "x", "y", least=2),
        _recursive("ewm_mean", "span", "x"),
        _recursive("ewm_std", "span", "x"),
        _recursive("rsi", "n", "x"),
        _recursive("atr", "n", "high", "low", "close"),
        Operator("macd", _MACD, _macd),
        Operator("macd_signal", _MACD, _macd_signal),
        Operator("macd_hist", _MACD, _macd_hist),
        Operator("parkinson", (*_BAR[1:3], _ONE), _parkinson),
        Operator("garman_klass", (*_BAR, _ONE), _garman_klass),
        _plain("cs_rank", "x"),
        _plain("cs_zscore", "x"),
    )
}
"""Every operator that an expression can call, by name."""
