"""Features: a panel in, what the model sees out, as columns and as views of them.

A feature is an expression or a Python function. Neither can see the future: an expression that
looks ahead is refused when it is read, a function is run on truncated panels before it is believed.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError, DataError, ExpressionError, nearest
from ..ranges import Count
from .expressions import compile_program
from .panel import Panel

PanelFunction = Callable[[Panel], npt.NDArray[np.float64]]
_VIEW_KEYS = ("columns", "rows", "shape")


@dataclass(frozen=True)
class View:
    """Some columns over some rows: one input of a model.

    Attributes
    ----------
    name : str
    columns : names of features
    rows : int
        Window length L: the decision row and the L - 1 before it.
    shape : sizes, or None
        The (rows, columns) values read row by row into this shape, such as (8, 8).
    """

    name: str
    columns: tuple[str, ...]
    rows: int
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class FeatureFacts:
    """What is known of a column before it is computed.

    Attributes
    ----------
    name, text : str
    lookback : int or None
        Rows before t that it reads; None means all of them.
    warmup : int
        Rows at the start that it leaves empty, or does not vouch for.
    rescales : bool
        It changes when the prices of a symbol's whole history are multiplied by a constant and its
        volumes divided by it, so that back-adjusted bars make it depend on later corporate actions.
    """

    name: str
    text: str
    lookback: int | None
    warmup: int
    rescales: bool


class Features:
    """What the model sees.

    Parameters
    ----------
    expressions : name -> expression, or a function built by ``_partial_: true``
        Expressions may use each other's names. A function takes the panel and its declared
        ``lookback=`` (rows before t that row t reads) and returns (T, N).
    rows : int
        Window length of the one view, ``x``, that holds all columns.
    views : name -> {columns, rows, shape}
        Several inputs instead of one; columns that are in no view are only used by others.

    Raises
    ------
    ConfigError, ExpressionError
        If a view is malformed, or an expression is wrong or looks ahead.
    """

    def __init__(
        self,
        expressions: Mapping[str, str | PanelFunction],
        rows: Count = 1,
        views: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        if not expressions:
            raise ConfigError("features: no feature is given; choose some with features=")
        for name, given in expressions.items():
            if given is None:
                raise ConfigError(
                    f"feature {name!r} is null; to leave it out, write ~features.expressions.{name}"
                )
        self._functions = {n: f for n, f in expressions.items() if callable(f)}
        texts = {n: str(f) for n, f in expressions.items() if not callable(f)}
        self._program = compile_program(texts) if texts else None
        for name, ahead in (self._program.lookahead if self._program else {}).items():
            if ahead != 0:
                raise ExpressionError(
                    f"feature {name!r} looks {ahead} row(s) ahead: {texts[name]!r}; a feature sees "
                    "only the past, so move lead() to the target"
                )
        self.facts = {name: self._fact(name, texts.get(name)) for name in expressions}
        self.views = _views(views, tuple(expressions), rows)
        used = {column for view in self.views.values() for column in view.columns}
        self.columns = tuple(name for name in expressions if name in used)

    def _fact(self, name: str, text: str | None) -> FeatureFacts:
        if text is None:
            function = self._functions[name]
            keywords = getattr(function, "keywords", {})
            lookback = keywords.get("lookback")
            if not isinstance(lookback, int) or lookback < 0:
                raise ConfigError(
                    f"feature {name!r} is a function: declare its lookback, the rows before t that "
                    "row t reads, as in lookback: 20"
                )
            called = getattr(function, "func", function)
            return FeatureFacts(
                name,
                f"{called.__module__}.{called.__qualname__}",
                lookback,
                lookback,
                rescales=True,
            )
        assert self._program is not None
        return FeatureFacts(
            name,
            text,
            self._program.lookback[name],
            self._program.warmup[name],
            self._program.rescales[name],
        )

    @property
    def lookback(self) -> int | None:
        """Rows before t that the columns at t read; None where it is all of them."""
        backs = [self.facts[name].lookback for name in self.columns]
        finite = [back for back in backs if back is not None]
        return max(finite) if len(finite) == len(backs) else None

    @property
    def warmup(self) -> int:
        """Rows before the first trustworthy value of every column."""
        return max(self.facts[name].warmup for name in self.columns)

    @property
    def longest_view(self) -> int:
        """Rows of the longest view."""
        return max(view.rows for view in self.views.values())

    def check_fields(self, known: Sequence[str]) -> None:
        """Refuse a feature that names a field which the dataset lacks.

        Raises
        ------
        ExpressionError
        """
        if self._program is not None:
            self._program.check_fields(known)

    def values(self, panel: Panel, *, verify: bool = True) -> npt.NDArray[np.float32]:
        """Compute the columns, (N, T, F) with each symbol's rows contiguous.

        Parameters
        ----------
        panel : Panel
        verify : bool
            Run functions on truncated panels too, and refuse one whose past depends on its future.

        Raises
        ------
        DataError
            If a function returns the wrong shape or sees the future.
        """
        rows, symbols = panel.shape
        out = np.empty((symbols, rows, len(self.columns)), dtype=np.float32)
        if self._program is not None:
            names = [name for name in self.columns if name not in self._functions]
            if len(names) == len(self.columns):
                self._program.evaluate(panel, out=out, dtype=np.float32, names=names)
            elif names:
                values = self._program.evaluate(panel, dtype=np.float32, names=names)
                out[:, :, [self.columns.index(name) for name in names]] = values
        for name in self.columns:
            if name in self._functions:
                out[:, :, self.columns.index(name)] = self._call(name, panel, verify).T
        return out

    def _call(self, name: str, panel: Panel, verify: bool) -> npt.NDArray[np.float64]:
        function, lookback = self._functions[name], self.facts[name].lookback
        assert lookback is not None
        whole = _called(name, function, panel)
        if whole.shape != panel.shape:
            raise DataError(f"feature {name!r} returned shape {whole.shape}, not {panel.shape}")
        last = len(panel.times) - 1
        for t in {last // 2, (3 * last) // 4, last - 1} if verify and last > 1 else ():
            for start, what in (
                (0, "later rows"),
                (max(0, t - lookback), "rows before its lookback"),
            ):
                part = _called(name, function, panel.rows(start, t + 1))[-1]
                if not np.allclose(part, whole[t], rtol=1e-9, atol=1e-12, equal_nan=True):
                    raise DataError(
                        f"feature {name!r} at {panel.times[t]:%Y-%m-%d} changes with {what}: a "
                        "feature may read only row t and its declared lookback"
                    )
        return whole


def _finite(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Take what float32 cannot hold for missing, as the expressions do: no model reads infinity."""
    array = np.asarray(values, dtype=np.float64)
    return np.where(np.abs(array) <= np.finfo(np.float32).max, array, np.nan)


