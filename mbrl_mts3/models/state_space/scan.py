"""The Kalman recursion of the fast level along a sequence, for beliefs, means and samples."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_mts3.gaussian import (
    DenseMap,
    DiagonalMap,
    Evidence,
    FactorisedGaussian,
    LinearMap,
    SharedLatentCovariance,
    SharedLatentMaps,
    condition,
    condition_shared,
)
from mbrl_mts3.models.state_space.fused_scan import fused_scan


@dataclass(frozen=True)
class SharedCause:
    """Inputs of the exact treatment of the slow latent of a cell along T steps."""

    maps: SharedLatentMaps
    cause: FactorisedGaussian
    """(B, T): belief of the slow latent at each step."""
    start: SharedLatentCovariance
    """Covariance of the state with it at the first step."""
    begins: list[bool]
    """Whether step t is the first of a cell, where a new slow latent replaces the old one."""


def kalman_scan(
    transition: LinearMap,
    start: FactorisedGaussian,
    drive: FactorisedGaussian,
    evidence: Evidence | None,
    shared: SharedCause | None = None,
    gates: GateSequence | None = None,
    *,
    fused: bool = True,
) -> tuple[FactorisedGaussian, SharedLatentCovariance | None]:
    """Condition on step t's evidence, then predict z_{t+1} = A z_t + drive_t, for t = 0..T-1.

    Args:
        transition: A.
        start: (B,) belief of z_0, before the update with its observation.
        drive: (B, T): b(a_t) + C l + eps as one belief.
        evidence: (B, T, n), None for an open loop.
        shared: where given, the slow latent of a cell is one variable for all of its steps.
        gates: where given, they give each predicted mean in place of A z_t and the drive's mean.
        fused: False goes by `condition` and `LinearMap.apply` at each step, as a reference, where a transition with one
            dense or diagonal matrix for all states would take the fused recursion.

    Returns:
        The predicted beliefs of z_1..z_T, (B, T), and the covariance with the shared cause at the end.
    """
    weights = _weights_for_all_states(transition) if fused and shared is None else None
    if weights is not None:
        return _fused(*weights, start, drive, evidence, gates), None
    inputs = list(zip(drive.mean.unbind(1), drive.covariance.unbind(1), strict=True))
    seen = (
        None
        if evidence is None
        else list(zip(evidence.precision.unbind(1), evidence.information.unbind(1), strict=True))
    )
    tracked = None if shared is None else shared.start
    belief, means, covariances = start, [], []
    for t, (mean, covariance) in enumerate(inputs):
        if seen is not None:
            step_evidence = Evidence(*seen[t])
            if tracked is not None:
                tracked = condition_shared(tracked, belief, step_evidence)
            belief = condition(belief, step_evidence)
        if shared is not None and tracked is not None:
            tracked, gain = shared_step(shared.maps, tracked, shared.cause[:, t], shared.begins[t])
            covariance = covariance + gain
        moved = transition.apply(belief)
        mean = moved.mean + mean if gates is None else gates.move(t, belief.mean)
        belief = FactorisedGaussian(mean, moved.covariance + covariance)
        means.append(belief.mean)
        covariances.append(belief.covariance)
    return FactorisedGaussian(torch.stack(means, dim=1), torch.stack(covariances, dim=1)), tracked


def _weights_for_all_states(transition: LinearMap) -> tuple[Tensor, Tensor] | None:
    """A and M_A, or their diagonals, as `fused_scan` takes them; None where they differ from state to state."""
    if isinstance(transition, DiagonalMap):
        return transition.blocks.permute(1, 2, 0), transition.covariance_blocks.permute(1, 2, 0)
    if isinstance(transition, DenseMap) and transition.weight.ndim == 2:
        return transition.weight, transition.covariance_weight
    return None


def _fused(
    weight: Tensor,
    covariance_weight: Tensor,
    start: FactorisedGaussian,
    drive: FactorisedGaussian,
    evidence: Evidence | None,
    gates: GateSequence | None,
) -> FactorisedGaussian:
    return FactorisedGaussian(
        *fused_scan(
            weight if gates is None else gates.weight,
            covariance_weight,
            start.mean,
            start.covariance,
            drive.mean if gates is None else gates.inputs,
            drive.covariance,
            None if evidence is None else evidence.precision,
            None if evidence is None else evidence.information,
        )
    )


def updated_along(start: FactorisedGaussian, predicted: FactorisedGaussian, evidence: Evidence) -> FactorisedGaussian:
    """The beliefs (B, T) of z_0..z_{T-1} after their evidence, from those before it of z_0 (B,) and of z_1..z_T."""
    before = FactorisedGaussian(
        torch.cat([start.mean[:, None], predicted.mean[:, :-1]], dim=1),
        torch.cat([start.covariance[:, None], predicted.covariance[:, :-1]], dim=1),
    )
    return condition(before, evidence)


def shared_step(
    maps: SharedLatentMaps, tracked: SharedLatentCovariance, cause: FactorisedGaussian, begins: bool | Tensor
) -> tuple[SharedLatentCovariance, Tensor]:
    """One step of the covariance with the shared cause, and the term that it adds to the state's covariance.

    Args:
        begins: whether a new cell begins here; (B,) where the elements differ.
    """
    fresh = tracked.map(torch.zeros_like)
    if isinstance(begins, Tensor):
        tracked = fresh.where(begins, tracked)
    elif begins:
        tracked = fresh
    return maps.advance(tracked, cause), maps.covariance_gain(tracked, cause)


def mean_scan(transition: LinearMap, start: Tensor, inputs: Tensor | None, gates: GateSequence | None = None) -> Tensor:
    """Means from z_0 (B, 2n) to z_1..z_T (B, T, 2n): z_{t+1} = A z_t + inputs_t; with gates, what they give + inputs_t.

    Args:
        inputs: (B, T, 2n); None adds nothing to what gates give.
    """
    added = () if inputs is None else inputs.unbind(1)
    state, states = start, []
    for t in range(len(added) if gates is None else gates.inputs.shape[1]):
        state = transition.apply_mean(state) if gates is None else gates.move(t, state)
        state = state + added[t] if added else state
        states.append(state)
    return torch.stack(states, dim=1)


def sample_scan(
    transition: LinearMap,
    start: Tensor,
    drive: FactorisedGaussian,
    noise: Tensor,
    gates: GateSequence | None = None,
) -> Tensor:
    """Sample one path of z per row: z_{t+1} = A z_t + a sample of drive_t.

    Args:
        start: (B, 2n), a sample of z_0.
        drive: (B, T): belief of the input at each step; only process noise is left in its covariance.
        noise: (B, T, 2n), standard normal.
        gates: where given, they give each mean in place of A z_t and the drive's mean.

    Returns:
        (B, T, 2n): z_1..z_T.
    """
    if gates is not None:
        drive = FactorisedGaussian(torch.zeros_like(drive.mean), drive.covariance)
    return mean_scan(transition, start, drive.sample(noise).mean, gates)


@dataclass(frozen=True)
class FastLevelMaps:
    """The maps A and C and the process noise of the fast level z' = A z + b(a) + C x + eps."""

    transition: LinearMap
    cause: DenseMap | None
    noise: FactorisedGaussian

    def drive(
        self, batch: tuple[int, ...], control: Tensor | None = None, cause: FactorisedGaussian | None = None
    ) -> FactorisedGaussian:
        """The input b(a) + C x + eps of the fast level as one belief; batched over time too, if asked.

        Args:
            batch: (B,) or (B, T).
            control: (*batch, 2n), b(a); None for a level without actions.
            cause: belief of x, of that batch shape.
        """
        total = self.noise.map(lambda tensor: tensor.expand(*batch, tensor.shape[-1]))
        if self.cause is not None and cause is not None:
            total = self.cause.apply(cause) + total
        return total if control is None else FactorisedGaussian(total.mean + control, total.covariance)

    def drive_mean(self, like: Tensor, control: Tensor | None = None, cause: Tensor | None = None) -> Tensor:
        """The mean of `drive` alone, of the shape of `like` (*batch, 2n), from the cause's mean."""
        total = like.new_zeros(like.shape) if control is None else control
        return total if self.cause is None or cause is None else total + self.cause.apply_mean(cause)


