"""Sampling: a study and a space in; the next point out, seeded anew and never one seen before."""

from __future__ import annotations

import inspect
import itertools
import warnings
from collections.abc import Callable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, BruteForceSampler, GridSampler, QMCSampler
from optuna.trial import FrozenTrial, TrialState

from ...errors import ConfigError
from .space import Space

if TYPE_CHECKING:
    from optuna.study import Study

TRIES = 20
"""Proposals seen before that a sampler may make before a point is drawn from those left."""
MOST_POINTS = 1_000_000
"""A space of more points than this is not enumerated."""


def new_sampler(
    build: Callable[..., BaseSampler], space: Space, seed: int, number: int
) -> BaseSampler:
    """Build the sampler of one proposal.

    Its seed follows from the recipe's and from how many trials there are, so that a search that
    was stopped goes on as if it had not been, and processes do not propose alike. Samplers that
    keep their place in the storage get one seed for the whole study.

    Parameters
    ----------
    build : () -> BaseSampler
        A partial of one of Optuna's classes.
    seed, number : int
        Of the recipe; trials begun so far.

    Raises
    ------
    ConfigError
        If the sampler refuses its arguments, or cannot search this space.
    """
    target: Any = getattr(build, "func", build)
    given = set(getattr(build, "keywords", {}))
    takes = inspect.signature(target).parameters
    more: dict[str, Any] = {}
    if "seed" in takes and "seed" not in given:
        own_place = issubclass(target, GridSampler | QMCSampler)
        more["seed"] = seed if own_place else _mixed(seed, number)
    if "search_space" in takes and "search_space" not in given:
        if space.size is None or space.size > MOST_POINTS:
            raise ConfigError(
                f"sweep.sampler: {target.__name__} needs a finite space: write choice or range in "
                "the place of interval"
            )
        more["search_space"] = {d.key: d.grid for d in space.dimensions}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            sampler: BaseSampler = build(**more)
    except (TypeError, ValueError, ImportError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"sweep.sampler: {target.__name__} refuses ({reason})") from error
    return sampler


def _mixed(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


class Unseen(BaseSampler):
    """Let a sampler propose whole points until one is new.

    Parameters
    ----------
    inner : BaseSampler
    space : Space
    seen : points that the study has
    seed : int
        Draws among the points left where `inner` finds none.
    """

    def __init__(
        self, inner: BaseSampler, space: Space, seen: set[tuple[Any, ...]], seed: int
    ) -> None:
        self._inner, self._space, self._seen, self._seed = inner, space, seen, seed

    def reseed_rng(self) -> None:
        """Pass it on."""
        self._inner.reseed_rng()

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """All of it: a point is proposed as a whole."""
        return self._space.distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose a point."""
        size = self._space.size
        # A sampler may note its place in the storage before it is asked.
        so_far = copy(trial)
        so_far.system_attrs = study._storage.get_trial_system_attrs(trial._trial_id)
        for _ in range(TRIES):
            joint = self._inner.infer_relative_search_space(study, trial)
            point = dict(self._inner.sample_relative(study, trial, joint))
            for name, distribution in search_space.items():
                if name not in point:
                    so_far.params = dict(point)
                    so_far.distributions = {key: search_space[key] for key in point}
                    point[name] = self._inner.sample_independent(study, so_far, name, distribution)
            if self._space.point(point) not in self._seen:
                return point
        if size is None or size > MOST_POINTS:
            return point
        return self._left() or point

    def _left(self) -> dict[str, Any] | None:
        """Draw one of the points that nobody tried."""
        names = [d.key for d in self._space.dimensions]
        every = itertools.product(*(d.grid for d in self._space.dimensions))
        left = [
            point
            for values in every
            if self._space.point(point := dict(zip(names, values, strict=True))) not in self._seen
        ]
        if not left:
            return None
        return left[int(np.random.default_rng(self._seed).integers(len(left)))]

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Pass it on."""
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass it on."""
        self._inner.before_trial(study, trial)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Pass it on, but to those that would stop `Study.optimize`, which is not used."""
        if not isinstance(self._inner, GridSampler | BruteForceSampler):
            self._inner.after_trial(study, trial, state, values)


def exhausted(space: Space, seen: set[tuple[Any, ...]]) -> bool:
    """Say whether every point of a finite space was tried."""
    return space.size is not None and len(seen) >= space.size
