"""A program: named expressions compiled together, evaluated on a panel.

In: name -> text. Out: what they need of a panel, how far they look back and ahead, their values.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ExpressionError, nearest
from ..panel import INTERNAL, Panel
from .graph import Graph, Node, ordered
from .lower import Scope, lower
from .parse import Source, parse
from .primitives import PRIMITIVES
from .schedule import Inputs, default_threads, evaluate


@dataclass(frozen=True)
class Program:
    """Expressions that share one graph.

    Attributes
    ----------
    names : names of the expressions, in the order given
    expressions : name -> text
    fields : fields that a panel must have
    lookback : name -> rows before t that the value at t rests on; None for a recursive operator,
        which rests on them all
    lookahead : name -> rows after t that the value at t rests on
    warmup : name -> rows before the first value to trust: the lookback where it is finite, else the
        rows until what came before weighs less than 1e-4
    rescales : name -> whether the value changes when the prices of a symbol's whole history are
        multiplied by a constant and its volumes divided by it, as a split does it (it may be marked
        without need, and is never left unmarked)
    """

    names: tuple[str, ...]
    expressions: Mapping[str, str]
    fields: frozenset[str]
    lookback: Mapping[str, int | None]
    lookahead: Mapping[str, int]
    warmup: Mapping[str, int]
    rescales: Mapping[str, bool]
    nodes: Mapping[str, Node] = field(repr=False)
    places: Mapping[str, tuple[Source, int]] = field(repr=False)

    def check_fields(self, known: Iterable[str]) -> None:
        """Refuse a program that names a field which is not there.

        Raises
        ------
        ExpressionError
            With a caret under the first use, and the nearest name.
        """
        known = set(known)
        for name, (source, place) in self.places.items():
            if name not in known:
                choices = (known | set(self.names)) - set(INTERNAL)
                raise source.error(f"unknown field {name!r}", place, nearest(name, choices))

    def roots(self, names: Sequence[str] | None = None) -> list[Node]:
        """Return the nodes of some expressions, or of all."""
        chosen = self.names if names is None else names
        for name in chosen:
            if name not in self.nodes:
                raise ExpressionError(f"no expression {name!r}{nearest(name, self.names)}")
        return [self.nodes[name] for name in chosen]

    def evaluate(
        self,
        panel: Panel,
        out: npt.NDArray[Any] | None = None,
        dtype: npt.DTypeLike = np.float64,
        threads: int | None = None,
        names: Sequence[str] | None = None,
    ) -> npt.NDArray[Any]:
        """Compute the expressions.

        Parameters
        ----------
        panel : Panel
            (T, N), with the fields of these expressions.
        out : array (N, T, F), optional
            Where to write; float32 or float64. Otherwise an array of `dtype` is made.
        threads : int, optional
            All cores by default. The bits do not depend on it.
        names : sequence of str, optional
            The columns, in this order; all by default.

        Returns
        -------
        (N, T, F) array
            Missing is NaN, as is every row whose lookahead passes the end of the panel.

        Raises
        ------
        ExpressionError
            If the panel lacks a field, or there is no expression of that name.
        """
        roots = self.roots(names)
        needed = {node.field for node in ordered(roots) if node.field is not None}
        if not needed <= panel.fields.keys():
            self.check_fields(set(panel.fields) | (self.fields - needed))
        T, N = panel.shape
        shape = (N, T, len(roots))
        if out is None:
            out = np.empty(shape, dtype)
        if out.shape != shape or out.dtype not in (np.float32, np.float64):
            raise ValueError(f"out must be float32 or float64 {shape}, not {out.dtype} {out.shape}")
        inputs = Inputs(
            {name: np.asarray(panel.fields[name], np.float64) for name in needed},
            shape=(T, N),
            first_row=panel.first_row,
            given={},
            resumed={},
            peers=N,
            keep=slice(None),
            member=members(panel, roots),
        )
        evaluate(roots, inputs, out, threads or default_threads())
        return out


def members(panel: Panel, roots: Iterable[Node]) -> npt.NDArray[np.bool_] | None:
    """Return the panel's membership (T, N) by rows, if any root compares symbols."""
    member = panel.member if any(root.level for root in roots) else None
    return None if member is None else np.ascontiguousarray(member)


def compile_program(
    expressions: Mapping[str, str], constants: Mapping[str, float] | None = None
) -> Program:
    """Compile expressions, which may refer to one another by name.

    Parameters
    ----------
    expressions : name -> text
    constants : name -> number, optional
        Names that stand for numbers, such as a horizon; a whole one can be a window.

    Raises
    ------
    ExpressionError
        Whatever the text is, this is the only exception. It points at the place.

    Examples
    --------
    >>> program = compile_program({"mom": "close / delay(close, h) - 1"}, {"h": 20})
    >>> program.lookback["mom"], program.lookahead["mom"], program.rescales["mom"]
    (20, 0, False)
    """
    constants = dict(constants or {})
    parsed = {name: parse(name, text) for name, text in expressions.items()}
    for name, (source, _) in parsed.items():
        if name in constants:
            raise source.error(f"{name!r} is also the name of a constant; rename one")
    scope = Scope(Graph(PRIMITIVES), constants, {}, {})
    for name in _in_order(parsed, constants):
        source, tree = parsed[name]
        scope.expressions[name] = lower(source, tree, scope)
    nodes = {name: scope.expressions[name] for name in parsed}
    return Program(
        names=tuple(parsed),
        expressions={name: source.text for name, (source, _) in parsed.items()},
        fields=frozenset(scope.fields),
        lookback={k: int(n.back) if math.isfinite(n.back) else None for k, n in nodes.items()},
        lookahead={name: node.ahead for name, node in nodes.items()},
        warmup={name: node.warmup for name, node in nodes.items()},
        rescales={name: not node.scale.invariant for name, node in nodes.items()},
        nodes=nodes,
        places=scope.fields,
    )


def _in_order(
    parsed: Mapping[str, tuple[Source, ast.expr]], constants: Mapping[str, float]
) -> list[str]:
    """List the names so that each comes after those it refers to.

    Raises
    ------
    ExpressionError
        At a reference that closes a circle.
    """
    order: list[str] = []
    state: dict[str, str] = {}
    for start in parsed:
        stack = [(start, _references(parsed[start][1], parsed))]
        if start in state:
            continue
        state[start] = "open"
        while stack:
            name, references = stack[-1]
            if not references:
                state[name] = "done"
                order.append(name)
                stack.pop()
                continue
            reference = references.pop()
            if state.get(reference.id) == "open":
                circle = " -> ".join([*(n for n, _ in stack), reference.id][-8:])
                raise parsed[name][0].error(f"refers to itself: {circle}", reference)
            if reference.id not in state:
                state[reference.id] = "open"
                stack.append((reference.id, _references(parsed[reference.id][1], parsed)))
    return order


def _references(tree: ast.expr, parsed: Mapping[str, object]) -> list[ast.Name]:
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id in parsed and id(node) not in called
    ]
