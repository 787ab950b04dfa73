"""Linear models of scikit-learn: a design matrix in, coefficients and a Forecast out.

Only the coefficients are kept, and every forecast is computed from them, saved or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn.base import clone, is_classifier

from ..data.labels import Label, Task
from ..errors import ConfigError, RunError, nearest
from .forecast import in_own_units
from .forecaster import Forecaster
from .samples import check_window, present
from .spec import Spec, describe, fitted, read_arrays, read_spec, require_shape, write_arrays

if TYPE_CHECKING:
    from ..data.datamodule import MarketDataModule
    from ..data.windows import Windows
    from .forecast import Forecast
    from .forecaster import FitLog, TrainerFactory

Floats = npt.NDArray[np.float64]


class SklearnLinear(Forecaster):
    """One linear estimator for each label (and, in the joint layout, each symbol).

    A regressor serves regression; a classifier, binary and classification targets. Missing features
    are 0, the train mean; samples without the label are left out of its fit. A symbol of a joint
    layout without any label in the train rows gets no forecast.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Its decision must be ``X @ coef_.T + intercept_``, and its probabilities the sigmoid or
        softmax of that.
    search : parameter -> candidates, optional
        Every combination is fitted on train, and the one with the lowest loss on validation kept,
        for each label by itself; the first of equals. Cross-validation on train alone would share
        the spans of overlapping labels between its folds.
    window : {"last", "flatten"}
        Read each view's newest row, or all of its rows side by side.
    """

    tasks: ClassVar[frozenset[Task]] = frozenset({"regression", "binary", "classification"})

    def __init__(
        self,
        estimator: Any,
        search: Mapping[str, Sequence[Any]] | None = None,
        window: Literal["last", "flatten"] = "last",
    ) -> None:
        check_window(window)
        self._estimator = estimator
        self._search = _candidates(search)
        self._window = window
        self._arrays: dict[str, npt.NDArray[Any]] = {}
        self._spec: Spec | None = None

    def check(self, labels: Sequence[Label], layout: str) -> None:
        """Refuse what this estimator cannot serve; see `Forecaster.check`."""
        super().check(labels, layout)
        classifies = is_classifier(self._estimator)
        name = type(self._estimator).__name__
        for label in labels:
            if bool(label.classes) != classifies:
                kind = "classes" if classifies else "numbers"
                raise ConfigError(
                    f"{name} forecasts {kind}, not the {label.task} target {label.target!r}: "
                    f"choose model={'ridge' if classifies else 'logistic'} or another target="
                )
        for candidate in [{}, *({key: v} for key, values in self._search.items() for v in values)]:
            self._check_parameters(candidate)

    def _check_parameters(self, candidate: Mapping[str, Any]) -> None:
        """Let scikit-learn check names and ranges, which it else does once it has the data."""
        where = f"model.search.{next(iter(candidate))}" if candidate else "model.estimator"
        try:
            estimator = clone(self._estimator).set_params(**candidate)
            getattr(estimator, "_validate_params", bool)()
        except (ValueError, TypeError) as error:
            known = self._estimator.get_params()
            unknown = [name for name in candidate if name not in known]
            name = type(self._estimator).__name__
            if unknown:
                raise ConfigError(
                    f"{where}: {name} has no parameter {unknown[0]!r}{nearest(unknown[0], known)}"
                ) from error
            raise ConfigError(f"{where}: {str(error).splitlines()[0]}") from error

    def fit(self, data: MarketDataModule, trainer: TrainerFactory, log: FitLog) -> None:
        """Fit every label; validation chooses among the candidates of `search`.

        Raises
        ------
        DataError
            If a label is missing from all train rows, or from all validation rows when searching.
        ConfigError
            If the estimator refuses its parameters, or its forecasts do not follow from its
            coefficients.
        """
        parts = {"train": data.train} | ({"validation": data.valid} if self._search else {})
        designs = {part: self._design(windows) for part, windows in parts.items()}
        masks = {part: present(windows, part) for part, windows in parts.items()}
        candidates = [
            dict(zip(self._search, values, strict=True))
            for values in product(*self._search.values())
        ]
        width = len(data.train.labels)
        columns = masks["train"].shape[1]
        arrays: dict[str, npt.NDArray[Any]] = {}
        chosen = []
        for w in range(columns):
            label = data.train.labels[w % width]
            cells = {
                part: (designs[part][masks[part][:, w]], windows.scaled_y[masks[part][:, w], w])
                for part, windows in parts.items()
            }
            coef, intercept, best = self._fit_column(label, cells, candidates)
            arrays[f"coef.{w}"], arrays[f"intercept.{w}"] = coef, intercept
            chosen.append(best)
            log.progress(f"{label.name} fitted {best or ''}".rstrip(), w + 1, columns)
        self._arrays = arrays
        self._spec = describe(
            type(self).__name__,
            data.train,
            estimator=type(self._estimator).__name__,
            window=self._window,
            features=designs["train"].shape[1],
            chosen=chosen,
        )

    def predict(self, windows: Windows) -> Forecast:
        """Forecast every sample of `windows`; see `Forecaster.predict`."""
        spec = fitted(self._spec, type(self).__name__)
        spec.expect(windows)
        design = self._design(windows)
        if design.shape[1] != spec.extra["features"]:
            raise RunError(
                f"this {type(self).__name__} was fitted on {spec.extra['features']} columns, but "
                f"the data has {design.shape[1]}: use the recipe that it was fitted with"
            )
        width = len(windows.labels)
        raw = {
            label.name: np.stack(
                [
                    _answer(
                        label, design, self._arrays[f"coef.{w}"], self._arrays[f"intercept.{w}"]
                    )
                    for w in range(k, width * windows.n_out, width)
                ],
                axis=1,
            )
            for k, label in enumerate(windows.labels)
        }
        return in_own_units(windows, raw)

    def save(self, directory: Path) -> None:
        """Write the coefficients and ``spec.json`` into an existing folder."""
        fitted(self._spec, type(self).__name__).write(directory)
        write_arrays(directory, self._arrays)

    def load(self, directory: Path) -> None:
        """Read what `save` wrote.

        Raises
        ------
        RunError
        """
        spec = read_spec(directory, type(self).__name__)
        arrays = read_arrays(directory)
        width = len(spec.labels)
        for w in range(width * spec.n_out):
            rows = len(spec.quantities[w % width])
            require_shape(arrays, f"coef.{w}", (rows, int(spec.extra["features"])), directory)
            require_shape(arrays, f"intercept.{w}", (rows,), directory)
        self._arrays, self._spec = arrays, spec

    def _design(self, windows: Windows) -> Floats:
        return windows.design(window=self._window, fill=True).astype(np.float64)

    def _fit_column(
        self,
        label: Label,
        cells: Mapping[str, tuple[Floats, npt.NDArray[np.float32]]],
        candidates: list[dict[str, Any]],
    ) -> tuple[Floats, Floats, dict[str, Any]]:
        """Fit one column with each candidate; return the best one's coefficients and parameters."""
        x, y = cells["train"]
        rows = len(label.quantities)
        if not len(y):
            return np.full((rows, x.shape[1]), np.nan), np.full(rows, np.nan), {}
        if label.classes and len(np.unique(y)) == 1:
            # scikit-learn refuses a single class; its frequency is 1.
            intercept = np.where(np.arange(rows) == y[0], 0.0, -np.inf)
            return np.zeros((rows, x.shape[1])), intercept, {}
        best: tuple[float, Floats, Floats, dict[str, Any]] | None = None
        for candidate in candidates:
            try:
                estimator = clone(self._estimator).set_params(**candidate)
                estimator.fit(x, y)
            except ValueError as error:
                reason = str(error).splitlines()[0]
                raise ConfigError(
                    f"{type(self._estimator).__name__} refuses {label.name}: {reason}: mend "
                    "model.estimator or model.search"
                ) from error
            coef, intercept = _coefficients(label, estimator)
            _verify(label, estimator, x[:16], coef, intercept)
            loss = 0.0
            if len(candidates) > 1 and len(cells["validation"][1]):
                loss = _loss(
                    label,
                    _answer(label, cells["validation"][0], coef, intercept),
                    cells["validation"][1],
                )
            if best is None or loss < best[0]:
                best = loss, coef, intercept, candidate
        assert best is not None
        return best[1:]


