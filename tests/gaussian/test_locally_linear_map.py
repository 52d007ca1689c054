"""A map mixed for each state equals the dense map of the mixed matrix, values and gradients."""

from __future__ import annotations

import pytest
import torch

from mbrl_mts3.gaussian import DenseMap, FactorisedGaussian, LocallyLinearMap

N, K, BATCH = 5, 3, 4


def banded(bandwidth):
    distance = (torch.arange(N)[:, None] - torch.arange(N)).abs().repeat(2, 2)
    return distance <= bandwidth


@pytest.fixture(params=[None, 0, 1, 4], ids=lambda width: f"bandwidth-{width}")
def bandwidth(request):
    return request.param


@pytest.fixture
def inputs(bandwidth):
    bases = torch.randn(K, 2 * N, 2 * N).double()
    gate = torch.randn(2 * N, K).double()
    tensors = [bases, gate, torch.randn(BATCH, 2 * N).double(), torch.rand(BATCH, 3 * N).double()]
    if bandwidth is not None:
        tensors[0] *= banded(bandwidth)
    return [tensor.requires_grad_() for tensor in tensors]


def mixed(bandwidth, bases, gate, mean, covariance):
    linear_map = LocallyLinearMap(bases, lambda state: torch.softmax(state @ gate, -1), bandwidth)
    moved = linear_map.apply(FactorisedGaussian(mean, covariance))
    return moved.mean, moved.covariance


def by_rows(bases, gate, mean, covariance):
    """Each element with a dense map of its own."""
    parts = []
    for m, c in zip(mean, covariance, strict=True):
        weights = torch.softmax(m @ gate, -1)
        parts.append(DenseMap(torch.einsum("k,kij->ij", weights, bases)).apply(FactorisedGaussian(m, c)))
    return torch.stack([part.mean for part in parts]), torch.stack([part.covariance for part in parts])


def test_values_and_gradients_equal_those_of_dense_maps(bandwidth, inputs):
    found = []
    for moved in (mixed(bandwidth, *inputs), by_rows(*inputs)):
        goal = moved[0].sin().sum() + moved[1].cos().sum()
        gradients = list(torch.autograd.grad(goal, inputs))
        if bandwidth is not None:
            # Beyond the band the map may take zeros for granted.
            gradients[0] = gradients[0] * banded(bandwidth)
        found.append((*moved, *gradients))
    for ours, dense in zip(*found, strict=True):
        torch.testing.assert_close(ours, dense, atol=1e-10, rtol=1e-10)


def test_the_mean_alone_is_the_same_mean(bandwidth, inputs):
    bases, gate, mean, covariance = inputs
    linear_map = LocallyLinearMap(bases, lambda state: torch.softmax(state @ gate, -1), bandwidth)
    whole = linear_map.apply(FactorisedGaussian(mean, covariance)).mean
    torch.testing.assert_close(linear_map.apply_mean(mean), whole, atol=1e-12, rtol=1e-12)
    sequence = torch.stack([mean, mean + 1])
    torch.testing.assert_close(linear_map.apply_mean(sequence)[0], whole, atol=1e-12, rtol=1e-12)


def test_any_batch_shape_will_do(bandwidth, inputs):
    _, _, mean, covariance = inputs
    flat = mixed(bandwidth, *inputs)
    shaped = mixed(bandwidth, *inputs[:2], mean.view(2, 2, -1), covariance.view(2, 2, -1))
    for one, other in zip(flat, shaped, strict=True):
        torch.testing.assert_close(other.flatten(0, 1), one)


def test_it_can_be_mapped_over_members_of_an_ensemble(bandwidth, inputs):
    others = [2 * tensor.detach().flip(0) for tensor in inputs]
    members = [inputs, [tensor.requires_grad_() for tensor in others]]
    stacked = [torch.stack(pair).detach().requires_grad_() for pair in zip(*members, strict=True)]
    together = torch.func.vmap(lambda *tensors: mixed(bandwidth, *tensors))(*stacked)
    gradients = torch.autograd.grad(together[0].sin().sum() + together[1].cos().sum(), stacked)
    for i, member in enumerate(members):
        alone = mixed(bandwidth, *member)
        for a, b in zip(together, alone, strict=True):
            torch.testing.assert_close(a[i], b)
        expected = torch.autograd.grad(alone[0].sin().sum() + alone[1].cos().sum(), member)
        for a, b in zip(gradients, expected, strict=True):
            torch.testing.assert_close(a[i], b)


def test_under_autocast_it_keeps_single_precision(bandwidth, inputs):
    single = [tensor.detach().float() for tensor in inputs]
    expected = mixed(bandwidth, *single)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = mixed(bandwidth, *single)
    for a, b, double in zip(found, expected, by_rows(*inputs), strict=True):
        assert torch.equal(a, b)
        # Both, for a map that turned autocast on by itself would agree with itself.
        torch.testing.assert_close(a, double.detach().float(), atol=1e-4, rtol=1e-4)


def test_beliefs_in_half_precision_are_moved_in_that_of_the_map(bandwidth, inputs):
    bases, gate, mean, covariance = (tensor.detach().float() for tensor in inputs)
    half = mean.bfloat16(), covariance.bfloat16()
    for a, b in zip(
        mixed(bandwidth, bases, gate, *half), mixed(bandwidth, bases, gate, *(x.float() for x in half)), strict=True
    ):
        assert torch.equal(a, b)
    linear_map = LocallyLinearMap(bases, lambda state: torch.softmax(state @ gate, -1), bandwidth)
    assert torch.equal(linear_map.apply_mean(half[0]), linear_map.apply_mean(half[0].float()))


def test_its_dense_form_is_the_mean_of_the_bases(bandwidth, inputs):
    bases = inputs[0].detach()
    found = LocallyLinearMap(bases, lambda state: state, bandwidth).to_dense()
    torch.testing.assert_close(found, sum(bases.unbind()) / K)


def test_means_move_in_full_precision_under_autocast(bandwidth):
    # Rounding to bfloat16 would show in the third digit; the gate is the map's own and moves with it.
    bases, gate = torch.randn(K, 2 * N, 2 * N), torch.randn(2 * N, K)
    linear_map = LocallyLinearMap(bases, lambda state: torch.softmax(state @ gate, -1), bandwidth)
    mean = torch.randn(BATCH, 2 * N)
    expected = linear_map.apply_mean(mean)
    double = LocallyLinearMap(bases.double(), lambda state: torch.softmax(state @ gate.double(), -1), bandwidth)
    torch.testing.assert_close(expected, double.apply_mean(mean.double()).float(), atol=1e-4, rtol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(linear_map.apply_mean(mean), expected, atol=1e-6, rtol=1e-6)
