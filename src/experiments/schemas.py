"""Schemas: ranges that other libraries check too late, or never; names and types are their own.

Our own classes say theirs in their signatures (`marketlab.ranges`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Lt

from ..ranges import Count, Fraction, NotNegative, Positive, Share, Whole

_Batches = Count | Annotated[float, Ge(0), Le(1)] | None
"""So many batches, or a share of them."""
_Beta = Annotated[float, Ge(0), Lt(1)]

_TRAINER: Mapping[str, Any] = {
    "accelerator": Literal["auto", "cpu", "cuda", "gpu", "mps"],
    "devices": Count | list[Whole] | Literal["auto"],
    "num_nodes": Literal[1],
    "max_epochs": Count,
    "min_epochs": Whole | None,
    "max_steps": Annotated[int, Ge(-1)],
    "min_steps": Whole | None,
    "limit_train_batches": _Batches,
    "limit_val_batches": _Batches,
    "num_sanity_val_steps": Annotated[int, Ge(-1)] | None,
    "log_every_n_steps": Whole | None,
    "check_val_every_n_epoch": Count | None,
    "accumulate_grad_batches": Count,
    "gradient_clip_val": NotNegative | None,
    "gradient_clip_algorithm": Literal["norm", "value"] | None,
}

# Every optimizer and every schedule of torch means the same by these names.
_OPTIMIZER: Mapping[str, Any] = {
    "lr": Positive,
    "weight_decay": NotNegative,
    "betas": list[_Beta],
    "eps": Positive,
    "momentum": Fraction,
    "dampening": NotNegative,
    "alpha": Fraction,
}
_SCHEDULE: Mapping[str, Any] = {
    "factor": Share,
    "patience": Whole,
    "threshold": NotNegative,
    "cooldown": Whole,
    "min_lr": NotNegative,
    "eta_min": NotNegative,
    "eps": NotNegative,
    "gamma": Annotated[float, Ge(0), Le(1)],
    "step_size": Count,
    "T_max": Count,
    "total_iters": Count,
}

_RANGES: Mapping[str, Mapping[str, Any]] = {
    "pytorch_lightning.Trainer": _TRAINER,
    "marketlab.models.trainers.gpu_trainer": _TRAINER,
    "pytorch_lightning.callbacks.EarlyStopping": {
        "monitor": Literal["valid_loss", "train_loss"],
        "mode": Literal["min", "max"],
        "patience": Whole,
        "min_delta": NotNegative,
    },
}
_FAMILIES = {"torch.optim.lr_scheduler.": _SCHEDULE, "torch.optim.": _OPTIMIZER}
_SIGNATURES = {"marketlab.models.trainers.gpu_trainer": "pytorch_lightning.Trainer"}


def signature_of(target: str) -> str:
    """Return whose signature says what a target takes; its own, unless it hands all on."""
    return _SIGNATURES.get(target, target)


def ranges_of(target: str) -> Mapping[str, Any]:
    """Return argument -> type with its range, where it is narrower than the signature's."""
    for family, ranges in _FAMILIES.items():
        if target.startswith(family):
            return ranges
    return _RANGES.get(target, {})
