"""LightGBM as a Forecaster: a fold's design matrix in, boosted trees and a Forecast out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import lightgbm
import numpy as np
import numpy.typing as npt
import torch

from ..data.labels import Label
from ..errors import ConfigError, RunError
from ..ranges import Count
from .boosting_params import check_params
from .boosting_text import check_text
from .forecast import in_own_units
from .forecaster import Forecaster
from .progress import BoostingProgress
from .samples import check_window, present
from .spec import Spec, describe, fitted, read_spec, unreadable

if TYPE_CHECKING:
    from ..data.datamodule import MarketDataModule
    from ..data.windows import Windows
    from .forecast import Forecast
    from .forecaster import FitLog, TrainerFactory

# LightGBM refuses JSON's own characters in a column's name.
_NAMES = str.maketrans(
    {"[": "(", "]": ")", "{": "(", "}": ")", ":": ".", ",": ";", '"': "'", " ": "_"}
)


class LightGBM(Forecaster):
    """Gradient-boosted trees (Ke et al. 2017, "LightGBM").

    Each label has a booster, or one a quantile level, that stops at the round that was best on
    validation. Missing features stay missing.

    Parameters
    ----------
    params : dict
        LightGBM's own parameters. Objective, seed and determinism are set here.
    rounds : int
        Most trees a booster may have.
    patience : int
        Rounds without a better validation loss after which a booster stops.
    threads : int, optional
        As many as torch is given, unless named. No forecast depends on it.
    window : {"last", "flatten"}
        Read each view's newest row, or all of its rows side by side.
    """

    layouts: ClassVar[frozenset[str]] = frozenset({"pooled"})

    def __init__(
        self,
        params: Mapping[str, Any],
        rounds: Count = 2000,
        patience: Count = 100,
        threads: Count | None = None,
        window: Literal["last", "flatten"] = "last",
    ) -> None:
        check_window(window)
        for name, value in (("rounds", rounds), ("patience", patience)):
            if not isinstance(value, int) or value < 1:
                raise ConfigError(f"model.{name}={value!r} must be a whole number from 1 up")
        self._params = dict(params)
        self._rounds = rounds
        self._patience = patience
        self._threads = threads or torch.get_num_threads()
        self._window = window
        self._texts: dict[str, list[str]] = {}
        self._boosters: dict[str, list[lightgbm.Booster]] = {}
        self._spec: Spec | None = None

    def check(self, labels: Sequence[Label], layout: str) -> None:
        """Refuse what LightGBM cannot serve, and parameters that it refuses."""
        super().check(labels, layout)
        check_params(self._params)

    def fit(self, data: MarketDataModule, trainer: TrainerFactory, log: FitLog) -> None:
        """Boost each label until validation stops improving; `trainer` is not used.

        Raises
        ------
        DataError
            If a label is missing from all train or all validation rows.
        ConfigError
            If LightGBM refuses the parameters.
        """
        parts = {"train": data.train, "validation": data.valid}
        masks = {part: present(windows, part) for part, windows in parts.items()}
        designs = {part: w.design(window=self._window, fill=False) for part, w in parts.items()}
        names = _column_names(data.train.design_names(self._window))
        jobs = [
            (label, k, objective)
            for k, label in enumerate(data.train.labels)
            for objective in _objectives(label)
        ]
        progress = BoostingProgress(log, len(jobs), self._rounds)
        texts: dict[str, list[str]] = {label.name: [] for label in data.train.labels}
        for label, k, objective in jobs:
            params = self._params | objective | self._fixed(data.seed)
            train, valid = (
                lightgbm.Dataset(
                    designs[part][masks[part][:, k]],
                    windows.scaled_y[masks[part][:, k], k],
                    feature_name=names,
                    params=params,
                )
                for part, windows in parts.items()
            )
            valid.reference = train
            try:
                booster = lightgbm.train(
                    params,
                    train,
                    self._rounds,
                    valid_sets=[train, valid],
                    valid_names=["train", "valid"],
                    callbacks=[
                        lightgbm.early_stopping(self._patience, verbose=False),
                        progress.booster(label.name),
                    ],
                )
            except lightgbm.basic.LightGBMError as error:
                reason = str(error).splitlines()[0]
                raise ConfigError(
                    f"LightGBM refuses {label.name}: {reason}: mend model.params"
                ) from error
            texts[label.name].append(booster.model_to_string(num_iteration=booster.best_iteration))
        progress.finish()
        self._restore(texts)
        hashes = [[_hash(text) for text in texts[label.name]] for label in data.train.labels]
        self._spec = describe(type(self).__name__, data.train, window=self._window, hashes=hashes)

    def predict(self, windows: Windows) -> Forecast:
        """Forecast every sample of `windows`; see `Forecaster.predict`."""
        spec = fitted(self._spec, type(self).__name__)
        spec.expect(windows)
        design = windows.design(window=spec.extra["window"], fill=False)
        raw = {}
        for label in windows.labels:
            boosters = self._boosters[label.name]
            if (
                len(boosters) != len(_objectives(label))
                or any(booster.num_feature() != design.shape[1] for booster in boosters)
                or any(booster.num_model_per_iteration() != _columns(label) for booster in boosters)
            ):
                raise RunError(f"its boosters of {label.name} are not of this recipe: fit it again")
            columns = [
                np.asarray(booster.predict(design, num_threads=self._threads))
                for booster in boosters
            ]
            raw[label.name] = _quantities(label, columns)[:, None, :]
        return in_own_units(windows, raw)

    def save(self, directory: Path) -> None:
        """Write LightGBM's text of each booster and ``spec.json`` into an existing folder."""
        fitted(self._spec, type(self).__name__).write(directory)
        for k, texts in enumerate(self._texts.values()):
            for j, text in enumerate(texts):
                (directory / _file(k, j)).write_text(text, encoding="utf-8")

    def load(self, directory: Path) -> None:
        """Read what `save` wrote.

        Raises
        ------
        RunError
        """
        spec = read_spec(directory, type(self).__name__)
        texts: dict[str, list[str]] = {}
        for k, (label, hashes) in enumerate(zip(spec.labels, spec.extra["hashes"], strict=True)):
            texts[label] = []
            for j, expected in enumerate(hashes):
                path = directory / _file(k, j)
                try:
                    text = path.read_text(encoding="utf-8")
                except (OSError, ValueError) as error:
                    raise unreadable(path, error) from error
                # LightGBM answers a text that is cut short by aborting the process.
                if _hash(text) != expected:
                    raise RunError(
                        f"{path} is not what was saved: restore it, or fit the model again"
                    )
                # A stranger may have mended the hash as well.
                try:
                    check_text(text)
                except ValueError as error:
                    raise RunError(
                        f"{path} is no booster ({error}): fit the model again"
                    ) from error
                texts[label].append(text)
        check_window(str(spec.extra.get("window")))
        self._restore(texts)
        self._spec = spec

    def _restore(self, texts: dict[str, list[str]]) -> None:
        """Forecast from the saved text at once, so that a loaded model gives the same bits."""
        self._boosters = {
            label: [lightgbm.Booster(model_str=text) for text in label_texts]
            for label, label_texts in texts.items()
        }
        self._texts = texts

    def _fixed(self, seed: int) -> dict[str, Any]:
        return {
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self._threads,
            "verbosity": -1,
        }


