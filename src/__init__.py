"""marketlab: config-driven market forecasting whose numbers can be trusted.

    >>> import marketlab
    >>> print(*marketlab.__all__)
    MarketlabError Run compare data_health fetch predict rerun resume sweep train

`train(overrides) -> Run`, `sweep(overrides)`, `predict(run)`, `compare(runs)`,
`fetch(overrides)` and `data_health(overrides)` do what the commands do;
`rerun(run)` and `resume(run)` what ``marketlab-train rerun=`` and ``resume=`` do. They are imported
when first used, so that ``import marketlab`` is instant.
"""

from typing import TYPE_CHECKING, Any

from .errors import MarketlabError

if TYPE_CHECKING:
    from .experiments.compare import compare
    from .experiments.data import data_health
    from .experiments.fetch import fetch
    from .experiments.predict import predict
    from .experiments.rerun import rerun
    from .experiments.resume import resume
    from .experiments.run import Run
    from .experiments.sweep.search import sweep
    from .experiments.train import train

__all__ = [
    "MarketlabError",
    "Run",
    "compare",
    "data_health",
    "fetch",
    "predict",
    "rerun",
    "resume",
    "sweep",
    "train",
]
_MODULES = {"data_health": "data", "sweep": "sweep.search"}
"""Where a function lives whose module has another name."""


def __getattr__(name: str) -> Any:
    """Import one of the functions above when it is asked for."""
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module 'marketlab' has no attribute {name!r}")
    module = _MODULES.get(name, name.lower())
    # `train` is a module and a function in it; the function is what a user means.
    return getattr(import_module(f".experiments.{module}", __name__), name)
