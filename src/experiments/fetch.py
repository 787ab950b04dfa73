"""fetch: a dataset's source in, an immutable snapshot out. Nothing else may touch the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from ..data.sources.source import RemoteSource
from ..errors import ConfigError
from .configs import build, compose_config, folder, resolved
from .exports import Exported, check_export, write_export
from .step_progress import StepProgress

if TYPE_CHECKING:
    from ..data.health.table import Health
    from ..data.snapshots.store import Snapshot
    from ..data.sources.source import Fetching


@dataclass(frozen=True)
class FetchedData:
    """What a fetch stored and wrote.

    Attributes
    ----------
    snapshot : Snapshot
    health : Health
    exported : Exported or None
    """

    snapshot: Snapshot
    health: Health
    exported: Exported | None


def fetch(overrides: Sequence[str] = ()) -> Snapshot:
    """Fetch what the overrides choose, as ``marketlab-fetch`` does, without showing progress.

    Raises
    ------
    MarketlabError
        In one line, for anything that the user can mend.
    """
    config, _ = compose_config("fetch", overrides)
    return fetch_config(config, quiet=True).snapshot


def fetch_config(config: DictConfig, *, quiet: bool = False) -> FetchedData:
    """Fetch a composed config; see `fetch`. Also tells its health, and exports it if asked to."""
    plain = resolved(config)
    store = folder(plain, "data")
    how = fetching(plain)
    dataset = build(plain["dataset"], "dataset")
    wanted = check_export(plain, dataset.name)
    asked = len(dataset.source.request) if isinstance(dataset.source, RemoteSource) else None
    what = f"fetching {dataset.name}"
    with StepProgress(what, "symbols", total=asked, quiet=quiet) as progress:
        snapshot: Snapshot = dataset.fetch(store, how(progress.step))
    health: Health = dataset.load(store, snapshot=snapshot.sha256).health
    if wanted is None:
        return FetchedData(snapshot, health, None)
    with StepProgress(f"exporting {dataset.name}", "files", quiet=quiet) as progress:
        exported = write_export(dataset, snapshot, wanted, progress.step)
    return FetchedData(snapshot, health, exported)


def fetching(plain: Mapping[str, Any]) -> Callable[[Callable[[str, int, int], None]], Fetching]:
    """Check how a remote source is to be asked; what tells the progress is still to be given.

    Raises
    ------
    ConfigError
        Naming the key whose value will not do.
    """
    from ..data.sources.source import Fetching

    keys = plain["fetch"]
    if not isinstance(keys, Mapping):
        raise ConfigError(f"fetch={keys} must be keys and values, as in fetch.retries=5")

    def whole(key: str, least: int) -> int:
        value = keys.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ConfigError(f"fetch.{key}={value} must be a whole number, {least} or more")
        return value

    def seconds(key: str, zero: bool) -> float:
        value = keys.get(key)
        words = "0 or more" if zero else "above 0"
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"fetch.{key}={value} must be a number of seconds, {words}")
        if not isfinite(value) or value < 0 or (value == 0 and not zero):
            raise ConfigError(f"fetch.{key}={value} must be a number of seconds, {words}")
        return float(value)

    def yes_or_no(name: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ConfigError(f"{name}={value} must be true or false")
        return value

    retries, requests = whole("retries", 0), whole("requests", 1)
    timeout, pause = seconds("timeout", zero=False), seconds("pause", zero=True)
    allow_missing = yes_or_no("allow_missing", plain["allow_missing"])
    full = yes_or_no("fetch.full", keys.get("full"))
    return lambda progress: Fetching(
        retries, timeout, requests, pause, allow_missing, full, progress
    )