def _objectives(label: Label) -> list[dict[str, Any]]:
    """Return the objective of each of a label's boosters."""
    if label.task == "quantile":
        return [{"objective": "quantile", "alpha": level} for level in label.levels]
    if label.task == "classification":
        return [{"objective": "multiclass", "num_class": label.classes}]
    return [{"objective": "binary" if label.task == "binary" else "regression"}]


def _columns(label: Label) -> int:
    """Return how many numbers each of a label's boosters answers with."""
    return label.classes if label.task == "classification" else 1


def _quantities(label: Label, columns: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Turn the boosters' answers into (S, Q): probabilities, or quantiles that do not cross."""
    if label.task == "classification":
        return columns[0]
    if label.task == "binary":
        return np.stack([1 - columns[0], columns[0]], axis=1)
    return np.sort(np.stack(columns, axis=1), axis=1)


def _column_names(names: list[str]) -> list[str]:
    """Word the design's columns so that LightGBM takes them: no JSON, no name twice."""
    plain = [name.translate(_NAMES) for name in names]
    return [
        f"{name}~{plain[:k].count(name) + 1}" if name in plain[:k] else name
        for k, name in enumerate(plain)
    ]


def _file(label: int, booster: int) -> str:
    return f"label-{label:02d}-{booster:02d}.txt"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
