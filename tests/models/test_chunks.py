"""Pieces of a batch give what the whole gives."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from mbrl_mts3.models import GRU, MTS3, chunks


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
        monkeypatch.setattr(chunks, "ROWS_AT_LEAST", 3)
        monkeypatch.setattr(chunks, "STEPS_AT_ONCE", 1)
        sizes = []
        decoder = model.heads.mean if isinstance(model, GRU) else model.readout.decoder.mean
        decode = decoder.forward
        monkeypatch.setattr(decoder, "forward", lambda x: sizes.append(len(x)) or decode(x))
        pieces = getattr(model, call)(belief, plans)
    assert sizes == [3, 3, 3, 3, 2]
    for a, b in zip(whole.tensors(), pieces.tensors(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=1e-12)
