"""The table of what the evaluator can do: one row each, with its rows, its mark and its kernel."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from . import scale
from .graph import Primitive
from .kernels import cells, moments, ranks, recursive, windows
from .kernels.cells import Array, Operand, Run

NEGLIGIBLE = 1e-4
"""A recursive operator is trusted once what came before weighs less than this share."""


def _rows(kernel: Callable[..., None], *extra: object, anchored: bool = True) -> Run:
    """Call a kernel with the argument arrays, the parameters and, if anchored, the first row."""

    def run(args: list[Operand], params: tuple[int, ...], first_row: int, out: Array) -> None:
        anchor = (first_row,) if anchored else ()
        kernel(*args, *params, *extra, *anchor, out)

    return run


def _until_negligible(keep: float) -> int:
    return math.ceil(math.log(NEGLIGIBLE) / math.log(keep)) if keep > 0 else 0


def _window(params: tuple[int, ...]) -> tuple[float, int]:
    return 1 - params[0], 0


def _shifted(params: tuple[int, ...]) -> tuple[float, int]:
    return -params[0], -params[0]


def _recursive(params: tuple[int, ...]) -> tuple[float, int]:
    return -math.inf, 0


def _ewm(params: tuple[int, ...]) -> int:
    return _until_negligible(1 - 2 / (params[0] + 1))


def _wilder(params: tuple[int, ...]) -> int:
    return params[0] + _until_negligible(1 - 1 / params[0])


def _cell(name: str, run: Run, rule: scale.Rule) -> Primitive:
    return Primitive(name, "cell", run, rule)


def _over(name: str, run: Run, rule: scale.Rule) -> Primitive:
    return Primitive(name, "time", run, rule, _window)


def _across(name: str, kernel: Callable[..., None], among: Callable[..., None]) -> Primitive:
    run = _rows(kernel, anchored=False)
    return Primitive(name, "cross", run, scale.across, among=among)


def _since(
    name: str,
    kernel: Callable[..., None],
    rule: scale.Rule,
    warmup: Callable[[tuple[int, ...]], int],
) -> Primitive:
    start = np.array(recursive.START[kernel.__name__])

    def resume(args: list[Operand], params: tuple[int, ...], state: Array, out: Array) -> None:
        kernel(*args, *params, state, out)
        cells.scrub(out)

    def run(args: list[Operand], params: tuple[int, ...], first_row: int, out: Array) -> None:
        resume(args, params, np.repeat(start[:, None], out.shape[1], axis=1), out)

    return Primitive(name, "time", run, rule, _recursive, warmup, start, resume)


PRIMITIVES = (
    _cell("add", cells.binary(np.add), scale.total),
    _cell("subtract", cells.binary(np.subtract), scale.difference),
    _cell("multiply", cells.binary(np.multiply), scale.product),
    _cell("divide", cells.binary(np.divide), scale.quotient),
    _cell("power", cells.power, scale.exponentiation),
    _cell("negative", cells.unary(np.negative, bounded=True), scale.negative),
    _cell("abs", cells.unary(np.absolute, bounded=True), scale.magnitude),
    _cell("sign", cells.unary(np.sign, bounded=True), scale.truth),
    _cell("sqrt", cells.unary(np.sqrt, bounded=True), scale.root),
    _cell("log", cells.unary(np.log), scale.logarithm),
    _cell("exp", cells.unary(np.exp), scale.exponential),
    _cell("min", cells.binary(np.minimum, bounded=True), scale.alike),
    _cell("max", cells.binary(np.maximum, bounded=True), scale.alike),
    _cell("less", cells.truth(np.less), scale.order),
    _cell("less_equal", cells.truth(np.less_equal), scale.order),
    _cell("greater", cells.truth(np.greater), scale.order),
    _cell("greater_equal", cells.truth(np.greater_equal), scale.order),
    _cell("equal", cells.truth(np.equal), scale.order),
    _cell("not_equal", cells.truth(np.not_equal), scale.order),
    _cell("and", cells.truth(np.logical_and), scale.truth),
    _cell("or", cells.truth(np.logical_or), scale.truth),
    _cell("not", cells.truth(np.logical_not), scale.truth),
    _cell("where", cells.where, scale.choice),
    Primitive("shift", "time", cells.shift, scale.same, _shifted),
    _over("ts_sum", _rows(windows.window_sum, False), scale.window_sum),
    _over("ts_mean", _rows(windows.window_sum, True), scale.same),
    _over("ts_max", _rows(windows.window_max, 1.0), scale.same),
    _over("ts_min", _rows(windows.window_max, -1.0), scale.same),
    _over("ts_std", _rows(moments.window_std), scale.spread),
    _over("ts_corr", _rows(moments.window_corr), scale.rank),
    _over("ts_rank", _rows(ranks.window_rank, anchored=False), scale.rank),
    _since("ffill", recursive.fill_forward, scale.same, lambda params: 0),
    _since("ewm_mean", recursive.ewm_mean, scale.same, _ewm),
    _since("ewm_std", recursive.ewm_std, scale.spread, _ewm),
    _since("rsi", recursive.relative_strength, scale.rank, _wilder),
    _since("atr", recursive.average_true_range, scale.spread, _wilder),
    _across("cs_rank", ranks.cross_rank, ranks.cross_rank_among),
    _across("cs_zscore", ranks.cross_zscore, ranks.cross_zscore_among),
)
