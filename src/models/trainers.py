"""A Trainer for a GPU: the recipe's settings in, one whose precision suits the card out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ..errors import ConfigError

if TYPE_CHECKING:
    from pytorch_lightning import Trainer


def gpu_trainer(**settings: Any) -> Trainer:
    """Build a Lightning Trainer on the GPU, in bf16 where the card computes it natively.

    Parameters
    ----------
    **settings
        Anything that ``pytorch_lightning.Trainer`` takes; a `precision` given here is kept.

    Raises
    ------
    ConfigError
        If torch finds no GPU.
    """
    if not torch.cuda.is_available():
        raise ConfigError(
            "trainer=gpu, but torch finds no GPU here: choose trainer=cpu, or install a CUDA build "
            "of torch and a driver"
        )
    from pytorch_lightning import Trainer

    native = torch.cuda.is_bf16_supported(including_emulation=False)
    return Trainer(**{"precision": "bf16-mixed" if native else "32-true", **settings})
