from __future__ import annotations

import pytest
import torch
from marketlab.errors import ConfigError
from marketlab.models.nets.lstm_attention import LSTMAttention


def lstm(channels: int, hidden: int) -> int:
    return 2 * 4 * hidden * (channels + hidden + 2)


def linear(a: int, b: int) -> int:
    return (a + 1) * b


def test_shapes_and_parameter_count_follow_from_the_sizes() -> None:
    net = LSTMAttention(
        {"x": (7, 5)}, 3, hidden=[8, 6, 4], heads=3, key_size=5, dense=9, dropout=0.1
    )
    assert net({"x": torch.randn(2, 7, 5)}).shape == (2, 3)
    lstms = lstm(5, 8) + lstm(16, 6) + lstm(12, 4)
    attention = 3 * linear(8, 15) + linear(15, 8)
    expected = lstms + attention + 2 * 8 + linear(8, 9) + linear(9, 3)
    assert sum(p.numel() for p in net.parameters()) == expected


def test_gradients_reach_every_parameter() -> None:
    torch.manual_seed(0)
    net = LSTMAttention({"x": (7, 5)}, 2)
    net({"x": torch.randn(16, 7, 5)}).square().sum().backward()
    for name, parameter in net.named_parameters():
        # A key's bias adds the same to all scores of a row, and the softmax takes it out again.
        if name != "attention.key.bias":
            assert parameter.grad is not None, name
            assert parameter.grad.abs().max() > 1e-8, name


def test_every_row_counts_and_dropout_only_in_training() -> None:
    torch.manual_seed(0)
    net = LSTMAttention({"x": (7, 5)}, 1)
    x = torch.randn(1, 7, 5, requires_grad=True)
    assert not torch.equal(net({"x": x}), net({"x": x}))
    net.eval()
    assert torch.equal(net({"x": x}), net({"x": x}))
    net({"x": x}).sum().backward()
    assert x.grad is not None
    assert (x.grad.abs().sum(-1) > 0).all()


def test_epsilon_is_the_layer_norms() -> None:
    assert LSTMAttention({"x": (7, 5)}, 1, epsilon=1e-3).norm.eps == 1e-3


@pytest.mark.parametrize("inputs", [{"x": (8, 8, 2)}, {"x": (5,)}, {"a": (7, 5), "b": (7, 5)}])
def test_other_inputs_are_refused_in_one_line(inputs: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(ConfigError, match=r"reads one view of shape \(rows, columns\)") as error:
        LSTMAttention(inputs, 1)
    assert "\n" not in str(error.value)


def test_no_layer_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"model\.net\.hidden"):
        LSTMAttention({"x": (7, 5)}, 1, hidden=[])
