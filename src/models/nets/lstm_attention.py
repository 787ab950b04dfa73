"""Bidirectional LSTMs under self-attention: one view (B, L, C) in, (B, outputs) out."""

from __future__ import annotations

from torch import Tensor, nn

from ...errors import ConfigError
from ...ranges import Fraction, Positive, Width, Widths
from .attention import SelfAttention


class LSTMAttention(nn.Module):
    """A stack of bidirectional LSTMs, attention with a residual, average pooling, a dense layer.

    The LSTM is that of Hochreiter & Schmidhuber (1997), "Long Short-Term Memory"; the attention
    that of Vaswani et al. (2017), "Attention Is All You Need".

    Parameters
    ----------
    inputs : view -> shape of one sample
        Exactly one view, of shape (L, C): rows, channels.
    outputs : int
    hidden : sequence of int
        Units of each LSTM layer, in one direction.
    heads, key_size : int
        Of the attention; the key size is free of the channels.
    dense : int
        Units of the layer before the last.
    dropout : float in [0, 1)
        After each LSTM layer and after the dense layer.
    epsilon : float
        Of the layer norm (torch's own is 1e-5, Keras's 1e-3).

    Raises
    ------
    ConfigError
        If the features are not one view of shape (L, C), or there is no LSTM layer.
    """

    def __init__(
        self,
        inputs: dict[str, tuple[int, ...]],
        outputs: int,
        hidden: Widths = (32, 16),
        heads: Width = 2,
        key_size: Width = 16,
        dense: Width = 32,
        dropout: Fraction = 0.2,
        epsilon: Positive = 1e-5,
    ) -> None:
        super().__init__()
        if len(inputs) != 1 or len(next(iter(inputs.values()))) != 2:
            found = ", ".join(f"{name} {tuple(shape)}" for name, shape in inputs.items())
            raise ConfigError(
                f"LSTMAttention reads one view of shape (rows, columns), not {found}: "
                "choose another features= or model=mlp"
            )
        if not hidden:
            raise ConfigError(
                "LSTMAttention needs an LSTM layer: set model.net.hidden, as [32, 16]"
            )
        self.view, (_, channels) = next(iter(inputs.items()))
        self.lstms = nn.ModuleList()
        for size in hidden:
            self.lstms.append(nn.LSTM(channels, size, batch_first=True, bidirectional=True))
            channels = 2 * size
        self.dropout = nn.Dropout(dropout)
        self.attention = SelfAttention(channels, heads, key_size)
        self.norm = nn.LayerNorm(channels, eps=epsilon)
        self.dense = nn.Sequential(nn.Linear(channels, dense), nn.ReLU(), nn.Dropout(dropout))
        self.head = nn.Linear(dense, outputs)

    def forward(self, x: dict[str, Tensor]) -> Tensor:
        """Map {view: (B, L, C)} to (B, outputs)."""
        h = x[self.view]
        for lstm in self.lstms:
            h = self.dropout(lstm(h)[0])  # (B, L, 2 * size)
        h = self.norm(h + self.attention(h))
        outputs: Tensor = self.head(self.dense(h.mean(dim=1)))
        return outputs
