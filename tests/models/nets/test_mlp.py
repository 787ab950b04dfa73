from __future__ import annotations

import torch
from marketlab.models.nets.mlp import MLP


def test_reads_every_view_and_counts_its_parameters() -> None:
    torch.manual_seed(0)
    net = MLP({"x": (7, 5), "grid": (2, 3, 4)}, 3, hidden=[11, 6], dropout=0.0)
    x = {
        "grid": torch.randn(4, 2, 3, 4, requires_grad=True),
        "x": torch.randn(4, 7, 5, requires_grad=True),
    }
    out = net(x)
    assert out.shape == (4, 3)
    expected = (7 * 5 + 2 * 3 * 4 + 1) * 11 + 12 * 6 + 7 * 3
    assert sum(p.numel() for p in net.parameters()) == expected
    out.square().sum().backward()
    for tensor in (*x.values(), *net.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.abs().max() > 0


def test_without_hidden_layers_it_is_linear() -> None:
    net = MLP({"x": (5,)}, 2, hidden=[])
    a, b = torch.randn(1, 5), torch.randn(1, 5)
    torch.testing.assert_close(
        net({"x": a}) + net({"x": b}), net({"x": a + b}) + net({"x": torch.zeros(1, 5)})
    )
