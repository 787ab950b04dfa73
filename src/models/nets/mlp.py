"""A multilayer perceptron over all views: {view: (B, *shape)} in, (B, outputs) out."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

from ...ranges import Fraction, Widths


class MLP(nn.Module):
    """Flatten and concatenate the views, then dense layers with ReLU and dropout.

    Parameters
    ----------
    inputs : view -> shape of one sample
    outputs : int
    hidden : sequence of int
        Units of each hidden layer; none makes it a linear model.
    dropout : float in [0, 1)
        After each hidden layer.
    """

    def __init__(
        self,
        inputs: dict[str, tuple[int, ...]],
        outputs: int,
        hidden: Widths = (64, 32),
        dropout: Fraction = 0.2,
    ) -> None:
        super().__init__()
        self.views = tuple(inputs)
        width = sum(prod(shape) for shape in inputs.values())
        layers: list[nn.Module] = []
        for size in hidden:
            layers += [nn.Linear(width, size), nn.ReLU(), nn.Dropout(dropout)]
            width = size
        self.layers = nn.Sequential(*layers, nn.Linear(width, outputs))

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        """Map {view: (B, *shape)} to (B, outputs)."""
        flat = torch.cat([x[view].flatten(1) for view in self.views], dim=1)
        outputs: Tensor = self.layers(flat)
        return outputs
