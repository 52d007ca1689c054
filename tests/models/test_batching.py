"""Pieces of a batch give what the whole gives."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from mbrl_mts3.models import GRU, MTS3, batching


@pytest.mark.parametrize("make", [partial(MTS3, time_scales=(4,), latent_dim=5), partial(GRU, width=5)])
@pytest.mark.parametrize("call", ["imagine", "imagine_mean"])
def test_imagination_in_pieces_equals_the_whole(make, call, monkeypatch):
    model = make(3, 2).double()
    observations, actions = torch.randn(2, 9, 3).double(), torch.randn(2, 9, 2).double()
    plans = torch.randn(2, 7, 6, 2).double()
    with torch.no_grad():
        early, _ = model.filter(observations[:, :5], actions[:, :5])
        late, _ = model.filter(observations, actions)
        # Elements of one batch may be at different steps; pieces may hold some of each.
        belief = early.where(torch.tensor([True, False]), late)
        whole = getattr(model, call)(belief, plans)
        monkeypatch.setattr(batching, "ROWS_AT_LEAST", 3)
        monkeypatch.setattr(batching, "STEPS_AT_ONCE", 1)
        sizes = []
        decoder = model.heads.mean if isinstance(model, GRU) else model.readout.decoder.mean
        decode = decoder.forward
        monkeypatch.setattr(decoder, "forward", lambda x: sizes.append(len(x)) or decode(x))
        pieces = getattr(model, call)(belief, plans)
    assert sizes == [3, 3, 3, 3, 2]
    for a, b in zip(whole.tensors(), pieces.tensors(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize(
    "options", [{}, {"conditioning": "posterior"}, {"aggregation": "window"}, {"shared_latent": "exact"}]
)
@pytest.mark.parametrize("offset", [0, 3])
def test_a_sequence_in_pieces_equals_the_whole_values_and_gradients(options, offset, monkeypatch):
    model = MTS3(3, 2, (2, 4), latent_dim=5, target="delta", **options).double()
    data = torch.randn(2, 30 + offset, 5).double()
    observations, actions, mask = data[..., :3], data[..., 3:], torch.rand(2, 30 + offset) < 0.6
    found = []
    for steps in (10_000, 10):
        monkeypatch.setattr(batching, "SEQUENCE_STEPS_AT_ONCE", steps)
        belief = model.initial_belief(2)
        if offset:
            belief, _ = model.filter(observations[:, :offset], actions[:, :offset], mask[:, :offset])
        belief, prediction = model.filter(observations[:, offset:], actions[:, offset:], mask[:, offset:], belief)
        goal = sum(tensor.sin().sum() for tensor in (*prediction.tensors(), belief.fast.mean))
        found.append((*prediction.tensors(), *belief.tensors(), *torch.autograd.grad(goal, list(model.parameters()))))
    for whole, pieces in zip(*found, strict=True):
        torch.testing.assert_close(pieces, whole, atol=1e-9, rtol=1e-9)


def test_cuts_lie_at_the_ends_of_cells():
    assert batching.segment_ends(64, 360, 15, 0)[:2] == [105, 210]
    assert batching.segment_ends(64, 100, 15, 0) == [100]
    assert batching.segment_ends(10**6, 20, 15, 6) == [9, 20]
