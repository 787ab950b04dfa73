"""fetch: a dataset's source in, an immutable snapshot out. Nothing else may touch the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from .configs import build, compose_config, folder, resolved

if TYPE_CHECKING:
    from ..data.health import Health
    from ..data.snapshots import Snapshot


def fetch(overrides: Sequence[str] = ()) -> Snapshot:
    """Fetch what the overrides choose, as ``marketlab-fetch`` does.

    Raises
    ------
    MarketlabError
        In one line, for anything that the user can mend.
    """
    config, _ = compose_config("fetch", overrides)
    return fetch_config(config)[0]


def fetch_config(config: DictConfig) -> tuple[Snapshot, Health]:
    """Fetch a composed config; see `fetch`. Also tells the health of what was fetched."""
    plain = resolved(config)
    store = folder(plain, "data")
    dataset = build(plain["dataset"], "dataset")
    snapshot: Snapshot = dataset.fetch(store)
    health: Health = dataset.load(store, snapshot=snapshot.sha256).health
    return snapshot, health
