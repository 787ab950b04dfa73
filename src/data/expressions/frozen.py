"""Frozen-future values: what an expression would be if nothing changed after t.

In: a program and a panel. Out: for each t the value on a panel whose rows after t repeat row t's
close in open, high, low and close, and row t's value in every other field. It is the part of a
target that is known without any model.

Every t is a world of its own. Worlds lie side by side as if they were further symbols, aligned at
t, and the ordinary evaluator runs on them; operators across symbols compare within a world. What
an expression needs of rows up to t alone is the same in the panel and in the worlds, and is
computed once, on the panel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..panel import Panel
from .graph import Node, ordered
from .kernels.cells import Array
from .program import Program, members
from .schedule import Inputs, Resumed, default_threads, evaluate

AT_CLOSE = ("open", "high", "low")
"""Fields that repeat row t's close; the others repeat themselves."""
CHUNK = 4_000_000
"""Cells of one field that are laid out at a time."""
ABREAST = 64
"""Most worlds laid out at a time where all begin at the panel's first row."""


def frozen_future(
    program: Program,
    panel: Panel,
    names: Sequence[str] | None = None,
    threads: int | None = None,
) -> npt.NDArray[np.float64]:
    """Compute frozen-future values of expressions.

    Parameters
    ----------
    program : Program
    panel : Panel
        (T, N)
    names : sequence of str, optional
        All by default.
    threads : int, optional
        All cores by default.

    Returns
    -------
    (N, T, F) float64
        In the expressions' own units. Exact but for rounding (windows are summed in another order):
        equal to the definition within 1e-9. An expression without lookahead is its own value.

    Raises
    ------
    ExpressionError
        If the panel lacks a field, or one of open, high and low is needed but no close is there.
    """
    chosen = program.names if names is None else tuple(names)
    roots = program.roots(chosen)
    fields = {n.field for n in ordered(r for r in roots if r.ahead) if n.field in AT_CLOSE}
    if fields and "close" not in panel.fields:
        source, place = program.places[sorted(fields)[0] or ""]
        raise source.error("its frozen-future value needs the field 'close'", place)
    threads = threads or default_threads()
    out = program.evaluate(panel, threads=threads, names=chosen)
    for column, root in enumerate(roots):
        if root.ahead:
            out[:, :, column] = _Worlds.of(root, panel, threads).evaluate()
    return out


