"""The fast level's Kalman recursion as autograd functions with their own backward passes.

Autograd would keep about thirty small tensors a step and multiply small matrices for the weights' gradients at each of
them. Here the state lies as (T, features, B), one contiguous block for each step, all results are written into tensors
made once, and the weights' gradients are one product over all steps.

Everything below supports an optional dimension of E members before the features: under `torch.func.vmap`, with
different weights for each member, the same lines run as one recursion over all members.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Tensors = tuple[Tensor, ...]
Dims = tuple[int | None, ...]
ROWS_AT_ONCE = 128


def fused_scan(
    weight: Tensor,
    covariance_weight: Tensor,
    mean: Tensor,
    covariance: Tensor,
    drive_mean: Tensor,
    drive_covariance: Tensor,
    precision: Tensor | None,
    information: Tensor | None,
    gate_weight: Tensor | None = None,
    gate_inputs: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Condition, then predict, for t = 0..T-1: equal to `condition` and `DenseMap.apply` in turn.

    Args:
        weight, covariance_weight: A (2n, 2n) and M_A (3n, 3n).
        mean, covariance: belief of z_0, (B, 2n) and (B, 3n), before the update with its observation.
        drive_mean, drive_covariance: what is added to each prediction, (B, T, 2n) and (B, T, 3n).
        precision, information: evidence (B, T, n) of each step's observation; None for an open loop.
        gate_weight, gate_inputs: V (4n, 2n) and u (B, T, 4n) of gates, see `GateSequence`; None for a linear recursion.

    Returns:
        Means (B, T, 2n) and covariances (B, T, 3n) of z_1..z_T.
    """
    # Under autocast some inputs come in half precision, whose errors would add up over hundreds of steps.
    mean, covariance, drive_mean, drive_covariance = (
        tensor.to(weight.dtype) for tensor in (mean, covariance, drive_mean, drive_covariance)
    )
    precision, information, gate_weight, gate_inputs = (
        None if tensor is None else tensor.to(weight.dtype)
        for tensor in (precision, information, gate_weight, gate_inputs)
    )
    if len(mean) > ROWS_AT_ONCE:
        # Larger batches do not fit the processor's caches, and their buffers are new pages at every call.
        done = [
            fused_scan(
                weight,
                covariance_weight,
                mean[rows],
                covariance[rows],
                drive_mean[rows],
                drive_covariance[rows],
                None if precision is None else precision[rows],
                None if information is None else information[rows],
                gate_weight,
                None if gate_inputs is None else gate_inputs[rows],
            )
            for rows in (slice(first, first + ROWS_AT_ONCE) for first in range(0, len(mean), ROWS_AT_ONCE))
        ]
        return torch.cat([part[0] for part in done]), torch.cat([part[1] for part in done])
    gates = () if gate_inputs is None else (gate_weight, gate_inputs)
    if precision is None or information is None:
        means, *_ = _OpenLoop.apply(weight, mean, drive_mean, *gates)  # type: ignore[no-untyped-call]
        covariances, *_ = _OpenLoop.apply(  # type: ignore[no-untyped-call]
            covariance_weight, covariance, drive_covariance
        )
    else:
        means, covariances, *_ = _Scan.apply(  # type: ignore[no-untyped-call]
            weight,
            covariance_weight,
            mean,
            covariance,
            drive_mean,
            drive_covariance,
            precision,
            information,
            *gates,
        )
    return means, covariances


