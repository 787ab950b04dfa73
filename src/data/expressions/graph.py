"""The graph: nodes in which equal sub-expressions are one, each knowing the rows that it needs.

In: an operator and its argument nodes. Out: the node for it, folded to a number where every
argument is one. A node's properties follow from its arguments', so it is analysed when it is made.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..panel import DEGREES
from .kernels.cells import Array, Resume, Run
from .scale import INVARIANT, Rule, Scale, constant, power

MAX_ROWS = 1_000_000
"""Longest finite lookback or lookahead of an expression, in rows."""


class GraphError(ValueError):
    """Something that no node can be; whoever knows the text adds the place."""


@dataclass(frozen=True)
class Primitive:
    """What the evaluator must know of an operator.

    Attributes
    ----------
    name : str
    kind : str
        ``cell``: row by row and symbol by symbol; ``time``: along rows; ``cross``: across symbols.
    run : callable
        Writes the values into its last argument.
    among : callable
        What runs across symbols where only some, its second argument, are members.
    scale : callable
        How the value answers to rescaled prices and volumes, from how the arguments do.
    reach : callable
        First and last row of the arguments that row 0 of the value rests on; the first is -inf for
        a recursive operator.
    warmup : callable
        Rows before a recursive operator is trusted.
    start, resume : (S,) array and callable
        What a recursive operator remembers (S, B) before its first row, and how it goes on from
        what it remembers, which it brings up to date.
    """

    name: str
    kind: Literal["cell", "time", "cross"]
    run: Run
    scale: Rule
    reach: Callable[[tuple[int, ...]], tuple[float, int]] = lambda params: (0, 0)
    warmup: Callable[[tuple[int, ...]], int] = lambda params: 0
    start: Array | None = None
    resume: Resume | None = None
    among: Callable[[Array, npt.NDArray[np.bool_], Array], None] | None = None


@dataclass(frozen=True, eq=False)
class Node:
    """One value of the graph.

    Attributes
    ----------
    primitive : Primitive or None
        None for a field and for a number.
    args, params
        Argument nodes and whole-number parameters.
    field, value
        The panel's field, or the number.
    back, ahead : rows
        Rows before and after row t that must be there for the value at t; `back` may be inf.
    warmup : rows
        Rows before the first value that is trusted; `back` where that is finite.
    level : int
        Cross-sectional operators on the longest way to a field.
    """

    primitive: Primitive | None
    args: tuple[Node, ...] = ()
    params: tuple[int, ...] = ()
    field: str | None = None
    value: float | None = None
    back: float = 0
    ahead: int = 0
    warmup: int = 0
    level: int = 0
    scale: Scale = INVARIANT


class Graph:
    """Makes nodes, and never makes the same one twice."""

    def __init__(self, primitives: Iterable[Primitive]) -> None:
        self.primitives = {p.name: p for p in primitives}
        self._nodes: dict[tuple[object, ...], Node] = {}

    def field(self, name: str) -> Node:
        """Return the node that reads a field of the panel."""
        scale = power(Fraction(DEGREES.get(name, 0)))
        return self._once(("field", name), lambda: Node(None, field=name, scale=scale))

    def number(self, value: float) -> Node:
        """Return the node of a finite number."""
        if not math.isfinite(value):
            raise GraphError("is not a finite number")
        return self._once(
            ("number", struct.pack("d", value)),
            lambda: Node(None, value=float(value), scale=constant(value)),
        )

    def apply(self, name: str, args: Sequence[Node], params: tuple[int, ...] = ()) -> Node:
        """Return the node of an operator applied to nodes.

        Raises
        ------
        GraphError
            If numbers fold to none, a series is wanted where a number is, or too many rows are
            needed.
        """
        primitive = self.primitives[name]
        numbers = [a.value for a in args if a.value is not None]
        if primitive.kind != "cell" and numbers:
            raise GraphError(f"{name} needs a series, not a number")
        if numbers and len(numbers) == len(args):
            out = np.empty((1, 1))
            with np.errstate(all="ignore"):
                primitive.run(list(numbers), params, 0, out)
            return self.number(float(out[0, 0]))
        if name == "shift":
            (x,) = args
            if x.primitive is primitive:
                args, params = x.args, (params[0] + x.params[0],)
            if params == (0,):
                return args[0]
        key = (name, *(id(a) for a in args), params)
        return self._once(key, lambda: _analysed(primitive, tuple(args), params))

    def _once(self, key: tuple[object, ...], make: Callable[[], Node]) -> Node:
        node = self._nodes.get(key)
        if node is None:
            node = self._nodes[key] = make()
        return node


def _analysed(primitive: Primitive, args: tuple[Node, ...], params: tuple[int, ...]) -> Node:
    first, last = primitive.reach(params)
    back = max(max(0, a.back - first) for a in args)
    ahead = max(max(0, a.ahead + last) for a in args)
    if max(ahead, back if math.isfinite(back) else 0) > MAX_ROWS:
        raise GraphError(f"needs more than {MAX_ROWS} rows")
    if math.isfinite(back):
        warmup = int(back)
    else:
        start = 0 if math.isinf(first) else int(first)
        warmup = max(max(0, a.warmup - start) for a in args) + primitive.warmup(params)
    return Node(
        primitive,
        args,
        params,
        back=back,
        ahead=ahead,
        warmup=warmup,
        level=max(a.level for a in args) + (primitive.kind == "cross"),
        scale=primitive.scale([a.scale for a in args], params),
    )


def ordered(roots: Iterable[Node], leaf: Callable[[Node], bool] = lambda node: False) -> list[Node]:
    """List the roots and all that they rest on, arguments first; below a leaf nothing is listed."""
    done: dict[int, Node] = {}
    for root in roots:
        stack = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if id(node) in done:
                continue
            if ready or leaf(node) or not node.args:
                done[id(node)] = node
            else:
                stack.append((node, True))
                stack.extend((a, False) for a in reversed(node.args))
    return list(done.values())
