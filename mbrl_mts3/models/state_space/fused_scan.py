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
    inputs: Tensor,
    drive_covariance: Tensor,
    precision: Tensor | None,
    information: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Condition, then predict, for t = 0..T-1: equal to `condition` and `DenseMap.apply` in turn.

    Args:
        weight: what moves means, A (2n, 2n), its diagonals (2, 2, n) where its blocks have no more, or V (6n, 2n) of
            gates, see `GateSequence`.
        covariance_weight: M_A (3n, 3n), which moves covariances, or its diagonals (3, 3, n).
        mean, covariance: belief of z_0, (B, 2n) and (B, 3n), before the update with its observation.
        inputs: what is added to A z at each step (B, T, 2n), or u of gates (B, T, 6n).
        drive_covariance: what is added to each covariance, (B, T, 3n).
        precision, information: evidence (B, T, n) of each step's observation; None for an open loop.

    Returns:
        Means (B, T, 2n) and covariances (B, T, 3n) of z_1..z_T.
    """
    # Under autocast some inputs come in half precision, whose errors would add up over hundreds of steps.
    mean, covariance, inputs, drive_covariance = (
        tensor.to(weight.dtype) for tensor in (mean, covariance, inputs, drive_covariance)
    )
    precision, information = (
        None if tensor is None else tensor.to(weight.dtype) for tensor in (precision, information)
    )
    if len(mean) > ROWS_AT_ONCE:
        # Larger batches do not fit the processor's caches, and their buffers are new pages at every call.
        done = [
            fused_scan(
                weight,
                covariance_weight,
                mean[rows],
                covariance[rows],
                inputs[rows],
                drive_covariance[rows],
                None if precision is None else precision[rows],
                None if information is None else information[rows],
            )
            for rows in (slice(first, first + ROWS_AT_ONCE) for first in range(0, len(mean), ROWS_AT_ONCE))
        ]
        return torch.cat([part[0] for part in done]), torch.cat([part[1] for part in done])
    if precision is None or information is None:
        means, *_ = _OpenLoop.apply(weight, mean, inputs)  # type: ignore[no-untyped-call]
        covariances, *_ = _OpenLoop.apply(  # type: ignore[no-untyped-call]
            covariance_weight, covariance, drive_covariance
        )
    else:
        means, covariances, *_ = _Scan.apply(  # type: ignore[no-untyped-call]
            weight, covariance_weight, mean, covariance, inputs, drive_covariance, precision, information
        )
    return means, covariances


class _OpenLoop(torch.autograd.Function):
    """Open-loop recursion x_{t+1} = A x_t + d_t, or that of gates.

    Returns the results, then what only the backward pass needs.
    """

    @staticmethod
    def forward(weight: Tensor, start: Tensor, inputs: Tensor) -> Tensors:
        entered = time_major(inputs)
        move = make_move(weight, entered)
        states = start.new_empty(len(entered) + 1, *start.mT.shape)
        states[0] = start.mT
        rows = states.unbind(0)
        for t in range(len(entered)):
            move(t, rows[t], rows[t + 1])
        return batch_major(states[1:]), states, *move.kept

    @staticmethod
    def setup_context(ctx: Any, inputs: Tensors, output: Tensors) -> None:
        _keep(ctx, output, 1, (inputs[0], *output[1:]))

    @staticmethod
    def vmap(info: Any, in_dims: Dims, *inputs: Tensor) -> tuple[Tensors, Dims]:
        found = _OpenLoop.apply(*_members_first(info.batch_size, in_dims, inputs))  # type: ignore[no-untyped-call]
        return found, (0, *(1,) * (len(found) - 1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:
        weight, states, *kept = ctx.saved_tensors
        total, move = _gradient(gradient, states[1:]), make_move_back(weight, states[:-1], kept)
        rows, first = total.unbind(0), torch.zeros_like(states[0])
        for t, before in reversed(list(enumerate([first, *rows[:-1]]))):
            move(t, rows[t], before)
        of_weight, of_inputs = move.gradients(total)
        return of_weight, first.mT, batch_major(of_inputs)


class _Scan(torch.autograd.Function):
    """Condition and predict in turn, see `fused_scan`. Names are those of `condition`, an underscore for its prime.

    Returns the results, then what only the backward pass needs.
    """

    @staticmethod
    def forward(weight: Tensor, covariance_weight: Tensor, *rest: Tensor) -> Tensors:
        start_mean, start_covariance = rest[0], rest[1]
        entered, d_cov, p, h = (time_major(tensor) for tensor in rest[2:])
        n, move, move_covariance = p.shape[-2], make_move(weight, entered), make_move(covariance_weight, d_cov)
        mean, cov = (d_cov.new_empty(len(p) + 1, *start.mT.shape) for start in (start_mean, start_covariance))
        mean[0], cov[0] = start_mean.mT, start_covariance.mT
        mean_, cov_ = torch.empty_like(mean[1:]), torch.empty_like(d_cov)
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
            move(t, mean_[t], mean[t + 1])
            move_covariance(t, cov_[t], cov[t + 1])
        return batch_major(mean[1:]), batch_major(cov[1:]), p, mean, mean_, cov_, inverse, residual, *move.kept

    @staticmethod
    def setup_context(ctx: Any, inputs: Tensors, output: Tensors) -> None:
        _keep(ctx, output, 2, (*inputs[:2], *output[2:]))

    @staticmethod
    def vmap(info: Any, in_dims: Dims, *inputs: Tensor) -> tuple[Tensors, Dims]:
        found = _Scan.apply(*_members_first(info.batch_size, in_dims, inputs))  # type: ignore[no-untyped-call]
        return found, (0, 0, *(1,) * (len(found) - 2))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_mean: Tensor | None, gradient_covariance: Tensor | None, *_: Any) -> Any:
        weight, covariance_weight, p, mean, mean_, cov_, inverse, residual, *kept = ctx.saved_tensors
        n, move = p.shape[-2], make_move_back(weight, mean_, kept)
        move_covariance = make_move_back(covariance_weight, cov_)
        g_mean, g_cov = _gradient(gradient_mean, mean_), _gradient(gradient_covariance, cov_)
        s_u_, _, s_s_ = cov_.split(n, dim=-2)
        # What does not depend on the recursion is computed for all steps at once.
        gain = p * s_s_
        g_s_u_, g_s_s_, g_r = (torch.empty_like(p) for _ in range(3))
        g_cov_ = torch.zeros_like(cov_)
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
            move(t, g_mean[t], g_mu_u_l.zero_())
            move_covariance(t, g_cov[t], gcov_)
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
        of_weight, of_inputs = move.gradients(g_mean)
        return (
            of_weight,
            move_covariance.gradients(g_cov)[0],
            first_mean.mT,
            first_cov.mT,
            *(batch_major(tensor) for tensor in (of_inputs, g_cov, g_p, g_r)),
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
    """Forward pass of x_{t+1} = A x_t + d_t, step by step, for d (T, 2n, B)."""

    kept: Tensors = ()
    """What the backward pass needs, beside the states."""

    def __init__(self, weight: Tensor, entered: Tensor) -> None:
        self._weight, self._entered, self._add_product = weight, entered.unbind(0), add_product_of(weight)

    def __call__(self, t: int, state: Tensor, after: Tensor) -> None:
        """Write the state after step t into `after`."""
        self._add_product(self._entered[t], self._weight, state, out=after)


class LinearMoveBack:
    """Backward pass of `LinearMove` from states x (T, 2n, B)."""

    def __init__(self, weight: Tensor, states: Tensor) -> None:
        self._back, self._states, self._add_product = weight.mT, states, add_product_of(weight)

    def __call__(self, t: int, gradient: Tensor, total: Tensor) -> None:
        """Add the gradient of x_t, from that of x_{t+1}, to `total`."""
        self._add_product(total, self._back, gradient, out=total)

    def gradients(self, gradients: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients of A and d, from those of all x_{t+1}."""
        return outer(gradients, self._states), gradients