class _OpenLoop(torch.autograd.Function):
    """Open-loop recursion x_{t+1} = A x_t + d_t, with gates where they are given.

    Returns the results, then what only the backward pass needs.
    """

    @staticmethod
    def forward(weight: Tensor, start: Tensor, drive: Tensor, *gates: Tensor) -> Tensors:
        inputs, move = time_major(drive), make_move(weight, gates)
        states = inputs.new_empty(len(inputs) + 1, *inputs.shape[1:])
        states[0] = start.mT
        rows = states.unbind(0)
        for t, step in enumerate(inputs.unbind(0)):
            move(t, step, rows[t], rows[t + 1])
        return batch_major(states[1:]), states, *move.kept

    @staticmethod
    def setup_context(ctx: Any, inputs: Tensors, output: Tensors) -> None:
        _keep(ctx, output, 1, (inputs[0], *output[1:2], *inputs[3:4], *output[2:]))

    @staticmethod
    def vmap(info: Any, in_dims: Dims, *inputs: Tensor) -> tuple[Tensors, Dims]:
        found = _OpenLoop.apply(*_members_first(info.batch_size, in_dims, inputs))  # type: ignore[no-untyped-call]
        return found, (0, *(1,) * (len(found) - 1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:
        weight, states, *saved = ctx.saved_tensors
        total, add_product = _gradient(gradient, states[1:]), add_product_of(weight)
        move = make_move_back(weight, saved)
        rows, first = total.unbind(0), torch.zeros_like(states[0])
        for t, before in reversed(list(enumerate([first, *rows[:-1]]))):
            add_product(before, move.back, move(t, rows[t]), out=before)
        of_weight, *of_gates = move.weights(total, states[:-1])
        return of_weight, first.mT, batch_major(total), *of_gates


class _Scan(torch.autograd.Function):
    """Condition and predict in turn, see `fused_scan`. Names are those of `condition`, an underscore for its prime.

    Returns the results, then what only the backward pass needs.
    """

    @staticmethod
    def forward(weight: Tensor, covariance_weight: Tensor, *rest: Tensor) -> Tensors:
        start_mean, start_covariance = rest[0], rest[1]
        d_mean, d_cov, p, h = (time_major(tensor) for tensor in rest[2:6])
        n, add_product, move = p.shape[-2], add_product_of(weight), make_move(weight, rest[6:])
        mean, cov = (d.new_empty(len(d) + 1, *d.shape[1:]) for d in (d_mean, d_cov))
        mean[0], cov[0] = start_mean.mT, start_covariance.mT
        mean_, cov_ = torch.empty_like(d_mean), torch.empty_like(d_cov)
        inverse, residual = torch.empty_like(p), torch.empty_like(p)
        (mu_u, mu_l), (s_u, s_l, s_s) = blocks(mean, n), blocks(cov, n)
        (mu_u_, mu_l_), (s_u_, s_l_, s_s_) = blocks(mean_, n), blocks(cov_, n)
        one, scratch = p.new_ones(()), torch.empty_like(p[0])
        rows = zip(p.unbind(0), h.unbind(0), inverse.unbind(0), residual.unbind(0), strict=True)
        for t, (p_t, h_t, inverse_t, r) in enumerate(rows):
            torch.addcmul(one, p_t, s_u[t], out=inverse_t).reciprocal_()
            torch.mul(s_u[t], inverse_t, out=s_u_[t])
            torch.mul(s_s[t], inverse_t, out=s_s_[t])
            torch.mul(p_t, s_s[t], out=scratch)
            torch.addcmul(s_l[t], scratch, s_s_[t], value=-1, out=s_l_[t])
            torch.addcmul(h_t, p_t, mu_u[t], value=-1, out=r)
            torch.addcmul(mu_u[t], s_u_[t], r, out=mu_u_[t])
            torch.addcmul(mu_l[t], s_s_[t], r, out=mu_l_[t])
            move(t, d_mean[t], mean_[t], mean[t + 1])
            add_product(d_cov[t], covariance_weight, cov_[t], out=cov[t + 1])
        return batch_major(mean[1:]), batch_major(cov[1:]), p, mean, mean_, cov_, inverse, residual, *move.kept

    @staticmethod
    def setup_context(ctx: Any, inputs: Tensors, output: Tensors) -> None:
        _keep(ctx, output, 2, (*inputs[:2], *output[2:8], *inputs[8:9], *output[8:]))

    @staticmethod
    def vmap(info: Any, in_dims: Dims, *inputs: Tensor) -> tuple[Tensors, Dims]:
        found = _Scan.apply(*_members_first(info.batch_size, in_dims, inputs))  # type: ignore[no-untyped-call]
        return found, (0, 0, *(1,) * (len(found) - 2))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_mean: Tensor | None, gradient_covariance: Tensor | None, *_: Any) -> Any:
        weight, covariance_weight, p, mean, mean_, cov_, inverse, residual, *saved = ctx.saved_tensors
        n, product, move = p.shape[-2], product_of(weight), make_move_back(weight, saved)
        g_mean, g_cov = _gradient(gradient_mean, mean_), _gradient(gradient_covariance, cov_)
        s_u_, _, s_s_ = cov_.split(n, dim=-2)
        # What does not depend on the recursion is computed for all steps at once.
        gain = p * s_s_
        g_s_u_, g_s_s_, g_r = (torch.empty_like(p) for _ in range(3))
        g_cov_ = torch.empty_like(cov_)
        first_mean, first_cov = torch.zeros_like(mean_[0]), torch.zeros_like(cov_[0])
        g_mu_u_l = torch.empty_like(first_mean)
        g_mu_u_, g_mu_l_ = g_mu_u_l.split(n, dim=-2)
        lists = zip(
            p.unbind(0), inverse.unbind(0), residual.unbind(0), gain.unbind(0), inverse.square().unbind(0),
            (gain * inverse).unbind(0), gain.square().unbind(0), s_u_.unbind(0), s_s_.unbind(0), g_s_u_.unbind(0),
            g_s_s_.unbind(0), g_r.unbind(0), g_cov_.unbind(0), strict=True,
        )  # fmt: skip
        before_mean = [first_mean, *g_mean[:-1].unbind(0)]
        before_cov = [first_cov, *g_cov[:-1].unbind(0)]
        for t, row in reversed(list(enumerate(lists))):
            p_t, inv, r, k, inv2, k_inv, k2, su_, ss_, gsu_, gss_, gr, gcov_ = row
            product(move.back, move(t, g_mean[t]), out=g_mu_u_l)
            product(covariance_weight.mT, g_cov[t], out=gcov_)
            gcu, gcl, gcs = gcov_.split(n, dim=-2)
            torch.addcmul(gcu, g_mu_u_, r, out=gsu_)
            torch.addcmul(gcs, g_mu_l_, r, out=gss_)
            torch.mul(g_mu_u_, su_, out=gr).addcmul_(g_mu_l_, ss_)
            to_u, _ = before_mean[t].add_(g_mu_u_l).split(n, dim=-2)
            to_u.addcmul_(gr, p_t, value=-1)
            c_u, c_l, c_s = before_cov[t].split(n, dim=-2)
            c_u.addcmul_(gsu_, inv2).addcmul_(gss_, k_inv, value=-1).addcmul_(gcl, k2)
            c_l.add_(gcl)
            c_s.addcmul_(gss_, inv).addcmul_(gcl, k, value=-2)
        g_p = g_s_u_.mul_(s_u_).addcmul_(g_s_s_, s_s_).mul_(s_u_)
        g_p.addcmul_(g_cov_[..., n : 2 * n, :] * s_s_, s_s_).addcmul_(g_r, mean[:-1, ..., :n, :]).neg_()
        of_weight, *of_gates = move.weights(g_mean, mean_)
        return (
            of_weight,
            outer(g_cov, cov_),
            first_mean.mT,
            first_cov.mT,
            *(batch_major(tensor) for tensor in (g_mean, g_cov, g_p, g_r)),
            *of_gates,
        )


def _keep(ctx: Any, output: Tensors, results: int, saved: Tensors) -> None:
    """Save for the backward pass; a function that supports vmap may save its inputs and outputs only."""
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(*output[results:])
    ctx.save_for_backward(*saved)


def _gradient(gradient: Tensor | None, state: Tensor) -> Tensor:
    """A copy of the gradient, time-major as `state`; zeros where nothing depends on the result."""
    return torch.zeros_like(state) if gradient is None else time_major(gradient)


def _members_first(members: int, in_dims: Dims, inputs: Tensors) -> list[Tensor]:
    """Inputs of vmap with the members' dimension in front; inputs that all members share are expanded."""
    return [
        tensor.expand(members, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
        for tensor, dim in zip(inputs, in_dims, strict=True)
    ]


class LinearMove:
    """Forward pass of x_{t+1} = A x_t + d_t, step by step."""

    kept: Tensors = ()
    """What the backward pass needs, beside the states."""

    def __init__(self, weight: Tensor) -> None:
        self._weight, self._add_product = weight, add_product_of(weight)

    def __call__(self, t: int, drive: Tensor, state: Tensor, after: Tensor) -> None:
        """Write the state after step t into `after`."""
        self._add_product(drive, self._weight, state, out=after)


class LinearMoveBack:
    """Backward pass of `LinearMove`."""

    def __init__(self, weight: Tensor) -> None:
        self.back = weight.mT

    def __call__(self, t: int, gradient: Tensor) -> Tensor:
        """The rows whose product with `back` is the gradient of x_t, from that of x_{t+1}."""
        return gradient

    def weights(self, gradients: Tensor, states: Tensor) -> Tensors:
        """The gradient of A."""
        return (outer(gradients, states),)


class GatedMove:
    """Forward pass of x_{t+1} = (1 - g) A x_t + g n + d_t with [g; n] = [sigmoid; tanh](V x_t + u_t), step by step.

    Kept are g, n and n - A x_t of all steps, as one (T, 6n, B).
    """

    def __init__(self, weight: Tensor, gate_weight: Tensor, inputs: Tensor) -> None:
        size = weight.shape[-1]
        self._weight, self._gate_weight = weight, gate_weight
        self._product, self._add_product = product_of(weight), add_product_of(weight)
        entered = time_major(inputs)
        kept = entered.new_empty(len(entered), *entered.shape[1:-2], 3 * size, entered.shape[-1])
        kept[..., : 2 * size, :] = entered
        self.kept: Tensors = (kept,)
        self._raw = kept[..., : 2 * size, :].unbind(0)
        self._parts = [part.unbind(0) for part in kept.split(size, dim=-2)]

    def __call__(self, t: int, drive: Tensor, state: Tensor, after: Tensor) -> None:
        """Write the state after step t into `after`."""
        raw, (gate, target, difference) = self._raw[t], (part[t] for part in self._parts)
        self._add_product(raw, self._gate_weight, state, out=raw)
        gate.sigmoid_()
        target.tanh_()
        self._product(self._weight, state, out=after)
        torch.sub(target, after, out=difference)
        after.addcmul_(gate, difference).add_(drive)


class GatedMoveBack:
    """Backward pass of `GatedMove`."""

    def __init__(self, weight: Tensor, gate_weight: Tensor, kept: Tensor) -> None:
        self._size = weight.shape[-1]
        gate, target, difference = kept.split(self._size, dim=-2)
        self.back = torch.cat([weight, gate_weight], dim=-2).mT
        # A x_t has 1 - g, the raw gate g (1 - g) (n - A x_t), and the raw n g (1 - n^2) of the gradient of x_{t+1}.
        self.rows = torch.cat([1 - gate, gate * (1 - gate) * difference, gate * (1 - target.square())], dim=-2)
        self._rows = self.rows.unbind(0)
        self._parts = [part.unbind(0) for part in self.rows.split(self._size, dim=-2)]

    def __call__(self, t: int, gradient: Tensor) -> Tensor:
        """The rows whose product with `back` is the gradient of x_t, from that of x_{t+1}."""
        for part in self._parts:
            part[t].mul_(gradient)
        return self._rows[t]

    def weights(self, gradients: Tensor, states: Tensor) -> Tensors:
        """The gradients of A, V and u."""
        both, size = outer(self.rows, states), self._size
        return both[..., :size, :], both[..., size:, :], batch_major(self.rows[..., size:, :])


def make_move(weight: Tensor, gates: Sequence[Tensor]) -> LinearMove | GatedMove:
    """The forward pass with A and, where there are gates, V and u (B, T, 4n)."""
    return GatedMove(weight, *gates) if gates else LinearMove(weight)


def make_move_back(weight: Tensor, saved: Sequence[Tensor]) -> LinearMoveBack | GatedMoveBack:
    """The backward pass with A and, where there are gates, V and what the forward pass kept."""
    return GatedMoveBack(weight, *saved) if saved else LinearMoveBack(weight)


def add_product_of(weight: Tensor) -> Callable[..., Tensor]:
    """c + A B for weights A of one model, or of many members."""
    return torch.addmm if weight.ndim == 2 else torch.baddbmm


def product_of(weight: Tensor) -> Callable[..., Tensor]:
    """A B for weights A of one model, or of many members."""
    return torch.mm if weight.ndim == 2 else torch.bmm


def time_major(sequence: Tensor) -> Tensor:
    """Copy (B, T, F) to (T, F, B), as the transpose of one matrix: many times faster than a permutation.

    With members: (E, B, T, F) -> (T, E, F, B).
    """
    if sequence.ndim == 4:
        return torch.stack([time_major(member) for member in sequence], dim=1)
    batch, steps, features = sequence.shape
    return (
        sequence.reshape(batch, steps * features)
        .T.clone(memory_format=torch.contiguous_format)
        .view(steps, features, batch)
    )


def batch_major(sequence: Tensor) -> Tensor:
    """Copy (T, F, B) to (B, T, F). With members: (T, E, F, B) to (E, B, T, F)."""
    if sequence.ndim == 4:
        return torch.stack([batch_major(member) for member in sequence.unbind(1)])
    steps, features, batch = sequence.shape
    return (
        sequence.reshape(steps * features, batch)
        .T.clone(memory_format=torch.contiguous_format)
        .view(batch, steps, features)
    )


def blocks(packed: Tensor, n: int) -> list[tuple[Tensor, ...]]:
    """Split (T, ..., k * n, B) into k lists of T blocks (..., n, B)."""
    return [part.unbind(0) for part in packed.split(n, dim=-2)]


def outer(gradient: Tensor, state: Tensor) -> Tensor:
    """The gradient of a weight: sum_t gradient_t state_t^T of (T, F, B) and (T, G, B), separately for each member."""
    if gradient.ndim == 4:
        return torch.einsum("tefb,tegb->efg", gradient, state)
    product: Tensor = torch.tensordot(gradient, state, dims=([0, 2], [0, 2]))
    return product
