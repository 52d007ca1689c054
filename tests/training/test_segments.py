"""Segments change memory, not values; only detaching changes gradients."""

from __future__ import annotations

import pytest
import torch

from mbrl_mts3.training.lightning_module import predict_in_segments


def gradients(model, predict):
    model.zero_grad()
    prediction = predict()
    (prediction.mean.square().mean() + prediction.variance.log().mean()).backward()
    return prediction, [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


@pytest.mark.parametrize(("detach", "recompute"), [(False, True), (False, False), (True, False), (True, True)])
def test_segments(small_mts3, detach, recompute):
    model = small_mts3(3, 2, predict_reward=False).double()
    sequence = torch.randn(2, 23, 3).double(), torch.randn(2, 23, 2).double(), torch.rand(2, 23) < 0.5
    whole, expected = gradients(model, lambda: model(*sequence))
    parts, found = gradients(
        model, lambda: predict_in_segments(model, *sequence, length=10, detach=detach, recompute=recompute)
    )
    torch.testing.assert_close(parts.mean, whole.mean, atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(parts.variance, whole.variance, atol=1e-10, rtol=1e-10)
    same = all(torch.allclose(a, b, atol=1e-9, rtol=1e-9) for a, b in zip(expected, found, strict=True))
    assert same != detach


def test_recomputing_keeps_less(small_mts3):
    model = small_mts3(3, 2)
    sequence = torch.randn(2, 200, 3), torch.randn(2, 200, 2), torch.rand(2, 200) < 0.5

    def kept(recompute: bool) -> int:
        sizes: dict[int, int] = {}

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            prediction = predict_in_segments(model, *sequence, length=20, detach=False, recompute=recompute)
        assert prediction.mean.requires_grad
        return sum(sizes.values())

    assert kept(True) < kept(False) / 2
