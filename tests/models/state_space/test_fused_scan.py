"""The fused recursion equals the plain one, values and gradients."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from mbrl_mts3.gaussian import Evidence, FactorisedGaussian
from mbrl_mts3.gaussian.linear_maps import covariance_weight
from mbrl_mts3.models.state_space import fused_scan as module
from mbrl_mts3.models.state_space import scan as scan_module
from mbrl_mts3.models.state_space.fused_scan import fused_scan
from mbrl_mts3.models.state_space.scan import GateSequence, kalman_scan
from mbrl_mts3.networks.transitions import DenseTransition, DiagonalTransition

stepwise_scan = partial(kalman_scan, fused=False)


def inputs(batch, steps, n, dtype, observed=True):
    upper, lower = torch.rand(2, batch, n, dtype=dtype) + 0.5
    side = (torch.rand(batch, n, dtype=dtype) - 0.5) * (upper * lower).sqrt()
    drive_covariance = torch.rand(batch, steps, 3 * n, dtype=dtype) * 0.1
    drive_covariance[..., 2 * n :] = 0
    tensors = [
        torch.randn(batch, 2 * n, dtype=dtype),
        torch.cat([upper, lower, side], -1),
        torch.randn(batch, steps, 2 * n, dtype=dtype),
        drive_covariance,
    ]
    if observed:
        shown = (torch.rand(batch, steps, 1) < 0.5).to(dtype)
        tensors += [torch.rand(batch, steps, n, dtype=dtype) * shown, torch.randn(batch, steps, n, dtype=dtype) * shown]
    return [tensor.requires_grad_() for tensor in tensors]


def gating(batch, steps, n, dtype):
    """V and u; one gradient for each."""
    shapes = (6 * n, 2 * n), (batch, steps, 6 * n)
    return [torch.randn(shape, dtype=dtype).requires_grad_() for shape in shapes]


def run(scan, transition, tensors, gates=()):
    mean, covariance, drive_mean, drive_covariance, *seen = tensors
    result, _ = scan(
        transition,
        FactorisedGaussian(mean, covariance),
        FactorisedGaussian(drive_mean, drive_covariance),
        Evidence(*seen) if seen else None,
        gates=GateSequence(*gates) if gates else None,
    )
    return result.mean, result.covariance


@pytest.mark.parametrize("observed", [True, False])
@pytest.mark.parametrize("rows", [2, 128])
@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("transition", [DenseTransition, DiagonalTransition])
def test_values_and_gradients_equal_the_plain_path_in_double(observed, rows, gated, transition, monkeypatch):
    monkeypatch.setattr(module, "ROWS_AT_ONCE", rows)
    network, tensors = transition(4).double(), inputs(5, 60, 4, torch.float64, observed)
    gates = gating(5, 60, 4, torch.float64) if gated else []
    found = []
    for scan in (stepwise_scan, kalman_scan):
        mean, covariance = run(scan, network(), tensors, gates)
        goal = mean.sin().sum() + covariance.cos().sum()
        # With gates nothing depends on the mean of what is added to A z.
        leaves = [*tensors[:2], *tensors[3 if gated else 2 :], *gates, *network.parameters()]
        found.append((mean, covariance, *torch.autograd.grad(goal, leaves)))
    for plain, fused in zip(*found, strict=True):
        torch.testing.assert_close(fused, plain, atol=1e-9, rtol=1e-9)


def test_single_precision_stays_close_to_double_over_1000_steps():
    network, tensors = DenseTransition(6), inputs(3, 1000, 6, torch.float32)
    with torch.no_grad():
        fused = run(kalman_scan, network(), tensors)
        plain = run(stepwise_scan, network.double()(), [tensor.double() for tensor in tensors])
    for single, double in zip(fused, plain, strict=True):
        assert ((single - double).abs() / (1 + double.abs())).max() < 1e-4


@pytest.mark.parametrize("observed", [True, False])
@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("diagonal", [True, False])
def test_the_hand_written_gradient_is_the_numerical_one(observed, gated, diagonal):
    shape = (2, 2, 2) if diagonal else (4, 4)
    weight = 0.5 * torch.randn(shape).double()
    other = covariance_weight(weight.permute(2, 0, 1)).permute(1, 2, 0) if diagonal else covariance_weight(weight)
    weights = [weight.requires_grad_(), other.detach().requires_grad_()]
    tensors = inputs(2, 4, 2, torch.float64, observed) + ([] if observed else [None, None])
    tensors = with_gates(weights, tensors, gating(2, 4, 2, torch.float64)) if gated else [*weights, *tensors]
    assert torch.autograd.gradcheck(fused_scan, tensors)


@pytest.mark.parametrize("transition", [DenseTransition, DiagonalTransition])
def test_the_default_model_takes_the_fused_path(transition, monkeypatch):
    """Otherwise the tests above would compare the plain path with itself."""
    monkeypatch.setattr("mbrl_mts3.models.state_space.scan.condition", None)
    run(kalman_scan, transition(2)(), inputs(2, 3, 2, torch.float32))


@pytest.mark.parametrize("observed", [True, False])
@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("transition", [DenseTransition, DiagonalTransition])
def test_many_members_at_once_equal_each_alone(observed, gated, transition):
    """Values and gradients of the recursion under vmap, against a loop; one input is shared by all members."""
    networks = [transition(4).double() for _ in range(3)]
    parts = [(weights(network), inputs(5, 20, 4, torch.float64, observed)) for network in networks]
    if gated:
        alone = [with_gates(*part, gating(5, 20, 4, torch.float64)) for part in parts]
    else:
        alone = [[*part[0], *part[1]] for part in parts]
    together = [torch.stack(column).detach().requires_grad_() for column in zip(*alone, strict=True)]
    shared = alone[0][4]
    alone = [[*tensors[:4], shared, *tensors[5:]] for tensors in alone]
    together[4] = shared
    rest = () if observed else (None, None)

    def scan(*tensors):
        return fused_scan(*tensors, *rest)

    dims = tuple(None if tensor is shared else 0 for tensor in together)
    batched = torch.func.vmap(scan, in_dims=dims)(*together)
    looped = [torch.stack(column) for column in zip(*(scan(*tensors) for tensors in alone), strict=True)]
    for a, b in zip(batched, looped, strict=True):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-9)
    found = torch.autograd.grad(batched[0].sin().sum() + batched[1].cos().sum(), together)
    goal = looped[0].sin().sum() + looped[1].cos().sum()
    for i, gradient in enumerate(found):
        expected = [torch.autograd.grad(goal, tensors[i], retain_graph=True)[0] for tensors in alone]
        whole = expected[0] if together[i] is shared else torch.stack(expected)
        torch.testing.assert_close(gradient, whole, atol=1e-9, rtol=1e-9)


def test_a_result_that_nobody_used_takes_no_part_in_the_gradient():
    tensors = inputs(2, 5, 2, torch.float64)
    means, covariances = fused_scan(*weights(DenseTransition(2).double()), *tensors)
    of_means = torch.autograd.grad(means.sum(), tensors[3], retain_graph=True)[0]
    of_both = torch.autograd.grad(means.sum() + 0 * covariances.sum(), tensors[3])[0]
    torch.testing.assert_close(of_means, of_both)


def with_gates(matrices, tensors, gates):
    """Arguments of the recursion with V and u in place of A and what is added to A z."""
    return [gates[0], matrices[1], *tensors[:2], gates[1], *tensors[3:]]


def weights(network):
    found = scan_module._weights_for_all_states(network())
    return [weight.detach().clone().requires_grad_() for weight in found]