def _called(name: str, function: PanelFunction, panel: Panel) -> npt.NDArray[np.float64]:
    """Call a user's function; what it raises becomes one line that says where."""
    try:
        return _finite(function(panel))
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        said = " ".join(str(error).split())
        raise DataError(
            f"feature {name!r} failed: {type(error).__name__}: {said} "
            f"({Path(frame.filename).name}, line {frame.lineno})"
        ) from error


def _views(
    views: Mapping[str, Mapping[str, Any]] | None, known: tuple[str, ...], rows: int
) -> dict[str, View]:
    if views is None:
        views = {"x": {"columns": known, "rows": rows}}
    if not isinstance(views, Mapping) or not all(isinstance(v, Mapping) for v in views.values()):
        raise ConfigError(
            f"features: views={views!r} must be mappings by name, as in {{x: {{rows: 22}}}}"
        )
    built = {}
    for name, spec in views.items():
        for key in spec:
            if key not in _VIEW_KEYS:
                raise ConfigError(
                    f"view {name!r} has an unknown key {key!r}{nearest(key, _VIEW_KEYS)}"
                )
        if isinstance(spec.get("columns"), str):
            raise ConfigError(f"view {name!r}: columns={spec['columns']!r} must be a list of names")
        columns = tuple(spec.get("columns") or known)
        for column in columns:
            if column not in known:
                raise ConfigError(
                    f"view {name!r}: unknown column {column!r}{nearest(column, known)}"
                )
        length = spec.get("rows", 1)
        if not isinstance(length, int) or length < 1:
            raise ConfigError(f"view {name!r}: rows={length!r} must be a whole number from 1 up")
        shape = None if spec.get("shape") is None else tuple(int(size) for size in spec["shape"])
        if shape is not None and math.prod(shape) != length * len(columns):
            raise ConfigError(
                f"view {name!r}: shape {shape} does not hold {length} rows x {len(columns)} columns"
            )
        built[name] = View(name, columns, length, shape)
    if not built:
        raise ConfigError("features: views is empty; leave it out for one view of all columns")
    return built