def _candidates(search: Any) -> dict[str, list[Any]]:
    if search is not None and not isinstance(search, Mapping):
        raise ConfigError(
            f"model.search={search!r} must be lists by name, as in {{alpha: [1, 10]}}"
        )
    for name, values in (search or {}).items():
        if isinstance(values, str) or not isinstance(values, Sequence) or not values:
            raise ConfigError(
                f"model.search.{name}={values!r} must be a list of candidates, as in [1, 10]"
            )
    return {name: list(values) for name, values in (search or {}).items()}


def _coefficients(label: Label, estimator: Any) -> tuple[Floats, Floats]:
    """Return (rows, P) and (rows,), a row a class or one for a mean.

    Of two classes scikit-learn keeps the second's row; a class unseen in train gets the logit -inf.
    """
    coef = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64))
    intercept = np.broadcast_to(np.asarray(estimator.intercept_, dtype=np.float64), coef.shape[:1])
    if not label.classes:
        return coef, intercept.copy()
    seen = np.asarray(estimator.classes_).astype(int)
    if len(seen) == 2:
        coef, intercept = np.vstack([np.zeros_like(coef), coef]), np.append(0.0, intercept)
    full = np.zeros((label.classes, coef.shape[1]))
    full[seen] = coef
    offsets = np.full(label.classes, -np.inf)
    offsets[seen] = intercept
    return full, offsets


