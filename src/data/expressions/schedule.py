"""Nodes to numbers: the whole graph on one block of symbols at a time, blocks on threads.

In: the nodes wanted and the panel's fields (T, N). Out: their values (N, T, F). A block is laid out
(T, B), so that its intermediates stay in cache; each is given back once nothing needs it. Operators
across symbols are the only barriers: the graph is cut there into stages, and a stage computes what
the next one's operators compare, for all symbols.
"""

from __future__ import annotations

import math
import os
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .blocks import Buffers, Staged
from .graph import Node, ordered
from .kernels.cells import Array, Operand, scrub

LANES = 16
"""Fewest symbols in a block, where there are as many: two vectors of eight lanes."""
CELLS = 50_000
"""Cells in a block of a short panel: it is made wider, so that calls stay few."""


@dataclass(frozen=True)
class Resumed:
    """A recursive operator that is known up to a row, and goes on from there.

    Attributes
    ----------
    values : (row, N), its values before that row
    state : (S, N), what it remembers there
    """

    values: Array
    state: Array


@dataclass(frozen=True)
class Inputs:
    """The panel, bare.

    Attributes
    ----------
    fields : name -> (T, N)
    shape : (T, N)
    first_row : absolute number of row 0
    given : node's id -> (T, N), values that need not be computed
    resumed : node's id -> where to take up a recursive operator; otherwise at row 0
    peers : symbols that operators across symbols compare; the N are groups of so many
    keep : rows to write
    member : (T, N), contiguous; the symbols that operators across symbols compare; None: all
    """

    fields: Mapping[str, Array]
    shape: tuple[int, int]
    first_row: int
    given: Mapping[int, Array]
    resumed: Mapping[int, Resumed]
    peers: int
    keep: slice
    member: npt.NDArray[np.bool_] | None = None


def default_threads() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def evaluate(roots: Sequence[Node], inputs: Inputs, out: npt.NDArray[Any], threads: int) -> None:
    """Write the roots' values at the rows to keep into `out` (N, rows, F), whatever its dtype.

    Rows at which a root looks beyond the last row are NaN: its value is not known there.
    """
    if 0 in inputs.shape:
        return
    crossed = dict(inputs.given)
    nodes = ordered(roots, leaf=lambda node: id(node) in crossed)
    for level in range(max((node.level for node in roots), default=0) + 1):
        stage = _Stage(
            [(column, root) for column, root in enumerate(roots) if root.level == level],
            [
                n
                for n in nodes
                if _is_cross(n) and n.level == level + 1 and id(n) not in inputs.given
            ],
            inputs,
            crossed,
            out,
        )
        stage.run(threads)


def _is_cross(node: Node) -> bool:
    return node.primitive is not None and node.primitive.kind == "cross"


