"""Targets: a panel in, the labels that a model is asked for out, and what was known of them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError, nearest
from .expressions import Program, compile_program, frozen_future
from .labels import TASKS, Label
from .panel import Panel

Array = npt.NDArray[np.float64]
_KEYS = ("expr", "task", "horizons", "edges", "levels", "measure")
_MEASURES = ("value", "return", "log_variance")


@dataclass(frozen=True)
class LabelValues:
    """Labels of a panel, in their own units; classes are numbered 0, 1, ...

    Attributes
    ----------
    y : (T, N, K)
        The realised label, known `lookahead` rows later. NaN where not (yet) realised.
    known : (T, N, K)
        The newest label whose value was knowable at row t.
    frozen : (T, N, K)
        The label if every price stood still after row t: the part known without any model.
    """

    y: Array
    known: Array
    frozen: Array


class Targets:
    """What is forecast.

    Parameters
    ----------
    targets : name -> {expr, task, horizons, edges, levels, measure}
        `expr` is an expression that looks ahead; ``h`` in it stands for each of `horizons` in turn.
        `task` is regression, binary (edges: one threshold, 0 by default), classification (edges cut
        the value into classes) or quantile (levels). `measure` is value, return or log_variance.

    Raises
    ------
    ConfigError, ExpressionError
        If a target is misspelt, or does not look ahead.
    """

    def __init__(self, targets: Mapping[str, Mapping[str, Any]]) -> None:
        if not targets:
            raise ConfigError("target: no target is given; choose one with target=")
        self._programs: list[Program] = []
        labels: list[Label] = []
        for name, spec in targets.items():
            _check_keys(name, spec)
            for horizon in _horizons(name, spec):
                program = compile_program(
                    {name: str(spec["expr"])},
                    constants=None if horizon is None else {"h": horizon},
                )
                self._programs.append(program)
                labels.append(_label(name, spec, horizon, program.lookahead[name]))
        self.labels = tuple(labels)

    @property
    def purge(self) -> int:
        """Rows that must part train from what comes after: the longest lookahead."""
        return max(label.lookahead for label in self.labels)

    @property
    def lookback(self) -> int | None:
        """Rows before t that a label reads; None where it is all of them."""
        backs = [back for program in self._programs for back in program.lookback.values()]
        finite = [back for back in backs if back is not None]
        return max(finite) if len(finite) == len(backs) else None

    def check_fields(self, known: Sequence[str]) -> None:
        """Refuse a target that names a field which the dataset lacks.

        Raises
        ------
        ExpressionError
        """
        for program in self._programs:
            program.check_fields(known)

    def values(self, panel: Panel) -> LabelValues:
        """Compute all labels of a panel."""
        shape = (*panel.shape, len(self.labels))
        y, known, frozen = (np.full(shape, np.nan) for _ in range(3))
        for k, (label, program) in enumerate(zip(self.labels, self._programs, strict=True)):
            y[:, :, k] = _coded(program.evaluate(panel)[:, :, 0].T, label)
            known[label.lookahead :, :, k] = y[: -label.lookahead or None, :, k]
            frozen[:, :, k] = _coded(frozen_future(program, panel)[:, :, 0].T, label)
        return LabelValues(y, known, frozen)


def _coded(values: Array, label: Label) -> Array:
    if not label.classes:
        return values
    classes = np.searchsorted(np.asarray(label.edges), values, side="left").astype(np.float64)
    return np.where(np.isfinite(values), classes, np.nan)


def _check_keys(name: str, spec: Any) -> None:
    if not isinstance(spec, Mapping):
        raise ConfigError(f"target {name!r} is {spec!r}; write it as {{expr: ..., task: ...}}")
    for key in spec:
        if key not in _KEYS:
            raise ConfigError(
                f"target {name!r} has an unknown key {key!r}{nearest(str(key), _KEYS)}"
            )
    if "expr" not in spec:
        raise ConfigError(f"target {name!r} has no expr; write the expression that it forecasts")


def _horizons(name: str, spec: Mapping[str, Any]) -> Sequence[int | None]:
    horizons = spec.get("horizons")
    if horizons is None:
        return [None]
    whole = isinstance(horizons, Sequence) and all(type(h) is int and h >= 1 for h in horizons)
    if not whole or not horizons:
        raise ConfigError(
            f"target {name!r}: horizons={horizons} must be a list of whole numbers from 1 up, as "
            "in [1, 5]"
        )
    if len(set(horizons)) < len(horizons):
        raise ConfigError(f"target {name!r}: horizons={horizons} names one twice")
    if not re.search(r"\bh\b", str(spec["expr"])):
        raise ConfigError(
            f"target {name!r} has horizons, but its expr {spec['expr']!r} has no h to stand for "
            "them; write it as in lead(close, h) / close - 1"
        )
    return list(horizons)


def _label(name: str, spec: Mapping[str, Any], horizon: int | None, lookahead: int) -> Label:
    task = spec.get("task", "regression")
    if task not in TASKS:
        raise ConfigError(f"target {name!r}: unknown task {task!r}{nearest(str(task), TASKS)}")
    measure = spec.get("measure", "value")
    if measure not in _MEASURES:
        raise ConfigError(
            f"target {name!r}: unknown measure {measure!r}{nearest(str(measure), _MEASURES)}"
        )
    if lookahead < 1:
        raise ConfigError(
            f"target {name!r} is known already: {spec['expr']!r} never looks ahead; use lead(x, n)"
        )
    return Label(
        target=name,
        horizon=lookahead if horizon is None else horizon,
        expression=str(spec["expr"]),
        task=task,
        lookahead=lookahead,
        edges=_edges(name, task, spec.get("edges")),
        levels=_levels(name, task, spec.get("levels")),
        measure=measure,
    )


def _edges(name: str, task: str, edges: Any) -> tuple[float, ...]:
    if task not in ("binary", "classification"):
        if edges is not None:
            raise ConfigError(
                f"target {name!r}: edges are for binary and classification, not {task}"
            )
        return ()
    if task == "binary":
        edges = [0.0] if edges is None else edges
    elif not edges:
        raise ConfigError(f"target {name!r}: a classification needs edges, as in [-0.005, 0.005]")
    values = _numbers(name, "edges", edges)
    if task == "binary" and len(values) != 1:
        raise ConfigError(f"target {name!r}: a binary target has one edge, not {len(values)}")
    if any(a >= b for a, b in pairwise(values)):
        raise ConfigError(f"target {name!r}: edges={list(values)} must increase")
    return values


def _levels(name: str, task: str, levels: Any) -> tuple[float, ...]:
    if task != "quantile":
        if levels is not None:
            raise ConfigError(f"target {name!r}: levels are for the task quantile, not {task}")
        return ()
    values = _numbers(name, "levels", levels or (0.05, 0.25, 0.5, 0.75, 0.95))
    if any(not 0 < v < 1 for v in values) or list(values) != sorted(set(values)):
        raise ConfigError(
            f"target {name!r}: levels={list(values)} must increase between 0 and 1, both excluded"
        )
    return values


def _numbers(name: str, key: str, values: Any) -> tuple[float, ...]:
    finite = isinstance(values, Sequence) and all(
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values
    )
    if not finite:
        raise ConfigError(f"target {name!r}: {key}={values!r} must be a list of numbers")
    return tuple(float(v) for v in values)