def _answer(label: Label, x: Floats, coef: Floats, intercept: Floats) -> Floats:
    """Return the quantities (S, Q) of one column in scaled units."""
    # Not x @ coef.T: there the last bits of a row depend on how many rows stand beside it.
    scores = np.vecdot(np.ascontiguousarray(x)[:, None], np.ascontiguousarray(coef)) + intercept
    if not label.classes:
        return np.asarray(scores)
    return np.asarray(softmax(scores, axis=1))


def _loss(label: Label, answer: Floats, y: npt.NDArray[np.float32]) -> float:
    """Return the squared error of means, the cross-entropy of probabilities."""
    if not label.classes:
        return float(np.mean((answer[:, 0] - y) ** 2))
    chosen = np.take_along_axis(answer, y.astype(int)[:, None], axis=1)
    return float(-np.log(np.clip(chosen, 1e-12, None)).mean())


def _verify(label: Label, estimator: Any, x: Floats, coef: Floats, intercept: Floats) -> None:
    """Refuse an estimator whose forecasts are no linear function, or no softmax of one."""
    ours = _answer(label, x, coef, intercept)
    if not label.classes:
        theirs = np.asarray(estimator.predict(x)).reshape(ours.shape)
    elif hasattr(estimator, "predict_proba"):
        ours = ours[:, np.asarray(estimator.classes_).astype(int)]
        theirs = np.asarray(estimator.predict_proba(x))
    else:
        raise ConfigError(
            f"{type(estimator).__name__} gives no probabilities: choose one that has "
            "predict_proba, such as LogisticRegression"
        )
    if not np.allclose(ours, theirs, rtol=1e-6, atol=1e-8):
        raise ConfigError(
            f"{type(estimator).__name__} does not forecast {label.name} by coef_ and intercept_ "
            "alone: choose a linear estimator such as Ridge or LogisticRegression"
        )
