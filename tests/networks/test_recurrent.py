"""GRU and LSTM, written out as loops, against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.networks import GRUCore, LSTMCore
from mbrl_mts3.networks.recurrent import RecurrentState

BOTH = pytest.mark.parametrize(("core_class", "library"), [(GRUCore, nn.GRU), (LSTMCore, nn.LSTM)])
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


@BOTH
@pytest.mark.parametrize("steps", [1, 7])
def test_it_equals_the_library_s_in_values_and_gradients(core_class, library, steps):
    core, other = core_class(3, 5).double(), library(3, 5, batch_first=True).double()
    for name in NAMES:
        getattr(other, f"{name}_l0").data.copy_(getattr(core.cell, name).data)
    tokens = torch.randn(4, steps, 3, dtype=torch.float64, requires_grad=True)
    before = [torch.randn(4, 5, dtype=torch.float64, requires_grad=True) for _ in core.initial_state(4).tensors()]
    features, after = core.advance(RecurrentState(*before), tokens)
    expected, last = other(tokens, tuple(t[None] for t in before) if len(before) > 1 else before[0][None])
    torch.testing.assert_close(features, expected, atol=1e-12, rtol=1e-12)
    for ours, theirs in zip(after.tensors(), last if len(before) > 1 else [last], strict=True):
        torch.testing.assert_close(ours, theirs[0], atol=1e-12, rtol=1e-12)
    weights = torch.randn_like(features)
    ours = torch.autograd.grad((features * weights).sum(), [tokens, *before, *(getattr(core.cell, n) for n in NAMES)])
    theirs = torch.autograd.grad(
        (expected * weights).sum(), [tokens, *before, *(getattr(other, f"{n}_l0") for n in NAMES)]
    )
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-10)


@BOTH
def test_the_recursion_keeps_single_precision_under_autocast(core_class, library):
    core = core_class(3, 5)
    tokens = torch.randn(4, 50, 3)
    exact, _ = core.advance(core.initial_state(4), tokens)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed, _ = core.advance(core.initial_state(4), tokens)
    assert torch.equal(exact, mixed)


def test_a_foreign_state_and_a_size_of_nothing_are_refused():
    gru, lstm = GRUCore(3, 5), LSTMCore(3, 5)
    with pytest.raises(ShapeError, match="initial_state"):
        lstm.advance(gru.initial_state(1), torch.zeros(1, 1, 3))
    with pytest.raises(ConfigurationError, match="width=0"):
        GRUCore(3, 0)