@dataclass(frozen=True)
class GateSequence:
    """Gates along T steps, with which the fast transition depends on the state:

        z' = (1 - g) z + g n + eps,    [r; g] = sigmoid(V_rg z + u_rg),    n = tanh(r (V_n z) + u_n)

    These are the equations of gated recurrent units (Cho et al., 2014, arXiv 1406.1078). They act on means, in place of
    A z + b(a) + C x. Covariances are those of the linear model, with a linearisation that is learned as well: an A of
    one 2x2 block for each pair of upper and lower latent, and C, for all states. With A z in place of z in the means,
    far open loops are worse (docs/experiments.md).
    """

    weight: Tensor
    """V = [V_rg; V_n], (6n, 2n)."""
    inputs: Tensor
    """u = [u_rg; u_n], (B, T, 6n)."""

    def move(self, t: int, mean: Tensor) -> Tensor:
        """The mean (B, 2n) after step t, from z (B, 2n)."""
        size = mean.shape[-1]
        moved, entered = torch.nn.functional.linear(mean, self.weight), self.inputs[:, t]
        reset, gate = torch.sigmoid(moved[..., : 2 * size] + entered[..., : 2 * size]).chunk(2, dim=-1)
        target = torch.tanh(entered[..., 2 * size :] + reset * moved[..., 2 * size :])
        return torch.lerp(mean, target, gate)


SAMPLE_EVIDENCE_WEIGHT = 0.3
"""Weight of the evidence of a sampled observation, for models that predict observations outright.

With exact beliefs it would be 1. But covariances are learned through the variance head alone, and with weight 1 long
futures drift. Measured on three HalfCheetah models, 30 observed steps and the true actions, as the standard deviation
of samples over that of `imagine`:

    steps ahead                     1     5         15         60         150
    weight 0.3                      1.0   0.9-1.0   0.9-1.1    0.9-1.1    0.85-1.05
    weight 1                        1.0   0.8       0.75-0.9   0.8-1.0    0.75-0.95
    z and slow latents sampled      2.8   2.8       2.7        2.7        2.5

The last, one sample of each slow latent per cell, also moves the mean by as much as `imagine`'s own deviation: nothing
in training ties the size of latent covariances to their effect through the mean head. The continuous ranked probability
score with a weight of 0.3 is within 4% of the best of these, and of `imagine`'s own, at every horizon.
"""


def sample_evidence_weight(*, delta: bool) -> float:
    """The weight for a model; 1 where it predicts differences, since the next one is added to the sampled one."""
    return 1.0 if delta else SAMPLE_EVIDENCE_WEIGHT
