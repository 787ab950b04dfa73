from __future__ import annotations

import numpy as np
import pytest
import torch
from marketlab.data.labels import TASKS, Label, Task
from marketlab.errors import ConfigError
from marketlab.models.heads import Heads


def one(task: Task, name: str) -> Label:
    edges = {"binary": (0.0,), "classification": (-0.5, 0.5)}.get(task, ())
    levels = (0.1, 0.5, 0.9) if task == "quantile" else ()
    return Label(name, 1, "x", task, lookahead=1, edges=edges, levels=levels)


LABELS = tuple(one(task, task) for task in TASKS)  # widths 1, 2, 3, 3


def truths(B: int, n_out: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(B, n_out, 4, generator=generator)
    y[..., 1] = torch.randint(0, 2, (B, n_out), generator=generator).float()
    y[..., 2] = torch.randint(0, 3, (B, n_out), generator=generator).float()
    return y.flatten(1)


def test_losses_equal_their_definitions() -> None:
    heads = Heads(LABELS, 1)
    assert heads.outputs == 9
    raw, y = torch.randn(5, 9), truths(5, 1)
    sums, counts = heads.sums(raw, y)
    r, t = raw.double().numpy(), y.double().numpy()
    assert counts.tolist() == [5, 5, 5, 5]
    assert sums[0].item() == pytest.approx(((r[:, 0] - t[:, 0]) ** 2).sum(), rel=1e-5)
    for k, part in ((1, slice(1, 3)), (2, slice(3, 6))):
        logits = r[:, part]
        log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        chosen = log_p[np.arange(5), t[:, k].astype(int)]
        assert sums[k].item() == pytest.approx(-chosen.sum(), rel=1e-5)
    error = t[:, 3:4] - r[:, 6:]
    levels = np.array([0.1, 0.5, 0.9])
    pinball = np.where(error >= 0, levels * error, (levels - 1) * error).mean(1).sum()
    assert sums[3].item() == pytest.approx(pinball, rel=1e-5)


@pytest.mark.parametrize("n_out", [1, 3])
def test_missing_labels_cost_nothing_and_pull_nothing(n_out: int) -> None:
    heads = Heads(LABELS, n_out)
    y = truths(6, n_out)
    y[4:] = float("nan")
    raw = torch.randn(6, heads.outputs, requires_grad=True)
    sums, counts = heads.sums(raw, y)
    alone, kept = heads.sums(raw[:4], y[:4])
    torch.testing.assert_close(sums, alone)
    assert torch.equal(counts, kept)
    torch.autograd.backward(heads.total(sums, counts))
    assert raw.grad is not None
    assert torch.isfinite(raw.grad).all()
    assert (raw.grad[4:] == 0).all()
    assert (raw.grad[:4] != 0).any()


def test_a_batch_without_any_label_costs_zero() -> None:
    heads = Heads(LABELS, 1)
    raw = torch.randn(3, 9, requires_grad=True)
    loss = heads.total(*heads.sums(raw, torch.full((3, 4), float("nan"))))
    torch.autograd.backward(loss)
    assert loss.item() == 0
    assert raw.grad is not None
    assert (raw.grad == 0).all()


def test_a_label_without_a_cell_does_not_dilute_the_others() -> None:
    heads = Heads(LABELS[:1] * 1 + (one("regression", "other"),), 1)
    raw = torch.tensor([[1.0, 5.0]])
    loss = heads.total(*heads.sums(raw, torch.tensor([[3.0, float("nan")]])))
    assert loss.item() == 4


def test_a_joint_sample_is_ordered_by_symbol_then_label() -> None:
    heads = Heads((one("regression", "a"), one("binary", "b")), 2)
    assert heads.outputs == 6
    raw = torch.tensor([[10.0, 0.0, 1.0, 20.0, 2.0, 0.0]])
    values = heads.quantities(raw)
    assert values["a@1"].tolist() == [[[10.0], [20.0]]]
    assert values["b@1"][0, 0, 1] > 0.5 > values["b@1"][0, 1, 1]
    sums, _ = heads.sums(raw, torch.tensor([[10.0, 1.0, 23.0, 0.0]]))
    assert sums[0].item() == 9


def test_probabilities_sum_to_one_and_quantiles_do_not_cross() -> None:
    values = Heads(LABELS, 1).quantities(torch.randn(50, 9) * 10)
    for name in ("binary@1", "classification@1"):
        np.testing.assert_allclose(values[name].sum(-1), 1, rtol=1e-14)
    assert (np.diff(values["quantile@1"], axis=-1) >= 0).all()
    assert values["regression@1"].shape == (50, 1, 1)


def test_weights_change_the_total() -> None:
    labels = (one("regression", "a"), one("regression", "b"))
    sums, counts = torch.tensor([8.0, 2.0]), torch.tensor([2.0, 1.0])
    assert Heads(labels, 1).total(sums, counts).item() == 3
    assert Heads(labels, 1, {"a": 3}).total(sums, counts).item() == pytest.approx(3.5)
    assert Heads(labels, 1, {"b@1": 0}).total(sums, counts).item() == 4


@pytest.mark.parametrize(
    ("weights", "text"), [({"aa": 1}, "did you mean 'a'"), ({"a": -1}, "0 or")]
)
def test_wrong_weights_are_refused(weights: dict[str, float], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        Heads((one("regression", "a"),), 1, weights)