class DiagonalMove:
    """Forward pass of x_{t+1} = D x_t + d_t, step by step, for d (T, kn, B) and a matrix D of k x k diagonal blocks.

    D is given by its diagonals, (k, k, n).
    """

    kept: Tensors = ()

    def __init__(self, weight: Tensor, entered: Tensor) -> None:
        self._count = weight.shape[-3]
        self._columns = [column.unsqueeze(-1) for column in weight.unbind(-2)]
        self._entered = entered.unflatten(-2, (self._count, -1)).unbind(0)

    def __call__(self, t: int, state: Tensor, after: Tensor) -> None:
        """Write the state after step t into `after`."""
        parts, result = (tensor.unflatten(-2, (self._count, -1)) for tensor in (state, after))
        total = self._entered[t]
        for column, part in zip(self._columns, parts.split(1, dim=-3), strict=True):
            total = torch.addcmul(total, column, part, out=result)


class DiagonalMoveBack:
    """Backward pass of `DiagonalMove` from states x (T, kn, B)."""

    def __init__(self, weight: Tensor, states: Tensor) -> None:
        self._count, self._states = weight.shape[-3], states
        self._rows = [row.unsqueeze(-1) for row in weight.unbind(-3)]

    def __call__(self, t: int, gradient: Tensor, total: Tensor) -> None:
        """Add the gradient of x_t, from that of x_{t+1}, to `total`."""
        parts, result = (tensor.unflatten(-2, (self._count, -1)) for tensor in (gradient, total))
        for row, part in zip(self._rows, parts.split(1, dim=-3), strict=True):
            result.addcmul_(row, part)

    def gradients(self, gradients: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients of D and d, from those of all x_{t+1}."""
        parts, states = (tensor.unflatten(-2, (self._count, -1)) for tensor in (gradients, self._states))
        rows = [(part * states).sum(-1).sum(0) for part in parts.split(1, dim=-3)]
        return torch.stack(rows, dim=-3), gradients


class GatedMove:
    """Forward pass of the recursion of gates (see `GateSequence`), step by step, for u (T, 6n, B).

    Kept are r, g, n and V_n x_t of all steps, as one (T, 8n, B).
    """

    def __init__(self, weight: Tensor, entered: Tensor) -> None:
        size = weight.shape[-1]
        kept = entered.new_empty(*entered.shape[:-2], 4 * size, entered.shape[-1])
        kept[..., : 3 * size, :] = entered
        self.kept: Tensors = (kept,)
        self._gates_weight, self._target_weight = weight.split([2 * size, size], dim=-2)
        self._product, self._add_product = product_of(weight), add_product_of(weight)
        self._both = kept[..., : 2 * size, :].unbind(0)
        self._parts = [part.unbind(0) for part in kept.split(size, dim=-2)]

    def __call__(self, t: int, state: Tensor, after: Tensor) -> None:
        """Write the state after step t into `after`."""
        both, (reset, gate, target, hidden) = self._both[t], (part[t] for part in self._parts)
        self._add_product(both, self._gates_weight, state, out=both)
        both.sigmoid_()
        self._product(self._target_weight, state, out=hidden)
        target.addcmul_(reset, hidden).tanh_()
        torch.lerp(state, target, gate, out=after)


class GatedMoveBack:
    """Backward pass of `GatedMove` from states x (T, 2n, B)."""

    def __init__(self, weight: Tensor, states: Tensor, kept: Tensor) -> None:
        size = weight.shape[-1]
        reset, gate, target, hidden = kept.split(size, dim=-2)
        self._back, self._states, self._add_product = weight.mT, states, add_product_of(weight)
        # Factors of the gradient of x_{t+1}: in that of x_t itself, of what tanh is taken of, and of V x_t.
        self._stay = 1 - gate
        self._of_target = gate * (1 - target.square())
        of_reset = reset * (1 - reset) * hidden * self._of_target
        of_gate = gate * self._stay * (target - states)
        self._rows = torch.cat([of_reset, of_gate, reset * self._of_target], dim=-2)
        self._each = self._rows.unflatten(-2, (3, size)).unbind(0)

    def __call__(self, t: int, gradient: Tensor, total: Tensor) -> None:
        """Add the gradient of x_t, from that of x_{t+1}, to `total`."""
        self._each[t].mul_(gradient.unsqueeze(-3))
        total.addcmul_(self._stay[t], gradient)
        self._add_product(total, self._back, self._rows[t], out=total)

    def gradients(self, gradients: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients of V and u, from those of all x_{t+1}."""
        size = self._stay.shape[-2]
        entered = torch.cat([self._rows[..., : 2 * size, :], self._of_target * gradients], dim=-2)
        return outer(self._rows, self._states), entered


def make_move(weight: Tensor, entered: Tensor) -> LinearMove | DiagonalMove | GatedMove:
    """The forward pass with A and d (T, 2n, B), with D and d (T, kn, B), or with V and u (T, 6n, B)."""
    if weight.ndim == entered.ndim:
        return DiagonalMove(weight, entered)
    square = weight.shape[-2] == weight.shape[-1]
    return LinearMove(weight, entered) if square else GatedMove(weight, entered)


def make_move_back(
    weight: Tensor, states: Tensor, kept: Sequence[Tensor] = ()
) -> LinearMoveBack | DiagonalMoveBack | GatedMoveBack:
    """The backward pass from states x (T, F, B), with gates from what the forward pass kept."""
    if kept:
        return GatedMoveBack(weight, states, *kept)
    return (DiagonalMoveBack if weight.ndim == states.ndim else LinearMoveBack)(weight, states)


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