class _Stage:
    """What can be computed once the operators across symbols below `level` are done."""

    def __init__(
        self,
        columns: list[tuple[int, Node]],
        crossing: list[Node],
        inputs: Inputs,
        crossed: dict[int, Array],
        out: npt.NDArray[Any],
    ) -> None:
        self.crossing, self.inputs, self.crossed, self.out = crossing, inputs, crossed, out
        self.compared = {
            id(argument): np.empty(inputs.shape) for node in crossing for argument in node.args
        }
        sinks = [root for _, root in columns]
        arguments = {id(a): a for node in crossing for a in node.args}
        self.steps = ordered([*sinks, *arguments.values()], leaf=self._is_known)
        self.uses = Counter([*map(id, sinks), *arguments])
        for node in self.steps:
            if not self._is_known(node):
                self.uses.update(id(a) for a in node.args)
        # Columns are finished in their order, so that neighbours can be written together.
        step_of = {id(node): step for step, node in enumerate(self.steps)}
        self.finished: list[list[tuple[int, Node]]] = [[] for _ in self.steps]
        step = 0
        for column, root in columns:
            step = max(step, step_of[id(root)])
            self.finished[step].append((column, root))

    def _is_known(self, node: Node) -> bool:
        return id(node) in self.crossed

    def run(self, threads: int) -> None:
        T, N = self.inputs.shape
        # As wide as leaves every thread a block.
        width = max(1, min(max(LANES, CELLS // max(T, 1)), math.ceil(N / threads)))
        blocks = deque(range(0, N, width))
        first, last, _ = self.inputs.keep.indices(T)

        def work() -> None:
            buffers, staged = Buffers(T, width), Staged(self.out, last - first, width)
            with np.errstate(all="ignore"):
                while True:
                    try:
                        start = blocks.popleft()
                    except IndexError:
                        return
                    self._block(start, min(start + width, N), buffers, staged)

        _together(work, min(threads, len(blocks)))
        for node in self.crossing:
            self.crossed[id(node)] = self._across(node, threads)

    def _across(self, node: Node, threads: int) -> Array:
        compared = self.compared[id(node.args[0])].reshape(-1, self.inputs.peers)
        result = np.empty_like(compared)
        rows = max(1, math.ceil(len(compared) / (4 * threads)))
        chunks = deque(range(0, len(compared), rows))
        primitive, member = node.primitive, self.inputs.member
        assert primitive is not None
        assert primitive.among is not None
        among, members = primitive.among, None
        if member is not None:
            members = member.reshape(-1, self.inputs.peers)

        def work() -> None:
            while True:
                try:
                    start = chunks.popleft()
                except IndexError:
                    return
                part = slice(start, start + rows)
                if members is None:
                    primitive.run([compared[part]], node.params, 0, result[part])
                else:
                    among(compared[part], members[part], result[part])

        _together(work, min(threads, len(chunks)))
        return result.reshape(self.inputs.shape)

    def _block(self, start: int, stop: int, buffers: Buffers, staged: Staged) -> None:
        values: dict[int, Operand] = {}
        left = dict(self.uses)
        out = self.out[start:stop]
        T = self.inputs.shape[0]
        keep = self.inputs.keep
        first = keep.indices(T)[0]

        def used(node: Node) -> None:
            left[id(node)] -= 1
            if left[id(node)] == 0:
                value = values.pop(id(node))
                if isinstance(value, np.ndarray):
                    buffers.give(value)

        for step, node in enumerate(self.steps):
            value = values[id(node)] = self._value(node, values, start, stop, buffers)
            if not self._is_known(node):
                for argument in node.args:
                    used(argument)
            if id(node) in self.compared:
                self.compared[id(node)][:, start:stop] = value
                used(node)
            for column, root in self.finished[step]:
                value = values[id(root)]
                kept = value[keep] if isinstance(value, np.ndarray) else value
                staged.add(column, kept, T - root.ahead - first, out)
                used(root)
        staged.flush(out)

    def _value(
        self,
        node: Node,
        values: Mapping[int, Operand],
        start: int,
        stop: int,
        buffers: Buffers,
    ) -> Operand:
        if node.value is not None:
            return node.value
        block = buffers.take(stop - start)
        if self._is_known(node) or node.field is not None:
            known = self.crossed.get(id(node))
            if known is None:
                assert node.field is not None
                known = self.inputs.fields[node.field]
            np.copyto(block, known[:, start:stop])
            scrub(block)
        else:
            assert node.primitive is not None
            args = [values[id(a)] for a in node.args]
            resumed = self.inputs.resumed.get(id(node))
            if resumed is None:
                node.primitive.run(args, node.params, self.inputs.first_row, block)
            else:
                assert node.primitive.resume is not None
                row = len(resumed.values)
                block[:row] = resumed.values[:, start:stop]
                later = [a[row:] if isinstance(a, np.ndarray) else a for a in args]
                state = resumed.state[:, start:stop].copy()
                node.primitive.resume(later, node.params, state, block[row:])
        return block


def _together(work: Callable[[], None], threads: int) -> None:
    """Run the same work on several threads; an exception of any of them is raised."""
    if threads <= 1:
        work()
        return
    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(work) for _ in range(threads)]:
            future.result()