@dataclass(frozen=True)
class _Worlds:
    """One expression with a lookahead.

    Attributes
    ----------
    past : nodes that are needed of rows up to t alone -> their values (T, N) on the panel
    memory : recursive nodes that go on after t -> their values (T, N) on the panel, and what they
        remember after each row (T, S, N)
    back, ahead : rows before and after t that the worlds need
    """

    root: Node
    panel: Panel
    past: Mapping[Node, Array]
    memory: Mapping[Node, tuple[Array, Array]]
    back: int
    ahead: int
    threads: int

    @classmethod
    def of(cls, root: Node, panel: Panel, threads: int) -> _Worlds:
        reach = _reach(root, frozenset())
        known = frozenset(n for n, (_, last) in reach.items() if last <= 0 and n.ahead == 0)
        reach = _reach(root, known)
        past = [node for node in reach if node in known and node.value is None]
        memory = [n for n in reach if n not in known and n.primitive and n.primitive.resume]
        wanted = list(dict.fromkeys([*past, *memory, *(a for n in memory for a in n.args)]))
        T, N = panel.shape
        values = np.empty((N, T, len(wanted)))
        member = members(panel, wanted)
        inputs = Inputs(panel.fields, (T, N), panel.first_row, {}, {}, N, slice(None), member)
        evaluate(wanted, inputs, values, threads)
        on_panel = {n: np.ascontiguousarray(values[:, :, k].T) for k, n in enumerate(wanted)}
        return cls(
            root,
            panel,
            {n: on_panel[n] for n in past},
            {n: (on_panel[n], _memory(n, [on_panel[a] for a in n.args])) for n in memory},
            -min(first for first, _ in reach.values()),
            max(last for _, last in reach.values()),
            threads,
        )

    def evaluate(self) -> Array:
        """Return (N, T)."""
        T, N = self.panel.shape
        out = np.empty((N, T))
        # Nothing leads from before the panel's first row, where a world laid out from t backward
        # could begin: the first worlds all begin at that row instead.
        early = min(T, max([self.back, *(node.ahead for node in self.memory)]))
        start = 0
        while start < T:
            before = start + ABREAST if start < early else self.back
            worlds = max(1, CHUNK // max(1, N * (before + 1 + self.ahead)))
            if start < early:
                stop = min(early, start + min(worlds, ABREAST))
                now = np.arange(start, stop)
            else:
                stop = min(T, start + worlds)
                now = np.full(stop - start, self.back)
            out[:, start:stop] = self._side_by_side(start, stop, now, resume=start >= early)
            start = stop
        return out

    def _side_by_side(
        self, start: int, stop: int, now: npt.NDArray[np.int64], resume: bool
    ) -> Array:
        """Evaluate the worlds of t = start to stop - 1, their t at the rows `now`: (N, worlds)."""
        N, worlds = len(self.panel.symbols), stop - start
        low, high = int(now.min()), int(now.max()) + 1
        rows = high + self.ahead
        given: dict[int, Array] = {}
        for node in ordered([self.root], leaf=lambda node: node in self.past):
            after: Array | None
            if node in self.past:
                values, after = self.past[node], None
            elif node.field is not None:
                values = self.panel.fields[node.field]
                after = self.panel.fields["close"] if node.field in AT_CLOSE else values
            else:
                continue
            laid = np.full((rows, worlds, N), np.nan)
            _lay(laid, start, now, values, after)
            given[id(node)] = laid.reshape(rows, worlds * N)
        joined = members(self.panel, [self.root])
        if joined is not None:
            mask = np.zeros((rows, worlds, N), dtype=bool)
            _lay(mask, start, now, joined, joined)
            joined = mask.reshape(rows, worlds * N)
        resumed: dict[int, Resumed] = {}
        for node, (values, states) in self.memory.items() if resume else ():
            # In no world do its values up to t - ahead differ from those on the panel.
            row = self.back + 1 - node.ahead
            settled = np.empty((row, worlds, N))
            for r in range(row):
                settled[r] = values[start - self.back + r : stop - self.back + r]
            state = states[start - node.ahead : stop - node.ahead].transpose(1, 0, 2)
            resumed[id(node)] = Resumed(
                settled.reshape(row, worlds * N), state.reshape(-1, worlds * N)
            )
        keep = slice(low, high)
        shape = rows, worlds * N
        inputs = Inputs({}, shape, self.panel.first_row, given, resumed, N, keep, joined)
        out = np.empty((worlds * N, high - low, 1))
        evaluate([self.root], inputs, out, self.threads)
        return out.reshape(worlds, N, high - low)[np.arange(worlds), :, now - low].T


def _lay(
    laid: npt.NDArray[Any],
    start: int,
    now: npt.NDArray[np.int64],
    values: npt.NDArray[Any],
    after: npt.NDArray[Any] | None,
) -> None:
    """Write what each world knows of `values` (T, N) into `laid` (rows, worlds, N).

    The world of t = start + w knows them up to t, which is its row now[w]; then row t of `after`.
    """
    for w, row in enumerate(now):
        t = start + w
        known = min(t, int(row)) + 1
        laid[row + 1 - known : row + 1, w] = values[t + 1 - known : t + 1]
        if after is not None:
            laid[row + 1 :, w] = after[t]


def _memory(node: Node, args: list[Array]) -> Array:
    """Return what a recursive node remembers after each row, (T, S, N)."""
    assert node.primitive is not None
    assert node.primitive.start is not None
    assert node.primitive.resume is not None
    T, N = args[0].shape
    state = np.repeat(node.primitive.start[:, None], N, axis=1)
    states, value = np.empty((T, *state.shape)), np.empty((1, N))
    for t in range(T):
        node.primitive.resume([a[t : t + 1] for a in args], node.params, state, value)
        states[t] = state
    return states


def _reach(root: Node, leaves: frozenset[Node]) -> dict[Node, tuple[int, int]]:
    """Return the first and last row at which each node is needed for the root's row 0.

    Recursive nodes are not computed before the first row at which worlds differ.
    """
    reach: dict[Node, tuple[int, int]] = {root: (0, 0)}
    for node in reversed(ordered([root], leaf=lambda node: node in leaves)):
        if node.primitive is None or node in leaves:
            continue
        first, last = reach[node]
        low, high = node.primitive.reach(node.params)
        start = 1 - node.ahead if math.isinf(low) else first + int(low)
        for argument in node.args:
            before, after = reach.get(argument, (start, last + high))
            reach[argument] = min(before, start), max(after, last + high)
    return reach
