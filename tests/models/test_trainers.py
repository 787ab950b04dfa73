from __future__ import annotations

from typing import Any

import pytest
import pytorch_lightning
import torch
from marketlab.errors import ConfigError
from marketlab.models.trainers import gpu_trainer


def test_without_a_gpu_it_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="choose trainer=cpu") as error:
        gpu_trainer(max_epochs=1)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("native", "settings", "precision"),
    [
        (True, {}, "bf16-mixed"),
        (False, {}, "32-true"),
        (True, {"precision": "16-mixed"}, "16-mixed"),
    ],
)
def test_precision_suits_the_card(
    monkeypatch: pytest.MonkeyPatch, native: bool, settings: dict[str, Any], precision: str
) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    monkeypatch.setattr(pytorch_lightning, "Trainer", lambda **given: seen.update(given))
    gpu_trainer(max_epochs=1, **settings)
    assert seen == {"max_epochs": 1, "precision": precision}
