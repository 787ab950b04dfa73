"""Multi-head self-attention whose key size is its own: (B, L, C) in, (B, L, C) out."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Scaled dot-product attention of a sequence to itself (Vaswani et al. 2017, section 3.2).

    ``torch.nn.MultiheadAttention`` ties the key size to channels / heads; here, as in Keras, it is
    free. The product is written out, because torch's fused kernels differ between machines and, on
    a GPU, may have no deterministic gradient.

    Parameters
    ----------
    channels : int
        C, of the input and of the output.
    heads, key_size : int
    """

    def __init__(self, channels: int, heads: int, key_size: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = key_size**-0.5
        self.query = nn.Linear(channels, heads * key_size)
        self.key = nn.Linear(channels, heads * key_size)
        self.value = nn.Linear(channels, heads * key_size)
        self.out = nn.Linear(heads * key_size, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, L, C) to (B, L, C)."""
        query, key, value = (
            project(x).unflatten(2, (self.heads, -1)).transpose(1, 2)  # (B, heads, L, key_size)
            for project in (self.query, self.key, self.value)
        )
        weights = torch.softmax(query @ key.transpose(2, 3) * self.scale, dim=-1)
        mixed: Tensor = self.out((weights @ value).transpose(1, 2).flatten(2))
        return mixed
