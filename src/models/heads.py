"""Heads: which of a net's outputs belongs to which label, and what a wrong answer costs.

Raw net outputs (B, n_out * width) and scaled labels (B, W) go in; the loss of each label with its
missing cells left out, or the forecast quantities of each label, come out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from ..data.labels import Label
from ..errors import ConfigError, nearest


class Heads:
    """The labels' shares of a net's outputs.

    A sample's outputs are ordered by symbol, then by label; a label takes one output for a mean,
    one logit a class, or one output a quantile.

    Parameters
    ----------
    labels : sequence of Label
    n_out : int
        Symbols a sample answers for: 1 when pooled, N when joint.
    weights : label or target name -> number, optional
        What a label's loss counts in the total, 1 unless named.

    Raises
    ------
    ConfigError
        If a weight names no label, or is negative.
    """

    def __init__(
        self, labels: Sequence[Label], n_out: int, weights: Mapping[str, float] | None = None
    ) -> None:
        self.labels = tuple(labels)
        self.n_out = n_out
        ends = np.cumsum([len(label.quantities) for label in self.labels])
        starts = [0, *ends[:-1]]
        self.slices = tuple(slice(int(a), int(b)) for a, b in zip(starts, ends, strict=True))
        self.width = int(ends[-1])
        self.outputs = n_out * self.width
        self.weights = tuple(_weight(label, weights or {}) for label in self.labels)
        known = {name for label in self.labels for name in (label.name, label.target)}
        for name in weights or {}:
            if name not in known:
                raise ConfigError(f"model.weights names no target {name!r}{nearest(name, known)}")

    def sums(self, raw: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return each label's summed loss and the number of cells that it was summed over.

        Parameters
        ----------
        raw : (B, outputs)
        y : (B, n_out * K), scaled; class indices as they are; missing is NaN

        Returns
        -------
        sums, counts : (K,) float32
            Squared error; cross-entropy in nats; pinball loss averaged over the levels. A missing
            label adds neither loss nor gradient.
        """
        blocks = raw.float().reshape(-1, self.n_out, self.width)
        truth = y.reshape(-1, self.n_out, len(self.labels))
        present = ~torch.isnan(truth)
        # Replaced before the loss, not after: 0 * NaN would still poison the gradient.
        truth = torch.where(present, truth, torch.zeros_like(truth))
        sums = [
            (_loss(label, blocks[..., part], truth[..., k]) * present[..., k]).sum()
            for k, (label, part) in enumerate(zip(self.labels, self.slices, strict=True))
        ]
        return torch.stack(sums), present.sum((0, 1)).to(torch.float32)

    def total(self, sums: Tensor, counts: Tensor) -> Tensor:
        """Average within each label, then over the labels that have a cell; 0 where none has."""
        share = torch.tensor(self.weights, device=sums.device) * (counts > 0)
        return (share * sums / counts.clamp(min=1)).sum() / share.sum().clamp(min=1e-12)

    def quantities(self, raw: Tensor) -> dict[str, npt.NDArray[np.float64]]:
        """Turn raw outputs (B, outputs) into label name -> (B, n_out, Q), in scaled units.

        Probabilities sum to 1; quantiles are sorted, so that they do not cross.
        """
        blocks = raw.detach().double().cpu().reshape(-1, self.n_out, self.width)
        result = {}
        for label, part in zip(self.labels, self.slices, strict=True):
            values = blocks[..., part]
            if label.classes:
                values = values.softmax(-1)
            elif label.task == "quantile":
                values = values.sort(-1).values
            result[label.name] = values.numpy()
        return result


def _loss(label: Label, out: Tensor, truth: Tensor) -> Tensor:
    """Return the loss of each cell: out (B, n_out, Q), truth (B, n_out) -> (B, n_out)."""
    if label.classes:
        flat = functional.cross_entropy(out.flatten(0, 1), truth.flatten().long(), reduction="none")
        return torch.reshape(flat, truth.shape)
    if label.task == "quantile":
        levels = torch.tensor(label.levels, device=out.device)
        error = truth.unsqueeze(-1) - out
        return torch.maximum(levels * error, (levels - 1) * error).mean(-1)
    return (out.squeeze(-1) - truth).square()


def _weight(label: Label, weights: Mapping[str, float]) -> float:
    weight = float(weights.get(label.name, weights.get(label.target, 1.0)))
    if not weight >= 0:
        raise ConfigError(f"model.weights gives {label.name} {weight}: it must be 0 or more")
    return weight
