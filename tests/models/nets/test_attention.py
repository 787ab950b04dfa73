from __future__ import annotations

import numpy as np
import torch
from marketlab.models.nets.attention import SelfAttention
from torch import nn


def project(layer: nn.Linear, x: np.ndarray) -> np.ndarray:
    return np.asarray(x @ layer.weight.detach().numpy().T + layer.bias.detach().numpy())


def test_equals_a_reference_in_numpy_with_a_key_size_of_its_own() -> None:
    torch.manual_seed(0)
    B, L, C, heads, size = 2, 5, 6, 4, 7
    attention = SelfAttention(C, heads, size).double()
    x = np.random.default_rng(0).standard_normal((B, L, C))
    query, key, value = (
        project(layer, x).reshape(B, L, heads, size)
        for layer in (attention.query, attention.key, attention.value)
    )
    scores = np.einsum("blhd,bmhd->bhlm", query, key) / np.sqrt(size)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    mixed = np.einsum("bhlm,bmhd->blhd", weights, value).reshape(B, L, heads * size)
    expected = project(attention.out, mixed)
    found = attention(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_is_blind_to_the_order_of_rows() -> None:
    attention = SelfAttention(4, 2, 3)
    x = torch.randn(3, 6, 4)
    order = torch.randperm(6)
    torch.testing.assert_close(attention(x[:, order]), attention(x)[:, order])
